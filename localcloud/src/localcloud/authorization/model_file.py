"""The access model in force: what its file says now, and what is changed of it for a while."""

from collections.abc import Callable
from pathlib import Path

from localcloud.authorization.model import AccessFileError, AccessModel

Change = Callable[[AccessModel], AccessModel]


class AccessFile:
    """Returns the model in force when it is called. It reads the file again if that has changed.

    The first reading raises `AccessFileError`. Later, a file that can't be read is reported, and the last good model
    stays in force.
    """

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._stamp = _stamp(path)
        self._model = self._in_force = AccessModel.load(path)
        self._changes: tuple[Change, ...] = ()

    def __call__(self) -> AccessModel:
        stamp = _stamp(self._path)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                self._take(AccessModel.load(self._path))
            except (AccessFileError, ValueError) as error:  # the latter of a change that fits the file no more
                self._report(f"{error}. The last good version stays in force.")
        return self._in_force

    def read_from(self, path: Path) -> None:
        """Read another file in place of this one, from the next call on."""
        self._path, self._stamp = path, None

    def change(self, *changes: Change) -> None:
        """Put these changes in force, one upon the other, in place of the last ones; the file stays as it is.

        What a change raises is raised here, and nothing has changed then.
        """
        self._in_force = _changed(self._model, changes)
        self._changes = changes

    def _take(self, model: AccessModel) -> None:
        in_force = _changed(model, self._changes)
        self._report(f"{self._path} has changed and is in force")
        if model.entities != self._model.entities:
            self._report("  but entities are made at the start: what has changed of them needs a restart")
        self._model, self._in_force = model, in_force


def _changed(model: AccessModel, changes: tuple[Change, ...]) -> AccessModel:
    for change in changes:
        model = change(model)
    return model


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
