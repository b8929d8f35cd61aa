"""What the operator's commands `redrive` and `repair` share: how they end, and how they say what went wrong."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from azure.core.exceptions import AzureError
from pydantic import ValidationError
from pydantic_settings import BaseSettings

from backend.dependencies import Unavailable, sentence
from backend.logs import configure_logging

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class Refused(Exception):
    """What was asked for can't be done; the text says why."""


def run_command(
    parser: argparse.ArgumentParser,
    settings_type: type[SettingsT],
    run: Callable[[argparse.Namespace, SettingsT], Coroutine[Any, Any, None]],
) -> None:
    """Runs what the command line says, with the settings of the environment. Logs go to standard error.

    Exits with 0 if all that was asked for is done, 1 if not, 2 for a wrong command line or environment.
    """
    arguments = parser.parse_args()
    configure_logging(sys.stderr)
    try:
        settings = settings_type.model_validate({})
    except ValidationError as error:
        names = ", ".join(str(fault["loc"][0]).upper() for fault in error.errors())
        print(f"{parser.prog}: missing in the environment, or not valid: {names}", file=sys.stderr)
        sys.exit(2)
    try:
        asyncio.run(run(arguments, settings))
    except Unavailable as error:
        sys.exit(f"{parser.prog}: {error}")
    except (Refused, AzureError, OSError, ValueError) as error:  # ValueError: the credential's own, or a closed link's
        sys.exit(f"{parser.prog}: {sentence(error)}")
