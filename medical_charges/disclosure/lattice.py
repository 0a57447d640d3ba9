"""How the counts of different outputs hang together: which add up to which.

The outputs are margins of one table of people that nobody publishes. Its columns are joined
where some output groups by both; the joined columns form cliques, which a tree connects. A table
of whole numbers over each clique, such that neighbours agree on what they share, is what some
table of people looks like there, and the other way round: nothing is lost by never writing the
one large table down. (Bags are consistent as a whole if they are pairwise, exactly on acyclic
hypergraphs: Atserias and Kolaitis, Structure and Complexity of Bag Consistency, 2021.)
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from math import ceil

from medical_charges.contract import Contract
from medical_charges.contract.model import DoubleColumn
from medical_charges.cube import Key

HIDDEN_LIMIT = 20_000
"""The most groups of a clique that no output publishes as such."""

STEP_LIMIT = 2_000_000
"""The most combinations that are tried on the way to them."""

Level = tuple[tuple[str, tuple[str, ...]], ...]
"""Columns, sorted, each with the names (itself, bands of it) that tell its atoms apart."""

Point = tuple[int, ...]
"""A group at a level: for each column the first atom that is in the group."""


class TooLargeError(Exception):
    """The tables hang together in a way that is too large to be reckoned with."""


class Axis:
    """A column of the source, cut into atoms: the finest groups that its names can tell apart."""

    def __init__(self, names: Sequence[str], atoms: Sequence[Key]) -> None:
        self.names = tuple(names)
        self.atoms = atoms
        """Each atom's group by each of the names."""
        self.firsts: dict[tuple[str, ...], tuple[int, ...]] = {}
        """By names, the first atom in the group of each atom."""
        self._found: dict[tuple[str, ...], dict[Key, int]] = {}
        self.finest = self.level(self.names)

    def level(self, names: Sequence[str]) -> tuple[str, ...]:
        """Names that cut the axis as the given ones do, the same for all such."""
        self.find(names)
        firsts = self.firsts[tuple(names)]
        return next(known for known, cut in self.firsts.items() if cut == firsts)

    def find(self, names: Sequence[str]) -> dict[Key, int]:
        """By its values for the names, the first atom of each group."""
        names = tuple(names)
        if names not in self._found:
            places = [self.names.index(name) for name in names]
            found: dict[Key, int] = {}
            groups = (tuple(atom[i] for i in places) for atom in self.atoms)
            firsts = tuple(found.setdefault(group, i) for i, group in enumerate(groups))
            self.firsts[names], self._found[names] = firsts, found
        return self._found[names]

    def refines(self, fine: tuple[str, ...], coarse: tuple[str, ...]) -> bool:
        """Whether each group at the fine level lies within one at the coarse level."""
        if fine in {coarse, self.finest}:
            return True
        whole = self.firsts[coarse]
        return all(whole[i] == whole[atom] for atom, i in enumerate(self.firsts[fine]))


class Lattice:
    """The levels that counts are published or agreed at, and the sums between them.

    Raises:
        TooLargeError: a clique without an output of its own has too many groups.
    """

    def __init__(
        self, people: Mapping[tuple[str, ...], Mapping[Key, int]], contract: Contract
    ) -> None:
        self._contract = contract
        self._axes = self._make_axes(people)
        self._places = {names: self._place(names) for names in people}
        self.keys: dict[Level, list[Point]] = {}
        """The groups of each level."""
        for names, cells in people.items():
            self.keys[self._places[names][0]] = [self.point(names, key) for key in cells]
        self.sums: list[tuple[Level, Level]] = []
        """Pairs of a level and a finer one that adds up to it."""
        self._join()

    def level(self, names: tuple[str, ...]) -> Level:
        """The level of an output's names."""
        return self._places[names][0]

    def point(self, names: tuple[str, ...], key: Key) -> Point:
        """An output's group as its level has it."""
        return tuple(
            found[tuple(key[i] for i in places)] for places, found in self._places[names][1]
        )

    def project(self, fine: Level, coarse: Level) -> list[Point]:
        """Which group of the coarse level each group of the fine one is part of."""
        columns = [column for column, _ in fine]
        maps = [(columns.index(column), self._axes[column].firsts[cut]) for column, cut in coarse]
        return [tuple(firsts[key[i]] for i, firsts in maps) for key in self.keys[fine]]

    def _place(
        self, names: tuple[str, ...]
    ) -> tuple[Level, list[tuple[list[int], dict[Key, int]]]]:
        """The level of some names, and how to find a group's point in it."""
        level, finders = [], []
        for column in sorted({self._column(name) for name in names}):
            axis = self._axes[column]
            own = [name for name in names if self._column(name) == column]
            level.append((column, axis.level(own)))
            finders.append(([names.index(name) for name in own], axis.find(own)))
        return tuple(level), finders

    def _column(self, name: str) -> str:
        band = self._contract.bands.get(name)
        return band.column if band else name

    def _make_axes(self, people: Mapping[tuple[str, ...], Mapping[Key, int]]) -> dict[str, Axis]:
        seen: dict[str, dict[str | int, None]] = defaultdict(dict)
        for names, cells in people.items():
            for position, name in enumerate(names):
                seen[name].update(dict.fromkeys(key[position] for key in cells))
        names_of: dict[str, list[str]] = defaultdict(list)
        for name in sorted(seen):
            names_of[self._column(name)].append(name)
        return {
            column: Axis(names, self._atoms(column, names, seen))
            for column, names in sorted(names_of.items())
        }

    def _atoms(
        self, column: str, names: Sequence[str], seen: Mapping[str, Iterable[str | int]]
    ) -> list[Key]:
        """The combinations of groups that one value of the column can have."""
        if len(names) == 1:
            return [(value,) for value in seen[names[0]]]
        bands = {name: self._contract.bands[name] for name in names if name in self._contract.bands}
        edges = sorted({edge for band in bands.values() for edge in band.below.values()})
        whole = not isinstance(self._contract.source.columns[column], DoubleColumn)
        if column in names:
            top = self._contract.disclosure.top_code.get(column)
            values = [int(value) for value in seen[column]]
            points: list[tuple[int, float]] = [(value, value) for value in values]
            # A top-coded value stands for all above it, which may lie in several bands.
            if top is not None and top in values:
                points += [(top, ceil(edge)) for edge in edges if edge > top]
        else:
            points = [(0, ceil(e) if whole else e) for e in [edges[0] - 1, *edges]]
        cuts = {name: list(band.below.values()) for name, band in bands.items()}
        atoms = [
            tuple(
                bands[name].labels[bisect_right(cuts[name], point)] if name in bands else value
                for name in names
            )
            for value, point in points
        ]
        return list(dict.fromkeys(atoms))

    def _join(self) -> None:
        """Add the cliques' own levels, what neighbours share, and the sums."""
        published = list(self.keys)
        cliques = _cliques([[column for column, _ in level] for level in published])
        for clique in map(self._finest, cliques):
            if clique not in self.keys:
                self.keys[clique] = self._support(clique, published)
        edges = _tree(cliques)
        for one, other in edges:
            shared = self._finest(sorted(set(one) & set(other)))
            if shared not in self.keys:
                points = [p for c in (one, other) for p in self.project(self._finest(c), shared)]
                self.keys[shared] = list(dict.fromkeys(points))
            self._sum(shared, within=[one])
            self._sum(shared, within=[other])
        for level in published:
            self._sum(level, within=cliques)
        self.keys[()] = [()]
        for group in _connected(cliques, edges):
            self._sum((), within=group)

    def _finest(self, columns: Sequence[str]) -> Level:
        return tuple((column, self._axes[column].finest) for column in columns)

    def _sum(self, level: Level, within: Sequence[Sequence[str]]) -> None:
        """Note what a level is the sum of: of all finer levels, that with the fewest groups."""
        finer = [
            other
            for other in self.keys
            if other not in {level, ()}
            and any(dict(other).keys() <= set(columns) for columns in within)
            and self._refines(other, level)
        ]
        if finer:
            pair = level, min(finer, key=lambda other: (len(self.keys[other]), other))
            if pair not in self.sums:
                self.sums.append(pair)

    def _refines(self, fine: Level, coarse: Level) -> bool:
        cuts = dict(fine)
        return all(
            column in cuts and self._axes[column].refines(cuts[column], cut)
            for column, cut in coarse
        )

    def _support(self, clique: Level, published: Sequence[Level]) -> list[Point]:
        """The groups of a clique that can have people in them, by all that is published."""
        columns = [column for column, _ in clique]
        parts = [part for part in published if dict(part).keys() <= set(columns)]
        found: list[Point] = [()]
        for depth, column in enumerate(columns, 1):
            tests = [
                ([(columns.index(c), self._axes[c].firsts[cut]) for c, cut in part], known)
                for part in parts
                if column in dict(part) and dict(part).keys() <= set(columns[:depth])
                for known in [set(self.keys[part])]
            ]
            atoms = range(len(self._axes[column].atoms))
            if len(found) * len(atoms) > STEP_LIMIT:
                raise TooLargeError
            found = [
                point
                for start in found
                for point in ((*start, atom) for atom in atoms)
                if all(
                    tuple(firsts[point[i]] for i, firsts in maps) in known for maps, known in tests
                )
            ]
        if len(found) > HIDDEN_LIMIT:
            raise TooLargeError
        return found


def _cliques(sets: Iterable[Iterable[str]]) -> list[tuple[str, ...]]:
    """The maximal cliques of the graph of all pairs in a set, made chordal; sorted."""
    near: dict[str, set[str]] = defaultdict(set)
    for members in map(set, sets):
        for member in members:
            near[member] |= members - {member}
    found: list[frozenset[str]] = []
    while near:
        missing = {
            column: sum(b not in near[a] for a, b in combinations(sorted(others), 2))
            for column, others in near.items()
        }
        column = min(near, key=lambda name: (missing[name], len(near[name]), name))
        others = near.pop(column)
        clique = frozenset({column, *others})
        if not any(clique <= other for other in found):
            found.append(clique)
        for other in others:
            near[other] = (near[other] | others) - {column, other}
    return sorted(tuple(sorted(clique)) for clique in found)


Clique = tuple[str, ...]


def _tree(cliques: Sequence[Clique]) -> list[tuple[Clique, Clique]]:
    """Trees through the cliques that share something, along what most is shared."""
    pairs = [pair for pair in combinations(cliques, 2) if set(pair[0]) & set(pair[1])]
    kept: list[tuple[Clique, Clique]] = []
    for one, other in sorted(pairs, key=lambda pair: (-len(set(pair[0]) & set(pair[1])), pair)):
        if not any({one, other} <= set(group) for group in _connected(cliques, kept)):
            kept.append((one, other))
    return kept


def _connected(
    cliques: Sequence[Clique], edges: Iterable[tuple[Clique, Clique]]
) -> list[list[Clique]]:
    """The cliques by the tree that they are in."""
    groups = [[clique] for clique in cliques]
    for edge in edges:
        apart = [group for group in groups if not set(edge) & set(group)]
        together = [clique for group in groups if set(edge) & set(group) for clique in group]
        groups = [*apart, together]
    return sorted(map(sorted, groups))
