"""The audit trail: one JSON line for each token exchange and each access, allowed or denied.

The file is `audit.jsonl` in the state folder, with older ones beside it (see `trail`). They hold claims (`uti`, `oid`),
never a token.
"""

import contextlib
import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from localcloud.authorization import trail
from localcloud.authorization.redaction import without_tokens
from localcloud.authorization.tokens import CLOCK_SKEW, LIFETIME

_MOST_TOKENS = 10_000  # with a known pod: a caller that asks for tokens in a loop makes the trail forget, not grow
_TOKEN = "token"  # noqa: S105 - the kind of a line that is no entry: a token from an earlier file

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ExchangeEntry:
    """A federated token presented to Entra or to the cluster's token proxy.

    `result` is `ok`, the AADSTS code that was answered, or the name of the token proxy's refusal.
    """

    client_id: str
    workload: str | None
    pod: str | None
    issuer: str | None
    subject: str | None
    resource: str | None
    result: str
    uti: str | None
    detail: str | None = None


@dataclass(frozen=True, slots=True)
class AccessEntry:
    """An action on a scope that was asked for with an access token. `reason` says why it was denied."""

    principal: str | None
    workload: str | None
    pod: str | None
    uti: str | None
    action: str
    scope: str
    allowed: bool
    reason: str | None = None


Listener = Callable[[ExchangeEntry | AccessEntry], None]


class Audit:
    """Writes the trail, and tells its listeners of each entry.

    It remembers the pods of the tokens that may still be in use. It reads them from the trail after a restart, since
    access tokens outlive one.
    """

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._tokens: dict[str, _Token] = {}  # by `uti`, oldest first
        for line in trail.lines_of_newest(path):
            match line:
                case {
                    "kind": "exchange" | "token",
                    "uti": str(uti),
                    "pod": str(pod),
                    "time": int() | float() as issued,
                }:
                    self._remember(uti, _Token(issued, pod))
        self._trail = trail.Trail(path, self._tokens_in_use)
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def exchange(self, entry: ExchangeEntry) -> None:
        if entry.uti and entry.pod:
            self._remember(entry.uti, _Token(self._now(), entry.pod))
        self._write("exchange", entry)

    def access(self, entry: AccessEntry) -> None:
        self._write("access", entry)

    def pod_of(self, uti: str | None) -> str | None:
        """Return the pod whose projected token was exchanged for the access token with this `uti`, or None."""
        token = self._tokens.get(uti) if uti else None
        return token.pod if token else None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written yet can't be now either
            self._trail.close()

    def _now(self) -> float:
        return round(self._clock(), 3)

    def _write(self, kind: str, entry: ExchangeEntry | AccessEntry) -> None:
        entry = _redacted(entry)
        try:
            self._trail.append({"time": self._now(), "kind": kind, **asdict(entry)})
        except OSError as error:  # a full disk costs entries, but no answer
            _log.warning("the audit trail can't be written at the moment: %s", error)
        for listener in self._listeners:
            listener(entry)

    def _remember(self, uti: str, token: "_Token") -> None:
        self._tokens[uti] = token
        while self._tokens:
            oldest = next(iter(self._tokens))
            if len(self._tokens) <= _MOST_TOKENS and self._tokens[oldest].may_be_in_use(self._clock()):
                break
            del self._tokens[oldest]

    def _tokens_in_use(self) -> Iterator[trail.Line]:
        for uti, token in self._tokens.items():
            yield {"time": token.issued, "kind": _TOKEN, "uti": uti, "pod": token.pod}


class _Token(NamedTuple):
    issued: float
    pod: str

    def may_be_in_use(self, now: float) -> bool:
        return now < self.issued + LIFETIME + CLOCK_SKEW


def _redacted(entry: ExchangeEntry | AccessEntry) -> ExchangeEntry | AccessEntry:
    """Return the entry without tokens, which a caller may have put in the place of a name."""
    changed: dict[str, Any] = {}
    for field in fields(entry):
        value = getattr(entry, field.name)
        if isinstance(value, str) and (clean := without_tokens(value)) != value:
            changed[field.name] = clean
    return replace(entry, **changed) if changed else entry


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the trail's entries that are left, oldest first."""
    return (line for line in trail.lines(path) if line.get("kind") != _TOKEN)


def read(path: Path) -> list[dict[str, Any]]:
    """Return all of `entries`."""
    return list(entries(path))
