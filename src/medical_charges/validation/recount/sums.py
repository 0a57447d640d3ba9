"""The recount: an object's sums from its records, on the driver or on Spark's workers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from medical_charges.contract import Contract
from medical_charges.contract.model import BUCKET
from medical_charges.contract.parts.analyses import Band
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import Piece, blocks, pieces
from medical_charges.validation.recount.parquet import batches, parquet_pieces
from medical_charges.validation.recount.rows import Accepted, Remembered, Rows

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER_BYTES = 32 * 1024 * 1024
"""Number of bytes up to which the driver reads; more is read by Spark's workers."""

_EXACT = pa.decimal256(19, 0)
"""Whole numbers whose squares and sums of squares are exact: a product takes 39 digits."""

_FINEST_HELD = 1 << 17
"""Maximum number of groups by all columns before they are rolled up: columns that nothing groups by
together have nearly as many groups as rows."""

Key = tuple[str | int, ...]


class Moments(NamedTuple):
    """The sums of a group of rows, with the measure as an integer of its last decimal."""

    n: int
    total: int
    squares: int
    least: int
    most: int

    def plus(self, other: Moments) -> Moments:
        """Return the sums of both groups together."""
        return Moments(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            min(self.least, other.least),
            max(self.most, other.most),
        )


Groups = dict[Key, Moments]
GroupedMoments = dict[tuple[str, ...], Groups]
"""Groups of each grouping set."""


def add_grouped(into: GroupedMoments, cells: Mapping[tuple[str, ...], Groups]) -> None:
    """Add the groups of grouping sets to others, in place."""
    for names, groups in cells.items():
        add(into.setdefault(names, {}), groups)


def add(into: Groups, groups: Mapping[Key, Moments]) -> None:
    """Add groups to others, in place."""
    for key, moments in groups.items():
        into[key] = into[key].plus(moments) if key in into else moments


@dataclass
class Recount:
    """The recount of an object, or of a piece of it."""

    rows: int = 0
    rejected: int = 0
    mark: int = 0
    """Sum of the rejected records' hashes, which does not depend on their order."""
    cells: GroupedMoments = field(default_factory=dict)
    """The groups of each of the contract's grouping sets."""

    def add(self, other: Recount) -> None:
        """Add another recount."""
        self.rows += other.rows
        self.rejected += other.rejected
        self.mark = (self.mark + other.mark) % 2**64
        add_grouped(self.cells, other.cells)


def record_hash(record: bytes) -> int:
    """Return a hash of a record as an integer."""
    return int.from_bytes(hashlib.sha256(record).digest()[:8])


def _by_column(contract: Contract) -> list[tuple[str, list[str]]]:
    grouped, bands = set(contract.grouping_columns), contract.bands
    found = [
        (
            column,
            [n for n in (column,) if n in grouped]
            + [n for n in bands if n in grouped and bands[n].column == column],
        )
        for column in contract.source.columns
    ]
    # The measure is read separately, and last.
    return sorted(found, key=lambda item: item[0] == contract.measure)


@dataclass(frozen=True)
class RecountJob:
    """Recounts pieces. It is pickled for Spark's workers."""

    store: Store
    contract: Contract

    def recount(self, piece: Piece) -> tuple[str, Recount]:
        """Recount a piece of an object."""
        found, finest = Recount(), _Finest(self.contract)
        refused: list[str] = []
        for accepted in accepted_rows(self.store, self.contract, piece, refused.append):
            found.rows += len(accepted.measure.wholes)
            finest.add(accepted)
            if finest.held > _FINEST_HELD:
                add_grouped(found.cells, finest.rolled_up())
            self._refuse(found, refused)
        self._refuse(found, refused)
        add_grouped(found.cells, finest.rolled_up())
        found.rows += found.rejected
        found.mark %= 2**64
        return piece.identity, found

    def _refuse(self, found: Recount, refused: list[str]) -> None:
        """Count rejected records, and forget them."""
        found.rejected += len(refused)
        for record in refused:
            data = record.encode(self.contract.source.encoding, "surrogateescape")
            found.mark += record_hash(data)
        refused.clear()


def accepted_rows(
    store: Store, contract: Contract, piece: Piece, refuse: Callable[[str], object]
) -> Iterator[Accepted]:
    """Yield the accepted rows of a piece; pass the records of the others to `refuse`."""
    rows = Rows(contract, piece.header)
    if contract.source.is_parquet:
        for batch in batches(store, piece, contract):
            yield rows.judged(batch, refuse)
        return
    for block in blocks(store, piece, contract.source):
        yield from rows.accepted(block, refuse)


class _Finest:
    """The groups of rows by all columns that anything groups by."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._names = [name for _, names in _by_column(contract) for name in names]
        self._groups = {name: _Groups(contract.bands.get(name)) for name in (*self._names, BUCKET)}
        self._tables: dict[tuple[str, ...], list[pa.Table]] = {}
        """By all columns, and by those of the grouping sets that have the measure's buckets."""
        self.held = 0
        """Number of groups."""

    def add(self, accepted: Accepted) -> None:
        """Add the groups of rows."""
        measure = self._contract.measure
        keys = dict[str, npt.NDArray[np.int64]]()
        for column, names in _by_column(self._contract):
            for name in names:
                if column == measure:
                    keys[name] = self._groups[name].of_numbers(accepted.measure.values)
                else:
                    distinct, places = accepted.others[column]
                    keys[name] = self._groups[name].of(distinct)[places]
        units = pc.cast(pa.array(accepted.measure.wholes), _EXACT)
        sums = {
            "n": np.ones(len(units), np.int64),
            "total": units,
            "squares": pc.multiply(units, units),
            "least": accepted.measure.wholes,
            "most": accepted.measure.wholes,
        }
        self._hold(self._names, keys, sums)
        if self._contract.bucketed_sets:
            keys[BUCKET] = self._groups[BUCKET].of_numbers(_rounded(accepted.measure.wholes))
            nothing = np.zeros(len(units), np.int64)
            people = dict.fromkeys(Moments._fields, nothing) | {"n": sums["n"]}
            for group_by in self._contract.bucketed_sets:
                self._hold(group_by, keys, people)

    def _hold(
        self, names: Sequence[str], keys: Mapping[str, object], sums: Mapping[str, object]
    ) -> None:
        table = pa.table({_key(name): keys[name] for name in names} | dict(sums))
        table = _summed(table, names)
        self._tables.setdefault(tuple(names), []).append(table)
        self.held += table.num_rows

    def rolled_up(self) -> GroupedMoments:
        """Return the groups of the contract's grouping sets, and hold none any more."""
        cells: GroupedMoments = {group_by: {} for group_by in self._contract.grouping_sets}
        if self.held:
            by = {names: pa.concat_tables(tables) for names, tables in self._tables.items()}
            finest = _summed(by[tuple(self._names)], self._names)
            for group_by, groups in cells.items():
                summed = _summed(by[group_by] if BUCKET in group_by else finest, group_by)
                keys = [self._groups[name].labels(summed[_key(name)]) for name in group_by]
                figures = [map(int, summed[name].to_pylist()) for name in Moments._fields]
                for *key, n, total, squares, least, most in zip(*keys, *figures, strict=True):
                    groups[tuple(key)] = Moments(n, total, squares, least, most)
        self._tables, self.held = {}, 0
        return cells


class _Groups:
    """The groups of a column or a band, with a number for each: numbers are grouped faster."""

    def __init__(self, band: Band | None) -> None:
        self._band = band
        self._numbers = dict[object, int]()
        self._known = Remembered[object, int](lambda value: self._number(self._label(value)))

    def of(self, values: Iterable[object]) -> npt.NDArray[np.int64]:
        """Return the numbers of values' groups."""
        return np.fromiter(map(self._known.__getitem__, values), np.int64)

    def of_numbers(self, values: npt.NDArray[np.generic]) -> npt.NDArray[np.int64]:
        """Return the numbers of the groups of numbers that seldom repeat."""
        if self._band is None:
            distinct, places = np.unique(values, return_inverse=True)
            return self.of(distinct.tolist())[places]
        labels = [*self._band.below, self._band.otherwise]
        places = np.searchsorted([*self._band.below.values()], values, side="right")
        return np.array([self._number(label) for label in labels])[places]

    def labels(self, numbers: pa.ChunkedArray) -> list[object]:
        """Return the labels of groups."""
        known = list(self._numbers)
        return [known[number] for number in numbers.to_pylist()]

    def _number(self, label: object) -> int:
        return self._numbers.setdefault(label, len(self._numbers))

    def _label(self, value: object) -> object:
        if self._band is None or not isinstance(value, int | float):
            return value
        below = self._band.below.items()
        return next((label for label, edge in below if value < edge), self._band.otherwise)


def _rounded(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return measures as medians have them: at most 0.5 % off, with three digits.

    The third is even if the first is 2 to 4, and 0 or 5 if it is 5 or more; halves go up.
    """
    sizes = np.abs(numbers)
    powers = 10 ** np.arange(16)
    third = powers[np.maximum(np.searchsorted(powers, sizes, side="right") - 3, 0)]
    first = sizes // (100 * third)
    steps = third * np.select([first < 2, first < 5], [1, 2], 5)
    steps[sizes < 100] = 1
    found: npt.NDArray[np.int64] = (2 * sizes + steps) // (2 * steps) * steps
    return np.where(numbers < 0, -found, found)


def _key(name: str) -> str:
    """Return the name of the column of a group: Moments have names too."""
    return f"key {name}"


def _summed(table: pa.Table, names: Iterable[str]) -> pa.Table:
    """Return the sums of groups of groups."""
    keys = [_key(name) for name in names]
    how = dict.fromkeys(Moments._fields, "sum") | {"least": "min", "most": "max"}
    found = table.group_by(keys, use_threads=False).aggregate(list(how.items()))
    return found.rename_columns({f"{name}_{way}": name for name, way in how.items()})


def sum_objects(
    session: Callable[[], SparkSession],
    store: Store,
    contract: Contract,
    objects: Mapping[str, ObjectRef],
) -> dict[str, Recount]:
    """Recount objects, by their identities."""
    found = {identity: Recount() for identity in objects}
    parts = all_pieces(store, contract, objects)
    for identity, part in _mapped(session, RecountJob(store, contract), parts):
        found[identity].add(part)
    return found


def all_pieces(store: Store, contract: Contract, objects: Mapping[str, ObjectRef]) -> list[Piece]:
    """Return the pieces of objects."""
    source = contract.source
    divide = parquet_pieces if source.is_parquet else pieces
    return [piece for i, ref in objects.items() for piece in divide(store, i, ref, source)]


def _mapped(
    session: Callable[[], SparkSession], job: RecountJob, parts: Sequence[Piece]
) -> Iterable[tuple[str, Recount]]:
    if weight(parts) <= DRIVER_BYTES:
        return map(job.recount, parts)
    spread = session().sparkContext.parallelize(parts, len(parts))
    found: list[tuple[str, Recount]] = spread.map(job.recount).collect()
    return found


def weight(parts: Iterable[Piece]) -> int:
    """Return the number of bytes of pieces; of compressed ones an estimate after decompression."""
    return sum(
        part.ref.size * (10 if part.zipped else 1) if part.end is None else part.end - part.start
        for part in parts
    )
