"""What a run publishes, seen as counts: which row gives which counts away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from medical_charges.aggregates.cube import Key


class Cell(NamedTuple):
    """A group of people, whatever the order in which an output groups by its names."""

    names: tuple[str, ...]
    """Sorted."""
    key: Key

    @classmethod
    def of(cls, names: Sequence[str], key: Key) -> Cell:
        """The cell of a key whose values are in the order of the names."""
        pairs = sorted(zip(names, key, strict=True), key=lambda pair: pair[0])
        return cls(tuple(name for name, _ in pairs), tuple(value for _, value in pairs))


@dataclass(frozen=True)
class Row:
    """A row of an output."""

    output: str
    counts: tuple[Cell, ...]
    """The groups that its figures are of."""
    derived: tuple[Cell, ...] = ()
    """Groups whose counts follow from its figures, as the whole does from a share."""

    @property
    def reveals(self) -> tuple[Cell, ...]:
        """Every group whose count is known to anyone who sees the figures."""
        return self.counts + self.derived


@dataclass(frozen=True)
class Published:
    """Every row of every output, and the counts behind them."""

    rows: tuple[Row, ...]
    people: Mapping[tuple[str, ...], Mapping[Key, int]]
    """Counts above zero by sorted names, for all names that a row's cells have; nobody is left
    out, so that each adds up to the same number of people."""

    @property
    def total(self) -> int:
        """The number of people."""
        return sum(next(iter(self.people.values()), {}).values())

    def count(self, cell: Cell) -> int:
        """The people in a cell."""
        return self.people[cell.names].get(cell.key, 0)

    def lost(self, row: Row) -> int:
        """How many people's figures go with a row."""
        return sum(map(self.count, row.counts))

    def without(self, outputs: Iterable[str]) -> Published:
        """What is left when whole outputs are not published."""
        gone = set(outputs)
        rows = tuple(row for row in self.rows if row.output not in gone)
        names = {cell.names for row in rows for cell in row.reveals}
        return Published(rows, {key: self.people[key] for key in self.people if key in names})
