"""A key of a label or an annotation that is nearly the right one."""

from collections.abc import Iterable
from difflib import SequenceMatcher

from localcloud.cluster import webhook

_KNOWN = {
    *(webhook.LABEL, webhook.CLIENT_ID, webhook.TENANT_ID, webhook.TOKEN_EXPIRATION),
    *(webhook.SKIP_CONTAINERS, webhook.INJECT_PROXY_SIDECAR),
}
"""Keys that the webhook knows are not misspelt, however much they are like another."""
_LIKENESS = 0.9  # of 1.0, which is the same text


def misspelt(key: str, keys: Iterable[str]) -> str:
    """Return the key among `keys` that is most like `key` without being it, empty if none is much like it."""
    others = [other for other in keys if other not in _KNOWN and _likeness(key, other) >= _LIKENESS]
    return max(others, key=lambda other: _likeness(key, other), default="")


def _likeness(one: str, other: str) -> float:
    return SequenceMatcher(None, one.lower(), other.lower(), autojunk=False).ratio()
