"""A run publishes what was validated, under the contract that it was planned under."""

from __future__ import annotations

import json

import pytest

from medical_charges.errors import (
    LeaseLostError,
    OutputsRefusedError,
)
from tests.functions import Pipeline, execution
from tests.unit.lambdas.changes import new_data, replace_code, replace_contract


def test_a_run_publishes_its_outputs_with_their_manifests(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    names = sorted(pipeline.contract.outputs)
    assert sorted(pipeline.served()) == [
        *(f"MedicalCharges/Manifest_data/{name}.json" for name in names),
        *(f"MedicalCharges/Output_data/{name}/{name}.csv" for name in names),
    ]
    assert pipeline.ledger.run(run_id)["status"] == "published"
    assert not pipeline.finish("one", run_id)
    assert pipeline.ledger.run(run_id)["status"] == "succeeded"
    assert pipeline.ledger.lease() is None


def test_one_execution_follows_a_run_with_pending_executions(
    pipeline: Pipeline, real_file: bytes
) -> None:
    run_id = pipeline.run("one")
    pipeline.upload("late.csv", real_file)
    pipeline.plan("two")
    assert pipeline.finish("one", run_id)
    assert pipeline.finish("one", run_id), "asked again after an interruption"
    assert pipeline.executions() == [f"after-{run_id}"]
    again = pipeline.plan(f"after-{run_id}")
    assert again["decision"] == "go"
    assert again["run_id"] != run_id


def test_no_execution_follows_a_run_without_pending_executions(pipeline: Pipeline) -> None:
    pipeline.finish("one", pipeline.run("one"))
    assert pipeline.executions() == []


def test_a_recheck_is_not_skipped(pipeline: Pipeline) -> None:
    pipeline.finish("one", pipeline.run("one"))
    plan = pipeline.plan("two", recheck=True)
    assert (plan["decision"], plan["recheck"]) == ("go", True)


def test_a_recheck_that_finds_a_run_under_way_is_left_to_the_one_after_it(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.run("one")
    assert pipeline.plan("two", recheck=True)["decision"] == "pending"
    pipeline.finish("one", run_id)
    plan = pipeline.plan(f"after-{run_id}")
    assert (plan["decision"], plan["recheck"]) == ("go", True)


def test_a_run_that_lost_the_lease_publishes_nothing(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    pipeline.ledger.abandon(execution("one"))
    pipeline.plan("two")
    with pytest.raises(LeaseLostError):
        pipeline.publish("one", run_id)
    assert pipeline.served() == {}


def test_publishing_again_after_an_interruption_keeps_the_way_back(pipeline: Pipeline) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good = pipeline.served()
    second = new_data(pipeline, "two")
    pipeline.publish("two", second)
    pipeline.publish("two", second)
    pipeline.fail("two", "PublishOutputs", Error="Lambda.Unknown", Cause="{}")
    assert pipeline.served() == good


def test_a_run_is_recorded_with_the_code_that_it_was_planned_under(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    replace_code(pipeline, monkeypatch)
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    pipeline.serve("one", run_id)
    served = pipeline.ledger.live()
    assert served is not None
    assert served.code == "code-1"
    pipeline.finish("one", run_id)
    assert pipeline.plan("two")["decision"] == "go"


def test_outputs_of_another_contract_are_not_published(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    replace_contract(pipeline, monkeypatch)
    with pytest.raises(OutputsRefusedError, match=r"the contract was replaced .* start another"):
        pipeline.publish("one", run_id)
    assert pipeline.served() == {}


def test_outputs_do_not_go_live_under_a_contract_that_came_after_they_were_published(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    replace_contract(pipeline, monkeypatch)
    with pytest.raises(OutputsRefusedError, match="the contract was replaced"):
        pipeline.serve("one", run_id)
    assert pipeline.ledger.live() is None


def test_outputs_that_nobody_validated_are_not_published(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    key = f"MedicalCharges/Run_data/{run_id}/validation/outputs.json"
    result = json.loads(pipeline.store.read(key))
    for other in ({"passed": False}, {"run_id": "another"}):
        pipeline.store.write(key, json.dumps(result | other).encode())
        with pytest.raises(OutputsRefusedError, match="did not pass their validation"):
            pipeline.publish("one", run_id)
    pipeline.store.delete(key)
    with pytest.raises(OutputsRefusedError, match="were not validated"):
        pipeline.publish("one", run_id)
    assert pipeline.served() == {}


def test_an_output_that_changed_after_it_was_validated_is_not_published(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.staged("one")
    key = f"MedicalCharges/Run_data/{run_id}/outputs/charges_by_age/charges_by_age.csv"
    pipeline.store.write(key, pipeline.store.read(key) + b"\n")
    with pytest.raises(OutputsRefusedError, match="staged of charges_by_age is not what was vali"):
        pipeline.publish("one", run_id)
    assert pipeline.served() == {}


def test_an_output_that_changed_after_it_was_published_does_not_go_live(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    key = "MedicalCharges/Output_data/charges_by_age/charges_by_age.csv"
    good = pipeline.store.read(key)
    pipeline.store.write(key, good.replace(b".", b",", 1))
    with pytest.raises(OutputsRefusedError, match="published of charges_by_age is not what was va"):
        pipeline.serve("one", run_id)
    pipeline.store.delete(key)
    with pytest.raises(OutputsRefusedError, match="published of charges_by_age is not what was va"):
        pipeline.serve("one", run_id)
    assert pipeline.ledger.live() is None
    pipeline.store.write(key, good)
    assert pipeline.serve("one", run_id)["live"] == run_id
