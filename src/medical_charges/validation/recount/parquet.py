"""The rows of Parquet as texts, read by Arrow and without code of the kernel.

Each value becomes the text that it would be in a CSV: that of Python for numbers, a day as the
contract writes days. So the same rules judge it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from medical_charges.contract import Column, Contract
from medical_charges.contract.parts.source import DateColumn, Source
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import PIECE_BYTES, Piece
from medical_charges.validation.recount.texts import columns_of

_ROWS_AT_ONCE = 1 << 16
_VALUE_BYTES = 8
_FIRST_DAY, _DAYS = date(1970, 1, 1).toordinal(), range(date(1000, 1, 1).toordinal(), 3_652_060)
"""The days from the year 1000 to 9999: others are no days."""


class _Ranged(io.RawIOBase):
    """An object as a file that can be read anywhere."""

    def __init__(self, store: Store, ref: ObjectRef) -> None:
        super().__init__()
        self._store, self._ref, self._at = store, ref, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._ref.size}
        self._at = starts[whence] + offset
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = self._ref.size if size is None or size < 0 else min(self._at + size, self._ref.size)
        data = self._store.read_range(self._ref, self._at, end) if self._at < end else b""
        self._at += len(data)
        return data


def _opened(store: Store, ref: ObjectRef) -> pq.ParquetFile:
    return pq.ParquetFile(_Ranged(store, ref), arrow_extensions_enabled=False)


def parquet_pieces(store: Store, identity: str, ref: ObjectRef, source: Source) -> list[Piece]:
    """Return the pieces of an object: neighboring row groups, each about PIECE_BYTES together."""
    meta = (file := _opened(store, ref)).metadata
    header = tuple(name.strip() for name in file.schema_arrow.names)
    found: list[Piece] = []
    for place in range(meta.num_row_groups):
        group = meta.row_group(place)
        values = group.num_rows * len(source.columns) * _VALUE_BYTES
        size = max(group.total_byte_size, values)
        last = found[-1] if found else None
        if last is not None and (last.end or 0) - last.start + size <= PIECE_BYTES:
            found.pop()
            end = (last.end or 0) + size
            found.append(Piece(identity, ref, header, 0, True, end, groups=(*last.groups, place)))
        else:
            found.append(Piece(identity, ref, header, 0, True, size, groups=(place,)))
    return found


class Batch:
    """Rows as columns of texts, by the places of the columns in the object."""

    def __init__(self, columns: Mapping[int, pa.Array]) -> None:
        self.columns = columns

    def records(self) -> list[str]:
        """Return the rows as records of a CSV, in the order of the columns."""
        texts = (self.columns[place].to_pylist() for place in sorted(self.columns))
        return [_record(fields) for fields in zip(*texts, strict=True)]


def batches(store: Store, piece: Piece, contract: Contract) -> Iterator[Batch]:
    """Yield the rows of a piece."""
    file, source = _opened(store, piece.ref), contract.source
    names = file.schema_arrow.names
    called = columns_of(piece.header, source)
    read = {names[called.index(name)]: name for name in source.columns}
    for batch in file.iter_batches(
        _ROWS_AT_ONCE, row_groups=[*piece.groups], columns=[*read], use_threads=False
    ):
        yield Batch(
            {
                called.index(name): _texts(
                    batch.column(field), source.columns[name], repeats=name != contract.measure
                )
                for field, name in read.items()
            }
        )


def _record(fields: Sequence[str]) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\r\n").writerow(fields)
    return line.getvalue().removesuffix("\r\n")


def _texts(values: pa.Array, column: Column, *, repeats: bool) -> pa.Array:
    """Return a column as texts; those that repeat as distinct ones with their places."""
    if isinstance(values, pa.ExtensionArray):
        # Arrow reads back types of its own that were noted next to Parquet's.
        values = values.storage
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not repeats:
        return pa.array(_written(values, column), pa.string())
    coded = pc.dictionary_encode(values, null_encoding="encode")
    distinct = pa.array(_written(coded.dictionary, column), pa.string())
    return pa.DictionaryArray.from_arrays(coded.indices, distinct)


def _written(values: pa.Array, column: Column) -> list[str]:
    """Return values as texts; nothing is an empty one."""
    kind = values.type
    if pa.types.is_date(kind):
        form = column.format if isinstance(column, DateColumn) else "%Y-%m-%d"
        numbers = values.cast(pa.date32()).cast(pa.int32()).to_pylist()
        return ["" if number is None else _day(number, form) for number in numbers]
    if pa.types.is_float32(kind):
        singles = zip(values.to_numpy(zero_copy_only=False), values.is_valid(), strict=True)
        return [repr(float(str(number))) if valid.as_py() else "" for number, valid in singles]
    found = (values.cast(pa.int64()) if pa.types.is_duration(kind) else values).to_pylist()
    if pa.types.is_decimal(kind):
        return ["" if number is None else f"{number:f}" for number in found]
    if pa.types.is_float64(kind):
        return ["" if number is None else repr(number) for number in found]
    if any(is_kind(kind) for is_kind in _AS_THEY_ARE):
        return ["" if value is None else str(value) for value in found]
    raise TypeError(f"columns of the type {kind} are not read")


_AS_THEY_ARE = (
    pa.types.is_integer, pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view,
    pa.types.is_null, pa.types.is_duration,
)  # fmt: skip


def _day(number: int, form: str) -> str:
    ordinal = _FIRST_DAY + number
    return f"{date.fromordinal(ordinal):{form}}" if ordinal in _DAYS else f"day {number}"
