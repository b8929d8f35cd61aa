"""Lines of JSON, in files that are bounded together. One file has the newest lines, others beside it the older ones.

New lines go to `audit.jsonl`. Once it is full it is renamed to `audit-000001.jsonl`, the next one to
`audit-000002.jsonl`, and so on. The oldest are removed, so that all of them together stay below `MOST_BYTES`.
"""

import contextlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

FILE_BYTES = 16 * 1024 * 1024
OLDER_FILES = 3
MOST_BYTES = FILE_BYTES * (1 + OLDER_FILES)
_LONGEST = 500  # characters of a value: what callers send may be of any length

Line = dict[str, Any]


class Trail:
    """Appends lines. `head` gives the lines that each new file begins with: what older files say and still counts.

    If a crash has torn the last line, the next one still begins on a line of its own.
    """

    def __init__(self, path: Path, head: Callable[[], Iterable[Line]]) -> None:
        self._path = path
        self._head = head
        self._file = self._open()
        if not _ends_in_order(path):
            self._write("\n")

    def append(self, line: Line) -> None:
        """Write the line, with values of more than 500 characters cut; raise `OSError`."""
        text = _text_of(line)
        if self._bytes + len(text) > FILE_BYTES:
            self._begin_file()
        self._write(text)

    def close(self) -> None:
        self._file.close()

    def _open(self) -> TextIO:
        file = self._path.open("a", buffering=1, encoding="ascii")
        self._bytes = file.tell()
        return file

    def _write(self, text: str) -> None:
        self._file.write(text)
        self._bytes += len(text)  # JSON is written in ASCII

    def _begin_file(self) -> None:
        older = _older(self._path)
        number = int(older[-1].stem.rpartition("-")[2]) + 1 if older else 1
        with contextlib.suppress(FileNotFoundError):  # a file that was removed need not be put aside
            self._path.rename(self._path.with_stem(f"{self._path.stem}-{number:06}"))
        full, self._file = self._file, self._open()
        full.close()
        _remove_oldest(self._path)
        for line in self._head():
            self._write(_text_of(line))


def lines(path: Path) -> Iterator[Line]:
    """Yield every line that is left, oldest first. A torn line is left out."""
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(_opened(file)) for file in [*_older(path), path] if file.exists()]
        for file in files:
            yield from _parsed(file)


def lines_of_newest(path: Path) -> Iterator[Line]:
    """Yield the lines of the newest file, its head among them."""
    if path.exists():
        with _opened(path) as file:
            yield from _parsed(file)


def _opened(file: Path) -> TextIO:
    return file.open(errors="replace", encoding="utf-8")


def _parsed(file: TextIO) -> Iterator[Line]:
    for text in file:
        try:
            line = json.loads(text)
        except ValueError:
            continue
        if isinstance(line, dict):
            yield line


def _older(path: Path) -> list[Path]:
    """Oldest first."""
    return sorted(path.parent.glob(f"{path.stem}-{'[0-9]' * 6}{path.suffix}"))


def _remove_oldest(path: Path) -> None:
    room = FILE_BYTES * OLDER_FILES
    for file in reversed(_older(path)):
        room -= file.stat().st_size
        if room < 0:
            file.unlink()


def _text_of(line: Line) -> str:
    return json.dumps({name: _cut(value) for name, value in line.items()}) + "\n"


def _cut(value: Any) -> Any:
    return f"{value[:_LONGEST]}…" if isinstance(value, str) and len(value) > _LONGEST else value


def _ends_in_order(path: Path) -> bool:
    """Whether the file is empty or its last line has an end, which it lacks if the machine stopped while writing."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 1))
        return file.read() in (b"", b"\n")
