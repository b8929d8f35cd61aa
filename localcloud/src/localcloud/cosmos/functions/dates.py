"""https://learn.microsoft.com/cosmos-db/query/functions#date-and-time-functions. Every date is UTC.

Inside, a date is its ticks: the units of 100 nanoseconds since the Unix epoch.
"""

import re
import time
from calendar import monthrange
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from localcloud.cosmos.functions.function import Function, function
from localcloud.cosmos.values import UNDEFINED, is_integer

_SECOND = 10_000_000  # ticks
_DAY = 24 * 3600 * _SECOND
_EPOCH = date(1970, 1, 1)

# https://learn.microsoft.com/cosmos-db/query/is-datetime#remarks
_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2}):(\d{2})(?:\.(\d{1,7}))?)?Z?", re.ASCII)

_NAMES = {
    "year": ("year", "yyyy", "yy"),
    "month": ("month", "mm", "m"),
    "day": ("day", "dd", "d"),
    "hour": ("hour", "hh"),
    "minute": ("minute", "mi", "n"),
    "second": ("second", "ss", "s"),
    "millisecond": ("millisecond", "ms"),
    "microsecond": ("microsecond", "mcs"),
    "nanosecond": ("nanosecond", "ns"),
}
_PARTS = {name: part for part, names in _NAMES.items() for name in names}

# How many of a part make so many ticks: a nanosecond is less than one.
_LENGTHS = {
    "day": (1, _DAY),
    "hour": (1, 3600 * _SECOND),
    "minute": (1, 60 * _SECOND),
    "second": (1, _SECOND),
    "millisecond": (1, 10_000),
    "microsecond": (1, 10),
    "nanosecond": (100, 1),
}
_MONTHS = {"year": 12, "month": 1}


def ticks_of(text: Any) -> int | None:
    """The ticks of a date's text; None if it is none."""
    found = _DATE.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    return _ticks(year, month, day, hour, minute, second, int((found[7] or "").ljust(7, "0")))


def _ticks(year: int, month: int, day: int, hour: int, minute: int, second: int, fraction: int) -> int | None:
    if not (0 <= hour < 24 and 0 <= minute < 60 and 0 <= second < 60 and 0 <= fraction < _SECOND):
        return None
    try:
        days = (date(year, month, day) - _EPOCH).days
    except (ValueError, OverflowError):
        return None
    return days * _DAY + (hour * 3600 + minute * 60 + second) * _SECOND + fraction


def _date_of(ticks: int) -> date:
    """Raises `OverflowError` outside the years 1 to 9999."""
    return _EPOCH + timedelta(days=ticks // _DAY)


def _text_of(ticks: int) -> Any:
    try:
        day = _date_of(ticks)
    except OverflowError:
        return UNDEFINED
    seconds, fraction = divmod(ticks % _DAY, _SECOND)
    return f"{day.isoformat()}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{fraction:07}Z"


def _now() -> int:
    return time.time_ns() // 100


def _month_number(ticks: int) -> int:
    day = _date_of(ticks)
    return day.year * 12 + day.month - 1


def _plus(part: str, count: int, ticks: int) -> Any:
    """So many parts later. A day that its month does not have becomes the month's last."""
    if part not in _MONTHS:
        per, length = _LENGTHS[part]
        return _text_of(ticks + count * length // per)
    try:
        day = _date_of(ticks)
        year, month = divmod(_month_number(ticks) + count * _MONTHS[part], 12)
        moved = date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
    except (ValueError, OverflowError):
        return UNDEFINED
    return _text_of((moved - _EPOCH).days * _DAY + ticks % _DAY)


def _add(part: Any, count: Any, text: Any) -> Any:
    ticks = ticks_of(text)
    if not isinstance(part, str) or part not in _PARTS or not is_integer(count) or ticks is None:
        return UNDEFINED
    return _plus(_PARTS[part], int(count), ticks)


def _current(part: Any = "second", count: Any = 0) -> Any:
    return _add(part, count, _text_of(_now()))


def _ago(part: Any, count: Any) -> Any:
    return _current(part, -count) if is_integer(count) else UNDEFINED


def _bin(text: Any, part: Any, size: Any = 1, start: Any = "1970-01-01") -> Any:
    """The beginning of the bin that a date lies in; bins of so many parts are laid side by side from the start."""
    ticks, first = ticks_of(text), ticks_of(start)
    if not isinstance(part, str) or part not in _PARTS or ticks is None or first is None or not is_integer(size):
        return UNDEFINED
    if size <= 0 or _date_of(first).year < 1601:
        return UNDEFINED
    unit, count = _PARTS[part], int(size)
    if unit in _MONTHS:
        step = count * _MONTHS[unit]
        bins = (_month_number(ticks) - _month_number(first)) // step
        return _plus("month", bins * step, first)
    per, length = _LENGTHS[unit]
    width = max(1, count * length // per)
    return _text_of(first + (ticks - first) // width * width)


def _difference(part: Any, start: Any, end: Any) -> Any:
    """How many boundaries of the part lie between two dates."""
    first, last = ticks_of(start), ticks_of(end)
    if not isinstance(part, str) or part not in _PARTS or first is None or last is None:
        return UNDEFINED
    unit = _PARTS[part]
    if unit == "year":
        return _date_of(last).year - _date_of(first).year
    if unit == "month":
        return _month_number(last) - _month_number(first)
    per, length = _LENGTHS[unit]
    return last * per // length - first * per // length


def _from_parts(*parts: Any) -> Any:
    if not all(is_integer(part) for part in parts):
        return UNDEFINED
    year, month, day, hour, minute, second, fraction = (*map(int, parts), 0, 0, 0, 0)[:7]
    ticks = _ticks(year, month, day, hour, minute, second, fraction)
    return UNDEFINED if ticks is None else _text_of(ticks)


def _part(part: Any, text: Any) -> Any:
    ticks = ticks_of(text)
    if not isinstance(part, str) or part not in _PARTS or ticks is None:
        return UNDEFINED
    unit, day = _PARTS[part], _date_of(ticks)
    if unit in ("year", "month", "day"):
        return getattr(day, unit)
    if unit in ("hour", "minute", "second"):
        return ticks // _LENGTHS[unit][1] % (24 if unit == "hour" else 60)
    per, length = _LENGTHS[unit]
    return ticks % _SECOND * per // length


def _format(text: Any, pattern: Any) -> Any:
    """Letters of the pattern stand for parts of the date; a backslash takes the next character as it is."""
    ticks = ticks_of(text)
    if ticks is None or not isinstance(pattern, str):
        return UNDEFINED
    day, seconds = _date_of(ticks), ticks % _DAY // _SECOND
    numbers = {
        "y": day.year,
        "M": day.month,
        "d": day.day,
        "H": seconds // 3600,
        "h": (seconds // 3600 + 11) % 12 + 1,
        "m": seconds // 60 % 60,
        "s": seconds % 60,
    }

    def written(found: re.Match[str]) -> str:
        letters = found[0]
        if letters[0] == "\\":
            return letters[1:]
        if letters[0] in "fF":
            fraction = f"{ticks % _SECOND:07}"[: len(letters)]
            return fraction if letters[0] == "f" else fraction.rstrip("0")
        number = numbers[letters[0]]
        return f"{number % 100 if letters == 'yy' else number:0{len(letters)}}"

    return re.sub(r"\\.|y{1,4}|([MdHhms])\1?|f{1,7}|F{1,7}", written, pattern, flags=re.DOTALL)


def _of_date(compute: Callable[[int], Any]) -> Callable[[Any], Any]:
    def function(text: Any) -> Any:
        ticks = ticks_of(text)
        return UNDEFINED if ticks is None else compute(ticks)

    return function


def _static(compute: Callable[[], Any]) -> Function:
    return Function(compute, 0, 0, is_static=True)


FUNCTIONS = {
    "AGO": function(_ago, 2),
    "DATETIMEADD": function(_add, 3),
    "DATETIMEBIN": function(_bin, 2, 4),
    "DATETIMEDIFF": function(_difference, 3),
    "DATETIMEFORMAT": function(_format, 2),
    "DATETIMEFROMPARTS": function(_from_parts, 3, 7),
    "DATETIMEPART": function(_part, 2),
    "DATETIMETOTICKS": function(_of_date(lambda ticks: ticks), 1),
    "DATETIMETOTIMESTAMP": function(_of_date(lambda ticks: ticks // 10_000), 1),
    "DAY": function(lambda text: _part("day", text), 1),
    "GETCURRENTDATETIME": function(_current, 0),
    "GETCURRENTDATETIMESTATIC": _static(_current),
    "GETCURRENTTICKS": function(_now, 0),
    "GETCURRENTTICKSSTATIC": _static(_now),
    "GETCURRENTTIMESTAMP": function(lambda: _now() // 10_000, 0),
    "GETCURRENTTIMESTAMPSTATIC": _static(lambda: _now() // 10_000),
    "MONTH": function(lambda text: _part("month", text), 1),
    "NOW": function(_current, 0, 2),
    "TICKSTODATETIME": function(lambda ticks: _text_of(int(ticks)) if is_integer(ticks) else UNDEFINED, 1),
    "TIMESTAMPTODATETIME": function(lambda ms: _text_of(int(ms) * 10_000) if is_integer(ms) else UNDEFINED, 1),
    "YEAR": function(lambda text: _part("year", text), 1),
}
