"""The folder that holds everything this cloud keeps: for one cloud at a time, and readable by its owner alone."""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from joserfc.errors import JoseError

from localcloud.database import is_outage


class StateFolderError(Exception):
    """The folder is in use, or holds what can't be read; the message names it and says what to do."""


class StateFolder:
    """Claims the folder until it is closed, or until this process ends, however it does.

    Raises `StateFolderError` where another process has claimed it, `OSError` where it can't be made or written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._claim = (path / "lock").open("w")
        try:
            fcntl.flock(self._claim, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._claim.close()
            raise StateFolderError(
                f"{path} is in use by a local cloud that runs: stop that one, or choose another with LOCALCLOUD_STATE."
            ) from error

    def close(self) -> None:
        self._claim.close()

    @contextlib.contextmanager
    def reading(self, name: str) -> Iterator[Path]:
        """The path of a file or folder in it. That its content makes no sense is raised as `StateFolderError`."""
        try:
            yield self.path / name
        except (sqlite3.Error, JoseError, ValueError) as error:
            if is_outage(error):
                raise StateFolderError(
                    f"{self.path / name} can't be used now: {error}. Make room, and try again."
                ) from error
            raise StateFolderError(
                f"{self.path / name} can't be used: {error}. Another version may have written it, or it is damaged; "
                f"to begin anew, remove {self.path} and everything in it."
            ) from error
