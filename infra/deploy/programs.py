"""Run the tools. A tool's failure becomes one sentence."""

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Collection, Mapping


class Failed(Exception):
    """The command cannot go on. The message is a sentence for the terminal."""


class NotYet(Failed):
    """The answer may be another one later."""


class ProgramFailed(Failed):
    """A tool ended with an error. `words` are the last lines that it printed."""

    def __init__(self, command: tuple[str, ...], code: int, words: str) -> None:
        super().__init__(f"`{' '.join(command[:4])} …` failed (exit {code}):\n{words}")
        self.words = words


class Programs:
    """Run tools with this process's environment. The project's own tools come after those on `PATH`."""

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
        """Return what the tool printed. Raises `ProgramFailed`.

        `settings` are added to its environment. `hide` are the secrets that it is given; an error has `***` for them.
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


def say(line: str) -> None:
    print(line, flush=True)


def warn(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _without(secrets: Collection[str], words: str) -> str:
    """Replace each line of a secret with `***`. A tool may print a PEM with other line ends than it was given."""
    for line in (line for secret in secrets for line in secret.splitlines() if not line.startswith("-----")):
        words = words.replace(line, "***")
    return words
