"""What every verb of the command line has: its settings, the local cloud that it asks, and how it fails."""

import argparse
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from pydantic import ValidationError
from pydantic_settings import SettingsError

from localcloud.operator.lines import visible
from localcloud.settings import Settings
from localcloud.validation import faults_of

if TYPE_CHECKING:
    import httpx

Verb = Callable[[argparse.Namespace], int]


class Verbs:
    """The verbs of a parser."""

    def __init__(self, parser: argparse.ArgumentParser) -> None:
        self._verbs = parser.add_subparsers(required=True, metavar="VERB")

    def add(self, name: str, verb: Verb, what: str) -> argparse.ArgumentParser:
        """Add a verb, which takes every setting as an option. Return its parser, for the options of its own."""
        one = self._verbs.add_parser(name, help=what, description=what)
        one.set_defaults(verb=verb)
        for setting, field in Settings.model_fields.items():
            flag, default = f"--{setting.replace('_', '-')}", f"{field.description} (default: {field.default})"
            one.add_argument(flag, help=default, nargs="*" if setting == "issuers" else None)
        return one


def settings_of(arguments: argparse.Namespace) -> Settings:
    """Return the settings of the command line and the environment. A wrong one ends the program with a sentence."""
    given = {
        name: value for name, value in vars(arguments).items() if name in Settings.model_fields and value is not None
    }
    try:
        return Settings(**given)
    except ValidationError as error:
        sys.exit(f"localcloud: the settings are wrong: {'; '.join(faults_of(error))}")
    except SettingsError as error:  # a list that is no JSON, in an environment variable
        sys.exit(f"localcloud: the settings are wrong: {error}")


def ask(arguments: argparse.Namespace, question: "Callable[[httpx.Client], int]") -> int:
    """Ask the local cloud that keeps its state in the settings' folder. Return the exit code."""
    from localcloud.operator.client import ControlError, connect

    try:
        with connect(settings_of(arguments).state) as client:
            return question(client)
    except ControlError as error:
        return fail(error)


def fail(error: Exception) -> int:
    """Print the error as a sentence, and return the exit code of a failure."""
    sentence = f"{error.filename}: {error.strerror}" if isinstance(error, OSError) and error.filename else str(error)
    print(f"localcloud: {visible(sentence)}", file=sys.stderr)
    return 1
