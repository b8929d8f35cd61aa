"""REGEXMATCH (https://learn.microsoft.com/cosmos-db/query/regexmatch).

The pattern is the caller's, and some patterns take time without end. The module `regex` stops at a time limit, which
the standard library's does not have.
"""

from functools import lru_cache
from typing import Any

import regex

from localcloud.cosmos.errors import BadRequest
from localcloud.cosmos.functions.function import function, is_text
from localcloud.cosmos.values import UNDEFINED

_MODIFIERS = {"i": regex.IGNORECASE, "m": regex.MULTILINE, "s": regex.DOTALL, "x": regex.VERBOSE}
_LONGEST = 0.5  # seconds for one text


def _match(text: Any, pattern: Any, modifiers: Any = "") -> Any:
    """Whether a part of the text fits. Raises `BadRequest` for a pattern that is none, or takes too long."""
    if not is_text(text) or not is_text(pattern) or not is_text(modifiers):
        return UNDEFINED
    try:
        return _compiled(pattern, modifiers).search(text, timeout=_LONGEST) is not None
    except TimeoutError as error:
        raise BadRequest(f"The regular expression of REGEXMATCH takes longer than {_LONGEST} s on a text.") from error


@lru_cache(maxsize=64)
def _compiled(pattern: str, modifiers: str) -> Any:
    flags = regex.VERSION0
    for modifier in modifiers:
        if modifier not in _MODIFIERS:
            raise BadRequest(f"'{modifier}' is not a modifier of REGEXMATCH: they are i, m, s and x.")
        flags |= _MODIFIERS[modifier]
    try:
        return regex.compile(pattern, flags)
    except (regex.error, RecursionError, OverflowError) as error:
        raise BadRequest("The pattern of REGEXMATCH is not a regular expression.") from error


FUNCTIONS = {"REGEXMATCH": function(_match, 2, 3)}
