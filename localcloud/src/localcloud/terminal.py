"""What was refused, told to the person at the terminal: once, calmly, and with what to fix."""

import time
from collections.abc import Callable

from localcloud import advice
from localcloud.access import AccessModel
from localcloud.audit import Access, Exchange
from localcloud.lines import refusal

_QUIET = 60.0  # seconds in which the same refusal is not said again


class Terminal:
    """Listens to the audit trail and prints its refusals."""

    def __init__(self, model: Callable[[], AccessModel], issuer: str) -> None:
        self._model = model
        self._issuer = issuer
        self._said: dict[tuple[str | None, ...], float] = {}

    def hear(self, entry: Exchange | Access) -> None:
        """Says what was refused; what was allowed is not worth a line."""
        if isinstance(entry, Exchange):
            if entry.result != "ok":
                who = entry.pod or entry.subject or entry.client_id
                self._refusal(
                    (entry.result, who),
                    f"{who}: {entry.result} {entry.detail}",
                    advice.on_exchange(entry, self._model(), self._issuer),
                )
        elif not entry.allowed:
            who = entry.pod or entry.workload or entry.principal or "somebody"
            what = f"{who}: denied {entry.action} on {entry.scope}"
            self._refusal((entry.action, entry.scope, who, entry.reason), what, advice.on_access(entry, self._model()))

    def _refusal(self, key: tuple[str | None, ...], what: str, fix: str | None) -> None:
        now = time.monotonic()
        if now - self._said.get(key, float("-inf")) < _QUIET:
            return
        self._said[key] = now
        refusal(what, fix)
