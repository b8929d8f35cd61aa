"""AMQP's primitive types that Python has no type of its own for (specification, part 1).

| AMQP | Python |
|---|---|
| null, boolean, string, binary | `None`, `bool`, `str`, `bytes` |
| long, double | `int`, `float` |
| the other integers, timestamp (milliseconds since 1970), symbol, char, float | the classes below |
| uuid, list, map | `uuid.UUID`, `list`, `dict` |
| array, a described value, a decimal | `Array`, `Described`, `Decimal` |

Numbers keep their width as a type, so that what is decoded can be encoded again as it was.
"""

from dataclasses import dataclass
from typing import Any

Value = Any  # any of the above

_LAST = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z, in milliseconds


class UByte(int):
    __slots__ = ()


class UShort(int):
    __slots__ = ()


class UInt(int):
    __slots__ = ()


class ULong(int):
    __slots__ = ()


class Byte(int):
    __slots__ = ()


class Short(int):
    __slots__ = ()


class Int(int):
    __slots__ = ()


class Timestamp(int):
    """Milliseconds since 1970."""

    __slots__ = ()

    @classmethod
    def at(cls, seconds: float) -> "Timestamp":
        """The timestamp of a Unix time; the end of the year 9999 for every later one, which no SDK can read."""
        return cls(_LAST if seconds * 1000 >= _LAST else round(seconds * 1000))


class Float(float):
    """A number of single precision; Python's own float is AMQP's double."""

    __slots__ = ()


class Symbol(str):
    """A string in ASCII from a constrained set."""

    __slots__ = ()


class Char(str):
    """One Unicode character."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal32, decimal64 or decimal128, kept as its 4, 8 or 16 bytes: nothing here calculates with it."""

    encoded: bytes


@dataclass(frozen=True, slots=True)
class Described:
    """A value with a descriptor, which says what the value means."""

    descriptor: Value
    value: Value


class Array(list[Any]):
    """Values of one type. `code` is the format code that all elements share (0x00: they are described values)."""

    __slots__ = ("code",)

    def __init__(self, code: int, items: Any = ()) -> None:
        super().__init__(items)
        self.code = code

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Array) and self.code == other.code and list.__eq__(self, other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None
