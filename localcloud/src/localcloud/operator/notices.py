"""Print what goes wrong at the terminal: the first time at once, repeats as a count."""

import asyncio
import logging
import textwrap
import time
import traceback
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from localcloud.operator.attempts import without_attempt
from localcloud.operator.lines import refusal, say

_PERIOD = 60.0  # seconds
_MOST = 50  # different notices in one period; without a limit, callers could fill memory with notices
_QUOTED = 300  # characters of a notice that are repeated beside its count, in whole words
_TRACEBACK = 40  # lines


@dataclass(slots=True)
class _Told:
    what: str
    since: float
    repeats: int = 0


class Notices:
    """Print each notice once in a minute. Repeats are counted, and the count is printed at the minute's end.

    After fifty different notices in a minute, further ones are counted together. `clock` returns seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told: dict[Hashable, _Told] = {}
        self._untold: _Told | None = None

    def refuse(self, what: str, fix: str | None = None, key: Hashable = None) -> None:
        """Print what was refused or is missing, and what to do about it. Notices with equal keys are repeats."""
        if self._is_new(what, key):
            refusal(what, fix)

    def log(self, record: logging.LogRecord) -> None:
        """Print a log record, with its traceback if it has one. Records from one line of code are repeats."""
        error = record.exc_info[1] if record.exc_info else None
        what = record.getMessage() + (f": {type(error).__name__}: {error}" if error else "")
        if self._is_new(what, (record.pathname, record.lineno, type(error), _raised_at(error))):
            refusal(what)
            for line in "".join(traceback.format_exception(error)).splitlines()[-_TRACEBACK:] if error else ():
                say(f"  {line}")

    def sweep(self) -> None:
        """Print the counts of the minutes that have ended."""
        now = self._clock()
        for key, told in list(self._told.items()):
            if now - told.since >= _PERIOD and not self._told_again(told, now):
                del self._told[key]
        if self._untold and now - self._untold.since >= _PERIOD:
            self._tell_untold()

    def close(self) -> None:
        """Print the counts that have not been printed yet."""
        for told in self._told.values():
            self._told_again(told, self._clock())
        self._tell_untold()

    async def keep_counting(self) -> None:
        """Sweep every second, until cancelled."""
        while True:
            await asyncio.sleep(1)
            self.sweep()

    def _is_new(self, what: str, key: Hashable) -> bool:
        self.sweep()
        key = without_attempt(what) if key is None else key
        now = self._clock()
        if key in self._told:
            self._told[key].repeats += 1
            return False
        if len(self._told) >= _MOST:
            self._untold = self._untold or _Told("other notices", now)
            self._untold.repeats += 1
            return False
        self._told[key] = _Told(textwrap.shorten(what, _QUOTED, placeholder=" …") if len(what) > _QUOTED else what, now)
        return True

    def _told_again(self, told: _Told, now: float) -> bool:
        """Print the count of repeats and start a new one. Returns whether there were any."""
        if not told.repeats:
            return False
        refusal(f"{told.what} (and {told.repeats} {'time' if told.repeats == 1 else 'times'} more)")
        told.since, told.repeats = now, 0
        return True

    def _tell_untold(self) -> None:
        if self._untold:
            refusal(f"… and {self._untold.repeats} other notices")
        self._untold = None


class NoticeHandler(logging.Handler):
    """Pass log records on to the notices."""

    def __init__(self, notices: Notices) -> None:
        super().__init__()
        self._notices = notices

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._notices.log(record)
        except Exception:
            self.handleError(record)


def _raised_at(error: BaseException | None) -> tuple[str, int] | None:
    """Return the file and the line that raised the error."""
    trace = error.__traceback__ if error else None
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return None if trace is None else (trace.tb_frame.f_code.co_filename, trace.tb_lineno)
