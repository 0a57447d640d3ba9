"""The footer of a Parquet object: its columns with their kinds, and its row groups.

It needs no library, as PlanRun has none that reads Parquet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NamedTuple, get_args

from medical_charges.errors import InputRefusedError
from medical_charges.kernel.parquet.thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    DamagedError,
    Field,
    Reader,
    Struct,
    Values,
    written,
)
from medical_charges.kernel.signatures import other_kind
from medical_charges.storage import ObjectRef, Store

MAGIC = b"PAR1"
_ENCRYPTED = b"PARE"
_TAIL_BYTES = 64 * 1024
_FOOTER_LIMIT = 8 * 1024 * 1024
"""Read in Python, a footer takes some forty times as much memory, and a second for each MiB."""
_SCHEMA_BYTES = 256 * 1024
"""Number of bytes at the start of a footer that nearly always hold its schema."""
_MOST_DIGITS = 38

Kind = Literal["integer", "double", "float", "decimal", "date", "string", "nothing"]
"""What can be read. `nothing` is a column of nulls alone."""
KINDS: tuple[Kind, ...] = get_args(Kind)

# Numbers of fields in the structs of a footer.
_VERSION, _SCHEMA, _ROWS, _GROUPS = 1, 2, 3, 4
_TYPE, _REPETITION, _NAME, _BELOW, _CONVERTED, _SCALE, _PRECISION, _LOGICAL = (
    *(1, 3, 4, 5),
    *(6, 7, 8, 10),
)
_CHUNKS, _GROUP_BYTES, _GROUP_ROWS = 1, 2, 3
_FILE, _CHUNK_START, _META = 1, 2, 3
_UNCOMPRESSED, _COMPRESSED, _DATA, _DICTIONARY = 6, 7, 9, 11
_KEPT_OF_META = frozenset({1, 2, 3, 4, 5, _UNCOMPRESSED, _COMPRESSED})
"""What a chunk must say of itself. Statistics are left out: nothing may depend on them."""

_REPEATED = 2
_PHYSICAL = dict(
    enumerate(("boolean", "integer", "integer", "timestamp", "float", "double", "binary", "binary"))
)
_BY_CONVERTED = {
    0: "string", 4: "binary", 5: "decimal", 6: "date", 7: "time", 8: "time", 9: "timestamp",
    10: "timestamp", 19: "binary", 20: "binary", 21: "interval",
}  # fmt: skip
_BY_LOGICAL = {
    1: "string", 4: "binary", 5: "decimal", 6: "date", 7: "time", 8: "timestamp", 10: "integer",
    11: "nothing", 12: "binary", 13: "binary", 14: "binary", 15: "half precision",
}  # fmt: skip


class ColumnOfFile(NamedTuple):
    """A column of a Parquet object."""

    name: str
    kind: str
    """One of KINDS, or what cannot be read."""
    scale: int
    """The decimals of a decimal number."""
    leaf: int
    """The place of its chunk in a row group."""
    element: Struct
    """Its part of the schema."""


class Group(NamedTuple):
    """A row group."""

    start: int
    """Where it starts in the object."""
    first: int
    """The number of its first row in the object."""
    rows: int
    chunks: Sequence[Struct]


Part = tuple[Group, Iterable[bytes]]
"""A row group with the bytes of some of its columns."""


@dataclass(frozen=True)
class Footer:
    """The footer of an object."""

    name: str
    size: int
    _tree: Struct

    @cached_property
    def columns(self) -> tuple[ColumnOfFile, ...]:
        """The columns, in the order of the object; one with columns inside counts as one."""
        return tuple(_columns(_values(self._tree, _SCHEMA)))

    @cached_property
    def rows(self) -> int:
        """The number of rows."""
        return _whole(self._tree, _ROWS)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The row groups, in the order of their rows.

        Raises:
            InputRefusedError: they are not those of an object of this size.
        """
        found, first = list[Group](), 0
        try:
            for group in _values(self._tree, _GROUPS):
                chunks, rows = _values(group, _CHUNKS), _whole(group, _GROUP_ROWS)
                spans = [self._span(chunk) for chunk in chunks]
                if rows < 0 or (rows and not spans):
                    raise DamagedError("a row group has no columns")
                found.append(Group(min(spans)[0] if spans else 0, first, rows, chunks))
                first += rows
            if first != self.rows:
                raise DamagedError("row groups have other rows than the whole")
        except DamagedError as error:
            raise damaged(error) from error
        return tuple(found)

    def _span(self, chunk: Struct) -> tuple[int, int]:
        """Return the start and the end of a chunk."""
        if _FILE in chunk:
            raise DamagedError("its rows are in another file")
        meta = _struct(chunk, _META)
        start = _whole(meta, _DATA)
        if _DICTIONARY in meta and 0 < _whole(meta, _DICTIONARY) < start:
            start = _whole(meta, _DICTIONARY)
        end = start + _whole(meta, _COMPRESSED)
        if not len(MAGIC) <= start <= end <= self.size:
            raise DamagedError("a column is outside of it")
        return start, end

    def span(self, group: Group, column: ColumnOfFile) -> tuple[int, int]:
        """Return where a column of a row group starts and ends in the object."""
        try:
            return self._span(group.chunks[column.leaf])
        except IndexError as error:
            raise damaged("a row group lacks a column") from error

    def size_of(self, group: Group, column: ColumnOfFile) -> int:
        """Return the bytes of a column of a row group once decompressed, as the footer has it."""
        try:
            return _whole(_struct(group.chunks[column.leaf], _META), _UNCOMPRESSED)
        except DamagedError as error:
            raise damaged(error) from error

    def alone(self, columns: Sequence[tuple[ColumnOfFile, str]], groups: Iterable[Part]) -> bytes:
        """Return an object that holds some columns of row groups alone, under other names.

        Types are those of Parquet: what a writer notes of its own types next to them is left out.

        Args:
            columns: the columns, with their new names.
            groups: the row groups, each with the bytes of these columns.
        """
        out, row_groups, rows = bytearray(MAGIC), list[Struct](), 0
        for group, data in groups:
            chunks, start = list[Struct](), len(out)
            for (column, name), chunk in zip(columns, data, strict=True):
                chunks.append(_moved(group.chunks[column.leaf], len(out), name))
                out += chunk
            row_groups.append(
                {
                    _CHUNKS: Field(LIST, Values(STRUCT, chunks)),
                    _GROUP_BYTES: Field(I64, len(out) - start),
                    _GROUP_ROWS: Field(I64, group.rows),
                }
            )
            rows += group.rows
        elements = [{_NAME: Field(BINARY, b"root"), _BELOW: Field(I32, len(columns))}]
        elements += [{**_typed(it), _NAME: Field(BINARY, name.encode())} for it, name in columns]
        footer = written(
            {
                _VERSION: Field(I32, 2),
                _SCHEMA: Field(LIST, Values(STRUCT, elements)),
                _ROWS: Field(I64, rows),
                _GROUPS: Field(LIST, Values(STRUCT, row_groups)),
            }
        )
        out += footer + len(footer).to_bytes(4, "little") + MAGIC
        return bytes(out)


def _typed(column: ColumnOfFile) -> Struct:
    """Return the part of a schema about a column; one of nulls alone as whole numbers."""
    left_out = _LOGICAL if column.kind == "nothing" else None
    return {number: it for number, it in column.element.items() if number != left_out}


def _moved(chunk: Struct, start: int, name: str) -> Struct:
    """Return the part of a footer about a chunk that now starts elsewhere, and is called so."""
    meta = _struct(chunk, _META)
    moved = {number: meta[number] for number in _KEPT_OF_META if number in meta}
    moved[3] = Field(LIST, Values(BINARY, [name.encode()]))
    before = _whole(meta, _DATA)
    if _DICTIONARY in meta and 0 < _whole(meta, _DICTIONARY) < before:
        moved[_DICTIONARY] = Field(I64, start)
        moved[_DATA] = Field(I64, start + before - _whole(meta, _DICTIONARY))
    else:
        moved[_DATA] = Field(I64, start)
    return {_CHUNK_START: Field(I64, start), _META: Field(STRUCT, moved)}


def read_footer(store: Store, ref: ObjectRef, *, schema_alone: bool = False) -> Footer:
    """Read the footer of an object.

    Args:
        store: the bucket.
        ref: the object.
        schema_alone: leave out the row groups.

    Raises:
        InputRefusedError: the object is no Parquet, is encrypted, cut off or damaged.
    """
    tail = store.read_range(ref, max(0, ref.size - _TAIL_BYTES), ref.size)
    if tail[-4:] == _ENCRYPTED:
        raise InputRefusedError(f"{ref.key} is encrypted Parquet: write it without encryption")
    if tail[-4:] != MAGIC or ref.size < 12:
        raise InputRefusedError(_no_parquet(ref.key, store.read_range(ref, 0, _TAIL_BYTES)))
    length = int.from_bytes(tail[-8:-4], "little")
    start = ref.size - 8 - length
    if start < len(MAGIC):
        raise damaged("its footer is longer than itself", ref.key)
    if length > _FOOTER_LIMIT:
        raise InputRefusedError(
            f"{ref.key} has a footer of {length:,} bytes, over {_FOOTER_LIMIT:,}: write it with "
            f"fewer columns, or with larger row groups"
        )
    data = tail[-8 - length : -8]
    if length + 8 > len(tail):
        if schema_alone and length > _SCHEMA_BYTES:
            with suppress(DamagedError):
                return _parsed(ref, store.read_range(ref, start, start + _SCHEMA_BYTES), _TO_ROWS)
        data = store.read_range(ref, start, ref.size - 8)
    try:
        return _parsed(ref, data, _TO_ROWS if schema_alone else frozenset())
    except DamagedError as error:
        raise damaged(error, ref.key) from error


_TO_ROWS = frozenset({_SCHEMA, _ROWS})


def _parsed(ref: ObjectRef, data: bytes, until: frozenset[int]) -> Footer:
    """Return the footer that bytes start with, up to all of some fields."""
    footer = Footer(ref.key, ref.size, Reader(data).struct(until))
    if footer.rows < 0 or not footer.columns:
        raise DamagedError("it has no columns")
    return footer


def damaged(what: object, name: str = "it") -> InputRefusedError:
    """Return the error of a damaged object, which may be called by its name."""
    return InputRefusedError(f"{name} is a damaged Parquet file: {what}")


def _no_parquet(name: str, head: bytes) -> str:
    if head.startswith(MAGIC):
        return f"{name} is cut off: it starts as Parquet, and does not end so; get the whole file"
    kind = other_kind(name, head) or ("compressed by gzip" if head[:2] == b"\x1f\x8b" else "")
    looks = f": it looks like {kind}" if kind else ""
    return (
        f"{name} is not a Parquet file{looks}; a contract with `source.format: csv` reads CSV "
        f"files, and one contract reads files of one format: keep the others in another folder"
    )


def _columns(elements: list[Struct]) -> Iterator[ColumnOfFile]:
    """Yield the top level of a schema, which is written as its tree is walked."""
    if not elements:
        raise DamagedError("it has no schema")
    place, leaf = 1, 0
    for _ in range(_whole(elements[0], _BELOW, 0)):
        if place >= len(elements):
            raise DamagedError("its schema ends too early")
        element = elements[place]
        name = _text(element, _NAME)
        kind, scale = _kind(element)
        yield ColumnOfFile(name, kind, scale, leaf, element)
        waiting = 1
        while waiting:
            if place >= len(elements):
                raise DamagedError("its schema ends too early")
            below = _whole(elements[place], _BELOW, 0)
            leaf += not below
            waiting += below - 1
            place += 1


def _kind(element: Struct) -> tuple[str, int]:
    """Return the kind of a column, and its decimals."""
    if _whole(element, _BELOW, 0) or _whole(element, _REPETITION, 0) == _REPEATED:
        return "nested", 0
    kind = _PHYSICAL.get(_whole(element, _TYPE, -1), "unknown")
    scale, digits = _whole(element, _SCALE, 0), _whole(element, _PRECISION, 0)
    if _LOGICAL in element:
        logical = _struct(element, _LOGICAL)
        number = next(iter(logical), 0)
        kind = _BY_LOGICAL.get(number, "unknown")
        if kind == "decimal":
            decimal = _struct(logical, number)
            scale, digits = _whole(decimal, 1), _whole(decimal, 2)
    elif _CONVERTED in element:
        kind = _BY_CONVERTED.get(_whole(element, _CONVERTED), kind)
    if kind == "decimal" and not 0 <= scale <= digits <= _MOST_DIGITS:
        return f"decimal of more than {_MOST_DIGITS} digits", 0
    return kind, scale


def _field(fields: Struct, number: int, default: Any) -> Any:
    return fields[number].value if number in fields else default


def _whole(fields: Struct, number: int, default: int | None = None) -> int:
    value = _field(fields, number, default)
    if not isinstance(value, int):
        raise DamagedError("a number is missing")
    return value


def _text(fields: Struct, number: int) -> str:
    value = _field(fields, number, b"")
    if not isinstance(value, bytes):
        raise DamagedError("a name is missing")
    return value.decode(errors="replace")


def _struct(fields: Struct, number: int) -> Struct:
    value = _field(fields, number, None)
    if not isinstance(value, dict):
        raise DamagedError("a part is missing")
    return value


def _values(fields: Struct, number: int) -> list[Struct]:
    value = _field(fields, number, None)
    if not isinstance(value, Values) or (value.values and value.type != STRUCT):
        raise DamagedError("a list is missing")
    return value.values
