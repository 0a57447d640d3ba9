"""A block of lines to a cube: Polars' streaming engine first, the row validator for the rest.

The scan optimistically parses a block with the contract's types and sums the rows that keep every
rule. If that accounts for all lines of the block, nothing else is done. Otherwise the lines that
the scan cannot decide are validated one by one, and only those cost more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from operator import and_
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from medical_charges.aggregates.buckets import PLACES, places, rounded
from medical_charges.aggregates.cube import (
    Cells,
    Cube,
    GroupingSet,
    Sums,
    check_size,
    merge_cubes,
    people,
)
from medical_charges.contract import Contract
from medical_charges.contract.model import BUCKET, EXACT_LIMIT, MEASURE_LIMIT
from medical_charges.contract.naming import FOUND_IN_VALUES, not_a_label
from medical_charges.contract.parts.source import IntegerColumn, StringColumn
from medical_charges.errors import InputRefusedError
from medical_charges.kernel.columns import (
    Few,
    between,
    dtype_of,
    empty_flag,
    few,
    in_plain_words,
    kept,
    may_be_empty,
    packed,
    plain_field,
)
from medical_charges.kernel.dialect import STAND_IN, Translator
from medical_charges.kernel.header import Header
from medical_charges.kernel.lines import (
    COMMA,
    NEWLINE,
    QUOTE,
    RECORD_LIMIT,
    RETURN,
    Integers,
    Lines,
    count,
    record_ends,
    too_long,
    unquoted,
)
from medical_charges.kernel.row_validator import (
    SCALED,
    FieldValue,
    Rejection,
    RowValidator,
)

_SQUARES_LIMIT = 2**127
_QUOTED_PLAIN_FIELD = re.compile(rb'(?<![^,\n])"([^",\r\n]*)"(?![^,\r\n])')
_QUOTED_FIELD = re.compile(rb'(?<![^,\n])"([^"\r\n]*)"(?![^,\r\n])')
_PIECE_BYTES = 4 * 1024 * 1024
_PIECE_LINES = 1 << 17
_WIDE = 256
"""Number of fields beyond which a block is never parsed as a whole, as each takes memory."""
_VALIDATED_AT_ONCE = 1 << 14
"""Number of lines that are validated, and may be rejected, before they are passed on. So many
squares of MEASURE_LIMIT fit into 128 bits."""
# A contract's columns never start with a space, so these names cannot clash with them.
_ROW, _IGNORED, _GROUP = " row", " ignored ", " group"
_SUMS = (" n", " total", " squares", " minimum", " maximum")
_N, _TOTAL, _SQUARES, _MINIMUM, _MAXIMUM = _SUMS
# At the start of a text Polars skips a byte-order mark, and decompresses what looks like gzip,
# Zstandard or zlib. Inside an object these are bytes of a line like any other.
_READ_OTHERWISE = (
    *(b"\xef\xbb\xbf", b"\x1f\x8b", b"\x28\xb5\x2f\xfd"),
    *(b"x\x01", b"x\x5e", b"x\x9c", b"x\xda"),
)


@dataclass(frozen=True, slots=True)
class RejectedLine:
    """A rejected line as it was read, with the reason.

    Its offset is in bytes; that of a row of Parquet is the row's number.
    """

    offset: int
    line: bytes
    rejection: Rejection


@dataclass
class Scanned:
    """The cube and the rejected lines of some lines."""

    cube: Cube = field(default_factory=dict)
    rows: int = 0
    """Number of non-empty lines after the header."""
    rejected: list[RejectedLine] = field(default_factory=list)


class Aggregated(NamedTuple):
    """What is counted and summed of some rows."""

    sums: pl.DataFrame
    """Exact sums of every combination of the grouping columns."""
    counts: dict[GroupingSet, pl.DataFrame]
    """People by the grouping sets that have the buckets of the measure."""

    @property
    def rows(self) -> int:
        """Number of rows."""
        return int(self.sums.get_column(_N).sum())

    @classmethod
    def together(cls, parts: Sequence[Aggregated]) -> Self:
        """Return what was counted and summed of all rows of parts."""
        counts = {
            names: pl.concat(part.counts[names] for part in parts) for names in parts[0].counts
        }
        return cls(
            # Groups may stand there several times: they are summed where they are rolled up.
            pl.concat(part.sums for part in parts),
            {names: it.group_by(names).agg(pl.col(_N).sum()) for names, it in counts.items()},
        )


class Scanner:
    """Scans blocks of objects that have the same header."""

    def __init__(self, contract: Contract, header: Header) -> None:
        self._contract = contract
        self._translator = Translator(contract.source)
        self._columns = {
            name: in_plain_words(column, self._translator)
            for name, column in contract.source.columns.items()
        }
        self._measure = contract.measure
        whole = isinstance(self._columns[self._measure], IntegerColumn)
        self._limit = MEASURE_LIMIT if whole else EXACT_LIMIT
        self._grouping_sets, self._keys = contract.grouping_sets, contract.grouping_columns
        self._bucketed_sets = contract.bucketed_sets
        # The band follows from the column's group if the column itself is grouped by too.
        self._late_bands = [
            name
            for name in self._keys
            if name in contract.bands and contract.bands[name].column in self._keys
        ]
        self._validator = RowValidator(contract, header)
        self._width = len(header.columns)
        self._names = [name or f"{_IGNORED}{i}" for i, name in enumerate(header.columns)]
        last = header.columns[-1]
        # Missing fields are parsed as null; only a required last column reveals them.
        self._must_count_commas = last is None or may_be_empty(self._columns[last])
        # Fields that are not read as they stand.
        self._fields = {
            name: field.alias(name)
            for name, column in self._columns.items()
            if (field := plain_field(name, column, self._translator)) is not None
        }
        self._kept = reduce(and_, (kept(n, c) for n, c in self._columns.items())) & between(
            self._scaled(), None, None, -self._limit, self._limit
        )

    def scan(self, block: bytes, offset: int = 0) -> Iterator[Scanned]:
        """Scan whole lines, the first of which is at `offset` in its object, part by part.

        However many lines are rejected, a part holds few of them.

        Raises:
            InputRefusedError: a group's value would need quotes, or there are too many groups.
        """
        if not block:
            return
        if not block.endswith(b"\n"):
            block += b"\n"
        block = self._translator.plain(block)
        at_once = b'"' not in block and self._width <= _WIDE
        if at_once and (scanned := self._scan_hopefully(block)) is not None:
            yield scanned
            return
        # In pieces, so that an undecided line slows down its own piece only.
        size = _PIECE_BYTES if self._width <= _WIDE else _PIECE_BYTES // 4
        for start, piece in self._pieces(block, offset, size):
            if (scanned := self._scan_hopefully(piece)) is not None:
                yield scanned
            else:
                yield from self._scan_carefully(piece, offset + start)

    def _pieces(self, block: bytes, offset: int, bytes_: int) -> Iterator[tuple[int, bytes]]:
        """Cut a block into pieces of some bytes, and of so many lines at most.

        Each piece ends with a line, which may make it longer.

        Raises:
            InputRefusedError: a line is longer than RECORD_LIMIT.
        """
        start, size = 0, bytes_
        while start < len(block):
            piece = block[start : start + size]
            cuts = _cuts(piece, multiline=self._contract.source.multiline)
            if start + size >= len(block) and len(piece) <= RECORD_LIMIT:
                cuts = [*cuts, len(piece)]
            if not cuts and size > RECORD_LIMIT:
                raise too_long(offset + start)
            for low, high in pairwise([0, *cuts]):
                if low < high:
                    yield start + low, piece[low:high]
            start += cuts[-1] if cuts else 0
            size = bytes_ if cuts else 2 * size

    def _scan_hopefully(self, block: bytes) -> Scanned | None:
        """Return the cube of a block in which every line keeps every rule, or None."""
        if any(byte in block for byte in self._translator.doubtful):
            return None
        block = self._translator.without_comments(block)
        if not self._contract.source.multiline:
            block = unquoted(block, STAND_IN if self._translator.uses_stand_in else b"")
        # Polars accepts line ends with or without a carriage return.
        returns = block.count(b"\r") if b"\r" in block else 0
        if b'"' in block or (returns and returns != block.count(b"\r\n")):
            return None
        lines = count(block, NEWLINE)
        if self._must_count_commas and count(block, COMMA) != lines * (self._width - 1):
            return None
        cube, rows = self._sum(block, strict=True)
        return Scanned(cube, lines) if rows == lines else None

    def _scan_carefully(self, block: bytes, offset: int) -> Iterator[Scanned]:
        """Scan the lines that look right, and validate the others one by one."""
        lines = (Lines.records_of if self._contract.source.multiline else Lines.of)(block)
        translator = self._translator
        rows = ~lines.no_rows(translator.comment, skip_blank=translator.skips_blank_rows)
        whole = rows & (lines.counts(RETURN) == lines.crlf) & (lines.counts(NEWLINE) == 1)
        for byte in translator.doubtful:
            whole &= lines.counts(byte) == 0
        text = lines.select(whole)
        if b'"' in text:
            text = self._unquoted_fields(text)
        candidates = Lines.of(text)
        plain = (candidates.counts(COMMA) == self._width - 1) & (candidates.counts(QUOTE) == 0)
        sure = np.flatnonzero(whole)[plain]
        cube, doubtful = self._sum_what_is_sure(candidates.select(plain), len(sure))
        doubtful_lines = rows
        doubtful_lines[sure] = False
        doubtful_lines[sure[doubtful]] = True
        yield Scanned(cube, len(sure) - len(doubtful))
        places = np.flatnonzero(doubtful_lines)
        for start in range(0, len(places), _VALIDATED_AT_ONCE):
            yield self._validate(lines, places[start : start + _VALIDATED_AT_ONCE], offset)

    def _validate(self, lines: Lines, places: Integers, offset: int) -> Scanned:
        """Validate some lines of a block one by one; `offset` is that of the block."""
        accepted: list[dict[str, FieldValue]] = []
        rejected: list[RejectedLine] = []
        for place in places.tolist():
            line = self._translator.original(lines.line(place))
            verdict = self._validator.validate(line)
            if isinstance(verdict, Rejection):
                rejected.append(RejectedLine(offset + int(lines.starts[place]), line, verdict))
            else:
                accepted.append(self._in_plain_words(verdict))
        return Scanned(self._sum_validated(accepted), len(places), rejected)

    def _unquoted_fields(self, text: bytes) -> bytes:
        """Remove the quotes of fields that do not need them, line by line."""
        if not self._translator.uses_stand_in:
            return _QUOTED_PLAIN_FIELD.sub(rb"\1", text)
        return _QUOTED_FIELD.sub(lambda field: field[1].replace(b",", STAND_IN), text)

    def _sum_what_is_sure(self, text: bytes, lines: int) -> tuple[Cube, Integers]:
        """Return the cube of the rows that keep every rule, and the indices of all other lines."""
        cube, rows = self._sum(text, strict=False)
        if rows == lines:
            return cube, np.empty(0, np.int64)
        try:
            parsed = self._parse(text, strict=False).with_row_index(_ROW)
            frame = parsed.filter(~self._kept).select(_ROW).collect(engine="streaming")
        except pl.exceptions.PolarsError:
            frame = pl.DataFrame({_ROW: []})
        doubtful = frame.get_column(_ROW).cast(pl.Int64).sort().to_numpy()
        if rows + len(doubtful) != lines:
            return {}, np.arange(lines)
        return cube, doubtful

    def _sum(self, text: bytes, *, strict: bool) -> tuple[Cube, int]:
        """Return the cube of the rows that keep every rule, and their number.

        If Polars cannot parse the text, the cube is empty and the number zero: then all lines need
        validation.
        """
        if not text:
            return {}, 0
        try:
            found = self._aggregate(self._parse(text, strict=strict).filter(self._kept))
        except pl.exceptions.PolarsError:
            return {}, 0
        if fits(found.sums):
            return self._roll_up(found), found.rows
        middle = text.index(b"\n", len(text) // 2 - 1) + 1
        if middle == len(text):
            middle = text.rindex(b"\n", 0, -1) + 1
        halves = [self._sum(half, strict=strict) for half in (text[:middle], text[middle:])]
        return merge_cubes(cube for cube, _ in halves), sum(rows for _, rows in halves)

    def _in_plain_words(self, row: dict[str, FieldValue]) -> dict[str, FieldValue]:
        """Return a row with its texts as they are in a plain block."""
        plain = self._translator.plain_text
        return {name: plain(v) if isinstance(v, str) else v for name, v in row.items()}

    def _sum_validated(self, rows: list[dict[str, FieldValue]]) -> Cube:
        if not rows:
            return {}
        schema: dict[str, pl.DataType] = {
            name: dtype_of(column) for name, column in self._columns.items()
        }
        schema[SCALED] = pl.Int64()
        return self._roll_up(self._aggregate(pl.LazyFrame(rows, schema=schema)))

    def _parse(self, text: bytes, *, strict: bool) -> pl.LazyFrame:
        """Return the text as a frame of the contract's types; fields that do not parse are null.

        If `strict`, a text that is none of a column's allowed ones fails the whole scan, which
        is faster than looking at it.

        Raises:
            PolarsError: Polars would take the text for something else.
        """
        text = self._translator.recoded(text)
        if text.startswith(_READ_OTHERWISE):
            raise pl.exceptions.ComputeError("not plain text at its start")
        as_text = {
            name: column
            for name, column in self._columns.items()
            if column.nullable
            or name in self._fields
            or (not strict and isinstance(column, StringColumn))
        }
        schema = {
            name: pl.String
            if name in as_text or name not in self._columns
            else dtype_of(self._columns[name])
            for name in self._names
        }
        frame = pl.scan_csv(
            text, has_header=False, schema=schema, quote_char=None, ignore_errors=True
        )
        if self._fields:
            frame = frame.with_columns(self._fields.values())
        return frame.with_columns(
            *(pl.col(n).cast(dtype_of(c), strict=False) for n, c in as_text.items()),
            *(pl.col(n).is_null().alias(empty_flag(n)) for n, c in as_text.items() if c.nullable),
        )

    def _scaled(self) -> pl.Expr:
        measure, column = pl.col(self._measure), self._columns[self._measure]
        return (
            measure
            if isinstance(column, IntegerColumn)
            else measure * 10.0**self._contract.decimals
        )

    def _rounded(self) -> pl.Expr:
        scaled = self._scaled()
        if isinstance(self._columns[self._measure], IntegerColumn):
            return scaled
        return scaled.round(0, mode="half_to_even").cast(pl.Int64)

    def _aggregate(self, rows: pl.LazyFrame) -> Aggregated:
        """Sum by all grouping columns together, and count people by bucket, in one pass."""
        present = set(rows.collect_schema().names())
        if SCALED not in present:
            rows = rows.with_columns(self._rounded().alias(SCALED))
        late = self._late_bands
        value, wide = pl.col(SCALED), pl.col(SCALED).cast(pl.Int128)
        unread = [pl.col(name).null_count() for name in self._names if name not in self._columns]
        if self._bucketed_sets:
            rows = rows.with_columns(_bucket()).cache()
        sums = [
            pl.len().cast(pl.Int64).alias(_N),
            wide.sum().alias(_TOTAL),
            (wide * wide).sum().alias(_SQUARES),
            value.min().alias(_MINIMUM),
            value.max().alias(_MAXIMUM),
            # Polars checks the number of fields only if it reads the last of them.
            *(e for e in unread if e.meta.output_name() in present),
        ]
        summed = self._grouped(rows, [name for name in self._keys if name not in late], sums)
        counts = [self._grouped(rows, names, sums[:1]) for names in self._bucketed_sets]
        found, *counted = pl.collect_all([summed, *counts], engine="streaming")
        return Aggregated(
            found.with_columns(self._banded(name) for name in late),
            dict(zip(self._bucketed_sets, counted, strict=True)),
        )

    def _grouped(
        self, rows: pl.LazyFrame, names: Sequence[str], figures: Sequence[pl.Expr]
    ) -> pl.LazyFrame:
        """Return figures of the groups of rows by columns, bands and buckets."""
        if (one := packed([*map(self._few, names)], _GROUP)) is not None:
            groups = rows.group_by(one.number).agg(figures)
            return groups.select(*one.columns, pl.exclude(_GROUP))
        bands = self._contract.bands
        keys = [self._banded(name) if name in bands else pl.col(name) for name in names]
        return rows.group_by(keys).agg(figures)

    def _few(self, name: str) -> Few | None:
        """Express what rows are grouped by as whole numbers from zero on, if its values are few."""
        if name == BUCKET:
            return Few(name, pl.col(name) + PLACES, 2 * PLACES, -PLACES)
        if (band := self._contract.bands.get(name)) is not None:
            return Few(name, self._banded(name), len(band.labels))
        return few(name, self._columns[name])

    def _banded(self, name: str) -> pl.Expr:
        """Express a band as the position of its label."""
        band = self._contract.bands[name]
        position = pl.lit(len(band.below), pl.UInt8)
        for index, edge in reversed(list(enumerate(band.below.values()))):
            position = (
                pl.when(pl.col(band.column) < edge)
                .then(pl.lit(index, pl.UInt8))
                .otherwise(position)
            )
        return position.alias(name)

    def _roll_up(self, found: Aggregated) -> Cube:
        """Roll up combinations of all grouping columns to the contract's grouping sets."""
        cube: Cube = {}
        for grouping_set in self._grouping_sets:
            if grouping_set in found.counts:
                groups = found.counts[grouping_set]
            else:
                groups = found.sums.group_by(grouping_set).agg(
                    pl.col(_N, _TOTAL, _SQUARES).sum(),
                    pl.col(_MINIMUM).min(),
                    pl.col(_MAXIMUM).max(),
                )
            check_size(grouping_set, groups.height)
            cube[grouping_set] = self._cells(grouping_set, groups)
        return cube

    def _cells(self, grouping_set: GroupingSet, groups: pl.DataFrame) -> Cells:
        keys = zip(*(self._labeled(n, groups.get_column(n)) for n in grouping_set), strict=True)
        if BUCKET in grouping_set:
            return dict(zip(keys, map(people, groups.get_column(_N)), strict=True))
        rows = zip(keys, groups.select(_SUMS).rows(), strict=True)
        return {key: Sums(*values) for key, values in rows}

    def _labeled(self, name: str, values: pl.Series) -> list[str | int]:
        if name in self._contract.bands:
            labels = self._contract.bands[name].labels
            return [labels[position] for position in values]
        if name == BUCKET:
            return [*map(int, rounded(values.to_numpy()))]
        found: list[str | int] = [
            self._translator.original_text(value) if isinstance(value, str) else value
            for value in values
        ]
        for value in set(found):
            if isinstance(value, str) and (wanted := not_a_label(value)) is not None:
                raise InputRefusedError(
                    f"the column {name!r} holds a value with {FOUND_IN_VALUES[wanted]}; a column "
                    f"that is grouped by may not"
                )
        return found


def _bucket() -> pl.Expr:
    """Express the bucket of the measure."""

    def bucket(values: pl.Series) -> pl.Series:
        return pl.Series(places(values.to_numpy()))

    column = pl.col(SCALED).map_batches(bucket, pl.Int64, is_elementwise=True)
    return column.alias(BUCKET)


def _cuts(piece: bytes, *, multiline: bool) -> list[int]:
    """Return the offsets after every so many lines, and after the last one that is whole."""
    if not multiline and count(piece, NEWLINE) <= _PIECE_LINES:
        return [end] if (end := piece.rfind(b"\n") + 1) else []
    ends = record_ends(piece) if multiline else Lines.of(piece).ends
    return [*(ends[_PIECE_LINES - 1 :: _PIECE_LINES] + 1).tolist(), *(ends[-1:] + 1).tolist()]


def fits(frame: pl.DataFrame) -> bool:
    """Return True if no sum of squares of any union of the groups can exceed 128 bits."""
    if frame.is_empty():
        return True
    rows, least, most = frame.select(
        pl.col(_N).sum(), pl.col(_MINIMUM).min(), pl.col(_MAXIMUM).max()
    ).row(0)
    return bool(rows * max(abs(least), abs(most)) ** 2 < _SQUARES_LIMIT)
