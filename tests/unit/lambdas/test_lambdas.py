"""The functions as the state machine calls them, on AWS within this process."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Callable
from typing import Any, cast

import boto3
import pytest

from lambdas.settings import Settings
from medical_charges.analysis.run import write_error
from medical_charges.checks import Check
from medical_charges.errors import (
    ContractError,
    InputRefusedError,
    LeaseLostError,
    ManifestError,
    ObjectMissingError,
    OutputsRefusedError,
    TooManyRejectedError,
)
from medical_charges.runs.failure import FailedExecution
from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.manifests import validate_manifests
from medical_charges.storage import S3Store
from medical_charges.validation import Result
from tests.functions import CONTRACT, Pipeline, deploy, execution
from tests.helpers import page_data


@pytest.fixture
def pipeline(bucket: S3Store, real_file: bytes, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    """Everything the functions need, and the real file in the input."""
    return deploy(bucket, real_file, monkeypatch)


def a_cluster(run_id: str) -> str:
    """A cluster as the machine makes it."""
    answer = boto3.client("emr").run_job_flow(
        Name=f"medical-charges {run_id}",
        Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1},
        JobFlowRole="nodes",
        ServiceRole="service",
        Tags=[{"Key": "Project", "Value": "medical-charges"}, {"Key": "RunId", "Value": run_id}],
    )
    return str(answer["JobFlowId"])


def state_of(cluster: str) -> str:
    return cast(
        "str", boto3.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
    )


# --- planning


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


# --- skipping


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


def _upload(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.upload("more.csv", pipeline.store.read("MedicalCharges/Input_data/Charges.csv"))


def _contract(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pipeline.store.read(CONTRACT)
    pipeline.store.write(CONTRACT, text.replace(b"minimum_cell: 11", b"minimum_cell: 12"))


def _code(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_VERSION", "code-2")


def _output(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.store.delete("MedicalCharges/Output_data/charges_by_age/charges_by_age.csv")


def _manifest(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.store.write("MedicalCharges/Manifest_data/charges_by_age.json", b"{}")


@pytest.mark.parametrize("change", [_upload, _contract, _code, _output, _manifest])
def test_a_run_is_not_skipped_when_anything_has_changed(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Pipeline, pytest.MonkeyPatch], None],
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    change(pipeline, monkeypatch)
    assert pipeline.plan("two")["decision"] == "go"


# --- a run that goes well


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


# --- a deployment in the middle of a run


def test_a_run_is_recorded_with_the_code_that_it_was_planned_under(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    _code(pipeline, monkeypatch)
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
    _contract(pipeline, monkeypatch)
    with pytest.raises(OutputsRefusedError, match=r"the contract was replaced .* start another"):
        pipeline.publish("one", run_id)
    assert pipeline.served() == {}


def test_outputs_do_not_go_live_under_a_contract_that_came_after_they_were_published(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    _contract(pipeline, monkeypatch)
    with pytest.raises(OutputsRefusedError, match="the contract was replaced"):
        pipeline.serve("one", run_id)
    assert pipeline.ledger.live() is None


# --- files that are not those that were validated


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
    assert pipeline.ledger.live() is None
    pipeline.store.write(key, good)
    assert pipeline.serve("one", run_id)["live"] == run_id


# --- reports


def report_of(pipeline: Pipeline, run_id: str) -> dict[str, Any]:
    key = f"MedicalCharges/Run_data/{run_id}/report.json"
    return cast("dict[str, Any]", json.loads(pipeline.store.read(key)))


def test_rows_that_break_rules_fail_the_run_with_a_report_and_leave_what_is_live(
    pipeline: Pipeline, real_file: bytes
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good = pipeline.served()
    pipeline.upload("bad.csv", real_file.replace(b"northwest", b"nowhere"))
    run_id = pipeline.plan("two")["run_id"]
    with pytest.raises(TooManyRejectedError) as caught:
        pipeline.analyze(run_id)
    write_error(pipeline.store, pipeline.contract, run_id, caught.value)
    pipeline.fail("two", "Analyze", run_id, Error="States.TaskFailed", Cause="{}")
    report = report_of(pipeline, run_id)
    assert report["outcome"] == "failed"
    assert report["rejected"]["rules"] == {"region.allowed": 325}
    assert report["failure"]["state"] == "Analyze"
    assert pipeline.served() == good


def test_a_live_run_reports_its_rejected_rows(pipeline: Pipeline, real_file: bytes) -> None:
    pipeline.upload("more.csv", real_file.replace(b"northwest", b"nowhere", 2))
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    assert pipeline.serve("one", run_id)["rejected"] == 2


def test_a_plan_that_refuses_the_input_has_a_report(pipeline: Pipeline) -> None:
    pipeline.upload("empty.csv", b"\n")
    with pytest.raises(InputRefusedError):
        pipeline.plan("one")
    lease = pipeline.ledger.lease()
    assert lease is not None
    pipeline.fail("one", "PlanRun", Error="InputRefusedError", Cause='{"errorMessage": "is empty"}')
    report = report_of(pipeline, lease.run_id)
    assert report["failure"] == {"state": "PlanRun", "reason": "is empty"}


def test_a_run_that_is_published_has_a_report_of_both_jobs(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    assert report_of(pipeline, run_id)["outcome"] == "passed"


# --- a run that lost its lease


def expire(pipeline: Pipeline) -> None:
    """Let the lease's time be over."""
    boto3.resource("dynamodb").Table("ledger").update_item(
        Key={"pk": "lease"},
        UpdateExpression="SET expires = :long_ago",
        ExpressionAttributeValues={":long_ago": 1},
    )


def test_a_run_that_lost_the_lease_leaves_the_manifests_alone(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    expire(pipeline)
    pipeline.plan("two")
    with pytest.raises(LeaseLostError):
        pipeline.manifests("one", run_id)
    assert not list(pipeline.store.list("MedicalCharges/Manifest_data"))


def test_an_expired_lease_that_nobody_took_is_renewed_to_roll_back(
    pipeline: Pipeline,
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    assert pipeline.served() == good
    assert pipeline.ledger.lease() is None
    assert "The previous outputs are live again." in pipeline.notices()[0][1]


def test_a_lease_taken_while_a_failed_run_looks_at_it_keeps_that_run_from_restoring(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    looked = Ledger.lease

    def look_just_before_another_takes_it(ledger: Ledger) -> Lease | None:
        found = looked(ledger)
        monkeypatch.setattr(Ledger, "lease", looked)
        pipeline.plan("three")
        return found

    monkeypatch.setattr(Ledger, "lease", look_just_before_another_takes_it)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    # By the one that took it, before it planned.
    assert pipeline.served() == good
    assert pipeline.ledger.run(second)["status"] == "failed"
    assert "It did not hold the lease" in pipeline.notices()[0][1]


def test_the_next_holder_rolls_back_what_an_expired_one_had_half_published(
    pipeline: Pipeline,
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    third = pipeline.plan("three")["run_id"]
    assert pipeline.served() == good
    entry = pipeline.ledger.run(second)
    assert entry["status"] == "failed"
    assert entry["reason"] == (
        f"its lease expired, and run {third} followed it. The previous outputs are live again."
    )
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.unfinished == ()


def test_the_live_run_of_a_dead_holder_stays_and_dashboards_are_refreshed(
    pipeline: Pipeline,
) -> None:
    first = pipeline.run("one")
    good = pipeline.served()
    expire(pipeline)
    assert pipeline.plan("two")["decision"] == "go"
    assert pipeline.served() == good
    assert pipeline.ledger.run(first)["reason"].endswith("stays live.")


class Stopped(S3Store):
    """A bucket in which a run is stopped, and cleaned up behind, at one of its writes."""

    stop: Callable[[], object]

    def write(self, key: str, data: bytes) -> None:
        super().write(key, data)
        if key.endswith("charges_by_age.csv") and "Output_data" in key:
            self.stop()


def test_a_function_that_outlives_its_execution_writes_nothing_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    clean_up = threading.Thread(target=lambda: pipeline.ended("two"))
    begun = pipeline.ledger.lease()
    assert begun is not None

    def stop() -> None:
        if not clean_up.ident:
            clean_up.start()
            while (lease := pipeline.ledger.lease()) and lease.attempt == begun.attempt + 1:
                time.sleep(0.01)

    store = Stopped("s3://medicalcharges")
    store.stop = stop
    monkeypatch.setattr(Settings, "store", lambda _: store)
    with pytest.raises(LeaseLostError):
        pipeline.publish("two", second)
    clean_up.join()
    assert pipeline.served() == good
    assert pipeline.ledger.lease() is None
    assert pipeline.ledger.run(second)["status"] == "failed"


def test_a_run_does_not_go_live_once_another_writes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)

    def check_while_it_is_stopped(*arguments: Any) -> None:
        validate_manifests(*arguments)
        expire(pipeline)
        pipeline.plan("two")

    monkeypatch.setattr(
        "medical_charges.runs.lifecycle.validate_manifests", check_while_it_is_stopped
    )
    now = soon()
    table = pipeline.ledger.table
    monkeypatch.setattr(Settings, "ledger", lambda _: Ledger(table, 600, now, lambda _: None))
    with pytest.raises(LeaseLostError):
        pipeline.serve("one", run_id)
    assert pipeline.ledger.live() is None


def soon() -> Callable[[], float]:
    """A clock on which every look takes a minute."""
    looks, begun = itertools.count(), time.time()
    return lambda: begun + 60 * next(looks)


def test_a_run_that_lost_its_lease_fails_under_its_own_name(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    cluster = a_cluster(run_id)
    expire(pipeline)
    pipeline.plan("two")
    pipeline.fail("one", "Analyze", run_id, Error="X", Cause="{}")
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["failed_state"]) == ("failed", "Analyze")
    assert state_of(cluster).startswith("TERMINAT")
    ((subject, text),) = pipeline.notices()
    assert subject == f"medical-charges: run {run_id} failed in Analyze"
    assert "It did not hold the lease, so what is published was not looked at." in text
    assert "served before" not in text
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.holder == execution("two")


def test_a_lease_that_was_given_up_is_not_taken_back_by_the_event_of_the_end(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    pipeline.plan("two")
    pipeline.fail("one", run_id=run_id, Error="X", Cause="{}")
    before = pipeline.ledger.run(run_id)
    pipeline.notices()
    pipeline.ended("one", "FAILED")
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.expires == 0
    assert pipeline.ledger.run(run_id) == before
    assert pipeline.notices() == []


# --- a run that fails


def new_data(pipeline: Pipeline, name: str) -> str:
    """A run over new data, up to its staged outputs."""
    real = pipeline.store.read("MedicalCharges/Input_data/Charges.csv")
    pipeline.upload(f"{name}.csv", b"".join(real.splitlines(keepends=True)[:700]))
    return pipeline.staged(name)


def test_nothing_is_published_by_a_run_that_has_not_staged_everything(pipeline: Pipeline) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.store.delete(
        f"MedicalCharges/Run_data/{second}/outputs/charges_by_region/charges_by_region.csv"
    )
    with pytest.raises(ObjectMissingError, match="charges_by_region"):
        pipeline.publish("two", second)
    assert pipeline.served() == good


def test_the_last_good_outputs_and_manifests_come_back_after_a_failure(pipeline: Pipeline) -> None:
    first = pipeline.run("one")
    pipeline.finish("one", first)
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    pipeline.manifests("two", second)
    assert pipeline.served() != good
    pipeline.store.write("MedicalCharges/Manifest_data/charges_by_age.json", b"{}")
    with pytest.raises(ManifestError):
        pipeline.serve("two", second)
    pipeline.fail("two", "ValidateManifests", Error="ManifestError", Cause="{}")
    assert pipeline.served() == good
    served = pipeline.ledger.live()
    assert served is not None
    assert served.run_id == first


def test_the_page_shows_the_live_run_and_stays_when_a_later_one_fails(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    key = "MedicalCharges/Dashboard/index.html"
    assert pipeline.page("one", run_id) == {"page": f"{pipeline.store.uri}/{key}"}
    page = pipeline.store.read(key)
    assert json.loads(page_data(page.decode()))["run"]["run_id"] == run_id
    pipeline.finish("one", run_id)
    second = new_data(pipeline, "two")
    pipeline.publish("two", second)
    pipeline.fail("two", "GenerateManifests", Error="X", Cause="{}")
    assert pipeline.store.read(key) == page
    with pytest.raises(LeaseLostError):
        pipeline.page("one", run_id)


def test_the_first_run_that_fails_leaves_nothing_published(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)
    pipeline.fail("one", "GenerateManifests", Error="X", Cause="{}")
    assert pipeline.served() == {}


def test_what_is_live_stays_when_only_the_notice_fails(pipeline: Pipeline) -> None:
    run_id = pipeline.run("one")
    good = pipeline.served()
    pipeline.fail("one", "Notify", Error="SNS.NotFound", Cause="no such topic")
    assert pipeline.served() == good
    assert pipeline.ledger.run(run_id)["status"] == "failed"
    assert "stays live" in pipeline.notices()[0][1]
    assert pipeline.plan("two")["decision"] == "go"


def test_a_failure_is_recorded_sends_a_notice_and_frees_the_lease(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    cause = {"errorType": "ManifestError", "errorMessage": "the first\nthe last", "stackTrace": []}
    reason = pipeline.fail(
        "one", "ValidateManifests", Error="ManifestError", Cause=json.dumps(cause)
    )
    assert reason == "the first\nthe last"
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["failed_state"]) == ("failed", "ValidateManifests")
    assert entry["reason"] == reason
    assert pipeline.ledger.lease() is None
    ((subject, text),) = pipeline.notices()
    assert subject == f"medical-charges: run {run_id} failed in ValidateManifests"
    assert "Reason: the first\nthe last\n" in text
    assert "Last error line: the last\n" in text
    assert "Log: log group /aws/lambda/medical-charges-validate-manifests\n" in text
    assert f"s3://medicalcharges/MedicalCharges/Run_data/{run_id}/" in text
    assert "The previous outputs are still live" in text


def test_the_notice_of_a_failed_analysis_has_its_own_words(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    write_error(pipeline.store, pipeline.contract, run_id, InputRefusedError("x.csv is empty"))
    log = "s3://logs/emr/j-1/steps/s-1/stderr.gz"
    step = {
        "Status": {"FailureDetails": {"Reason": "Unknown", "Message": "exit 3", "LogFile": log}}
    }
    reason = pipeline.fail(
        "one", "Analyze", Error="States.TaskFailed", Cause=json.dumps({"Step": step})
    )
    assert reason == "x.csv is empty"
    ((_, text),) = pipeline.notices()
    assert "Reason: x.csv is empty\nLast error line: x.csv is empty\n" in text
    assert f"Log: {log}\n" in text


ROW = "19,female,27.9,0,yes,southwest,16884.924"


def test_the_notice_of_an_unexpected_error_leaves_out_its_message(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    write_error(pipeline.store, pipeline.contract, run_id, ValueError(f"cannot read {ROW}"))
    cause = {"Step": {"Status": {"FailureDetails": {"Message": f"ValueError: cannot read {ROW}"}}}}
    reason = pipeline.fail("one", "Analyze", Error="X", Cause=json.dumps(cause))
    assert reason == "an unexpected error; the log of the step tells more"
    told = words_of(pipeline, run_id)
    assert f"Reason: {reason}\nLast error line: {reason}\n" in told
    assert ROW not in told


def words_of(pipeline: Pipeline, run_id: str) -> str:
    """All that was told of a run that failed: notice, ledger, report."""
    ((_, text),) = pipeline.notices()
    folder = f"MedicalCharges/Run_data/{run_id}"
    left = [
        pipeline.store.read(f"{folder}/{name}").decode()
        for name in ("failure.json", "report.json", "report.html")
    ]
    return "\n".join([text, pipeline.ledger.run(run_id)["reason"], *left])


def fail_job(pipeline: Pipeline, message: str) -> str:
    cause = {"Id": "jr_1", "ErrorMessage": message, "LogGroupName": "/aws-glue/jobs"}
    return pipeline.fail("one", "Validate", Error="States.TaskFailed", Cause=json.dumps(cause))


@pytest.mark.parametrize(
    ("message", "kinds"),
    [
        (f"ValueError: cannot read {ROW}", " (ValueError)"),
        (
            "Error Category: PERMISSION_ERROR; An error occurred (AccessDenied) when calling Get",
            " (PERMISSION_ERROR, AccessDenied)",
        ),
        ("Command failed with exit code 10", " (exit code 10)"),
        (ROW, ""),
    ],
)
def test_the_notice_of_a_failed_job_names_kinds_of_errors_and_its_log_and_never_a_row(
    pipeline: Pipeline, message: str, kinds: str
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    assert fail_job(pipeline, message) == f"the job failed{kinds}; its log tells more"
    told = words_of(pipeline, run_id)
    assert f"Reason: the job failed{kinds}; its log tells more\n" in told
    assert f"Last error line: the job failed{kinds}; its log tells more\n" in told
    assert "Log: log group /aws-glue/jobs/error, stream jr_1\n" in told
    assert ROW not in told


def test_the_notice_of_a_job_that_refuses_names_the_checks_that_stopped_it(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    checks = [
        Check("a", "conformance", "fail", "none", "fail", "the first\nthe second"),
        Check("b", "plausibility", "warn", "few", "fail", "a warning"),
        Check("c", "completeness", "fail", "none", "error", "the check could not be made"),
    ]
    Result(run_id, pipeline.contract.contract_hash, checks).write(pipeline.store, pipeline.contract)
    expected = "a: the first\na: the second\nc: the check could not be made"
    assert fail_job(pipeline, f"OutputsRefusedError: {ROW}") == expected
    told = words_of(pipeline, run_id)
    assert f"Reason: {expected}\nLast error line: c: the check could not be made\n" in told
    assert ROW not in told


def test_the_runs_cluster_is_ended_and_no_other(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    ours, others = a_cluster(run_id), a_cluster("20260101T000000000Z-0123456789ab")
    pipeline.ended("one", "TIMED_OUT")
    assert state_of(ours).startswith("TERMINAT")
    assert state_of(others) == "WAITING"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("ABORTED", "the execution was stopped: Mine: by hand"),
        ("TIMED_OUT", "its time was up: Mine: by hand"),
        ("FAILED", "FAILED: Mine: by hand"),
    ],
)
def test_an_execution_that_ends_without_a_catch_is_cleaned_up_behind(
    pipeline: Pipeline, status: str, words: str
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    assert pipeline.ended("two", status, error="Mine", cause="by hand") == words
    assert pipeline.served() == good
    assert pipeline.ledger.lease() is None
    assert pipeline.ledger.run(second)["status"] == "failed"
    assert [subject for subject, _ in pipeline.notices()] == [
        f"medical-charges: run {second} failed in {status}"
    ]


def test_the_event_after_a_caught_failure_changes_nothing_and_tells_nobody_again(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    pipeline.fail("one", Error="X", Cause="{}")
    before = pipeline.ledger.run(run_id)
    pipeline.notices()
    pipeline.ended("one", "FAILED", error="ValidateFailed", cause="x")
    assert pipeline.ledger.run(run_id) == before
    assert pipeline.notices() == []


def test_the_event_of_an_old_failure_does_not_touch_the_run_after_it(pipeline: Pipeline) -> None:
    pipeline.plan("one")
    pipeline.fail("one", Error="X", Cause="{}")
    second = pipeline.run("two")
    good = pipeline.served()
    pipeline.ended("one", "FAILED", error=None, cause=None)
    assert pipeline.served() == good
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert (lease.holder, lease.run_id) == (execution("two"), second)


def test_a_pending_execution_follows_a_run_that_failed(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    pipeline.plan("two")
    pipeline.fail("one", Error="X", Cause="{}")
    pipeline.ended("one", "FAILED")
    assert pipeline.executions() == [f"after-{run_id}"]
    assert pipeline.plan("three")["decision"] == "go"


def test_a_failure_before_the_lease_was_taken_sends_a_notice_too(pipeline: Pipeline) -> None:
    pipeline.plan("one")
    pipeline.fail("two", "PlanRun", Error="Lambda.Unknown", Cause="out of memory")
    ((subject, text),) = pipeline.notices()
    assert "unplanned-" in subject
    assert "It did not hold the lease" in text
    assert "Reason: out of memory\n" in text
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.holder == execution("one")


def test_a_notice_that_cannot_be_sent_does_not_keep_the_lease(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.plan("one")
    monkeypatch.setenv("TOPIC_ARN", "arn:aws:sns:us-east-1:123456789012:gone")
    with pytest.raises(Exception, match="Publish operation"):
        pipeline.fail("one", Error="X", Cause="{}")
    assert pipeline.ledger.lease() is None


@pytest.mark.parametrize(
    ("cause", "reason"),
    [
        ("plain text", "plain text"),
        ("", "States.Timeout"),
        ("{}", "States.Timeout"),
        (
            '{"Cluster": {"Status": {"StateChangeReason": {"Message": "no capacity"}}}}',
            "no capacity",
        ),
    ],
)
def test_the_reason_is_found_in_whatever_failed(cause: str, reason: str) -> None:
    failure = FailedExecution.of_state(execution("one"), "Analyze", "States.Timeout", cause, "x-")
    assert failure.reason == reason
