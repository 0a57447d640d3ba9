"""Rollback: an earlier run is published again, after a failed publication or by hand."""

from __future__ import annotations

import json
from hashlib import sha256

import pytest

from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.runs.publish import read_live
from medical_charges.storage import S3Store
from tests.functions import CONTRACT, Pipeline, after_a_run, deploy
from tests.helpers import TWO_OUTPUTS


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(TWO_OUTPUTS)


@pytest.fixture
def pipeline(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """A pipeline that has published two runs, the second of more rows."""
    found = deploy(bucket, real_file, monkeypatch)
    return after_a_run(found, "one")


@pytest.fixture
def layout(contract: Contract) -> Layout:
    return Layout(contract.prefix)


def more_rows(pipeline: Pipeline) -> None:
    real = pipeline.store.read("MedicalCharges/Input_data/Charges.csv")
    pipeline.upload("more.csv", b"".join(real.splitlines(keepends=True)[:700]))


def live_run(pipeline: Pipeline) -> str:
    live = pipeline.ledger.live()
    assert live is not None
    return live.run_id


def roll_back(pipeline: Pipeline, name: str, run_id: str) -> None:
    """Roll back by hand, as the state machine does."""
    plan = pipeline.plan(name, rollback=run_id)
    assert (plan["decision"], plan["run_id"]) == ("rollback", run_id)
    pipeline.publish(name, run_id)
    pipeline.manifests(name, run_id)
    pipeline.serve(name, run_id)
    assert not pipeline.finish(name, run_id)


def test_any_published_run_can_be_published_again_by_hand(pipeline: Pipeline) -> None:
    first, outputs = live_run(pipeline), pipeline.served()
    more_rows(pipeline)
    second = pipeline.run("two")
    pipeline.finish("two", second)
    later_outputs = pipeline.served()
    assert later_outputs != outputs
    roll_back(pipeline, "three", first)
    assert pipeline.served() == outputs
    assert live_run(pipeline) == first
    assert pipeline.ledger.lease() is None
    roll_back(pipeline, "four", second)
    assert pipeline.served() == later_outputs


def test_after_a_rollback_the_next_execution_publishes_the_input_again(
    pipeline: Pipeline,
) -> None:
    first = live_run(pipeline)
    more_rows(pipeline)
    pipeline.finish("two", pipeline.run("two"))
    outputs = pipeline.served()
    roll_back(pipeline, "three", first)
    pipeline.finish("four", pipeline.run("four"))
    assert pipeline.served() == outputs


def test_the_live_run_is_recorded_with_the_checksums_of_its_outputs(
    pipeline: Pipeline, layout: Layout
) -> None:
    live = read_live(pipeline.store, layout)
    assert live is not None
    assert live.run_id == live_run(pipeline)
    assert live.store == "s3://medicalcharges"
    assert live.contract == pipeline.contract.contract_hash
    assert pipeline.store.read(layout.state(live.snapshot))
    for name, checksum in live.outputs.items():
        assert sha256(pipeline.store.read(layout.published(name))).hexdigest() == checksum
    assert live.outputs.keys() == pipeline.contract.outputs.keys()


def test_the_record_of_the_live_run_survives_a_failed_publication(
    pipeline: Pipeline, layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = read_live(pipeline.store, layout)
    more_rows(pipeline)
    second = pipeline.plan("two")["run_id"]
    pipeline.analyze(second)
    pipeline.publish("two", second)
    pipeline.manifests("two", second)
    monkeypatch.setattr(
        "medical_charges.runs.ledger.Ledger.set_live",
        lambda *_: (_ for _ in ()).throw(OSError("the connection broke")),
    )
    with pytest.raises(OSError, match="broke"):
        pipeline.serve("two", second)
    assert read_live(pipeline.store, layout) != before
    pipeline.fail("two", "ValidateManifests", second, Error="X", Cause="{}")
    assert read_live(pipeline.store, layout) == before


def test_a_failed_first_run_leaves_no_live_run(
    bucket: S3Store,
    layout: Layout,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pipeline = deploy(bucket, real_file, monkeypatch)
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.fail("one", "PublishOutputs", run_id, Error="X", Cause="{}")
    assert pipeline.served() == {}
    assert read_live(bucket, layout) is None
    assert "No run was live before it" in pipeline.notices()[0][1]


def test_a_live_run_whose_folder_was_emptied_is_said_to_be_lost(
    pipeline: Pipeline, layout: Layout
) -> None:
    first = live_run(pipeline)
    more_rows(pipeline)
    second = pipeline.plan("two")["run_id"]
    pipeline.analyze(second)
    pipeline.publish("two", second)
    for ref in list(pipeline.store.list(layout.run(first))):
        pipeline.store.delete(ref.key)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    assert "could not be published again" in pipeline.notices()[0][1]
    assert pipeline.ledger.lease() is None
    # What readers have cannot be compared with any more.
    pipeline.finish("three", pipeline.run("three", publish_held=True))


# --- what cannot be rolled back to


def test_a_run_that_was_never_published_is_refused(pipeline: Pipeline) -> None:
    more_rows(pipeline)
    planned = pipeline.plan("two")["run_id"]
    pipeline.fail("two", "Analyze", planned, Error="X", Cause="{}")
    for run_id in (planned, "20260101T000000000Z-000000000000"):
        with pytest.raises(OutputsRefusedError, match=f"{run_id}' was never published"):
            pipeline.plan("three", rollback=run_id)
    assert pipeline.ledger.lease() is None


def test_the_live_run_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(OutputsRefusedError, match="is live already"):
        pipeline.plan("two", rollback=live_run(pipeline))


def test_a_run_under_another_contract_is_refused(pipeline: Pipeline) -> None:
    first = live_run(pipeline)
    text = TWO_OUTPUTS.replace("minimum_cell: 11", "minimum_cell: 12")
    assert text != TWO_OUTPUTS
    pipeline.store.write(CONTRACT, text.encode())
    pipeline.contract = parse_contract(text)
    pipeline.finish("two", pipeline.run("two", publish_held=True))
    with pytest.raises(OutputsRefusedError, match="contract was replaced"):
        pipeline.plan("three", rollback=first)


def test_a_rollback_does_not_interrupt_a_run_under_way(pipeline: Pipeline) -> None:
    first = live_run(pipeline)
    more_rows(pipeline)
    pipeline.finish("two", pipeline.run("two"))
    real = pipeline.store.read("MedicalCharges/Input_data/Charges.csv")
    pipeline.upload("third.csv", b"".join(real.splitlines(keepends=True)[:300]))
    holder = pipeline.plan("three")["run_id"]
    with pytest.raises(OutputsRefusedError, match="another run holds the lease"):
        pipeline.plan("four", rollback=first)
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.run_id == holder
    assert json.loads(pipeline.store.read("MedicalCharges/Run_data/live.json"))["run_id"] != first


# --- what a rollback leaves to others


def rolled_back(pipeline: Pipeline) -> str:
    """Two published runs, and the lease taken for a rollback to the first; return its id."""
    first = live_run(pipeline)
    more_rows(pipeline)
    pipeline.finish("two", pipeline.run("two"))
    assert pipeline.plan("three", rollback=first)["decision"] == "rollback"
    return first


def test_an_upload_during_a_rollback_is_followed_by_a_run_of_its_own(pipeline: Pipeline) -> None:
    first = rolled_back(pipeline)
    assert pipeline.plan("four", publish_held=True)["decision"] == "pending"
    pipeline.publish("three", first)
    pipeline.manifests("three", first)
    pipeline.serve("three", first)
    assert pipeline.finish("three", first)
    (name,) = pipeline.executions()
    assert name.startswith(f"after-{first}-")
    plan = pipeline.plan(name)
    assert plan["decision"] == "go"
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.options == {"publish_held"}


def test_a_failed_rollback_says_nothing_against_the_earlier_run(
    pipeline: Pipeline, layout: Layout
) -> None:
    before = pipeline.served()
    first = rolled_back(pipeline)
    outputs = pipeline.served()
    assert outputs != before
    pipeline.publish("three", first)
    pipeline.fail("three", "GenerateManifests", first, Error="X", Cause="{}")
    assert pipeline.served() == outputs
    assert pipeline.ledger.run(first)["status"] == "succeeded"
    assert f"rollback to run {first} failed" in pipeline.notices()[0][0]
    assert not [ref for ref in pipeline.store.list(layout.run(first)) if "failure" in ref.key]
    roll_back(pipeline, "four", first)
    assert pipeline.served() == before


def test_a_small_change_of_what_a_rollback_replaced_is_held(
    pipeline: Pipeline, real_file: bytes
) -> None:
    first = live_run(pipeline)
    more_rows(pipeline)
    pipeline.finish("two", pipeline.run("two"))
    roll_back(pipeline, "three", first)
    lines = real_file.splitlines(keepends=True)
    pipeline.upload("one.csv", b"".join([lines[0], lines[800]]))
    run_id = pipeline.staged("four")
    assert pipeline.compare("four", run_id)["decision"] == "hold"


def test_a_live_run_whose_entry_expired_is_still_published_again(pipeline: Pipeline) -> None:
    first, outputs = live_run(pipeline), pipeline.served()
    pipeline.ledger.table.delete_item(Key={"pk": f"run#{first}"})
    more_rows(pipeline)
    second = pipeline.plan("two")["run_id"]
    pipeline.analyze(second)
    pipeline.publish("two", second)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    assert pipeline.served() == outputs


def test_a_rollback_to_no_run_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(OutputsRefusedError, match="never published"):
        pipeline.plan("two", rollback="")
