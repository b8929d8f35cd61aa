"""Who did what, with which token, allowed or denied: one JSON line for each token exchange and each access.

The file is `audit.jsonl` in the state folder. It holds claims (`uti`, `oid`), never a token.
"""

import contextlib
import json
import logging
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A federated token presented to Entra. `result` is `ok` or the AADSTS code that was answered."""

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
class Access:
    """An action on a scope, asked for with an access token. `reason` says why it was denied."""

    principal: str | None
    workload: str | None
    pod: str | None
    uti: str | None
    action: str
    scope: str
    allowed: bool
    reason: str | None = None


Listener = Callable[[Exchange | Access], None]


class Audit:
    """Writes the trail, and tells its listeners (the terminal) of each entry."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._pod_of_uti = _pods(path)
        self._file = path.open("a", buffering=1)
        if not _ends_in_order(path):
            self._file.write("\n")  # so that what is torn is one line alone
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        self._listeners.append(listener)

    def exchange(self, entry: Exchange) -> None:
        if entry.uti and entry.pod:
            self._pod_of_uti[entry.uti] = entry.pod
        self._write("exchange", entry)

    def access(self, entry: Access) -> None:
        self._write("access", entry)

    def pod_of(self, uti: str | None) -> str | None:
        """The pod whose projected token was exchanged for the access token with this `uti`."""
        return self._pod_of_uti.get(uti) if uti else None

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what could not be written yet can't be now either
            self._file.close()

    def _write(self, kind: str, entry: Exchange | Access) -> None:
        line = {"time": round(self._clock(), 3), "kind": kind, **asdict(entry)}
        try:
            self._file.write(json.dumps(line) + "\n")
        except OSError as error:  # a full disk costs entries, and no caller its answer
            _log.warning("the audit trail can't be written at the moment: %s", error)
        for listener in self._listeners:
            listener(entry)


def read(path: Path) -> list[dict[str, Any]]:
    """The trail's entries so far, oldest first; none where there is no file yet. A torn line is left out."""
    if not path.exists():
        return []
    with path.open(errors="replace") as file:
        return [entry for line in file if (entry := _entry(line)) is not None]


def _ends_in_order(path: Path) -> bool:
    """Whether the file is empty or its last line has an end, which it lacks where the machine stopped in it."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() in (b"", b"\n")


def _entry(line: str) -> dict[str, Any] | None:
    try:
        entry = json.loads(line)
    except ValueError:
        return None
    return entry if isinstance(entry, dict) else None


def _pods(path: Path) -> dict[str, str]:
    """Access tokens outlive a restart of this cloud, and so does the knowledge of whose they are."""
    return {e["uti"]: e["pod"] for e in read(path) if e["kind"] == "exchange" and e["uti"] and e["pod"]}
