"""An execution plans a run, skips it, or leaves it to another."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from medical_charges.errors import (
    ContractError,
    InputRefusedError,
    LeaseLostError,
)
from tests.functions import CONTRACT, Pipeline
from tests.unit.lambdas.changes import (
    damage_manifest,
    new_data,
    remove_output,
    replace_code,
    replace_contract,
    upload_more,
)


def test_a_plan_names_the_run_by_uris_only(pipeline: Pipeline) -> None:
    plan = pipeline.plan("one")
    assert plan["decision"] == "go"
    assert plan["run_uri"] == f"s3://medicalcharges/MedicalCharges/Run_data/{plan['run_id']}"
    assert set(plan) == {"decision", "run_id", "run_uri", "reason", "recheck"}
    assert pipeline.ledger.run(plan["run_id"])["status"] == "planned"


def test_an_execution_that_finds_a_run_under_way_sets_pending_and_ends(pipeline: Pipeline) -> None:
    pipeline.plan("one")
    assert pipeline.plan("two") == {
        "decision": "pending",
        "run_id": "",
        "run_uri": "",
        "reason": "",
        "recheck": False,
    }


def test_planning_again_after_an_interruption_is_the_same_run(pipeline: Pipeline) -> None:
    assert pipeline.plan("one") == pipeline.plan("one")


def test_a_plan_that_outlives_its_execution_begins_no_run(pipeline: Pipeline) -> None:
    # The execution was stopped while its function was about to take the lease.
    pipeline.ended("one")
    with pytest.raises(LeaseLostError, match="has ended, so run"):
        pipeline.plan("one")
    assert pipeline.ledger.lease() is None
    assert pipeline.plan("two")["decision"] == "go"


def test_a_plan_that_outlives_its_run_begins_no_other(pipeline: Pipeline) -> None:
    # It was called twice, and the answer of the second call was the one that counted.
    pipeline.finish("one", pipeline.run("one"))
    with pytest.raises(LeaseLostError, match="has ended, so run"):
        pipeline.plan("one")
    assert pipeline.ledger.lease() is None


def test_an_input_that_cannot_be_analyzed_is_refused_before_any_compute(
    pipeline: Pipeline,
) -> None:
    pipeline.upload("broken.csv", b"age,sex\n1,male\n")
    with pytest.raises(InputRefusedError, match=r"broken\.csv lacks the columns bmi, children"):
        pipeline.plan("one")


def test_a_wrong_contract_is_refused_as_a_run_with_a_notice(pipeline: Pipeline) -> None:
    pipeline.store.write(CONTRACT, b"dataset: 7\n")
    with pytest.raises(ContractError, match=r"contract\.yaml"):
        pipeline.plan("one")
    cause = json.dumps({"errorType": "ContractError", "errorMessage": "contract.yaml: dataset"})
    assert pipeline.fail("one", "PlanRun", Error="ContractError", Cause=cause).startswith(
        "contract"
    )
    assert pipeline.ledger.lease() is None


def test_a_contract_that_is_not_there_is_named(pipeline: Pipeline) -> None:
    pipeline.store.delete(CONTRACT)
    with pytest.raises(ContractError, match=r"s3://medicalcharges/artefacts/contract.yaml"):
        pipeline.plan("one")


def test_a_run_is_skipped_when_nothing_differs_from_what_is_live(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    assert not pipeline.finish("one", run_id)
    assert pipeline.plan("two")["decision"] == "skip"
    assert pipeline.ledger.lease() is None


def test_a_run_that_dashboards_do_not_show_is_published_and_not_skipped(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    stale = "charges_by_age: the ingestion is FAILED"
    assert not pipeline.finish("one", run_id, stale)
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["reason"]) == ("dashboards stale", stale)
    assert pipeline.served()
    again = pipeline.run("two")
    assert not pipeline.finish("two", again)
    assert pipeline.plan("three")["decision"] == "skip"


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT"])
def test_a_run_that_died_while_dashboards_were_refreshed_is_published_and_not_skipped(
    pipeline: Pipeline, status: str
) -> None:
    run_id = pipeline.run("one")
    good = pipeline.served()
    pipeline.ended("one", status)
    assert pipeline.ledger.run(run_id)["status"] == "failed"
    again = pipeline.run("two")
    assert pipeline.served() == good
    assert not pipeline.finish("two", again)
    assert pipeline.plan("three")["decision"] == "skip"


def test_a_run_that_failed_before_it_published_makes_no_dashboard_stale(
    pipeline: Pipeline,
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    pipeline.publish("two", new_data(pipeline, "two"))
    pipeline.ended("two")
    pipeline.store.delete("MedicalCharges/Input_data/two.csv")
    assert pipeline.plan("three")["decision"] == "skip"


@pytest.mark.parametrize(
    "change", [upload_more, replace_contract, replace_code, remove_output, damage_manifest]
)
def test_a_run_is_not_skipped_when_anything_has_changed(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Pipeline, pytest.MonkeyPatch], None],
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    change(pipeline, monkeypatch)
    assert pipeline.plan("two")["decision"] == "go"
