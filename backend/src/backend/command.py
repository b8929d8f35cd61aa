"""What the operator's commands `redrive` and `repair` share: how they end, and how they say what went wrong."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic_settings import BaseSettings
from workload.failure import SDK_ERRORS, explain
from workload.logs import configure_logging
from workload.settings import InvalidEnvironment, from_environment

from backend.dependencies import Unavailable

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class Refused(Exception):
    """What was asked for can't be done; the text says why."""


def run_command(
    parser: argparse.ArgumentParser,
    settings_type: type[SettingsT],
    run: Callable[[argparse.Namespace, SettingsT], Coroutine[Any, Any, None]],
) -> None:
    """Runs what the command line says, with the settings of the environment. Logs go to standard error.

    Exits with 0 if all that was asked for is done, 1 if not, 2 for a wrong command line.
    """
    arguments = parser.parse_args()
    configure_logging({"backend": "INFO"}, sys.stderr)
    try:
        asyncio.run(run(arguments, from_environment(settings_type)))
    except (InvalidEnvironment, Unavailable, Refused) as error:
        sys.exit(f"{parser.prog}: {error}")
    except SDK_ERRORS as error:
        sys.exit(f"{parser.prog}: {explain(error)}")
