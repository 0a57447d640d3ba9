"""The cube: exact sums of the measure for each group of each grouping set.

Sums are Python integers of the scaled measure (the measure times 10 to its decimals, rounded
per row), so that merging is exact, commutative and associative: the same rows give the same
cube however they were cut up.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from medical_charges.contract.model import BUCKET, EXACT_LIMIT
from medical_charges.errors import InputRefusedError

GroupingSet = tuple[str, ...]
Key = tuple[str | int, ...]


class Sums(NamedTuple):
    """The sums of a group, from which all its published statistics are derived."""

    n: int
    """Number of rows."""
    total: int
    """Sum of the scaled measure."""
    squares: int
    """Sum of its squares."""
    minimum: int
    maximum: int

    def merge(self, other: Sums) -> Sums:
        """Return the sums of both groups' rows together."""
        return Sums(
            self.n + other.n,
            self.total + other.total,
            self.squares + other.squares,
            min(self.minimum, other.minimum),
            max(self.maximum, other.maximum),
        )


def people(n: int) -> Sums:
    """Return what a grouping set by the buckets of the measure holds of a group: people alone."""
    return Sums(n, 0, 0, 0, 0)


Cells = dict[Key, Sums]
Cube = dict[GroupingSet, Cells]


def is_large(cube: Cube) -> bool:
    """Return True if a row's scaled measure is beyond EXACT_LIMIT."""
    # Every grouping set holds all rows, but those by buckets have no sums.
    cells = next((cells for names, cells in cube.items() if BUCKET not in names), Cells())
    return any(max(-sums.minimum, sums.maximum) > EXACT_LIMIT for sums in cells.values())


CELL_LIMIT = 100_000
"""Maximum number of groups of a grouping set: a larger table is not fit to publish."""


def check_size(grouping_set: GroupingSet, cells: int) -> None:
    """Refuse a grouping set that has grown over CELL_LIMIT.

    Raises:
        InputRefusedError: it has more groups.
    """
    if cells > CELL_LIMIT:
        by = ", ".join(name for name in grouping_set if name != BUCKET)
        what = f"medians by {by} need" if BUCKET in grouping_set else f"grouping by {by} gives"
        raise InputRefusedError(
            f"{what} more than {CELL_LIMIT:,} groups; group by fewer columns, or by bands"
        )


def merge_cells(into: Cells, cells: Mapping[Key, Sums]) -> None:
    """Add `cells` to `into`, in place."""
    for key, sums in cells.items():
        known = into.get(key)
        into[key] = sums if known is None else known.merge(sums)


def add_cube(into: Cube, cube: Mapping[GroupingSet, Mapping[Key, Sums]]) -> None:
    """Add `cube` to `into`, in place.

    Raises:
        InputRefusedError: a grouping set has grown over CELL_LIMIT.
    """
    for grouping_set, cells in cube.items():
        if not cells:
            continue  # so that empty blocks leave no trace in the cube
        merge_cells(into.setdefault(grouping_set, {}), cells)
        check_size(grouping_set, len(into[grouping_set]))


def merge_cubes(cubes: Iterable[Mapping[GroupingSet, Mapping[Key, Sums]]]) -> Cube:
    """Return the cube of all the cubes' rows together."""
    merged: Cube = {}
    for cube in cubes:
        add_cube(merged, cube)
    return merged


def rows_of(cube: Cube) -> int:
    """Return the number of rows in a cube: every grouping set holds each row once."""
    return sum(sums.n for sums in next(iter(cube.values()), {}).values())


def cube_to_json(cube: Cube) -> list[Any]:
    """Return a cube as JSON values, in an order that depends on its content only."""
    return [
        [
            list(grouping_set),
            [[list(key), *sums] for key, sums in sorted(cube[grouping_set].items())],
        ]
        for grouping_set in sorted(cube)
    ]


def cube_from_json(value: list[Any]) -> Cube:
    """Return the cube that `cube_to_json` wrote."""
    return {
        tuple(grouping_set): {tuple(key): Sums(*sums) for key, *sums in cells}
        for grouping_set, cells in value
    }
