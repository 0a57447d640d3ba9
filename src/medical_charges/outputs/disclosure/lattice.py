"""How the counts of different outputs hang together: which add up to which.

The outputs are margins of one table of people that nobody publishes. Its names (columns and
bands) are joined where some output groups by both, and where one is a banding of the other; the
joined names form cliques, which a tree connects. A table of whole numbers over each clique, such
that neighbors agree on what they share, is what some table of people looks like there, and the
other way round: nothing is lost by never writing the one large table down. (Bags are consistent
as a whole if they are pairwise, exactly on acyclic hypergraphs: Atserias and Kolaitis, Structure
and Complexity of Bag Consistency, 2021.)

The names of one column are nested, which the contract's check sees to: anyone in a group of
the finer one is in one group of the coarser. So grouping by the finer is grouping by both, and a
column that is published by itself meets the others only in the band that it shares with them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations

from medical_charges.aggregates.cube import Key
from medical_charges.contract import Contract

HIDDEN_LIMIT = 20_000
"""The most groups of a clique that no output publishes as such."""

STEP_LIMIT = 2_000_000
"""The most combinations that are tried on the way to them."""

Level = tuple[str, ...]
"""Sorted names, for each also the coarser ones of its column."""


class TooLargeError(Exception):
    """The tables hang together in a way that is too large to be solved."""


class Lattice:
    """The levels that counts are published or agreed at, and the sums between them.

    Raises:
        TooLargeError: a clique without an output of its own has too many groups.
    """

    def __init__(self, people: Mapping[Level, Mapping[Key, int]], contract: Contract) -> None:
        self._contract = contract
        self._used = sorted({name for names in people for name in names})
        self.keys: dict[Level, list[Key]] = {
            self.level(names): list(map(self.placing(names), cells))
            for names, cells in people.items()
        }
        """The groups of each level."""
        self.published = sorted(self.keys)
        """The levels of outputs."""
        self.sums: list[tuple[Level, Level]] = []
        """Pairs of a level and a finer one that adds up to it."""
        self._join()

    def level(self, names: Sequence[str]) -> Level:
        """The level of some names."""
        coarser = {
            other for name in names for other in self._used if self._contract.is_finer(name, other)
        }
        return tuple(sorted({*names, *coarser}))

    def placing(self, names: Sequence[str]) -> Callable[[Key], Key]:
        """What makes of a group of some names the same group as their level has it."""
        if self.level(names) == tuple(names):
            return lambda key: key
        fines = [
            name
            if name in names
            else next(other for other in names if self._contract.is_finer(other, name))
            for name in self.level(names)
        ]
        sources = [
            (list(names).index(fine), fine, name)
            for fine, name in zip(fines, self.level(names), strict=True)
        ]
        return lambda key: tuple(
            self._contract.banded(fine, key[i], name) for i, fine, name in sources
        )

    def project(self, fine: Level, coarse: Level) -> list[Key]:
        """Which group of the coarse level each group of the fine one is part of."""
        places = [fine.index(name) for name in coarse]
        return [tuple(key[i] for i in places) for key in self.keys[fine]]

    def _join(self) -> None:
        """Add the cliques' own levels, what neighbors share, and the sums."""
        cliques = _cliques(self.published)
        for clique in cliques:
            if clique not in self.keys:
                self.keys[clique] = self._support(clique)
        edges = _tree(cliques)
        for one, other in edges:
            shared = tuple(sorted(set(one) & set(other)))
            if shared not in self.keys:
                points = [point for c in (one, other) for point in self.project(c, shared)]
                self.keys[shared] = list(dict.fromkeys(points))
            self._sum(shared, within=[one])
            self._sum(shared, within=[other])
        for level in self.published:
            self._sum(level, within=cliques)
        self.keys[()] = [()]
        for group in _connected(cliques, edges):
            self._sum((), within=group)

    def _sum(self, level: Level, within: Sequence[Sequence[str]]) -> None:
        """Note what a level is the sum of: of all finer levels, that with the fewest groups."""
        finer = [
            other
            for other in self.keys
            if set(level) < set(other) and any(set(other) <= set(names) for names in within)
        ]
        if finer:
            pair = level, min(finer, key=lambda other: (len(self.keys[other]), other))
            if pair not in self.sums:
                self.sums.append(pair)

    def _support(self, clique: Level) -> list[Key]:
        """The groups of a clique that can have people in them, by all that is published."""
        found: list[Key] = [()]
        for depth, name in enumerate(clique, 1):
            parts = {
                tuple(n for n in clique[:depth] if n in level): level
                for level in self.published
                if name in level
            }
            tests = [
                ([clique.index(n) for n in names], set(self.project(level, names)))
                for names, level in parts.items()
            ]
            values = sorted({key[-1] for _, known in tests for key in known})
            if len(found) * len(values) > STEP_LIMIT:
                raise TooLargeError
            found = [
                point
                for start in found
                for point in ((*start, value) for value in values)
                if all(tuple(point[i] for i in places) in known for places, known in tests)
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
