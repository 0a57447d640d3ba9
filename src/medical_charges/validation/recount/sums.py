"""The recount: an object's sums from its records, on the driver or on Spark's workers."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from operator import mul
from typing import TYPE_CHECKING, NamedTuple

from medical_charges.contract import Contract
from medical_charges.storage import ObjectRef, Store
from medical_charges.validation.recount.lines import Piece, pieces, records
from medical_charges.validation.recount.rows import Rows, Value

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

DRIVER_BYTES = 32 * 1024 * 1024
"""Number of bytes up to which the driver reads; more is read by Spark's workers."""

_FINEST_HELD = 1 << 14
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


def grouped_names(contract: Contract) -> tuple[str, ...]:
    """Return all grouping names, in the order of their source columns."""
    return tuple(name for _, names in _by_column(contract) for name in names)


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
        groups = dict(_by_column(self.contract))
        measure = self.contract.measure

        labels: dict[tuple[Value, ...], int] = {}

        def keep(name: str, value: Value) -> int:
            """Return a number for a value's groups: numbers are looked up faster than texts."""
            kept = tuple(self._label(group, value) for group in groups[name])
            return labels.setdefault(kept, len(labels))

        found, values = Recount(), defaultdict[tuple[object, ...], list[int]](list)
        finest: Groups = {}
        rows = Rows(self.contract, piece.header, keep)
        refused: list[str] = []
        dialect = self.contract.source
        for some in records(self.store, piece, dialect):
            found.rows += len(some)
            for accepted in rows.accepted(some, refused.append):
                keys = accepted.kept
                if groups[measure]:
                    of_measure = (keep(measure, value) for value in accepted.values)
                    keys = [(*key, last) for key, last in zip(keys, of_measure, strict=True)]
                for key, whole in zip(keys, accepted.wholes, strict=True):
                    values[key].append(whole)
            by_number = list(labels)
            for key, numbers in values.items():
                squares = sum(map(mul, numbers, numbers))
                moments = Moments(len(numbers), sum(numbers), squares, min(numbers), max(numbers))
                flat = tuple(label for number in key for label in by_number[number])  # type: ignore[call-overload]
                add(finest, {flat: moments})
            values.clear()
            if len(finest) > _FINEST_HELD:
                add_grouped(found.cells, rolled_up(finest, self.contract))
                finest.clear()
            found.rejected += len(refused)
            for record in refused:
                found.mark += record_hash(record.encode(dialect.encoding, "surrogateescape"))
            refused.clear()
        add_grouped(found.cells, rolled_up(finest, self.contract))
        found.mark %= 2**64
        return piece.identity, found

    def _label(self, group: str, value: Value) -> Value:
        band = self.contract.bands.get(group)
        if band is None or not isinstance(value, int | float):
            return value
        return next((label for label, edge in band.below.items() if value < edge), band.otherwise)


def rolled_up(finest: Mapping[Key, Moments], contract: Contract) -> GroupedMoments:
    """Roll groups by all columns, in the order of `grouped_names`, up to the grouping sets."""
    names = grouped_names(contract)
    cells: GroupedMoments = {}
    for group_by in contract.grouping_sets:
        places = [names.index(name) for name in group_by]
        groups: Groups = cells.setdefault(group_by, {})
        for key, moments in finest.items():
            add(groups, {tuple(key[place] for place in places): moments})
    return cells


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
    return [piece for i, ref in objects.items() for piece in pieces(store, i, ref, contract.source)]


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
