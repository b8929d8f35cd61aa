"""Asks the dependencies until they answer: at the start, while roles still propagate, and after an outage."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping

import structlog
from azure.core.exceptions import AzureError
from workload.failure import explain

from backend.dependencies import Unavailable
from backend.health import Health

LONGEST = 4.0  # seconds: with a call that hangs until it is given up, an outage's end is noticed within ten or so

_log = structlog.get_logger(__name__)


def pauses() -> Iterator[float]:
    """Growing pauses between attempts: 0.5, 1, 2 seconds, then the longest again and again."""
    pause = 0.5
    while True:
        yield min(pause, LONGEST)
        pause *= 2


class Access:
    """One check for each dependency: a coroutine function that raises `Unavailable`."""

    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[None]]], health: Health) -> None:
        self._checks = checks
        self._health = health
        for dependency in checks:
            health.lack(dependency, dependency, "not reached yet")

    async def confirm(self, dependency: str) -> None:
        """Returns once the dependency has answered well; until then, `health` tells what it says."""
        for pause in pauses():
            try:
                await self._checks[dependency]()
            except (Unavailable, AzureError) as error:
                failure = error.failure if isinstance(error, Unavailable) else explain(error)
                _log.warning("dependency.failed", dependency=dependency, reason=str(failure))
                self._health.lack(dependency, dependency, str(failure))
                await asyncio.sleep(pause if failure.retry_after is None else failure.retry_after)
            else:
                self._health.regain(dependency)
                return

    async def confirm_all(self) -> None:
        """Confirms all of them, side by side."""
        await asyncio.gather(*(self.confirm(dependency) for dependency in self._checks))
