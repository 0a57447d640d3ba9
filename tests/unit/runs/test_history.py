"""What readers have is kept from run to run, and each run is compared with it."""

from __future__ import annotations

import json

import pytest

from medical_charges.analysis.earlier import Version, read_earlier, read_history
from medical_charges.analysis.summary import read_summary
from medical_charges.contract import parse_contract
from medical_charges.layout import Layout
from medical_charges.runs.publish import read_live
from medical_charges.storage import S3Store
from tests.functions import CONTRACT, Pipeline, after_a_run, deploy
from tests.helpers import WITHOUT_CUBES
from tests.unit.runs.test_differencing import grouped_by
from tests.unit.runs.test_hold import INPUT, lines, of_one_region, part

REGION, AGE = "charges_by_region", "charges_by_age"


@pytest.fixture
def pipeline(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline that has published the real file."""
    found = deploy(bucket, real_file, monkeypatch, WITHOUT_CUBES)
    return after_a_run(found, "first")


def layout_of(pipeline: Pipeline) -> Layout:
    return Layout(pipeline.contract.prefix)


def output(pipeline: Pipeline, name: str) -> bytes:
    return pipeline.store.read(layout_of(pipeline).published(name))


def waiting(pipeline: Pipeline, run_id: str) -> dict[str, str]:
    found: dict[str, str] = json.loads(pipeline.store.read(layout_of(pipeline).summary(run_id)))[
        "waiting"
    ]
    return found


def published(pipeline: Pipeline, name: str) -> list[Version]:
    return list(read_history(pipeline.store, layout_of(pipeline))[name])


def live(pipeline: Pipeline) -> str:
    found = read_live(pipeline.store, layout_of(pipeline))
    assert found is not None
    return found.run_id


def grown(pipeline: Pipeline, name: str, real_file: bytes, **asked: bool) -> str:
    """A run after twenty people of one region have come."""
    pipeline.upload(f"{name}.csv", of_one_region(real_file, 20))
    run_id = pipeline.run(name, **asked)
    pipeline.finish(name, run_id)
    return run_id


def test_outputs_that_wait_stay_as_they_are_and_the_others_are_replaced(
    pipeline: Pipeline, real_file: bytes
) -> None:
    first, region, age = live(pipeline), output(pipeline, REGION), output(pipeline, AGE)
    run_id = grown(pipeline, "two", real_file)
    assert output(pipeline, REGION) != region
    assert output(pipeline, AGE) == age
    assert waiting(pipeline, run_id)[AGE] == first
    assert REGION not in waiting(pipeline, run_id)


def test_an_output_that_waits_again_names_the_run_that_made_it(
    pipeline: Pipeline, real_file: bytes
) -> None:
    first = live(pipeline)
    grown(pipeline, "two", real_file)
    assert waiting(pipeline, grown(pipeline, "three", real_file))[AGE] == first


def test_an_output_is_compared_with_its_own_last_version(
    pipeline: Pipeline, real_file: bytes
) -> None:
    """Five times twenty people of a region are enough of every sex, and not of every age."""
    runs = [grown(pipeline, f"more-{i}", real_file) for i in range(5)]
    assert published(pipeline, AGE)[-1].run_id not in runs
    assert published(pipeline, REGION)[-1].run_id == runs[-1]


def test_a_run_of_which_every_output_waits_is_held(pipeline: Pipeline, real_file: bytes) -> None:
    before = pipeline.served()
    pipeline.upload("few.csv", part(real_file, 100, 30))
    plan = pipeline.plan("two")
    pipeline.analyze(plan["run_id"])
    found = pipeline.compare("two", plan["run_id"])
    assert found["decision"] == "hold"
    assert "in each output some group has changed by fewer than 11 people" in found["reason"]
    assert pipeline.served() == before


def test_a_publication_that_was_asked_for_starts_over(pipeline: Pipeline, real_file: bytes) -> None:
    run_id = grown(pipeline, "two", real_file, publish_held=True)
    assert waiting(pipeline, run_id) == {}
    again = grown(pipeline, "three", real_file)
    earlier = read_earlier(pipeline.store, layout_of(pipeline), again).outputs[AGE]
    assert [version.run_id for version in earlier] == [run_id]
    # For good: the ledger's entry that says so expires.
    assert [version.run_id for version in published(pipeline, AGE)] == [run_id]


@pytest.mark.parametrize(("people", "decision"), [(30, "hold"), (31, "go")])
def test_what_a_run_published_before_it_failed_is_compared_with_as_well(
    pipeline: Pipeline, real_file: bytes, people: int, decision: str
) -> None:
    first = live(pipeline)
    pipeline.upload("more.csv", of_one_region(real_file, 20))
    run_id = pipeline.staged("two")
    assert pipeline.compare("two", run_id)["decision"] == "go"
    pipeline.publish("two", run_id)
    pipeline.fail("two", "GenerateManifests", run_id)
    assert [version.run_id for version in published(pipeline, REGION)] == [first, run_id]
    # Far more than in what is live, and ten or eleven more than what was seen for a moment.
    pipeline.upload("more.csv", of_one_region(real_file, people))
    third = pipeline.staged("three")
    assert pipeline.compare("three", third)["decision"] == decision


@pytest.mark.parametrize(("fewer", "decision"), [(1, "hold"), (11, "go")])
def test_a_run_is_compared_with_every_version_and_not_the_last_alone(
    bucket: S3Store,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
    fewer: int,
    decision: str,
) -> None:
    # Other outputs by region would tell by their own first versions.
    pipeline = deploy(bucket, real_file, monkeypatch, grouped_by("region"))
    pipeline.finish("first", pipeline.run("first"))
    grown(pipeline, "two", real_file)
    pipeline.store.delete(f"{INPUT}/two.csv")
    pipeline.upload("Charges.csv", without_some_of_one_region(real_file, fewer))
    run_id = pipeline.staged("three")
    assert pipeline.compare("three", run_id)["decision"] == decision


def without_some_of_one_region(data: bytes, count: int) -> bytes:
    header, *rows = lines(data)
    gone = [row for row in rows if b",southeast," in row][:count]
    return b"".join([header, *(row for row in rows if row not in gone)])


def test_what_is_live_is_compared_with_where_no_version_was_recorded(
    pipeline: Pipeline, real_file: bytes
) -> None:
    """The stack was deployed before versions were recorded."""
    pipeline.store.delete(layout_of(pipeline).history)
    first = live(pipeline)
    run_id = grown(pipeline, "two", real_file)
    assert waiting(pipeline, run_id)[AGE] == first


def test_a_publication_that_starts_over_and_fails_ends_no_comparison(
    pipeline: Pipeline, real_file: bytes
) -> None:
    first = live(pipeline)
    pipeline.upload("more.csv", part(real_file, 100, 30))
    run_id = pipeline.plan("two", publish_held=True)["run_id"]
    pipeline.analyze(run_id)
    assert pipeline.compare("two", run_id)["decision"] == "go"
    pipeline.publish("two", run_id)
    pipeline.fail("two", "GenerateManifests", run_id)
    assert [version.run_id for version in published(pipeline, AGE)] == [first, run_id]
    pipeline.store.delete(f"{INPUT}/more.csv")
    pipeline.upload("few.csv", of_one_region(real_file, 20))
    third = pipeline.staged("three")
    assert waiting(pipeline, third)[AGE] == first


@pytest.mark.parametrize("gone", ["staged", "state"])
def test_a_run_is_held_if_a_version_that_readers_have_is_gone(
    pipeline: Pipeline, real_file: bytes, gone: str
) -> None:
    version = published(pipeline, AGE)[0]
    grown(pipeline, "two", real_file)
    layout = layout_of(pipeline)
    kept = layout.staged(version.run_id, AGE), layout.state(version.snapshot)
    pipeline.store.delete(kept[gone == "state"])
    pipeline.upload("more.csv", of_one_region(real_file, 40))
    found = pipeline.compare("three", pipeline.staged("three"))
    assert found["decision"] == "hold"
    assert "is not there any more" in found["reason"]


def test_an_output_that_would_have_to_wait_under_a_higher_threshold_is_withheld(
    pipeline: Pipeline,
) -> None:
    """Readers know its small groups, so nothing can hide them; new readers must not see them."""
    higher = WITHOUT_CUBES.replace("minimum_cell: 11", "minimum_cell: 25")
    pipeline.store.write(CONTRACT, higher.encode())
    pipeline.contract = parse_contract(higher)
    run_id = pipeline.staged("two")
    summary = read_summary(pipeline.store, layout_of(pipeline), run_id)
    assert AGE in summary.withheld
    assert REGION in summary.waiting


def test_a_rollback_is_no_new_version(pipeline: Pipeline, real_file: bytes) -> None:
    first = live(pipeline)
    second = grown(pipeline, "two", real_file)
    plan = pipeline.plan("back", rollback=first)
    assert plan["decision"] == "rollback"
    for step in (pipeline.publish, pipeline.manifests, pipeline.serve):
        step("back", first)
    pipeline.finish("back", first)
    assert live(pipeline) == first
    assert published(pipeline, REGION)[-1].run_id == second
