"""The console script `backend`: the worker."""

import asyncio
import signal
import sys

from backend.bootstrap import run_worker
from backend.settings import WorkerSettings
from workload.logs import configure_logging
from workload.settings import InvalidEnvironment, from_environment


def main() -> None:
    """Run the worker with the settings of the environment. Exits with 1 if the environment is not valid."""
    configure_logging({"backend": "INFO"})
    try:
        settings = from_environment(WorkerSettings)
    except InvalidEnvironment as error:
        sys.exit(f"backend: {error}")
    asyncio.run(run_until_signalled(settings))


async def run_until_signalled(settings: WorkerSettings) -> None:
    """Run the worker until the process receives SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_worker(settings, stop)


if __name__ == "__main__":
    main()
