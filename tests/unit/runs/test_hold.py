"""A run that is a few people away from the live one is held: subtraction would name them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lambdas.settings import Settings
from medical_charges.contract import parse_contract
from medical_charges.layout import Layout
from medical_charges.storage import S3Store
from tests.functions import CONTRACT, Pipeline, after_a_run, deploy
from tests.helpers import WITHOUT_CUBES

INPUT = "MedicalCharges/Input_data"


@pytest.fixture
def pipeline(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline that has published the real file in two parts, of 1,330 people and of 8."""
    found = deploy(bucket, b"".join(lines(real_file)[:1331]), monkeypatch, WITHOUT_CUBES)
    found.upload("eight.csv", part(real_file, 1331, 8))
    return after_a_run(found, "first")


def lines(data: bytes) -> list[bytes]:
    return data.splitlines(keepends=True)


def part(data: bytes, start: int, count: int) -> bytes:
    """A file of some of another's rows; a header's own line is its first."""
    return b"".join([lines(data)[0], *lines(data)[start : start + count]])


def of_one_region(data: bytes, count: int, start: int = 0) -> bytes:
    """A file of so many people of one region, so that the output by region can be published."""
    header, *rows = lines(data)
    inside = [row for row in rows if b",southeast," in row]
    return b"".join([header, *inside[start : start + count]])


def compared(pipeline: Pipeline, name: str) -> tuple[str, dict[str, Any]]:
    """A run up to the comparison with the live one."""
    plan = pipeline.plan(name)
    assert plan["decision"] == "go"
    pipeline.analyze(plan["run_id"])
    return plan["run_id"], pipeline.compare(name, plan["run_id"])


def change_of(pipeline: Pipeline, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        pipeline.store.read(Layout(pipeline.contract.prefix).change(run_id))
    )
    return found


def report_of(pipeline: Pipeline, run_id: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(
        pipeline.store.read(Layout(pipeline.contract.prefix).report(run_id))
    )
    return found


@pytest.mark.parametrize("people", [1, 10])
def test_a_run_that_adds_fewer_people_than_the_minimum_is_held(
    pipeline: Pipeline, real_file: bytes, people: int
) -> None:
    before, served = pipeline.served(), pipeline.ledger.live()
    pipeline.upload("few.csv", part(real_file, 100, people))
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "hold"
    assert not pipeline.finish("two", run_id)
    assert pipeline.served() == before
    assert pipeline.ledger.live() == served
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["reason"]) == ("held", found["reason"])
    assert entry["ended"]
    assert pipeline.ledger.lease() is None


@pytest.mark.parametrize(("rows", "decision"), [(21, "hold"), (22, "go")])
def test_a_change_of_rows_of_too_few_people_is_held(
    bucket: S3Store,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
    rows: int,
    decision: str,
) -> None:
    text = WITHOUT_CUBES.replace("minimum_cell: 11", "minimum_cell: 11, rows_per_person: 2")
    text = f"unit: stay\n{text}"
    pipeline = deploy(bucket, real_file, monkeypatch, text)
    pipeline.finish("first", pipeline.run("first"))
    pipeline.upload("few.csv", of_one_region(real_file, rows))
    _, found = compared(pipeline, "two")
    assert found["decision"] == decision
    assert ("fewer than 22 stays" in found["reason"]) == (decision == "hold")


@pytest.mark.parametrize(("kept", "decision"), [(1, "hold"), (668, "hold"), (669, "go")])
def test_a_run_that_has_less_than_half_of_the_people_is_held(
    pipeline: Pipeline, real_file: bytes, kept: int, decision: str
) -> None:
    before = pipeline.served()
    pipeline.upload("eight.csv", part(real_file, 1, kept))
    pipeline.store.delete(f"{INPUT}/Charges.csv")
    _, found = compared(pipeline, "two")
    assert found["decision"] == decision
    assert ("over 50% fewer people than the live run" in found["reason"]) == (decision == "hold")
    assert ("PUBLISH_HELD=1" in found["reason"]) == (decision == "hold")
    said = found["reason"].replace("50%", "").replace("HELD=1", "")
    assert not set("123456789") & set(said), "no number of people"
    assert pipeline.served() == before


def test_people_may_go_if_the_contract_or_an_operator_says_so(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("eight.csv", part(real_file, 1, 400))
    pipeline.store.delete(f"{INPUT}/Charges.csv")
    share = "maximum_rejected_share: 0.05"
    assert compared(pipeline, "two")[1]["decision"] == "hold"
    pipeline.finish("two", pipeline.ledger.lease().run_id)  # type: ignore[union-attr]
    run_id = pipeline.run("three", publish_held=True)
    assert "50% fewer people" in pipeline.ledger.run(run_id)["overridden"]
    pipeline.finish("three", run_id)
    said = WITHOUT_CUBES.replace(share, f"{share}, maximum_removed_share: 0.75")
    pipeline.store.write(CONTRACT, said.encode())
    pipeline.contract = parse_contract(said)
    pipeline.upload("eight.csv", part(real_file, 1, 100))
    assert compared(pipeline, "four")[1]["decision"] == "go"


def test_the_reason_says_the_minimum_and_not_how_many_came(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("few.csv", part(real_file, 100, 7))
    _, found = compared(pipeline, "two")
    assert "fewer than 11 people" in found["reason"]
    assert "7" not in found["reason"]


def test_a_run_that_adds_as_many_people_as_the_minimum_is_published(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("few.csv", of_one_region(real_file, 11))
    _, found = compared(pipeline, "two")
    assert found == {"decision": "go", "reason": ""}


def test_what_is_held_is_published_once_more_has_come(pipeline: Pipeline, real_file: bytes) -> None:
    before = pipeline.served()
    pipeline.upload("few.csv", of_one_region(real_file, 6))
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "hold"
    pipeline.finish("two", run_id)
    pipeline.upload("more.csv", of_one_region(real_file, 5, start=6))
    third = pipeline.run("three")
    assert pipeline.served() != before
    pipeline.finish("three", third)
    assert pipeline.ledger.run(third)["status"] == "succeeded"
    assert pipeline.plan("four")["decision"] == "skip"


def test_what_was_held_is_held_again_without_any_compute(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("few.csv", part(real_file, 100, 3))
    run_id, found = compared(pipeline, "two")
    pipeline.finish("two", run_id)
    again = pipeline.plan("three")
    assert (again["decision"], again["reason"]) == ("hold", found["reason"])
    assert pipeline.ledger.run(again["run_id"])["status"] == "held"
    assert not pipeline.finish("three", again["run_id"])
    assert pipeline.ledger.lease() is None


def test_a_few_people_taken_away_are_held_without_any_compute(pipeline: Pipeline) -> None:
    pipeline.store.delete(f"{INPUT}/eight.csv")
    assert pipeline.plan("two")["decision"] == "hold"


@pytest.mark.parametrize(("gone", "decision"), [("Charges.csv", "hold"), ("others.csv", "go")])
def test_most_people_taken_away_are_held_without_any_compute(
    pipeline: Pipeline, real_file: bytes, gone: str, decision: str
) -> None:
    pipeline.upload("others.csv", part(real_file, 1, 1200))
    pipeline.finish("two", pipeline.run("two"))
    pipeline.store.delete(f"{INPUT}/{gone}")
    plan = pipeline.plan("three")
    assert plan["decision"] == decision
    assert ("over 50% fewer people than the live run" in plan["reason"]) == (decision == "hold")


def test_fewer_people_that_were_held_are_held_again_without_any_compute(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("eight.csv", part(real_file, 1, 668))
    pipeline.store.delete(f"{INPUT}/Charges.csv")
    run_id, found = compared(pipeline, "two")
    pipeline.finish("two", run_id)
    again = pipeline.plan("three")
    assert (again["decision"], again["reason"]) == ("hold", found["reason"])


def test_an_object_put_back_before_a_publication_is_live_already(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.store.delete(f"{INPUT}/eight.csv")
    pipeline.finish("two", pipeline.plan("two")["run_id"])
    pipeline.upload("eight.csv", part(real_file, 1331, 8))
    assert pipeline.plan("three")["decision"] == "skip"


def test_people_taken_away_do_not_hide_those_who_came(pipeline: Pipeline, real_file: bytes) -> None:
    pipeline.store.delete(f"{INPUT}/eight.csv")
    pipeline.upload("others.csv", part(real_file, 100, 8))
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "hold"
    change = change_of(pipeline, run_id)
    assert (change["rows_added"], change["rows_removed"]) == (8, 8)


def correct_one_row(pipeline: Pipeline) -> None:
    """Upload the large file again with another charge in one of its rows."""
    file = lines(pipeline.store.read(f"{INPUT}/Charges.csv"))
    file[700] = file[700].rpartition(b",")[0] + b",1234.5\n"
    pipeline.upload("Charges.csv", b"".join(file))


def test_one_row_corrected_in_a_large_file_is_held(pipeline: Pipeline) -> None:
    correct_one_row(pipeline)
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "hold"
    change = change_of(pipeline, run_id)
    assert (change["rows_added"], change["rows_removed"]) == (1330, 1330)
    assert (change["came"], change["went"]) == (1, 1)


def test_a_file_corrected_throughout_is_published(pipeline: Pipeline) -> None:
    file = lines(pipeline.store.read(f"{INPUT}/Charges.csv"))
    corrected = [row.rpartition(b",")[0] + b",1234.5\n" for row in file[1:]]
    pipeline.upload("Charges.csv", b"".join([file[0], *corrected]))
    assert compared(pipeline, "two")[1]["decision"] == "go"


def test_the_same_people_in_other_files_are_published(pipeline: Pipeline, real_file: bytes) -> None:
    pipeline.store.delete(f"{INPUT}/eight.csv")
    pipeline.upload("Charges.csv", real_file)
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "go"
    change = change_of(pipeline, run_id)
    assert (change["came"], change["went"], set(change["small_groups"].values())) == (0, 0, {0})


def test_groups_that_changed_by_a_few_people_are_counted(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("more.csv", part(real_file, 1, 100))
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "go"
    ages = {row.split(b",")[0] for row in lines(real_file)[1:101]}
    # Of 100 people no age has eleven.
    assert change_of(pipeline, run_id)["small_groups"]["age"] == len(ages)


def rebanded(pipeline: Pipeline) -> None:
    """A contract whose groups mean something else."""
    text = pipeline.store.read(CONTRACT)
    changed = text.replace(b"normal: 25", b"normal: 26")
    assert changed != text
    pipeline.store.write(CONTRACT, changed)
    pipeline.contract = Settings.read().contract()


def test_another_contract_over_the_same_people_is_published(pipeline: Pipeline) -> None:
    rebanded(pipeline)
    assert compared(pipeline, "two")[1]["decision"] == "go"


def test_another_contract_does_not_hide_a_few_people(pipeline: Pipeline, real_file: bytes) -> None:
    rebanded(pipeline)
    pipeline.upload("few.csv", part(real_file, 100, 3))
    assert compared(pipeline, "two")[1]["decision"] == "hold"


def test_another_contract_does_not_hide_a_corrected_row(pipeline: Pipeline) -> None:
    text = pipeline.store.read(CONTRACT)
    more = b"analyses:\n  by_children: { group_by: [children], statistics: [patients] }\n"
    pipeline.store.write(CONTRACT, text.replace(b"analyses:\n", more))
    pipeline.contract = Settings.read().contract()
    correct_one_row(pipeline)
    assert compared(pipeline, "two")[1]["decision"] == "hold"


def test_a_held_change_is_published_by_an_execution_asked_to_and_stays_on_record(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("few.csv", part(real_file, 100, 3))
    run_id, found = compared(pipeline, "two")
    assert found["decision"] == "hold"
    pipeline.finish("two", run_id)
    assert "overridden" not in pipeline.ledger.run(run_id)
    run_id = pipeline.run("three", publish_held=True)
    pipeline.finish("three", run_id)
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["overridden"]) == ("succeeded", found["reason"])
    assert report_of(pipeline, run_id)["warnings"] == [
        f"published because its execution was asked to, although {found['reason']}"
    ]


def test_a_run_that_was_asked_to_publish_without_need_is_not_on_record(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.upload("more.csv", part(real_file, 100, 100))
    run_id = pipeline.run("two", publish_held=True)
    assert "overridden" not in pipeline.ledger.run(run_id)
    assert report_of(pipeline, run_id)["warnings"] == []


def test_the_reason_says_how_to_publish_all_the_same(pipeline: Pipeline) -> None:
    pipeline.store.delete(f"{INPUT}/eight.csv")
    assert '{"publish_held": true}' in pipeline.plan("two")["reason"]
    lose_the_state(pipeline)
    pipeline.finish("two", pipeline.plan("two")["run_id"])
    assert '{"publish_held": true}' in pipeline.plan("three")["reason"]


def test_a_held_run_has_a_report_wherever_it_was_held(pipeline: Pipeline, real_file: bytes) -> None:
    pipeline.upload("few.csv", part(real_file, 100, 3))
    run_id, found = compared(pipeline, "two")
    report = report_of(pipeline, run_id)
    assert (report["outcome"], report["held"]) == ("held", found["reason"])
    assert report["read"]["objects"] == 3
    pipeline.finish("two", run_id)
    again = report_of(pipeline, pipeline.plan("three")["run_id"])
    assert (again["outcome"], again["held"], again["read"]) == ("held", found["reason"], None)


def lose_the_state(pipeline: Pipeline) -> None:
    """Somebody tidies up."""
    for ref in list(pipeline.store.list("MedicalCharges/Cube_data")):
        pipeline.store.delete(ref.key)


def test_a_run_that_cannot_be_compared_is_held_without_any_compute(
    pipeline: Pipeline, real_file: bytes
) -> None:
    lose_the_state(pipeline)
    pipeline.upload("more.csv", real_file)
    plan = pipeline.plan("two")
    assert plan["decision"] == "hold"
    assert "is not there any more" in plan["reason"]


def test_a_run_is_held_if_the_state_goes_while_it_is_analyzed(
    pipeline: Pipeline, real_file: bytes
) -> None:
    served = pipeline.ledger.live()
    assert served
    pipeline.upload("more.csv", real_file)
    plan = pipeline.plan("two")
    pipeline.analyze(plan["run_id"])
    pipeline.store.delete(Layout(pipeline.contract.prefix).state(served.snapshot))
    found = pipeline.compare("two", plan["run_id"])
    assert found["decision"] == "hold"
    assert "is not there any more" in found["reason"]


def test_a_missing_state_is_made_again_by_a_recheck_of_the_live_snapshot(
    pipeline: Pipeline, real_file: bytes
) -> None:
    lose_the_state(pipeline)
    pipeline.finish("two", pipeline.run("two", recheck=True))
    pipeline.upload("more.csv", real_file)
    assert compared(pipeline, "three")[1]["decision"] == "go"


def test_a_missing_state_is_replaced_by_a_run_asked_to_publish(
    pipeline: Pipeline, real_file: bytes
) -> None:
    lose_the_state(pipeline)
    pipeline.upload("more.csv", real_file)
    run_id = pipeline.run("two", publish_held=True)
    pipeline.finish("two", run_id)
    assert "is not there any more" in pipeline.ledger.run(run_id)["overridden"]
    pipeline.upload("again.csv", part(real_file, 1, 100))
    assert compared(pipeline, "three")[1]["decision"] == "go"
