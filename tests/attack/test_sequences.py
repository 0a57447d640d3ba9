"""Publications one after the other tell no more than each, to an attacker with all of them."""

from __future__ import annotations

import os

import pytest

from tests.attack.sequences import Told, attacked, story

SLOW = {4, 10, 11, 20, 22}
"""Seeds of sequences whose linear programs take longest; `make attacks` has them too."""

SEQUENCES = int(os.environ.get("SEQUENCES", "25"))
LENGTH = 5


def test_the_attacker_breaks_publications_that_know_nothing_of_each_other() -> None:
    told = attacked(story(1, 3, alone=True))
    assert (told.confined, told.small, told.persons) >= (15, 8, 8)


@pytest.mark.parametrize("seed", sorted({*range(SEQUENCES)} - SLOW))
def test_a_sequence_confines_no_count_and_tells_no_small_change(seed: int) -> None:
    told = attacked(story(seed, LENGTH))
    assert told == Told(told.hidden, 0, told.changes, 0, 0)
