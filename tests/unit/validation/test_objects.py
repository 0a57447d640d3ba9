"""Partials against the rows that they are of, once, and against the record from then on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from medical_charges.contract import parse_contract
from medical_charges.hashing import verify_checksum, with_checksum
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from medical_charges.validation import Result, validate_outputs
from medical_charges.validation.artifacts import RunArtifacts
from medical_charges.validation.checks import objects
from tests.helpers import run, upload
from tests.unit.validation.helpers import GOOD_ROW, RULES, csv_lines, validated, without_spark

CONTRACT = parse_contract(RULES)
LAYOUT = Layout(CONTRACT.prefix)
ROWS = csv_lines(*[GOOD_ROW] * 3, GOOD_ROW.replace(b"a", b"b", 1), b"bad")


def look(store: LocalStore, *, recheck: bool = False) -> Result:
    return validate_outputs(without_spark, store, CONTRACT, "run", recheck=recheck)


def failed(result: Result) -> set[str]:
    return {check.name for check in result.stopping}


def test_an_object_is_read_once_and_known_by_its_record_from_then_on(store: LocalStore) -> None:
    _, first = validated(store, CONTRACT, {"x.csv": ROWS})
    assert first.objects == {"read": 1, "on_record": 0}
    _, second = validated(store, CONTRACT, {"y.csv": ROWS})
    assert second.objects == {"read": 1, "on_record": 1}
    assert look(store).objects == {"read": 0, "on_record": 2}


def test_sums_of_recorded_objects_are_kept_only_in_the_total(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("kind",)
    validated(store, CONTRACT, {f"{i}.csv": ROWS for i in range(5)})
    upload(store, CONTRACT, {"new.csv": csv_lines(GOOD_ROW)})
    run(store, CONTRACT)
    artifacts = RunArtifacts(store, CONTRACT, "run")
    for at_once in (1, 2, 100):
        monkeypatch.setattr(objects, "PARTIALS_AT_ONCE", at_once)
        found = objects.recount_objects(without_spark, artifacts, recheck=False)
        (new,) = found.recounts
        assert {i for i, partial in found.partials.items() if partial.cells} == {new}
        assert len(found.partials) == 6
        assert found.merged[names]["a",].n == 5 * 3 + 1


def test_a_recheck_reads_every_object_again(store: LocalStore) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})
    assert look(store, recheck=True).objects == {"read": 1, "on_record": 0}


def test_a_better_checker_reads_every_object_again(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})
    monkeypatch.setattr(objects, "CHECKER_VERSION", objects.CHECKER_VERSION + 1)
    assert look(store).objects == {"read": 1, "on_record": 0}


def test_objects_that_failed_are_not_recorded(store: LocalStore) -> None:
    upload(store, CONTRACT, {"x.csv": ROWS})
    run(store, CONTRACT)
    for ref in list(store.list(f"{CONTRACT.prefix}/Quarantine_data")):
        store.delete(ref.key)
    for _ in range(2):
        result = look(store)
        assert failed(result) == {"objects: rows counted and quarantined"}
        assert result.objects == {"read": 1, "on_record": 0}


def spoil(store: LocalStore, folder: str, change: Callable[[Any], Any]) -> None:
    """Change stored values in a folder of Cube_data, under correct checksums."""
    for ref in list(store.list(f"{CONTRACT.prefix}/Cube_data/{folder}")):
        value = verify_checksum(store.read(ref.key))
        change(value)
        store.write(ref.key, with_checksum(value))


def first_cell(value: Any) -> list[Any]:
    """The key, n, total, squares, minimum and maximum of the first group."""
    cell: list[Any] = value["cube"][0][1][0]
    return cell


@pytest.mark.parametrize("place", [1, 2, 3, 4, 5])
def test_a_partial_with_any_other_sum_is_refused_when_it_is_new(
    store: LocalStore, place: int
) -> None:
    upload(store, CONTRACT, {"x.csv": ROWS})
    run(store, CONTRACT)

    def change(value: Any) -> None:
        first_cell(value)[place] += 1

    spoil(store, "partials", change)
    spoil(store, "states", change)
    assert "objects: partials come out of their rows" in failed(look(store))


def test_a_partial_that_changed_after_it_was_recorded_is_recounted(
    store: LocalStore,
) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})

    def change(value: Any) -> None:
        first_cell(value)[2] += 1

    spoil(store, "partials", change)
    spoil(store, "states", change)
    result = look(store)
    assert result.objects == {"read": 1, "on_record": 0}
    assert "objects: partials come out of their rows" in failed(result)


def test_a_partial_that_is_lost_or_damaged_is_named(store: LocalStore) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})
    for ref in list(store.list(f"{CONTRACT.prefix}/Cube_data/partials")):
        store.write(ref.key, store.read(ref.key).replace(b"10", b"11", 1))
    assert f"{LAYOUT.input}/x.csv has no partial, or a damaged one" in "\n".join(
        look(store).problems
    )


def test_a_state_that_counts_a_partial_twice_or_not_is_refused(store: LocalStore) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS, "y.csv": csv_lines(GOOD_ROW)})

    def change(value: Any) -> None:
        first_cell(value)[1] += 1

    spoil(store, "states", change)
    assert failed(look(store)) == {"merge: the state is the sum of the partials"}


def test_a_line_in_quarantine_that_is_another_is_refused(store: LocalStore) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})
    upload(store, CONTRACT, {"other.csv": csv_lines(GOOD_ROW, b"worse")})
    run(store, CONTRACT)
    folders = [ref.key for ref in store.list(f"{CONTRACT.prefix}/Quarantine_data")]
    first, second = (store.read(key) for key in folders)
    store.write(folders[0], second)
    store.write(folders[1], first)
    assert failed(look(store, recheck=True)) == {"objects: rows counted and quarantined"}


def test_records_hold_no_row_and_no_sum(store: LocalStore) -> None:
    validated(store, CONTRACT, {"x.csv": ROWS})
    (ref,) = store.list(f"{CONTRACT.prefix}/Cube_data/reconciled")
    record = json.loads(store.read(ref.key))["content"]
    assert record.keys() == {"checker", "partial", "rows", "quarantined", "counted"}
    assert (record["rows"], record["quarantined"], record["counted"]) == (5, 1, 4)
