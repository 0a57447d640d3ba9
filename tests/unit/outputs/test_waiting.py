"""Outputs after what readers have already: which are replaced, and what their rows show."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from medical_charges.aggregates.cube import Cells
from medical_charges.aggregates.cube import people as count
from medical_charges.aggregates.difference import Difference, respread, together
from medical_charges.contract import Contract, parse_contract
from medical_charges.outputs.tables import Shown, Table, make_tables
from tests.attack.cases import BASE, Person, cube_of
from tests.attack.test_attack import two_by_two

BY_A_AND_BY_B = """
analyses:
  by_a: {group_by: [a], statistics: [patients, mean]}
  by_b: {group_by: [b], statistics: [patients, mean]}
disclosure: {minimum_cell: 11}
"""
ONE_TABLE = """
analyses:
  by_a: {group_by: [a], statistics: [patients, mean]}
disclosure: {minimum_cell: 11}
"""

Groups = Mapping[tuple[str, str], int]


def people(groups: Groups, first: int = 1_000) -> list[Person]:
    """So many people of each group of a and b; their measures follow from their number."""
    return [
        {"a": a, "b": b, "k": 0, "m": first + 17 * i}
        for (a, b), count in groups.items()
        for i in range(count)
    ]


def published(contract: Contract, some: list[Person]) -> dict[str, list[Shown]]:
    """What readers have if nothing but this was published."""
    cube = cube_of(some, contract)
    tables = make_tables(cube, contract)
    return {table.name: [Shown(cube, table.to_csv())] for table in tables}


def then(contract: Contract, before: list[Person], after: list[Person]) -> dict[str, Table]:
    """The tables of people, after others were published."""
    tables = make_tables(cube_of(after, contract), contract, published(contract, before))
    return {table.name: table for table in tables}


def figures(table: Table) -> dict[str, tuple[str, ...]]:
    """The figures of each row of a table by one column."""
    return {row[0]: row[1:] for row in table.rows}


BEFORE = {("x", "u"): 40, ("x", "v"): 40, ("y", "u"): 40, ("y", "v"): 40}


@pytest.mark.parametrize(("more", "waits"), [(10, True), (11, False)])
def test_an_output_waits_while_a_group_has_changed_by_fewer_than_the_minimum(
    more: int, waits: bool
) -> None:
    contract = parse_contract(BASE + ONE_TABLE)
    after = people({**BEFORE, ("x", "u"): 40 + more})
    table = then(contract, people(BEFORE), after)["by_a"]
    assert table.waits == waits
    assert table.rows == (() if waits else make_tables(cube_of(after, contract), contract)[0].rows)


def test_outputs_wait_each_by_itself() -> None:
    contract = parse_contract(BASE + BY_A_AND_BY_B)
    spread = people({**BEFORE, ("x", "u"): 46, ("x", "v"): 46})
    tables = then(contract, people(BEFORE), spread)
    assert {name: table.waits for name, table in tables.items()} == {"by_a": False, "by_b": True}


def test_people_who_came_do_not_hide_those_who_went() -> None:
    contract = parse_contract(BASE + ONE_TABLE)
    before, after = (
        people({("x", "u"): 40, ("y", "u"): 60}),
        people({("x", "u"): 51, ("y", "u"): 57}),
    )
    assert then(contract, before, after)["by_a"].waits


def test_a_correction_of_few_people_lets_an_output_wait() -> None:
    contract = parse_contract(BASE + ONE_TABLE)
    after = people(BEFORE)
    after[0] = after[0] | {"m": 1_700}
    assert then(contract, people(BEFORE), after)["by_a"].waits


@pytest.mark.parametrize(("shown", "waits"), [("mean, median", True), ("mean", False)])
def test_a_median_that_moves_while_sums_and_extremes_stay_lets_its_output_wait(
    shown: str, waits: bool
) -> None:
    contract = parse_contract(BASE + ONE_TABLE.replace("mean", shown))
    before, after = (
        [Person(a="x", k=0, m=m) for m in (*[1] * 20, *middle, *[90] * 20)]
        for middle in ([10, 14, 15], [11, 12, 16])
    )
    assert then(contract, before, after)["by_a"].waits == waits


STANDARDIZED = """
analyses:
  by_a: {group_by: [a], statistics: [patients, mean]}
comparisons:
  pair: {column: a, groups: [x, y], standardized_over: [b]}
disclosure: {minimum_cell: 11}
"""


def test_a_standardized_comparison_waits_while_its_weights_have_changed_by_few() -> None:
    contract = parse_contract(BASE + STANDARDIZED)
    others = {("z", "u"): 40, ("z", "v"): 40}
    # Another group's people are in neither mean: they weigh.
    more = [{**others, ("z", "u"): 40 + came, ("z", "v"): 40 + 20 - came} for came in (3, 20)]
    few, enough = (
        then(contract, people({**BEFORE, **others}), people({**BEFORE, **after})) for after in more
    )
    assert few["comparisons"].waits
    assert not few["by_a"].waits
    assert not enough["comparisons"].waits


def test_a_change_of_buckets_alone_is_one_of_a_person_at_least() -> None:
    old, new = (
        Cells({("x", m): count(1) for m in middle}) for middle in ([10, 14, 15], [11, 12, 16])
    )
    assert together(respread({}, old, new).values()).fewest == 1
    assert respread({("x",): Difference(3, 0, 0, 0, 0)}, old, new) == {}
    assert respread({}, old, old) == {}


def test_a_median_of_the_same_people_lets_no_output_wait_even_if_it_is_new() -> None:
    contract = parse_contract(BASE + BY_A_AND_BY_B.replace("mean", "mean, median"))
    some = people(BEFORE)
    more = people({("z", "u"): 40, ("z", "v"): 40}, first=900)
    assert not any(table.waits for table in then(contract, some, [*some, *more]).values())
    plain = parse_contract(BASE + BY_A_AND_BY_B)
    known = published(plain, some)
    tables = make_tables(cube_of(some, contract), contract, known)
    assert not any(table.waits for table in tables)


def test_the_same_people_are_published_as_they_were() -> None:
    contract = parse_contract(BASE + BY_A_AND_BY_B)
    some = people({**BEFORE, ("z", "u"): 4, ("z", "v"): 9})
    tables = then(contract, some, some[::-1])
    assert [t.to_csv() for t in tables.values()] == [
        shown.data for versions in published(contract, some).values() for shown in versions
    ]


@pytest.mark.parametrize(("now", "shown"), [(18, False), (19, True)])
def test_a_hidden_row_is_shown_once_it_has_changed_by_the_minimum(now: int, shown: bool) -> None:
    contract = parse_contract(BASE + ONE_TABLE)
    before = {("x", "u"): 8, ("y", "u"): 40, ("z", "u"): 80}
    after = {**before, ("x", "u"): now, ("y", "u"): 60}
    table = then(contract, people(before), people(after))["by_a"]
    assert not table.waits
    assert any(figures(table)["x"]) == shown


def test_an_output_waits_rather_than_hide_a_row_that_readers_know() -> None:
    """Group w has become small, and only a row that has not changed could protect it."""
    contract = parse_contract(BASE + ONE_TABLE)
    before = {("w", "u"): 25, ("x", "u"): 40}
    table = then(contract, people(before), people({("w", "u"): 7, ("x", "u"): 40}))["by_a"]
    assert table.waits


def test_a_group_that_is_new_and_small_lets_an_output_wait() -> None:
    contract = parse_contract(BASE + ONE_TABLE)
    after = {**BEFORE, ("z", "u"): 3, ("x", "u"): 60}
    assert then(contract, people(BEFORE), people(after))["by_a"].waits


def test_hidden_rows_that_changed_too_little_together_let_an_output_wait() -> None:
    """All others are shown, so that their change follows from everybody's."""
    contract = parse_contract(BASE + ONE_TABLE)
    before = {("w", "u"): 4, ("x", "u"): 12, ("y", "u"): 90, ("z", "u"): 120}
    assert figures(make_tables(cube_of(people(before), contract), contract)[0])["x"] == ("", "")
    after = {**before, ("w", "u"): 6, ("y", "u"): 110}
    assert then(contract, people(before), people(after))["by_a"].waits


def test_a_group_is_compared_with_what_another_output_shows_of_it() -> None:
    """An output that is new could show by summing how a group of another has changed."""
    contract = parse_contract(BASE + BY_A_AND_BY_B.replace("group_by: [b]", "group_by: [a, b]"))
    before, after = people(BEFORE), people({**BEFORE, ("x", "u"): 55, ("y", "u"): 45})
    earlier = published(contract, before)
    del earlier["by_b"]
    tables = {t.name: t for t in make_tables(cube_of(after, contract), contract, earlier)}
    assert tables["by_b"].waits


def test_a_row_that_showed_counts_alone_goes_on_to_do_so() -> None:
    contract, some = two_by_two()
    before = published(contract, some)
    alone = make_tables(cube_of(some, contract), contract)
    assert sum(table.counted for table in alone)
    more = some + people({("v1", "v1"): 30})
    tables = make_tables(cube_of(more, contract), contract, before)
    for old, new in zip(alone, tables, strict=True):
        assert new.waits or new.counted >= old.counted


def test_differences_of_several_versions_add_up() -> None:
    """Twelve people came, and then thirteen went: one is gone."""
    contract = parse_contract(BASE + ONE_TABLE)
    some = people(BEFORE)
    came = some + people({("x", "u"): 12}, first=5_000)
    one, two = published(contract, some)["by_a"], published(contract, came)["by_a"]
    cube = cube_of(some[1:], contract)
    assert not make_tables(cube, contract, {"by_a": two})[0].waits
    assert make_tables(cube, contract, {"by_a": [*one, *two]})[0].waits


CROSSED = """
analyses:
  one: {group_by: [k, wide], statistics: [patients, mean]}
  two: {group_by: [band, j], statistics: [patients, mean]}
disclosure: {minimum_cell: 11}
"""


def test_groups_are_compared_that_two_outputs_can_be_summed_to_and_none_groups_by() -> None:
    base = BASE.replace("    m: {", "    j: {type: integer, minimum: 0, maximum: 9}\n    m: {")
    wide = "  wide: {column: j, below: {near: 5}, otherwise: far}\nmeasure: m"
    contract = parse_contract(base.replace("measure: m", wide) + CROSSED)
    before = [person for k in (0, 8) for j in (0, 8) for person in crossed(k, j, 30)]
    # Three come of one pair of bands, and of all others of its row and its column enough.
    after = before + crossed(0, 0, 3) + crossed(0, 8, 20) + crossed(8, 0, 20)
    earlier = {"one": published(contract, before)["one"]}
    tables = {t.name: t for t in make_tables(cube_of(after, contract), contract, earlier)}
    assert tables["two"].waits


def crossed(k: int, j: int, count: int) -> list[Person]:
    """So many people with two numbers."""
    return [{"a": "x", "b": "u", "k": k, "j": j, "m": 1_000 + 17 * i} for i in range(count)]
