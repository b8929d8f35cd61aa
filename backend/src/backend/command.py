"""How the operator's commands `redrive` and `repair` run and end."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from pydantic_settings import BaseSettings

from backend.dependencies.dependency import Unavailable
from workload.failure import SDK_ERRORS, explain
from workload.logs import configure_logging
from workload.settings import InvalidEnvironment, from_environment

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class CommandError(Exception):
    """The command can't do all that it was asked for. The text says why."""


def run_command(
    parser: argparse.ArgumentParser,
    settings_type: type[SettingsT],
    run: Callable[[argparse.Namespace, SettingsT], Coroutine[Any, Any, None]],
) -> None:
    """Parse the command line, read the settings from the environment, and run. Logs go to standard error.

    Exits with 0 if all is done, with 1 and one sentence if not, with 2 for a wrong command line.
    """
    arguments = parser.parse_args()
    configure_logging({"backend": "INFO"}, sys.stderr)
    try:
        asyncio.run(run(arguments, from_environment(settings_type)))
    except (InvalidEnvironment, Unavailable, CommandError) as error:
        sys.exit(f"{parser.prog}: {error}")
    except SDK_ERRORS as error:
        sys.exit(f"{parser.prog}: {explain(error)}")
