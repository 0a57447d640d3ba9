"""The rows of a Parquet object as frames, some row groups at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice
from typing import Self

import polars as pl

from medical_charges.contract import Contract
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.parquet.footer import (
    ColumnOfFile,
    Footer,
    Group,
    damaged,
    read_footer,
)
from medical_charges.kernel.parquet.header import columns_of
from medical_charges.storage import ObjectRef, Store

ROWS_AT_ONCE = 1 << 20
"""Number of rows that are in memory at once as values."""

_TOGETHER_BYTES = 8 * 1024 * 1024
"""Small row groups are read together up to this size."""

_GROUP_BYTES = 256 * 1024 * 1024
"""Maximum size of the contract's columns of a row group, compressed or not: it is in memory twice
while it is put together, next to the values of ROWS_AT_ONCE."""

_GAP_BYTES = 1024 * 1024
"""Bytes between columns that are read as well, as a further request takes longer."""

Columns = Sequence[tuple[ColumnOfFile, str]]
Span = tuple[int, int]


class ParquetReader:
    """Reads the rows of an object.

    Raises:
        InputRefusedError: the object is damaged, or a row group is too large.
    """

    def __init__(self, store: Store, ref: ObjectRef, footer: Footer, columns: Columns) -> None:
        self._store, self._ref = store, ref
        self._footer, self._columns = footer, columns

    @classmethod
    def by(cls, contract: Contract, store: Store, ref: ObjectRef) -> Self:
        """Return a reader of a contract's columns, under its names for them."""
        try:
            footer = read_footer(store, ref)
            return cls(store, ref, footer, columns_of(footer, contract)[0])
        except InputRefusedError as error:
            # Errors of a reader are about "it", and who reads says the name.
            raise InputRefusedError(str(error).replace(ref.key, "it", 1)) from error

    def frames(self, start: int, end: int) -> Iterator[tuple[int, pl.DataFrame]]:
        """Yield the rows of the row groups that start in a range, with the number of the first.

        Columns have the contract's names.
        """
        groups = [it for it in self._footer.groups if it.rows and start <= it.start < end]
        for some in self._together(groups):
            yield from self._frames_of(some)

    def first_rows(self, rows: int, names: Collection[str]) -> pl.DataFrame:
        """Return some columns of the first rows, of as many row groups as hold these."""
        columns = [(column, name) for column, name in self._columns if name in names]
        found, left = list[pl.DataFrame](), rows if columns else 0
        groups = self._together(group for group in self._footer.groups if group.rows)
        while left and (some := next(groups, None)) is not None:
            taken = min(left, sum(group.rows for group in some))
            found.append(_frame(self._alone(some, columns), 0, taken))
            left -= taken
        return pl.concat(found) if found else pl.DataFrame(schema=dict.fromkeys(names, pl.String))

    def samples(self, places: int, rows: int) -> list[pl.DataFrame]:
        """Return rows from the starts of up to so many row groups, from the first to the last."""
        columns = self._columns
        groups = [group for group in self._footer.groups if group.rows]
        last, wanted = len(groups) - 1, min(places, len(groups))
        chosen = {i * last // max(1, wanted - 1) for i in range(wanted)}
        return [
            _frame(self._alone([groups[i]], columns), 0, min(rows, groups[i].rows))
            for i in sorted(chosen)
            if self._size(groups[i])
        ]

    def _together(self, groups: Iterable[Group]) -> Iterator[list[Group]]:
        """Yield row groups that follow each other and are small together, or one."""
        some, size = list[Group](), 0
        for group in groups:
            more = self._size(group)
            follows = some and some[-1].first + some[-1].rows == group.first
            if some and (size + more > _TOGETHER_BYTES or not follows):
                yield some
                some, size = [], 0
            some.append(group)
            size += more
        if some:
            yield some

    def _size(self, group: Group) -> int:
        """Return the size of the contract's columns of a row group, and refuse one too large."""
        columns = [column for column, _ in self._columns]
        spans = (self._footer.span(group, column) for column in columns)
        size = sum(end - start for start, end in spans)
        size = max(size, sum(self._footer.size_of(group, column) for column in columns))
        if size > _GROUP_BYTES:
            raise InputRefusedError(
                f"it has a row group of {group.rows:,} rows, whose columns that are read take "
                f"{size:,} bytes, over {_GROUP_BYTES:,}: write it with smaller row groups"
            )
        return size

    def _frames_of(self, groups: Sequence[Group]) -> Iterator[tuple[int, pl.DataFrame]]:
        alone = self._alone(groups, self._columns)
        rows = sum(group.rows for group in groups)
        for place in range(0, rows, ROWS_AT_ONCE):
            yield groups[0].first + place, _frame(alone, place, min(ROWS_AT_ONCE, rows - place))

    def _alone(self, groups: Sequence[Group], columns: Columns) -> bytes:
        """Return an object of some columns of row groups."""
        spans = [self._footer.span(group, column) for group in groups for column, _ in columns]
        read = _read(self._store, self._ref, spans)
        # One column after another, as a copy of each is in memory twice.
        return self._footer.alone(columns, ((it, islice(read, len(columns))) for it in groups))


def _frame(data: bytes, place: int, rows: int) -> pl.DataFrame:
    """Return rows of an object. What is wrong in a damaged one may also end in a panic."""
    try:
        found = pl.scan_parquet(data).slice(place, rows).collect()
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise damaged("a column cannot be read") from error
    if found.height != rows:
        raise damaged("a column has fewer rows than it should")
    return found


def _read(store: Store, ref: ObjectRef, spans: Sequence[Span]) -> Iterator[bytes]:
    """Yield parts of an object; those next to each other are read at once."""
    blocks: list[list[int]] = []
    for start, end in sorted(spans):
        if blocks and start - blocks[-1][1] <= _GAP_BYTES:
            blocks[-1][1] = max(end, blocks[-1][1])
        else:
            blocks.append([start, end])
    starts = [low for low, _ in blocks]
    data = [store.read_range(ref, low, high) for low, high in blocks]
    for start, end in spans:
        place = bisect_right(starts, start) - 1
        yield data[place][start - starts[place] : end - starts[place]]
