"""HybridRow, the binary form of rows, and RecordIO, its form of many rows, as far as batches use them.

https://github.com/microsoft/HybridRow/blob/main/src/Serialization/HybridRow/Docs/Grammar.md and RecordIO.md beside it.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

_VERSION = 0x81  # the first byte of every row
_SEGMENT, _RECORD = 2147473648, 2147473649  # the schemas of RecordIO's own rows
_SEGMENT_SIZE = 10  # bytes of a segment that says nothing but its own size


class SparseType(IntEnum):
    """The types that sparse fields of a batch have, with the numbers under which they stand in a row."""

    FALSE = 2
    TRUE = 3
    INT32 = 7
    FLOAT64 = 16
    UTF8 = 20


@dataclass(frozen=True, slots=True)
class Schema:
    """The fields of a row: those of a fixed size, each an int32; texts or bytes of a variable size; sparse ones.

    A field's place among them all, from 1 on, is the number under which a sparse one stands in a row.
    """

    id: int
    fixed: tuple[str, ...]
    variable: tuple[str, ...]
    sparse: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """All fields, in the order of their numbers."""
        return (*self.fixed, *self.variable, *self.sparse)

    @property
    def schematized(self) -> tuple[str, ...]:
        """The fields that have a bit each, which says whether they are there."""
        return (*self.fixed, *self.variable)


def is_hybrid_row(data: bytes) -> bool:
    """Whether this is HybridRow and no JSON."""
    return data[:1] == bytes([_VERSION])


def read_records(data: bytes) -> Iterator[bytes]:
    """Read the rows in a RecordIO stream; raises `ValueError` if it is malformed."""
    reader = _Reader(data)
    while not reader.at_end:
        schema = reader.header()
        if schema == _SEGMENT:
            presence, length = reader.take("<Bi")
            reader.skip(length - _SEGMENT_SIZE if presence else 0)  # what else is said of the segment
        elif schema == _RECORD:
            length, checksum = reader.take("<iI")
            row = reader.bytes(length)
            if zlib.crc32(row) != checksum:
                raise ValueError("a record's checksum is not that of its row")
            yield row
        else:
            raise ValueError(f"a record has the schema {schema}")


def write_records(rows: Iterable[bytes]) -> bytes:
    """Write rows as a RecordIO stream."""
    records = (_header(_RECORD) + struct.pack("<iI", len(row), zlib.crc32(row)) + row for row in rows)
    return _header(_SEGMENT) + struct.pack("<Bi", 1, _SEGMENT_SIZE) + b"".join(records)


def read_row(schema: Schema, row: bytes) -> dict[str, Any]:
    """Read a row's fields: numbers, booleans, texts, and bytes for those of a variable size. Raises `ValueError`."""
    reader = _Reader(row)
    if reader.header() != schema.id:
        raise ValueError("a row has another schema")
    present = int.from_bytes(reader.bytes(_mask_size(schema)), "little")
    values: dict[str, Any] = {}
    for number, name in enumerate(schema.schematized):
        is_there = bool(present >> number & 1)
        if name in schema.fixed:
            (value,) = reader.take("<i")
        elif is_there:
            value = reader.bytes(reader.varuint())
        if is_there:
            values[name] = value
    while not reader.at_end:
        kind = reader.bytes(1)[0]
        number = reader.varuint()
        if not 0 < number <= len(schema.names):
            raise ValueError("a row has a field that its schema does not have")
        values[schema.names[number - 1]] = reader.sparse(kind)
    return values


def write_row(schema: Schema, values: dict[str, Any]) -> bytes:
    """Write a row: integers and bytes for the schematized fields, doubles for the sparse ones."""
    present = sum(1 << number for number, name in enumerate(schema.schematized) if name in values)
    row = bytearray(_header(schema.id) + present.to_bytes(_mask_size(schema), "little"))
    for name in schema.fixed:
        row += struct.pack("<i", values.get(name, 0))
    for name in schema.variable:
        if name in values:
            row += _varuint(len(values[name])) + values[name]
    for name in schema.sparse:
        if name in values:
            row += (
                bytes([SparseType.FLOAT64]) + _varuint(schema.names.index(name) + 1) + struct.pack("<d", values[name])
            )
    return bytes(row)


class _Reader:
    """Takes what stands in bytes, one after the other. Raises `ValueError` if they end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def at_end(self) -> bool:
        return self._place == len(self._data)

    def bytes(self, length: int) -> bytes:
        if not 0 <= length <= len(self._data) - self._place:
            raise ValueError("a row ends too early")
        self._place += length
        return self._data[self._place - length : self._place]

    def skip(self, length: int) -> None:
        self.bytes(length)

    def take(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.bytes(struct.calcsize(form)))

    def header(self) -> int:
        """The schema of the row that begins here."""
        version, schema = self.take("<Bi")
        if version != _VERSION:
            raise ValueError("a row is of another version")
        return int(schema)

    def varuint(self) -> int:
        """A number in groups of seven bits, the lowest first."""
        value = 0
        for shift in range(0, 35, 7):
            group = self.bytes(1)[0]
            value |= (group & 0x7F) << shift
            if group < 0x80:
                return value
        raise ValueError("a number is too long")

    def sparse(self, kind: int) -> Any:
        """A value of a type that a batch's sparse fields have."""
        match kind:
            case SparseType.FALSE | SparseType.TRUE:
                return kind == SparseType.TRUE
            case SparseType.INT32:
                return self.take("<i")[0]
            case SparseType.FLOAT64:
                return self.take("<d")[0]
            case SparseType.UTF8:
                return self.bytes(self.varuint()).decode()
        raise ValueError(f"a field has the type {kind}")


def _header(schema: int) -> bytes:
    return struct.pack("<Bi", _VERSION, schema)


def _mask_size(schema: Schema) -> int:
    return (len(schema.schematized) + 7) // 8


def _varuint(value: int) -> bytes:
    groups = bytearray()
    while value >= 0x80:
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
