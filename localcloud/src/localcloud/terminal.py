"""What the person at the terminal sees: calm, one line a step, each refusal once with what to fix."""

import sys
import time
from collections.abc import Callable

from localcloud import advice
from localcloud.access import AccessModel
from localcloud.audit import Access, Exchange

_QUIET = 60.0  # seconds in which the same refusal is not said again


class Terminal:
    """Prints steps and refusals; colours only where a person watches."""

    def __init__(self, model: Callable[[], AccessModel], issuer: str) -> None:
        self._model = model
        self._issuer = issuer
        self._said: dict[tuple[str | None, ...], float] = {}

    def hear(self, entry: Exchange | Access) -> None:
        """A listener of the audit trail: says what was refused."""
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
            self._refusal((entry.action, entry.scope, who, entry.reason), what, advice.on_access(entry))

    def _refusal(self, key: tuple[str | None, ...], what: str, fix: str | None) -> None:
        now = time.monotonic()
        if now - self._said.get(key, float("-inf")) < _QUIET:
            return
        self._said[key] = now
        say(_paint("31", "✗ ") + what)
        if fix:
            say("  " + _paint("33", "fix: ") + fix)


def say(line: str) -> None:
    print(line, flush=True)


def step(line: str) -> None:
    """A finished step."""
    say(_paint("32", "✓ ") + line)


def _paint(colour: str, text: str) -> str:
    return f"\x1b[{colour}m{text}\x1b[0m" if sys.stdout.isatty() else text
