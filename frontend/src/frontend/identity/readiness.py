"""Readiness: a cheap call of each dependency, and what is missing in the service's own words."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from workload.failure import SDK_ERRORS, explain

_KEPT = 3.0  # seconds for which an answer is kept, so that probes cost the services little
_PATIENCE = 2.0  # seconds; less than the probe's own time-out, so that the answer can name a dependency that is slow


class Readiness:
    """`checks` maps a dependency's name to a call that returns, or raises one of `SDK_ERRORS`.

    The checks run in threads, which start with the first check.
    """

    def __init__(self, checks: Mapping[str, Callable[[], object]], clock: Callable[[], float] = time.monotonic) -> None:
        self._checks = checks
        self._clock = clock
        self._threads = ThreadPoolExecutor(max_workers=len(checks), thread_name_prefix="readiness")
        self._running: dict[str, Future[str | None]] = {}
        self._lock = threading.Lock()
        self._missing: dict[str, str] = {}
        self._checked_at: float | None = None

    def missing(self) -> dict[str, str]:
        """Return what is not ready, and why; {} if everything is. It takes about two seconds at most."""
        with self._lock:
            if self._checked_at is None or self._clock() - self._checked_at >= _KEPT:
                self._missing = self._check_all()
                self._checked_at = self._clock()
            return self._missing

    def close(self) -> None:
        """Stop the threads, without waiting for a check that hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check_all(self) -> dict[str, str]:
        for name, check in self._checks.items():
            if name not in self._running:  # a check that hangs is not started twice
                self._running[name] = self._threads.submit(_reason, check)
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
    except SDK_ERRORS as error:
        return str(explain(error))
    return None
