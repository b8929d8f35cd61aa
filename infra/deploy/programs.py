"""Starts the tools, and says in one sentence what went wrong with one."""

import os
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

T = TypeVar("T")


class Failed(Exception):
    """The command cannot go on; the message is a sentence for whoever ran it."""


class NotYet(Failed):
    """So it is now; asked again in a while, the answer may be another."""


class ProgramFailed(Failed):
    """A tool ended with an error; `words` are the end of what it said."""

    def __init__(self, command: tuple[str, ...], code: int, words: str) -> None:
        super().__init__(f"`{' '.join(command[:4])} …` failed (exit {code}):\n{words}")
        self.words = words


class Programs:
    """Runs tools with the environment of whoever runs this, and the project's own tools behind those on `PATH`."""

    def __init__(self) -> None:
        path = os.pathsep.join([os.environ.get("PATH", os.defpath), sysconfig.get_path("scripts")])
        self._environment = dict(os.environ) | {"PATH": path, "AZURE_CORE_NO_COLOR": "true"}

    def has(self, program: str) -> bool:
        return shutil.which(program, path=self._environment["PATH"]) is not None

    def run(
        self,
        *command: str,
        settings: Mapping[str, str] | None = None,
        hide: Collection[str] = (),
        stdin: str = "",
    ) -> str:
        """Returns what the tool printed; raises `ProgramFailed`.

        `settings` are added to its environment. `hide` are the secrets among what it is given: should it repeat one in
        an error, that is blotted out.
        """
        done = subprocess.run(  # noqa: S603 - the project's own list of arguments
            command,
            env=self._environment | dict(settings or {}),
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            words = _without(hide, done.stderr.strip() or done.stdout.strip())
            raise ProgramFailed(command, done.returncode, "\n".join(words.splitlines()[-15:]))
        return done.stdout


def until_granted(ask: Callable[[], T], what: str, patience: float, refusal: type[Failed] = ProgramFailed) -> T:
    """Asks until the answer is no error any more: a role takes minutes to be known everywhere.

    `refusal` is the error that may pass; any other ends it. `patience` in seconds; pauses grow to ten. Raises `Failed`
    with the last refusal when it has run out.
    """
    deadline, pause = time.monotonic() + patience, 0.25
    while True:
        try:
            return ask()
        except refusal as error:
            if time.monotonic() + pause > deadline:
                raise Failed(f"{what}: still not so after {patience:g} s. The last answer was: {error}") from error
            time.sleep(pause)
            pause = min(pause * 2, 10)


def say(line: str) -> None:
    print(line, flush=True)


def warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _without(secrets: Collection[str], words: str) -> str:
    """A PEM is looked for line by line: a tool may print it with other line ends."""
    for line in (line for secret in secrets for line in secret.splitlines() if not line.startswith("-----")):
        words = words.replace(line, "***")
    return words
