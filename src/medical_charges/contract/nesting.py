"""Detection of groups that lie in groups of another column, as areas lie in states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from math import log10

CHANCE = -9
"""Decimal logarithm of the chance at which values that stand together are no coincidence."""


def lies_within(counts: Mapping[tuple[str, str], int]) -> bool:
    """Return True if each first value stands with one second value, and that is no coincidence.

    If both were independent, all n rows of a first value would have the same second value with the
    probability sum(p ** n) over the shares p of the second values.

    Args:
        counts: number of rows by pairs of values.
    """
    fine, coarse = Counter[str](), Counter[str]()
    for (one, other), rows in counts.items():
        fine[one] += rows
        coarse[other] += rows
    if len(fine) < len(counts):
        return False
    shares = [rows / coarse.total() for rows in coarse.values()]
    chances = (max(sum(share**rows for share in shares), 1e-300) for rows in fine.values())
    return sum(map(log10, chances)) <= CHANCE
