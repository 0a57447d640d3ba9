"""Counts, sums and squares together confine no count, to an attacker who has proved itself."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping, Sequence
from math import inf

import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.outputs.disclosure import figures
from medical_charges.outputs.tables import make_tables
from tests.attack.cases import BASE, Person, case, cube_of, nested_case, people_of
from tests.attack.knowledge import Fact, Group, Publication, Range, known_from, with_nesting
from tests.attack.solver import TANGENTS, Attack, values_left
from tests.unit.test_reference import reference

LEAST = 6
"""How many whole numbers a count that was taken away must be left."""

CASES = int(os.environ.get("ATTACKS", "12"))


def published(people: list[Person], contract: Contract) -> dict[str, bytes]:
    """What is published of people."""
    tables = make_tables(cube_of(people, contract), contract)
    return {table.name: table.to_csv() for table in tables}


def names_of(contract: Contract) -> frozenset[str]:
    """Everything that an output groups by."""
    groups = [*(a.group_by for a in contract.analyses.values()), *contract.cubes.values()]
    return frozenset(name for group in groups for name in group)


def attacked(
    publication: Publication,
    contract: Contract,
    names: frozenset[str],
    tangents: int = TANGENTS,
    people: Sequence[Person] = (),
) -> dict[Group, Range]:
    """The bounds of every suppressed count."""
    attack = attack_on(publication, contract, names, tangents, people)
    return {group: attack.of_state(0, group) for group in attack.hidden(0)}


def attack_on(
    publication: Publication,
    contract: Contract,
    names: frozenset[str],
    tangents: int = TANGENTS,
    people: Sequence[Person] = (),
) -> Attack:
    """An attack with all that is published.

    Of people only what everybody knows is used: which groups lie in which.
    """
    known = with_nesting(known_from(publication, contract), people, contract)
    return Attack(contract, [known], names, tangents=tangents)


def narrow(found: dict[Group, Range]) -> list[Group]:
    """The counts that are confined too closely."""
    return [group for group, between in found.items() if values_left(between) < LEAST]


def confined(attack: Attack) -> list[Group]:
    """The counts that were taken away and are confined too closely."""
    return [group for group in attack.hidden(0) if attack.confines(0, group, LEAST)]


def of_commit_8b91517() -> dict[str, bytes]:
    """The outputs that commit 8b91517 published of the real file."""
    files = reference("real").items()
    return {key.split("/")[1]: data for key, data in files if key.startswith("Output_data/")}


CUBE = "cube_region_sex_smoker_bmi_category"


def test_the_attacker_breaks_what_commit_8b91517_published(contract: Contract) -> None:
    attack = attack_on(of_commit_8b91517(), contract, frozenset(contract.cubes[CUBE]))
    assert len(attack.hidden(0)) == 105
    assert len(confined(attack)) >= 40


TWO_BY_TWO = """
analyses:
  rows: {group_by: [a], statistics: [patients, mean, stddev]}
  columns: {group_by: [b], statistics: [patients, mean, stddev]}
  both: {group_by: [a, b], statistics: [patients, mean, stddev]}
disclosure: {minimum_cell: 11, extremes: suppress}
"""


def two_by_two() -> tuple[Contract, list[Person]]:
    """Four groups of which one is small; those of v0 cost a hundred times as much."""
    counts = {("v0", "v0"): 3, ("v0", "v1"): 29, ("v1", "v0"): 40, ("v1", "v1"): 60}
    people: list[Person] = [
        {"a": a, "b": b, "k": 0, "m": (300_000 if a == "v0" else 3_000) + 7 * i}
        for (a, b), number in counts.items()
        for i in range(number)
    ]
    return parse_contract(BASE + TWO_BY_TWO), people


def without_figures(data: bytes, labels: int) -> bytes:
    """A CSV in which every row has lost its figures."""
    header, *lines = data.decode().splitlines()
    blank = "," * (header.count(",") - labels + 1)
    rows = [",".join(line.split(",")[:labels]) + blank for line in lines]
    return "\n".join([header, *rows, ""]).encode()


def test_means_and_deviations_of_margins_confine_what_counts_leave_room() -> None:
    contract, people = two_by_two()
    shown = contract.disclosure.model_copy(update={"minimum_cell": 1})
    margins = published(people, contract.model_copy(update={"disclosure": shown}))
    margins["both"] = without_figures(margins["both"], 2)
    found = attacked(margins, contract, names_of(contract))
    small = frozenset({("a", "v0"), ("b", "v0")})
    assert small in narrow(found)
    assert round(found[small].low) <= 3 <= round(found[small].high)


def test_such_margins_give_up_their_means_and_deviations() -> None:
    contract, people = two_by_two()
    publication = published(people, contract)
    assert confined(attack_on(publication, contract, names_of(contract))) == []
    rows = publication["rows"].decode().splitlines()
    assert rows[0] == "a,patients,mean_m,stddev_m"
    assert [row.split(",")[1] for row in rows[1:]] == ["32", "100"]


def people_in(counts: dict[tuple[str, str], int]) -> list[Person]:
    """People by the groups of two columns."""
    return [
        {"a": a, "b": b, "k": 0, "m": 4_000 + 137 * i}
        for (a, b), number in counts.items()
        for i in range(number)
    ]


def hiding(data: bytes, *rows: str) -> bytes:
    """A CSV in which rows that begin so have lost their figures."""
    lines = data.decode().splitlines()
    blank = [f"{row}{',' * (line.count(',') - 1)}" for line in lines for row in rows if row in line]
    kept = [line for line in lines if not line.startswith(rows)]
    return "\n".join([*kept, *blank, ""]).encode()


def test_a_pattern_that_flips_between_publications_tells_what_it_hides() -> None:
    text = TWO_BY_TWO.replace("columns: {group_by: [b]", "columns: {group_by: [b, a]")
    contract = parse_contract(BASE + text.replace("minimum_cell: 11", "minimum_cell: 1"))
    groups = {("v0", "v0"): 3, ("v0", "v1"): 12, ("v0", "v2"): 20, ("v0", "v3"): 30}
    known = []
    for number, companion in ((20, "v1"), (40, "v2")):
        # Of v0 nobody comes or goes, and yet its small group has another companion.
        publication = published(people_in({**groups, ("v1", "v0"): number}), contract)
        publication["both"] = hiding(publication["both"], "v0,v0", f"v0,{companion}")
        del publication["columns"]
        known.append(known_from(publication, contract))
    small = frozenset({("a", "v0"), ("b", "v0")})
    assert values_left(Attack(contract, known[:1], names_of(contract)).of_state(0, small)) >= LEAST
    together = Attack(contract, known, names_of(contract)).of_state(0, small)
    assert (round(together.low, 3), round(together.high, 3)) == (3, 3)


@pytest.mark.parametrize("seed", range(CASES))
def test_counts_sums_and_squares_together_confine_no_count(seed: int) -> None:
    contract, people = case(seed)
    attack = attack_on(published(people, contract), contract, names_of(contract))
    assert confined(attack) == []


@pytest.mark.parametrize("seed", [1, 2, 3, 7, 13, 19, 26])
def test_medians_confine_no_count_either(seed: int) -> None:
    contract, people = case(seed, statistics=["median"])
    publication = published(people, contract)
    assert confined(attack_on(publication, contract, names_of(contract))) == []


def told_apart() -> tuple[Contract, list[Person]]:
    """Four groups of which two are small; all of v0 in a but eleven cost more than any of v1."""
    counts = {("v0", "v0"): 9, ("v0", "v1"): 102, ("v1", "v0"): 3, ("v1", "v1"): 808}
    random_ = random.Random(1)
    people: list[Person] = []
    for (a, b), number in counts.items():
        for i in range(number):
            much = a == "v0" and (b == "v0" or i >= 11)
            m = 20_000 + random_.lognormvariate(10, 0.5) if much else random_.lognormvariate(8, 1)
            people.append({"a": a, "b": b, "k": 0, "m": int(m if much else min(m, 15_000))})
    text = TWO_BY_TWO.replace("mean, stddev", "median")
    measure = "m: {type: integer, minimum: 0"
    return parse_contract(BASE.replace(measure, f"{measure}, maximum: 400000") + text), people


def test_medians_of_margins_confine_no_group_that_both_tell_apart() -> None:
    contract, people = told_apart()
    publication = published(people, contract)
    medians = [row.split(",")[2] for row in publication["rows"].decode().splitlines()[1:]]
    assert all(medians)
    found = attacked(publication, contract, names_of(contract))
    assert len(found) == 4
    assert narrow(found) == []


def test_the_attacker_confines_it_by_the_lowest_and_the_highest_tenth() -> None:
    contract, people = told_apart()
    known = known_from(published(people, contract), contract)
    much, little = Range(20_000, inf), Range(-inf, 15_000)
    known.facts.append(Fact(frozenset({("a", "v0")}), Range(100, 111), among=much))
    known.facts.append(Fact(frozenset({("b", "v1")}), Range(819, 910), among=little))
    attack = Attack(contract, [known], names_of(contract))
    small = attack.of_state(0, frozenset({("a", "v0"), ("b", "v0")}))
    assert (round(small.low), round(small.high)) == (9, 11)


SLOW_NESTED = {3, 9}
"""Seeds of many groups, over each of which the attacker ponders."""


@pytest.mark.parametrize("seed", [seed for seed in range(CASES) if seed not in SLOW_NESTED])
def test_a_group_does_not_follow_from_what_it_lies_in(seed: int) -> None:
    contract, people = nested_case(seed)
    publication = published(people, contract)
    attack = attack_on(publication, contract, names_of(contract), people=people)
    assert confined(attack) == []


def test_a_group_follows_from_what_it_lies_in_if_the_contract_does_not_say_so() -> None:
    contract, people = nested_case(0)
    columns = {
        name: column.model_copy(update={"within": ()})
        for name, column in contract.source.columns.items()
    }
    source = contract.source.model_copy(update={"columns": columns})
    publication = published(people, contract.model_copy(update={"source": source}))
    attack = attack_on(publication, contract, names_of(contract), people=people)
    assert confined(attack) != []


def test_what_is_published_of_the_real_file_confines_no_count(
    contract: Contract, real_outputs: Mapping[str, bytes]
) -> None:
    attack = attack_on(real_outputs, contract, frozenset(contract.cubes[CUBE]))
    assert len(attack.hidden(0)) == 105
    assert confined(attack) == []


def test_a_row_counts_as_showing_counts_alone_only_if_it_lost_a_figure() -> None:
    """An extreme that the contract withholds anyway is nothing to lose."""
    contract = parse_contract(
        BASE
        + """
analyses:
  t0: {group_by: [a, b], statistics: [patients, mean, stddev]}
  t1: {group_by: [a], statistics: [patients, minimum]}
  t2: {group_by: [b], statistics: [patients, mean]}
disclosure: {minimum_cell: 11, extremes: suppress}
"""
    )
    random_ = random.Random(1123)
    people = people_of(random_, ["a", "b"], random_.randint(40, 150))
    alone = {
        table.name: table.counted for table in make_tables(cube_of(people, contract), contract)
    }
    assert alone == {"t0": 0, "t1": 0, "t2": 1}


def test_a_part_whose_rows_show_no_sums_is_freed_of_those_around(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Sums of another output reach it through everybody, so that there is always more to take."""
    monkeypatch.setattr(figures, "SMALL", 2)
    monkeypatch.setattr(figures, "LARGEST", 4)
    contract = parse_contract(
        BASE
        + """
analyses:
  t0: {group_by: [a], statistics: [patients, mean]}
  t1: {group_by: [a, b], statistics: [patients, mean]}
  t2: {group_by: [c], statistics: [patients, mean]}
disclosure: {minimum_cell: 11}
"""
    )
    random_ = random.Random(49)
    people = people_of(random_, ["a", "b", "c"], random_.randint(60, 250))
    attack = attack_on(published(people, contract), contract, names_of(contract))
    assert confined(attack) == []
