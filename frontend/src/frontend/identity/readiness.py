"""Readiness: each dependency is tried cheaply, and what is missing is named in the service's own words."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from frontend.refusals import DEPENDENCY_ERRORS, explain

_FRESH = 3.0  # seconds for which an answer is kept, so that probes cost the services little
_PATIENCE = 2.0  # seconds; less than the probe's own time-out, so that it hears which dependency is slow


class Readiness:
    """`checks` maps a dependency's name to a call that returns, or raises one of `DEPENDENCY_ERRORS`.

    The first check starts the threads that make the checks."""

    def __init__(self, checks: Mapping[str, Callable[[], object]], clock: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._clock = clock
        self._pool = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readiness")
        self._running: dict[str, Future[str | None]] = {}
        self._lock = threading.Lock()
        self._missing: dict[str, str] = {}
        self._checked_at: float | None = None

    def close(self) -> None:
        """End the threads that make the checks; a check that hangs is not waited for."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def missing(self) -> dict[str, str]:
        """What is not ready, and why; {} when everything is. Returns within about two seconds."""
        with self._lock:
            if self._checked_at is None or self._clock() - self._checked_at >= _FRESH:
                self._missing = self._check_all()
                self._checked_at = self._clock()
            return self._missing

    def _check_all(self) -> dict[str, str]:
        for name, check in self._checks.items():
            if name not in self._running:  # one that hangs is not started twice
                self._running[name] = self._pool.submit(_reason, check)
        wait(self._running.values(), timeout=_PATIENCE)
        missing: dict[str, str] = {}
        for name in self._checks:
            if not self._running[name].done():
                missing[name] = f"no answer within {_PATIENCE:g} seconds"
            elif reason := self._running.pop(name).result():
                missing[name] = reason
        return missing


def _reason(check: Callable[[], object]) -> str | None:
    try:
        check()
    except DEPENDENCY_ERRORS as error:
        return str(explain(error))
    return None
