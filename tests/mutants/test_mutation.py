"""A change fits one place of a function, or says why it does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest

from tests.mutation import MutationError, dropped, mutated, negated, replaced, swapped


def small(value: int, limit: int) -> bool:
    """Say so."""
    return value < limit and value > 0  # not nothing


@cache
def less(a: int, b: int) -> int:
    return a - b


def raised(counts: list[int]) -> list[int]:
    counts = [count for count in counts if count > 1]
    counts.append(7)
    return counts


@pytest.mark.parametrize(
    ("target", "change", "arguments", "before", "after"),
    [
        (small, replaced("_ < limit", "_ <= limit"), (3, 3), False, True),
        (small, dropped("value > 0"), (-1, 3), False, True),
        (small, negated("value > 0"), (2, 3), True, False),
        (less, swapped("a - b"), (5, 2), 3, -3),
        (raised, dropped("counts.append(7)"), ([2],), [2, 7], [2]),
        (raised, dropped("count > 1"), ([1],), [7], [1, 7]),
    ],
)
def test_a_function_is_changed_for_a_while(
    target: Callable[..., Any], change: Any, arguments: Any, before: object, after: object
) -> None:
    assert target(*arguments) == before
    with mutated(target, change):
        assert target(*arguments) == after
    assert target(*arguments) == before


@pytest.mark.parametrize(
    ("old", "times"), [("value", 2), ("value >= 0", 0), ("Say", 0), ("_ and _", 0)]
)
def test_a_change_that_does_not_match_once_is_an_error(old: str, times: int) -> None:
    message = f"test_mutation.small: {old!r} is there {times} times instead of once"
    with pytest.raises(MutationError, match=re.escape(message)), mutated(small, negated(old)):
        pass


def test_a_target_that_is_no_function_is_an_error() -> None:
    with pytest.raises(MutationError, match="3 is not a function"), mutated(3, dropped("x")):
        pass
