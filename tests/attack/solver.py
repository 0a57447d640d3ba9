"""Linear programs over people: how closely what is published confines a group.

For every combination of values the solver has three numbers: how many people, the sum of their
measure and the sum of its squares. What can be such numbers of people whose measure lies between
two bounds is a cone, of which it knows the outside by straight lines. A sequence of publications
is the first one's people, and for each later one those who came and those who went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import inf, isinf, sqrt
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import coo_array

from medical_charges.contract import Contract
from tests.attack.knowledge import FREE, Fact, Group, Known, Range, cells_of

MOMENTS = COUNT, TOTAL, SQUARES = range(3)
FURTHEST = 1e9
"""How far the measure reaches if nothing says so."""

TANGENTS = 9
"""From how many lines the parabola is made under which no sum of squares lies."""

SLACK = 1e-5
"""By how much sums may miss, in tenths of the largest measure: the solver is not exact."""

PART = " part"
"""Name of the part of the measure that people of a cell are in."""

Kind = Literal["added", "removed", "corrected", "moved", "mixed"]
"""What the attacker takes to have happened between publications."""

Terms = list[tuple[int, float]]
Block = int
"""0 is the first publication's people; 2 k - 1 are those who came with publication k, 2 k those
who went."""


class ContradictionError(Exception):
    """What is published fits nobody: the attacker took something for known that is not so."""


@dataclass
class Sums:
    """Linear constraints, row by row."""

    rows: list[int]
    columns: list[int]
    factors: list[float]
    low: list[float]
    high: list[float]

    def add(self, terms: Iterable[tuple[int, float]], between: Range) -> None:
        row = len(self.low)
        for column, factor in terms:
            self.rows.append(row)
            self.columns.append(column)
            self.factors.append(factor)
        self.low.append(between.low)
        self.high.append(between.high)


class Attack:
    """What follows from publications, seen by some of the names that outputs group by."""

    def __init__(
        self,
        contract: Contract,
        known: Sequence[Known],
        names: frozenset[str],
        kind: Kind = "added",
        *,
        tangents: int = TANGENTS,
    ) -> None:
        self.contract, self.names, self.kind = contract, names, kind
        self._known, self._tangents = known, tangents
        self.facts = [
            [fact for fact in one.facts if {name for name, _ in fact.group} <= names]
            for one in known
        ]
        parted = [
            (cell | {PART: str(number)}, part)
            for cell in cells_of(known, contract, names)
            for number, part in enumerate(self._parts_of(cell))
        ]
        self.cells = [cell for cell, _ in parted]
        self._parts = [part for _, part in parted]
        self._inside = _membership(self.cells)
        self.blocks = self._blocks()
        self._limits = self._bounds_of_the_measure()
        everybody = max((f.count.low for one in self.facts for f in one), default=0)
        self._unit = self._limits[:, 1].max() / 10 or 1.0
        self._sums = Sums([], [], [], [], [])
        self._everybody = everybody
        self._write()
        sums = self._sums
        matrix = coo_array(
            (sums.factors, (sums.rows, sums.columns)), shape=(len(sums.low), self.size)
        ).tocsr()
        self._constraints = LinearConstraint(matrix, sums.low, sums.high)
        self._found: list[npt.NDArray[np.float64]] = []

    @property
    def size(self) -> int:
        return 3 * sum(len(cells) for cells in self.blocks.values())

    def _blocks(self) -> dict[Block, dict[int, int]]:
        """Which cells somebody can be in, by block, with their places."""
        found: dict[Block, dict[int, int]] = {}
        start = 0
        for block in self._needed_blocks():
            cells = self._changed((block + 1) // 2) if block else range(len(self.cells))
            found[block] = {cell: start + i for i, cell in enumerate(cells)}
            start += len(found[block])
        return found

    def _parts_of(self, cell: Mapping[str, str]) -> list[Range]:
        """Cut the measure wherever it is told how many of a cell's groups are below or above."""
        inside = (fact for one in self.facts for fact in one if fact.group <= cell.items())
        ends = {end for fact in inside for end in fact.among}
        return [Range(*pair) for pair in pairwise(sorted(ends | {*FREE}))]

    def _needed_blocks(self) -> list[Block]:
        later = range(1, len(self._known))
        came = [2 * k - 1 for k in later if self.kind != "removed"]
        went = [2 * k for k in later if self.kind != "added"]
        return [0, *sorted(came + went)]

    def _changed(self, publication: int) -> list[int]:
        """The cells that are in no group of which everything is as it was."""
        if self.kind == "moved":
            return list(range(len(self.cells)))  # also within a group
        before = {f.group: f for f in self.facts[publication - 1] if f.total != FREE}
        same: set[int] = set()
        for fact in self.facts[publication]:
            if before.get(fact.group) == fact and fact.squares != FREE:
                same.update(self._inside(fact.group))
        return [cell for cell in range(len(self.cells)) if cell not in same]

    def _bounds_of_the_measure(self) -> npt.NDArray[np.float64]:
        """By cell, between what everybody's measure lies in all publications."""
        column = self.contract.source.columns[self.contract.measure]
        low = getattr(column, "minimum", None)
        high = getattr(column, "maximum", None)
        squares = [f.squares.high for one in self.facts for f in one if not isinf(f.squares.high)]
        largest = sqrt(max(squares)) if squares else FURTHEST
        limits = np.empty((len(self.cells), 2))
        limits[:] = (
            -largest if low is None else float(low),
            largest if high is None else min(largest, float(high)),
        )
        # Somebody who left may have had a group's extreme: those of all publications together.
        extremes: dict[Group, list[Range]] = {}
        for one in self.facts:
            for fact in one:
                if fact.among == FREE:
                    extremes.setdefault(fact.group, []).append(fact.values)
        for group, ranges in extremes.items():
            if len(ranges) < len(self.facts):
                continue  # not every publication has it: somebody else may have come since
            cells = self._inside(group)
            limits[cells, 0] = np.maximum(limits[cells, 0], min(r.low for r in ranges))
            limits[cells, 1] = np.minimum(limits[cells, 1], max(r.high for r in ranges))
        parts = np.array(self._parts)
        # Where the lowest is above the highest then, nobody can be.
        limits[:, 0] = np.maximum(parts[:, 0], limits[:, 0])
        limits[:, 1] = np.minimum(parts[:, 1], limits[:, 1])
        return limits

    def _at(self, block: Block, cell: int, what: int) -> int:
        return 3 * self.blocks[block][cell] + what

    def _state(self, publication: int, cell: int, what: int) -> Terms:
        """A cell as it is in a publication."""
        terms: Terms = [(self._at(0, cell, what), 1.0)]
        for block, cells in self.blocks.items():
            if 0 < block <= 2 * publication and cell in cells:
                terms.append((self._at(block, cell, what), 1.0 if block % 2 else -1.0))
        return terms

    def _write(self) -> None:
        for block, cells in self.blocks.items():
            for cell in cells:
                self._cone([[(self._at(block, cell, what), 1.0)] for what in MOMENTS], cell)
        for publication in range(len(self._known)):
            touched = {
                cell
                for block, cells in self.blocks.items()
                if 0 < block <= 2 * publication and not block % 2
                for cell in cells
            }
            for cell in sorted(touched):
                self._cone([self._state(publication, cell, what) for what in MOMENTS], cell)
            for fact in self.facts[publication]:
                self._fact(publication, fact)
        self._exchange()

    def _cone(self, terms: Sequence[Terms], cell: int) -> None:
        """The measure of people between two bounds: count, sum and sum of squares."""
        low, high = self._limits[cell] / self._unit
        add = self._sums.add

        def line(count: float, total: float, squares: float) -> None:
            factors = zip((COUNT, TOTAL, SQUARES), (count, total, squares), strict=True)
            add([(p, f * by) for w, by in factors if by for p, f in terms[w]], Range(0, inf))

        line(1, 0, 0)
        line(-low, 1, 0)
        line(high, -1, 0)
        line(-low * high, low + high, -1)
        start = max(low, high / 1000)
        points = start * (high / start) ** np.linspace(0, 1, self._tangents)
        for point in sorted({low, *points}):
            line(point**2, -2 * point, 1)

    def _fact(self, publication: int, fact: Fact) -> None:
        among = [fact.among.low <= low and high <= fact.among.high for low, high in self._parts]
        inside = [cell for cell in self._inside(fact.group) if among[cell]]
        scale = {COUNT: 1.0, TOTAL: self._unit, SQUARES: self._unit**2}
        for what, between in ((COUNT, fact.count), (TOTAL, fact.total), (SQUARES, fact.squares)):
            if between != FREE:
                terms = [term for cell in inside for term in self._state(publication, cell, what)]
                by, slack = scale[what], SLACK if what != COUNT else 0.0
                self._sums.add(terms, Range(between.low / by - slack, between.high / by + slack))

    def _exchange(self) -> None:
        """Who is corrected stays where they are; who moves is one and the same person."""
        for block, cells in self.blocks.items():
            if block % 2 and self.kind == "corrected":
                for cell in cells:
                    pair = [
                        (self._at(block, cell, COUNT), 1.0),
                        (self._at(block + 1, cell, COUNT), -1.0),
                    ]
                    self._sums.add(pair, Range(0, 0))
            if block % 2 and self.kind == "moved":
                for what in (COUNT, TOTAL, SQUARES):
                    came = [(self._at(block, cell, what), 1.0) for cell in cells]
                    went = [(self._at(block + 1, cell, what), -1.0) for cell in cells]
                    self._sums.add(came + went, Range(0, 0))

    def _ends(self, terms: Terms) -> Range:
        """The least and the most that a sum can be."""
        if not terms:
            return Range(0, 0)
        objective = self._objective(terms)
        found = []
        lower = np.full(self.size, 0.0)
        if self._limits.min() < 0:
            lower[TOTAL::3] = -np.inf
        for sign in (1, -1):
            solved = milp(
                sign * objective,
                constraints=self._constraints,
                bounds=Bounds(lower, np.inf),
            )
            if solved.status == 2:
                raise ContradictionError
            found.append(sign * solved.fun if solved.fun is not None else -sign * inf)
            if solved.x is not None:
                self._found.append(solved.x)
        return Range(*found)

    def _objective(self, terms: Terms) -> npt.NDArray[np.float64]:
        found = np.zeros(self.size)
        for place, factor in terms:
            found[place] += factor
        return found

    def hidden(self, publication: int) -> list[Group]:
        """The groups of which a publication tells no count, in any of its rows."""
        facts = self.facts[publication]
        told = {fact.group for fact in facts if fact.count.low == fact.count.high}
        return [it for it in dict.fromkeys(f.group for f in facts if f.hidden) if it not in told]

    def of_state(self, publication: int, group: Group, what: int = COUNT) -> Range:
        """Between what a group's count or sum lies in a publication."""
        cells = self._inside(group)
        return self._scaled([t for c in cells for t in self._state(publication, c, what)], what)

    def confines(self, publication: int, group: Group, least: int) -> bool:
        """Return True if a group's count is left fewer whole numbers than the least.

        Most often people that the solver found for other groups show that it is not, and so what is
        asked of it is only what they leave open.
        """
        if self._found:
            cells = self._inside(group)
            terms = [term for cell in cells for term in self._state(publication, cell, COUNT)]
            counts = np.stack(self._found) @ self._objective(terms)
            if values_left(Range(counts.min(), counts.max())) >= least:
                return False
        return values_left(self.of_state(publication, group)) < least

    def of_block(self, block: Block, group: Group, what: int = COUNT) -> Range:
        """Between what those lie who came, or went, with a publication."""
        cells = [cell for cell in self._inside(group) if cell in self.blocks[block]]
        return self._scaled([(self._at(block, cell, what), 1.0) for cell in cells], what)

    def _scaled(self, terms: Terms, what: int) -> Range:
        low, high = self._ends(terms)
        by = self._unit**what
        return Range(low * by, high * by)


def _membership(cells: Sequence[Mapping[str, str]]) -> Callable[[Group], list[int]]:
    where: dict[tuple[str, str], set[int]] = {}
    for place, cell in enumerate(cells):
        for pair in cell.items():
            where.setdefault(pair, set()).add(place)
    everywhere = set(range(len(cells)))
    found: dict[Group, list[int]] = {}

    def inside(group: Group) -> list[int]:
        if group not in found:
            found[group] = sorted(everywhere.intersection(*(where.get(p, set()) for p in group)))
        return found[group]

    return inside


def values_left(between: Range) -> float:
    """How many whole numbers lie in a range."""
    if isinf(between.high):
        return inf
    return int(between.high + 1e-4) - int(-(-(between.low - 1e-4) // 1)) + 1
