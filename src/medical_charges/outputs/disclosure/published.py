"""What a run publishes, seen as counts: which row gives which counts away."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from medical_charges.aggregates.cube import Cells, Key, Sums


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
    """Groups whose counts follow from its figures, as the whole does from a share, or the weights
    from a standardized difference."""
    measured: bool = False
    """Whether the sums of its groups' measure follow from its figures, as from a mean."""

    @property
    def reveals(self) -> tuple[Cell, ...]:
        """Every group whose count is known to anyone who sees the figures."""
        return self.counts + self.derived


@dataclass(frozen=True)
class Published:
    """Every row of every output, and the counts behind them."""

    rows: tuple[Row, ...]
    cells: Mapping[tuple[str, ...], Cells]
    """Groups that hold somebody by sorted names, for all names that a row's cells have, and for
    names of which it is known which groups there are; nobody is left out, so that each adds up to
    the same number of people."""

    @cached_property
    def people(self) -> Mapping[tuple[str, ...], Mapping[Key, int]]:
        """The counts by sorted names."""
        return {
            names: {key: sums.n for key, sums in cells.items()}
            for names, cells in self.cells.items()
        }

    @cached_property
    def nested(self) -> frozenset[tuple[str, ...]]:
        """Names by which no row groups: it is known which of their groups hold somebody."""
        return frozenset(self.cells) - {cell.names for row in self.rows for cell in row.reveals}

    @cached_property
    def everybody(self) -> Sums | None:
        """All people together."""
        found: Sums | None = None
        for sums in next(iter(self.cells.values()), {}).values():
            found = found.merge(sums) if found else sums
        return found

    @property
    def total(self) -> int:
        """The number of people."""
        return self.everybody.n if self.everybody else 0

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
        kept = {cell.names for row in rows for cell in row.reveals}
        left = {cell.names for row in self.rows for cell in row.reveals} - kept
        return Published(rows, {key: self.cells[key] for key in self.cells if key not in left})
