"""ValidateOutputs compares a run with what readers have, by code of its own."""

from __future__ import annotations

from pathlib import Path

import pytest

from medical_charges.analysis.earlier import Earlier, Version, write_earlier
from medical_charges.contract import Contract, parse_contract
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from medical_charges.validation import Result, validate_outputs
from tests.helpers import run, upload
from tests.unit.validation.helpers import without_spark

CONTRACT = """
dataset: d
prefix: D
source:
  format: csv
  columns:
    a: {type: string}
    m: {type: integer}
measure: m
analyses:
  by_a: {group_by: [a], statistics: [patients, mean]}
disclosure: {minimum_cell: 11}
"""
SMALL = "disclosure: no small change is shown"
FLIPS = "disclosure: what was hidden stays hidden"
WAITS = "disclosure: outputs that wait stay as they are"


@pytest.fixture
def contract() -> Contract:
    return parse_contract(CONTRACT)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def rows(**groups: int) -> bytes:
    """So many people of each group."""
    people = [f"{a},{100 + 7 * i}" for a, count in groups.items() for i in range(count)]
    return "\n".join(["a,m", *people, ""]).encode()


def validated(
    store: LocalStore,
    contract: Contract,
    first: bytes,
    second: bytes,
    *,
    told: bool,
    then: Contract | None = None,
) -> Result:
    """A run after another was published; the analysis is told of it, or only the validation.

    The second run may be under a contract of its own.
    """
    layout = Layout(contract.prefix)
    upload(store, contract, {"d.csv": first})
    snapshot = Path(run(store, contract, "one").state).stem
    earlier = Earlier("one", {"by_a": (Version("one", snapshot),)})
    upload(store, contract, {"d.csv": second})
    if told:
        write_earlier(store, layout, "two", earlier)
    run(store, then or contract, "two")
    write_earlier(store, layout, "two", earlier)
    return validate_outputs(without_spark, store, then or contract, "two")


def failed(result: Result) -> set[str]:
    return {check.name for check in result.checks if check.stops}


@pytest.mark.parametrize(("now", "found"), [(50, {SMALL}), (51, set())])
def test_a_row_that_shows_a_change_of_too_few_people_is_refused(
    store: LocalStore, contract: Contract, now: int, found: set[str]
) -> None:
    result = validated(store, contract, rows(x=40, y=40), rows(x=now, y=40), told=False)
    assert failed(result) == found


def test_one_corrected_row_is_a_change_of_too_few_people(
    store: LocalStore, contract: Contract
) -> None:
    before = rows(x=40, y=40)
    result = validated(store, contract, before, before.replace(b"x,100", b"x,170", 1), told=False)
    assert failed(result) == {SMALL}


@pytest.mark.parametrize(("now", "found"), [(18, {FLIPS}), (19, set())])
def test_a_hidden_row_that_has_changed_too_little_and_is_shown_is_refused(
    store: LocalStore, contract: Contract, now: int, found: set[str]
) -> None:
    before, after = rows(x=8, y=40, z=90), rows(x=now, y=60, z=90)
    assert failed(validated(store, contract, before, after, told=False)) == found


def test_a_row_that_readers_know_and_that_is_hidden_is_refused(
    store: LocalStore, contract: Contract
) -> None:
    result = validated(store, contract, rows(x=25, y=40), rows(x=7, y=40), told=False)
    assert failed(result) == {FLIPS}


@pytest.mark.parametrize(
    ("column", "found"),
    [("{type: double, decimals: 1}", set()), ("{type: integer, minimum: 0}", {SMALL})],
    ids=["another measure", "another limit"],
)
def test_only_a_version_that_groups_and_sums_alike_is_a_comparison(
    store: LocalStore, contract: Contract, column: str, found: set[str]
) -> None:
    """CompareRuns judges the others."""
    other = parse_contract(CONTRACT.replace("{type: integer}", column))
    layout, before = Layout(contract.prefix), rows(x=40, y=40)
    upload(store, contract, {"d.csv": before})
    snapshot = Path(run(store, other, "one").state).stem
    upload(store, contract, {"d.csv": rows(x=45, y=40)})
    run(store, contract, "two")
    write_earlier(store, layout, "two", Earlier("one", {"by_a": (Version("one", snapshot),)}))
    assert failed(validate_outputs(without_spark, store, contract, "two")) == found


@pytest.mark.parametrize(("told", "found"), [(False, {SMALL}), (True, set())])
def test_a_contract_that_has_come_to_ask_for_a_median_is_compared_all_the_same(
    store: LocalStore, contract: Contract, told: bool, found: set[str]
) -> None:
    more = "  median: {group_by: [a], statistics: [patients, median]}\ndisclosure"
    asking = parse_contract(CONTRACT.replace("disclosure", more))
    result = validated(store, contract, rows(x=40, y=40), rows(x=50, y=40), told=told, then=asking)
    assert failed(result) == found


def test_outputs_that_wait_are_those_that_are_published(
    store: LocalStore, contract: Contract
) -> None:
    result = validated(store, contract, rows(x=40, y=40), rows(x=45, y=40), told=True)
    assert failed(result) == set()
    assert {check.name: check.outcome for check in result.checks}[WAITS] == "pass"
    key = Layout(contract.prefix).staged("one", "by_a")
    store.write(key, store.read(key).replace(b"x,40", b"x,41"))
    assert WAITS in failed(validate_outputs(without_spark, store, contract, "two"))
