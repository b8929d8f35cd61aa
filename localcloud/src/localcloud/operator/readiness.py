"""Watches the cluster's pods, and tells the person at the terminal when one lacks something, and when it has it."""

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from localcloud.operator.advice import Advice
from localcloud.operator.attempts import without_attempt
from localcloud.operator.lines import step
from localcloud.operator.notices import Notices

_LOOK = 0.5  # seconds
_PATIENCE = 8.0  # seconds; a pod that is only starting is not worth a line


class PodStatus(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def workload(self) -> str: ...
    @property
    def ready(self) -> bool: ...
    @property
    def reason(self) -> str: ...


async def watch(
    pods: Callable[[], Iterable[PodStatus]],
    notices: Notices,
    advice: Advice,
    clock: Callable[[], float] = time.monotonic,
) -> None:
    """Looks until it is cancelled. A pod's reason is said once; reasons that differ in a tracking id are repeats."""
    waiting_since: dict[str, float] = {}
    said: dict[str, str] = {}
    while True:
        for pod in pods():
            if pod.ready:
                waiting_since.pop(pod.name, None)
                if said.pop(pod.name, None):
                    step(f"{pod.name} is ready")
            elif clock() - waiting_since.setdefault(pod.name, clock()) > _PATIENCE and said.get(pod.name) != pod.reason:
                said[pod.name] = pod.reason
                what = f"{pod.name} is not ready: {pod.reason or 'starting'}"
                notices.refuse(what, advice.on_pod(pod.reason, pod.workload), without_attempt(what))
        await asyncio.sleep(_LOOK)
