"""Buckets of the measure, of which medians are read: each value is rounded to three digits.

The last of the three is even from 200 on, and 0 or 5 from 500 on: 198, 199, 200, 202, 204. So a
value and what it is rounded to are at most 0.5 % apart, and there are 350 buckets for each power of
ten. In units of the measure's last decimal everything is a whole number. Under 100 units a value
keeps all its digits.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from medical_charges.contract.model import MEASURE_LIMIT

Integers = npt.NDArray[np.int64]

_STEPS = ((100, 200, 1), (200, 500, 2), (500, 1000, 5))
"""From where to where three digits rise by how much."""


def buckets() -> Iterator[tuple[int, int]]:
    """Yield the least number of each bucket from zero on, and what its numbers are rounded to."""
    yield from ((number, number) for number in range(100))
    power, least = 1, 100
    while least <= MEASURE_LIMIT:
        for first, end, step in _STEPS:
            for rounded in range(first * power, end * power, step * power):
                yield least, rounded
                # A half is rounded up.
                least = rounded + (step * power + 1) // 2
        power *= 10


_LEAST, _ROUNDED = np.array(list(buckets())).T
_BITS = 44
"""How many low bits of a double a part of the numbers has in common: no part has two buckets' least
numbers, as eight bits of the mantissa are left."""
_LOW, _HIGH = np.array([0.5, 2.0**54]).view(np.int64) >> _BITS
_PARTS: Integers = np.arange(_LOW, _HIGH)
_FIRST = np.searchsorted(_LEAST, (_PARTS << _BITS).view(np.float64), side="right") - 1
"""The bucket in which each part begins."""


PLACES = len(_LEAST)
"""How many buckets there are from zero on."""


def places(numbers: Integers) -> Integers:
    """Return which buckets whole numbers of at most MEASURE_LIMIT are in, negative below zero.

    A search among all buckets would take five times as long.
    """
    size = np.abs(numbers)
    parts = size.astype(np.float64).view(np.int64) >> _BITS
    place = _FIRST[np.maximum(parts - _LOW, 0)]
    place += size >= _LEAST[place + 1]
    found: Integers = place * np.sign(numbers)
    return found


def rounded(places: Integers) -> Integers:
    """Return what the numbers of buckets are rounded to."""
    found: Integers = _ROUNDED[np.abs(places)] * np.sign(places)
    return found
