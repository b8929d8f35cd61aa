"""Watch the cluster's pods, and print when one is not ready, why, and when it is ready again."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from localcloud.operator.advice import Advice
from localcloud.operator.attempts import without_attempt
from localcloud.operator.lines import step
from localcloud.operator.notices import Notices

_LOOK = 0.5  # seconds
_PATIENCE = 8.0  # seconds in which a pod may start without a line about it
_STARTING = 30.0  # seconds, as long as it does not say yet what it lacks


class ReportedPod(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def reason(self) -> str: ...


async def watch(
    pods: Callable[[], Iterable[ReportedPod]],
    notices: Notices,
    advice: Advice,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Watch until cancelled. A pod's reason is printed again if it changes by more than a tracking id."""
    waiting_since: dict[str, float] = {}
    said: dict[str, str] = {}
    while True:
        for pod in pods():
            if pod.ready:
                waiting_since.pop(pod.name, None)
                if said.pop(pod.name, None):
                    step(f"{pod.name} is ready")
                continue
            reason = pod.reason or "starting"
            waiting = clock() - waiting_since.setdefault(pod.name, clock())
            if waiting > (_STARTING if reason == "starting" else _PATIENCE) and said.get(pod.name) != reason:
                said[pod.name] = reason
                what = f"{pod.name} is not ready: {reason}"
                notices.refuse(what, advice.on_pod(pod.reason, pod.workload), without_attempt(what))
        await asyncio.sleep(_LOOK)
