"""A run that has failed leaves neither cluster nor lease, and one execution after it."""

from __future__ import annotations

import boto3
import pytest

from medical_charges.runs.failure import FailedExecution
from tests.functions import Pipeline, execution
from tests.unit.lambdas.changes import a_cluster, a_job, new_data, state_of


def test_the_runs_cluster_is_ended_and_no_other(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    other = "20260101T000000000Z-0123456789ab"
    ours, others = a_cluster(run_id), [a_cluster(other), a_cluster(run_id, tag=other)]
    pipeline.ended("one", "TIMED_OUT")
    assert state_of(ours).startswith("TERMINAT")
    assert [state_of(cluster) for cluster in others] == ["WAITING", "WAITING"]


def test_the_runs_job_is_cancelled_and_no_other(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    jobs = boto3.client("emr-serverless")
    application = jobs.create_application(name="a", releaseLabel="emr-7.12.0", type="SPARK")
    name = application["applicationId"]
    # Without a process behind it a job has succeeded as soon as it is there.
    monkeypatch.setattr("moto.emrserverless.models.JOB_STATUS", "RUNNING")
    ours = a_job(name, f"medical-charges {run_id}")
    other = a_job(name, "medical-charges 20260101T000000000Z-0123456789ab")
    monkeypatch.setenv("SERVERLESS_APPLICATION_ID", name)
    pipeline.ended("one", "TIMED_OUT")
    listed = {run["id"]: run["state"] for run in jobs.list_job_runs(applicationId=name)["jobRuns"]}
    assert listed == {ours: "CANCELLED", other: "RUNNING"}


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
