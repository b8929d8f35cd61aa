"""The folder with everything that a cloud keeps. One cloud uses it at a time, and only its owner can read it."""

import contextlib
import fcntl
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from joserfc.errors import JoseError

from localcloud.database import is_outage


class StateFolderError(Exception):
    """The folder is in use, or a file in it can't be read. The message names it and says what to do."""


class StateFolder:
    """Lock the folder until `close`, or until this process ends.

    Raises `StateFolderError` if another process has locked it, `OSError` if it can't be made or written to.
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
        """Yield the path of a file or folder in it. Content that can't be read is raised as `StateFolderError`."""
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
