"""What differs in the text of a refusal from one attempt to the next, though the refusal is the same."""

import re

_ID = re.compile(
    r"\b(trace|correlation|tracking|activity|request|reference|operation)[ -]?id\b['\"]?\s*[:=]?\s*\S+", re.I
)
_REFERENCE = re.compile(r"\b(SystemTracker|Reference|MicrosoftSecurityTrace)\s*[:=]\s*\S+", re.I)
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?Z?|\b\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT")
_WAIT = re.compile(r"\bnext start in \d+ s\b|\bwithin \d+(\.\d+)? s(econds)?\b")


def without_attempt(text: str) -> str:
    """The text without its tracking ids, its moments and its waits: equal for equal refusals.

    Client ids, names and scopes stay, since they say what was refused.
    """
    for pattern in (_ID, _REFERENCE, _MOMENT, _WAIT):
        text = pattern.sub("…", text)
    return text
