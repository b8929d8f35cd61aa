"""Checks of the dependencies: at the start, while role assignments may still propagate, and after an outage."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from azure.core.exceptions import AzureError

from backend.dependencies.backoff import backoff
from backend.dependencies.dependency import Unavailable
from backend.dependencies.health import Health
from workload.failure import explain

_log = structlog.get_logger(__name__)


class DependencyChecks:
    """Check each dependency with a coroutine function that raises `Unavailable`.

    A dependency is missing from `health` until its first check has passed.
    """

    def __init__(self, checks: Mapping[str, Callable[[], Awaitable[None]]], health: Health) -> None:
        self._checks = checks
        self._health = health
        for dependency in checks:
            health.mark_missing(dependency, dependency, "not reached yet")

    async def check(self, dependency: str) -> None:
        """Check the dependency once. Raises what its check raises."""
        await self._checks[dependency]()

    async def wait_for(self, dependency: str) -> None:
        """Check the dependency until the check passes."""
        for pause in backoff():
            try:
                await self.check(dependency)
            except (Unavailable, AzureError) as error:
                failure = error.failure if isinstance(error, Unavailable) else explain(error)
                _log.warning("dependency.failed", dependency=dependency, reason=str(failure))
                self._health.mark_missing(dependency, dependency, str(failure))
                await asyncio.sleep(pause if failure.retry_after is None else failure.retry_after)
            else:
                self._health.mark_available(dependency)
                return

    async def wait_for_all(self) -> None:
        """Check all dependencies at the same time, each until its check passes."""
        await asyncio.gather(*(self.wait_for(dependency) for dependency in self._checks))

    async def repeat(self, dependency: str, interval: float) -> None:
        """Check the dependency every `interval` seconds, without end."""
        while True:
            await asyncio.sleep(interval)
            await self.wait_for(dependency)
