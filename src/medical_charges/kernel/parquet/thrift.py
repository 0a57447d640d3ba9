"""Thrift's compact protocol, in which a footer is written. PlanRun reads it without a library."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any, NamedTuple

_DEPTH = 16
"""How deep a footer's parts are nested at most; those of Parquet have a depth of six."""

TRUE, FALSE, BYTE, _I16, I32, I64, _DOUBLE, BINARY, LIST, _SET, _MAP, STRUCT = range(1, 13)
_WHOLE = (_I16, I32, I64)


class Field(NamedTuple):
    """A value with its type, as a struct has it."""

    type: int
    value: Any
    """A struct is a mapping of fields, a list has a type and values."""


Struct = Mapping[int, Field]


class Values(NamedTuple):
    """A list, or a set."""

    type: int
    values: list[Any]


class DamagedError(ValueError):
    """Bytes that are none of this protocol."""


class Reader:
    """Reads values from bytes."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def struct(self, until: frozenset[int] = frozenset(), depth: int = 0) -> dict[int, Field]:
        """Read a struct, to its end or up to all of some fields.

        Raises:
            DamagedError: there is none.
        """
        found: dict[int, Field] = {}
        number, missing = 0, set(until)
        while missing or not until:
            head = self._byte()
            kind, step = head & 0xF, head >> 4
            if not kind:
                break
            number = number + step if step else self._whole()
            found[number] = Field(kind, self._value(kind, depth))
            missing.discard(number)
        return found

    def _byte(self) -> int:
        self._at += 1
        if self._at > len(self._data):
            raise DamagedError("it ends too early")
        return self._data[self._at - 1]

    def _bytes(self, count: int) -> bytes:
        self._at += count
        if self._at > len(self._data):
            raise DamagedError("it ends too early")
        return self._data[self._at - count : self._at]

    def _size(self) -> int:
        number = shift = 0
        while True:
            byte = self._byte()
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return number
            shift += 7
            if shift > 63:
                raise DamagedError("a number is too long")

    def _whole(self) -> int:
        number = self._size()
        return (number >> 1) ^ -(number & 1)

    def _value(self, kind: int, depth: int, *, listed: bool = False) -> Any:
        if kind in {TRUE, FALSE}:
            return self._byte() == TRUE if listed else kind == TRUE
        if kind in _WHOLE:
            return self._whole()
        if kind == BINARY:
            return self._bytes(self._size())
        if kind == BYTE:
            return self._byte()
        if kind == _DOUBLE:
            return struct.unpack("<d", self._bytes(8))[0]
        if depth >= _DEPTH:
            raise DamagedError("it is nested too deep")
        if kind in {LIST, _SET}:
            return self._values(depth + 1)
        if kind == STRUCT:
            return self.struct(depth=depth + 1)
        raise DamagedError("a type is unknown")

    def _values(self, depth: int) -> Values:
        head = self._byte()
        kind, count = head & 0xF, head >> 4
        count = self._size() if count == 15 else count
        # Each value has a byte at least, so a count that is too large ends soon.
        return Values(kind, [self._value(kind, depth, listed=True) for _ in range(count)])


def written(fields: Struct) -> bytes:
    """Write a struct."""
    out = bytearray()
    last = 0
    for number, (kind, value) in sorted(fields.items()):
        step = number - last
        out += bytes([step << 4 | kind]) if 0 < step <= 15 else bytes([kind]) + _whole(number)
        out += _written(kind, value)
        last = number
    return bytes(out) + b"\0"


def _written(kind: int, value: Any, *, listed: bool = False) -> bytes:
    if kind in {TRUE, FALSE}:
        return bytes([TRUE if value else FALSE]) if listed else b""
    if kind in _WHOLE:
        return _whole(value)
    if kind == BINARY:
        return _size(len(value)) + bytes(value)
    if kind == BYTE:
        return bytes([value])
    if kind == _DOUBLE:
        return struct.pack("<d", value)
    if kind == STRUCT:
        return written(value)
    count = len(value.values)
    head = bytes([count << 4 | value.type]) if count < 15 else bytes([0xF0 | value.type])
    head += _size(count) if count >= 15 else b""
    return head + b"".join(_written(value.type, it, listed=True) for it in value.values)


def _size(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _whole(number: int) -> bytes:
    return _size(number << 1 if number >= 0 else (-number << 1) - 1)
