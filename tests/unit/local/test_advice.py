"""A check says which groups are small, and what would spare the rows that they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

import medical_charges as mc
from medical_charges.local import command
from ops import __main__ as ops
from tests.helpers import csv_of

CONTRACT = """
dataset: x
prefix: X
source:
  format: csv
  columns:
    ward: { type: string }
    visits: { type: integer }
    kind: { type: string }
    cost: { type: integer }
bands:
  often: { column: visits, below: { rare: 2 }, otherwise: many }
measure: cost
analyses:
  found: { group_by: [GROUPS], statistics: [patients, mean] }
"""


def text_of(*groups: str, more: str = "") -> str:
    return CONTRACT.replace("GROUPS", ", ".join(groups)) + more


def advised(
    folder: Path, counts: Mapping[tuple[str, int], int], text: str, others: int = 0
) -> Sequence[str]:
    """The advice on rows by ward and visits, of which each group has some of another kind."""
    rows = [
        (*map(str, key), "l" if i < others else "k", str(i))
        for key, count in counts.items()
        for i in range(count)
    ]
    (folder / "x.csv").write_bytes(csv_of(("ward", "visits", "kind", "cost"), rows))
    return mc.analyze(folder / "x.csv", mc.parse_contract(text), cubes=True).advice


def by_visits(*counts: int) -> dict[tuple[str, int], int]:
    return {("A", visits): count for visits, count in enumerate(counts)}


def test_nothing_is_said_where_nothing_is_withheld(tmp_path: Path) -> None:
    assert advised(tmp_path, by_visits(11, 11), text_of("visits")) == ()


@pytest.mark.parametrize(
    ("counts", "small", "way"),
    [
        (
            (40, 30, 20, 6, 5),
            2,
            "a band of visits whose last group is from 3 on has 11 people",
        ),
        ((40, 11, 30, 20, 5), 1, "a band of visits whose last group is from 3 on has 25 people"),
        ((40, 30, 20, 15, 9), 1, "a band of visits whose last group is from 3 on has 24 people"),
        (
            (40, 30, 20, 5, 5),
            2,
            "visits alone has such groups (3, 4): a band would spare them",
        ),
        (
            (5, 30, 20, 6, 5),
            3,
            "visits alone has such groups (0, 3, 4): a band would spare them",
        ),
        (
            (9, 30, 9, 9, 9),
            4,
            "visits alone has such groups (0, 2, 3 and 1 more): a band would spare them",
        ),
    ],
    ids=["tail", "threshold", "tail and neighbor", "too few in the tail", "both ends", "many"],
)  # fmt: skip
def test_numbers_that_few_people_have_are_led_to_a_band(
    counts: tuple[int, ...], small: int, way: str, tmp_path: Path
) -> None:
    (said,) = advised(tmp_path, by_visits(*counts), text_of("visits"))
    assert said == f"found: {small} of 5 groups with fewer than 11 people; {way}"


def test_small_texts_and_bands_are_named(tmp_path: Path) -> None:
    counts = {("A", 0): 40, ("B", 0): 30, ("C", 3): 4}
    (said,) = advised(tmp_path, counts, text_of("ward"))
    assert (
        "; ward alone has such groups (C): one group for all of these (`spellings`) would" in said
    )
    (said,) = advised(tmp_path, counts, text_of("often"))
    assert "; often alone has such groups (many): wider bands would spare them" in said


@pytest.mark.parametrize(("kind", "what"), [("", "ward"), ("filters: [ward]", "the filter ward")])
def test_a_column_that_makes_groups_small_is_named(kind: str, what: str, tmp_path: Path) -> None:
    """Each column by itself has groups of enough people."""
    counts = {("A", 0): 40, ("B", 0): 30, ("A", 1): 30, ("B", 1): 4}
    more = f"dashboard: {{ {kind} }}\n"
    said = advised(tmp_path, counts, text_of("ward", "visits", more=more))
    assert (
        f"found: 1 of 4 groups with fewer than 11 people; without {what} there would be none"
        in said
    )


def test_the_column_without_which_the_fewest_groups_are_small_is_named(tmp_path: Path) -> None:
    """Six of another kind are in each of two groups, so they are few by ward and by visits."""
    counts = {("A", 0): 40, ("B", 1): 40}
    (said,) = advised(tmp_path, counts, text_of("ward", "visits", "kind"), others=6)
    assert (
        said == "found: 2 of 4 groups with fewer than 11 people; without kind there would be none"
    )


def test_rows_that_protect_groups_of_other_outputs_are_said_to(tmp_path: Path) -> None:
    counts = {("A", 0): 40, ("B", 0): 30, ("A", 1): 30, ("B", 1): 4}
    text = text_of("ward", "visits", more="dashboard: { filters: [ward] }\n")
    said = advised(tmp_path, counts, text)
    assert (
        "cube_ward: none of its groups is small; rows are withheld to protect groups of other "
        "outputs" in said
    )


def test_the_threshold_is_that_of_the_contract(tmp_path: Path) -> None:
    more = "unit: stay\ndisclosure: { minimum_cell: 5, rows_per_person: 3 }\n"
    (said,) = advised(tmp_path, by_visits(40, 14), text_of("visits", more=more))
    assert said.startswith("found: 1 of 2 groups with fewer than 15 stays")
    assert advised(tmp_path, by_visits(40, 15), text_of("visits", more=more)) == ()


def test_the_commands_print_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "contract.yaml"
    file.write_text(text_of("visits"))
    (sentence,) = advised(tmp_path, by_visits(40, 30, 20, 6, 5), file.read_text())
    assert ops.main(["check", "--input", f"{tmp_path}/x.csv", "--contract", str(file)]) == 0
    assert sentence in capsys.readouterr().out.splitlines()
    assert command.main(["check", f"{tmp_path}/x.csv", "--contract", str(file)]) == 0
    assert sentence in capsys.readouterr().out.splitlines()
