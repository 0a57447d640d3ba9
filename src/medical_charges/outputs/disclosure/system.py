"""What can be computed about counts that are not shown, from all that is.

Every group of every level is a whole number; each level's numbers are sums of a finer one's. The
numbers that are shown are fixed, the others are at least one where a row says that somebody is
there, and at least zero elsewhere.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import scipy  # its optimize and csgraph take long to import, and few analyses need them
from scipy.sparse import coo_array, csr_array, eye_array, hstack

from medical_charges.aggregates.cube import Key
from medical_charges.contract import Contract
from medical_charges.outputs.disclosure.lattice import Lattice, Level, TooLargeError
from medical_charges.outputs.disclosure.published import Cell, Published

Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]

SPAN = 5
"""A count that is taken away may be each of SPAN + 1 whole numbers at least."""

SOLVER_LIMIT = 2_000
"""The most unknown numbers in a cycle of sums that are given to the solver at once."""

NODE_LIMIT = 5_000
"""How long the solver looks for a count's ends; one not found counts as not being there."""

PASS_LIMIT = 1_000
"""How often all sums are followed. Longer than any chain of outputs; cycles may need more."""

CANDIDATE_LIMIT = 3_000
"""The most numbers in a system in which the best rows to give up are looked for at once."""

WHOLE_LIMIT = 200
"""The most numbers that are kept whole in that search: without, it is quicker and less exact."""

UNKNOWN = -1
"""Stands for a number that a witness leaves open."""


class Union(NamedTuple):
    """The unknown parts of a known number, whose people are known by subtraction."""

    whole: int
    hidden: Ints
    shown: Ints
    people: int


class System:
    """The numbers and the sums between them.

    Raises:
        TooLargeError: they hang together in too large a way.
    """

    def __init__(self, published: Published, contract: Contract) -> None:
        lattice = Lattice(published.people, contract)
        places = {
            (level, point): place
            for place, (level, point) in enumerate(
                (level, point) for level, points in lattice.keys.items() for point in points
            )
        }
        self.size = len(places)
        self.groups = list(places)
        """What each number is the count of: a level, and a group of it."""
        self.total = published.total
        self._index: dict[Cell, int] = {}
        truth = np.full(self.size, UNKNOWN, dtype=np.int64)
        for names, cells in published.people.items():
            level, placed = lattice.level(names), lattice.placing(names)
            for key, count in cells.items():
                place = places[level, placed(key)]
                self._index[Cell(names, key)] = place
                truth[place] = count
        self._cells = {place: cell for cell, place in self._index.items()}
        truth[places[(), ()]] = self.total
        self.truth = truth
        """Every number's value, UNKNOWN where nobody has counted it."""
        self.fixed = places[(), ()]
        self.sums = _make_sums(lattice, places)
        """One row a sum, which is zero: its parts less the whole."""
        self._by_number = self.sums.tocsc()
        self._rows = np.repeat(np.arange(self.sums.shape[0]), np.diff(self.sums.indptr))
        self._columns = self.sums.indices.astype(np.int64)
        self._signs = self.sums.data
        self._wholes, self._unions = self._make_unions(lattice, places)
        self.least = np.zeros(self.size, dtype=np.int64)
        there = [cell for row in published.rows for cell in row.counts]
        there += [cell for cell in self._index if cell.names in published.nested]
        for cell in there:
            if (at_cell := self.place(cell)) is not None:
                self.least[at_cell] = 1
        self._witnesses: list[Ints] = [truth]

    def _make_unions(
        self, lattice: Lattice, places: dict[tuple[Level, Key], int]
    ) -> tuple[Ints, csr_array]:
        """Every published number, and everybody, with what each finer output divides it into."""
        wholes, parts, ends = [], [], [0]
        for fine in lattice.published:
            finest = [places[fine, key] for key in lattice.keys[fine]]
            for coarse in sorted({(), *lattice.published}):
                if set(coarse) < set(fine):
                    found: dict[Key, list[int]] = defaultdict(list)
                    for place, key in zip(finest, lattice.project(fine, coarse), strict=True):
                        found[key].append(place)
                    for key in sorted(found):
                        wholes.append(places[coarse, key])
                        parts += found[key]
                        ends.append(len(parts))
        shape = (len(wholes), self.size)
        unions = csr_array((np.ones(len(parts), np.int64), parts, ends), shape=shape)
        return np.array(wholes, dtype=np.int64), unions

    def divided(self, known: Mask, below: int | None = None) -> list[Union]:
        """Known wholes with unknown parts: all, or those whose parts are fewer people together."""
        if not len(self._wholes):
            return []
        low, high = self.bounds(known)
        hidden = low < high
        people = self._unions @ np.where(hidden, self.truth, 0)
        wanted = ~hidden[self._wholes] & (people > 0)
        if below is not None:
            wanted &= people < below
        found = []
        for row in np.flatnonzero(wanted).tolist():
            span = slice(*self._unions.indptr[row : row + 2])
            parts = self._unions.indices[span].astype(np.int64)
            whole = int(self._wholes[row])
            found.append(
                Union(whole, parts[hidden[parts]], parts[~hidden[parts]], int(people[row]))
            )
        return found

    def filling(self, union: Union, costs: Ints, minimum: int) -> int | None:
        """The cheapest part to hide with a union so that it is people enough, or a first one."""
        offered = union.shown[costs[union.shown] > 0]
        if not len(offered):
            return None
        enough = offered[self.truth[offered] + union.people >= minimum]
        if len(enough):
            return int(enough[np.lexsort((enough, costs[enough]))[0]])
        return int(offered[np.lexsort((offered, -self.truth[offered]))[0]])

    def place(self, cell: Cell) -> int | None:
        """Where a cell's number stands, or None for a cell without people."""
        return self._index.get(cell)

    def cells(self, places: Ints) -> list[Cell]:
        """A cell for each of the numbers of outputs that stand there."""
        return [self._cells[place] for place in places.tolist()]

    def known(self, shown: Ints) -> Mask:
        """The numbers that are known when these are shown: they, and how many people there are."""
        mask = np.zeros(self.size, dtype=np.bool_)
        mask[self.fixed] = mask[shown] = True
        return mask

    def unsafe(self, known: Mask, targets: Sequence[int]) -> list[int]:
        """Targets that can be confined too closely: some of them, if there are any.

        Raises:
            TooLargeError: there are too many unknown numbers in one cycle to tell.
        """
        low, high = self.bounds(known)
        closed = [target for target in targets if high[target] - low[target] < SPAN]
        if closed:
            return closed
        for members in self._cycles(low, high):
            inside = sorted(set(targets) & set(members.tolist()), key=targets.index)
            if inside and len(members) > SOLVER_LIMIT:
                raise TooLargeError
            if found := self._confined(members, known, low, high, inside):
                return found
        return []

    def bounds(self, known: Mask) -> tuple[Ints, Ints]:
        """What each number can be by following the sums; exact where these form no cycle."""
        low = np.where(known, self.truth, self.least)
        high = np.where(known, self.truth, self.total)
        rows, columns, signs = self._rows, self._columns, self._signs
        if not len(rows):
            return low, high
        starts = self.sums.indptr[:-1]
        positive = signs > 0
        for _ in range(PASS_LIMIT):
            least = np.where(positive, low[columns], -high[columns])
            most = np.where(positive, high[columns], -low[columns])
            upper = least - np.add.reduceat(least, starts)[rows]
            lower = most - np.add.reduceat(most, starts)[rows]
            new_low, new_high = low.copy(), high.copy()
            np.minimum.at(new_high, columns, np.where(positive, upper, -lower))
            np.maximum.at(new_low, columns, np.where(positive, lower, -upper))
            if np.array_equal(new_low, low) and np.array_equal(new_high, high):
                break
            low, high = new_low, new_high
        return low, high

    def cheapest(self, known: Mask, target: int, costs: Ints) -> list[int]:
        """Numbers to hide, at the least cost, so that the target has room; a first guess.

        Two tables of people are looked for in which the target is SPAN apart and all others
        differ from the truth at as little cost as possible.
        """
        n, hideable = self.size, np.flatnonzero(known & (costs > 0))
        count, sums = len(hideable), self.sums.shape[0]
        fixed = known & (costs == 0)
        low, high = np.where(fixed, self.truth, self.least), np.where(fixed, self.truth, self.total)
        # The columns are one table, the other table, and how far each number strays from the
        # truth in the one that strays further.
        pick = coo_array((np.ones(count), (np.arange(count), hideable)), shape=(count, n)).tocsr()
        none, stray = csr_array((count, n)), eye_array(count, format="csr")
        apart = csr_array(([1.0, -1.0], ([0, 0], [target, n + target])), shape=(1, 2 * n + count))
        zero, wide = csr_array((sums, n)), csr_array((sums, count))
        signed = [[pick, none], [none, pick]]
        there = self.truth[hideable]
        solved = scipy.optimize.milp(
            np.concatenate([np.zeros(2 * n), costs[hideable] / SPAN]),
            integrality=np.repeat([int(n <= WHOLE_LIMIT), 0], [2 * n, count]),
            bounds=scipy.optimize.Bounds(
                np.concatenate([low, low, np.zeros(count)]),
                np.concatenate([high, high, np.full(count, self.total)]),
            ),
            constraints=[
                scipy.optimize.LinearConstraint(hstack([self.sums, zero, wide]), 0, 0),
                scipy.optimize.LinearConstraint(hstack([zero, self.sums, wide]), 0, 0),
                *(
                    scipy.optimize.LinearConstraint(hstack([*pair, -stray]), -np.inf, there)
                    for pair in signed
                ),
                *(
                    scipy.optimize.LinearConstraint(hstack([*pair, stray]), there, np.inf)
                    for pair in signed
                ),
                scipy.optimize.LinearConstraint(apart, SPAN, np.inf),
            ],
            options={"node_limit": NODE_LIMIT},
        )
        if solved.x is None:
            return []
        return [int(place) for place in hideable[solved.x[2 * n :] > 0.5]]

    def nearest(self, known: Mask, targets: Sequence[int], costs: Ints) -> dict[int, int]:
        """For each target the cheapest number to hide in the tightest sum that it is in."""
        low, high = self.bounds(known)
        offered = known & (costs > 0)
        found = ((target, self._near(target, offered, low, high)) for target in targets)
        return {
            target: int(near[np.lexsort((near, costs[near]))[0]])
            for target, near in found
            if len(near)
        }

    def _near(self, target: int, offered: Mask, low: Ints, high: Ints) -> Ints:
        """The numbers on offer in the tightest sum, or else in sums of what is unknown in these."""
        seen, front = {target}, {target}
        while front:
            rows = {
                int(row)
                for place in front
                for row in self._by_number.indices[
                    slice(*self._by_number.indptr[place : place + 2])
                ]
            }
            reached = set[int]()
            for _, row in sorted((self._room(row, low, high), row) for row in rows):
                parts = self.sums.indices[slice(*self.sums.indptr[row : row + 2])]
                near: Ints = parts[offered[parts]].astype(np.int64)
                if len(near):
                    return near
                reached.update(parts[low[parts] < high[parts]].tolist())
            front = reached - seen
            seen |= reached
        return np.zeros(0, dtype=np.int64)

    def _room(self, row: int, low: Ints, high: Ints) -> int:
        """By how much the unknown numbers of a sum can trade with each other."""
        parts = self.sums.indices[slice(*self.sums.indptr[row : row + 2])]
        widths = high[parts] - low[parts]
        return int(widths.sum() - widths.max())

    def _cycles(self, low: Ints, high: Ints) -> list[Ints]:
        """The unknown numbers that following the sums does not settle."""
        free = low < high
        kept = free[self._columns]
        rows, columns = self._rows[kept], self._columns[kept]
        nodes = self.size + self.sums.shape[0]
        graph = coo_array((np.ones(len(rows)), (columns, self.size + rows)), shape=(nodes, nodes))
        count, labels = scipy.sparse.csgraph.connected_components(graph, directed=False)
        present = np.zeros(nodes, dtype=np.bool_)
        present[columns] = present[self.size + rows] = True
        # A connected graph has a cycle if it has as many edges as nodes.
        edges = np.bincount(labels[columns], minlength=count)
        inside = np.bincount(labels[present], minlength=count)
        circular = edges >= inside
        members = np.flatnonzero(free & circular[labels[: self.size]] & present[: self.size])
        order = np.argsort(labels[members], kind="stable")
        groups = np.split(members[order], np.flatnonzero(np.diff(labels[members][order])) + 1)
        return [group for group in groups if len(group)]

    def _confined(
        self, members: Ints, known: Mask, low: Ints, high: Ints, targets: Sequence[int]
    ) -> list[int]:
        """The first target in a cycle that the solver cannot move far enough."""
        if not targets:
            return []
        matrix, rest = self._within(members, low)
        wanted = scipy.optimize.LinearConstraint(matrix, rest, rest)
        limits = scipy.optimize.Bounds(low[members], high[members])
        place = {member: i for i, member in enumerate(members.tolist())}
        seen_low, seen_high = self._seen(members, known)
        for target in targets:
            i = place[target]
            for sign in (-1, 1):
                if seen_high[i] - seen_low[i] >= SPAN:
                    break
                objective = np.zeros(len(members))
                objective[i] = sign
                solved = scipy.optimize.milp(
                    objective,
                    integrality=np.ones(len(members), np.int64),
                    bounds=limits,
                    constraints=wanted,
                    options={"mip_rel_gap": 0.0, "node_limit": NODE_LIMIT},
                )
                if solved.x is None:
                    continue
                values = np.rint(solved.x).astype(np.int64)
                if not self._holds(matrix, rest, values, low[members], high[members]):
                    continue
                witness = np.full(self.size, UNKNOWN, dtype=np.int64)
                witness[members] = values
                self._witnesses.append(witness)
                np.minimum(seen_low, values, out=seen_low)
                np.maximum(seen_high, values, out=seen_high)
            if seen_high[i] - seen_low[i] < SPAN:
                return [target]
        return []

    def _within(self, members: Ints, values: Ints) -> tuple[csr_array, Ints]:
        """The sums over some numbers, and what these must come to, all others being settled."""
        part = self.sums[:, members]
        rows = np.flatnonzero(np.diff(part.indptr))
        others = values.copy()
        others[members] = 0
        return part[rows], -(self.sums[rows] @ others)

    @staticmethod
    def _holds(matrix: csr_array, rest: Ints, values: Ints, low: Ints, high: Ints) -> bool:
        """Whether what the solver found is right in whole numbers."""
        return bool(
            np.array_equal(matrix @ values, rest)
            and np.all(values >= low)
            and np.all(values <= high)
        )

    def _seen(self, members: Ints, known: Mask) -> tuple[Ints, Ints]:
        """Between what the numbers have been seen, in witnesses that agree with what is known."""
        low = np.full(len(members), self.total, dtype=np.int64)
        high = np.zeros(len(members), dtype=np.int64)
        for witness in self._witnesses:
            settled = known & (witness != UNKNOWN)
            if np.array_equal(witness[settled], self.truth[settled]):
                values = witness[members]
                there = values != UNKNOWN
                low[there] = np.minimum(low[there], values[there])
                high[there] = np.maximum(high[there], values[there])
        return low, high


def _make_sums(lattice: Lattice, places: Mapping[tuple[Level, Key], int]) -> csr_array:
    """Return a row for each group of a level that a finer one adds up to."""
    rows, columns, signs, start = [], [], [], 0
    for level, finer in lattice.sums:
        at = {point: start + i for i, point in enumerate(lattice.keys[level])}
        for point, place in at.items():
            rows.append(place)
            columns.append(places[level, point])
            signs.append(-1)
        for point, whole in zip(lattice.keys[finer], lattice.project(finer, level), strict=True):
            rows.append(at[whole])
            columns.append(places[finer, point])
            signs.append(1)
        start += len(at)
    shape = (start, len(places))
    sums = csr_array(coo_array((signs, (rows, columns)), shape=shape, dtype=np.int64))
    sums.sort_indices()
    return sums
