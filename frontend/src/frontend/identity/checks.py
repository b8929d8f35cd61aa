"""Call every service at the same time, and return what each has answered, in its own words."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait

from workload.failure import SDK_ERRORS, Failure, explain
from workload.journey.links import Outcome

_PATIENCE = 2.0  # seconds; less than a probe's own time-out, so that the answer can name a service that is slow


def tried(call: Callable[[], object]) -> Outcome:
    """Make the call, and return its result or its failure, which is one of `SDK_ERRORS`."""
    try:
        return Outcome(result=str(call()))
    except SDK_ERRORS as error:
        return Outcome(failure=explain(error))


class Checks:
    """`calls` maps a name to a call that returns, or raises one of `SDK_ERRORS`.

    They run in threads, which start with the first check. The outcomes are kept for `kept` seconds.
    """

    def __init__(
        self,
        calls: Mapping[str, Callable[[], object]],
        kept: float = 3.0,
        patience: float = _PATIENCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._calls = calls
        self._kept = kept
        self._patience = patience
        self._clock = clock
        self._threads = ThreadPoolExecutor(max_workers=len(calls), thread_name_prefix="checks")
        self._running: dict[str, Future[Outcome]] = {}
        self._lock = threading.Lock()
        self._outcomes: dict[str, Outcome] = {}
        self._checked_at: float | None = None

    def outcomes(self) -> dict[str, Outcome]:
        """Return what came of each call. It takes about `patience` seconds at most."""
        with self._lock:
            if self._checked_at is None or self._clock() - self._checked_at >= self._kept:
                self._outcomes = self._check_all()
                self._checked_at = self._clock()
            return self._outcomes

    def missing(self) -> dict[str, str]:
        """Return what does not answer as it should, and why; {} if everything does."""
        return {name: str(outcome.failure) for name, outcome in self.outcomes().items() if outcome.failure}

    def close(self) -> None:
        """Stop the threads, without waiting for a call that hangs."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check_all(self) -> dict[str, Outcome]:
        for name, call in self._calls.items():
            if name not in self._running:  # a call that hangs is not started twice
                self._running[name] = self._threads.submit(tried, call)
        wait(self._running.values(), timeout=self._patience)
        return {name: self._outcome(name) for name in self._calls}

    def _outcome(self, name: str) -> Outcome:
        if self._running[name].done():
            return self._running.pop(name).result()
        return Outcome(failure=Failure(None, "", f"no answer within {self._patience:g} seconds"))
