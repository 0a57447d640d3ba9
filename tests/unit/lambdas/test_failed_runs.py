"""A run that fails leaves what is live, and says why."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest

from medical_charges.analysis.run import write_error
from medical_charges.checks import Check
from medical_charges.errors import (
    InputRefusedError,
    LeaseLostError,
    ManifestError,
    ObjectMissingError,
    TooManyRejectedError,
)
from medical_charges.validation import Result
from tests.functions import Pipeline
from tests.helpers import page_data
from tests.unit.lambdas.changes import new_data


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


def test_the_notice_of_a_failed_job_of_emr_serverless_says_where_its_log_is(
    pipeline: Pipeline,
) -> None:
    pipeline.plan("one")
    logs = {"S3MonitoringConfiguration": {"LogUri": "s3://logs/serverless/"}}
    job = {
        "ApplicationId": "00a",
        "JobRunId": "00j",
        "StateDetails": f"Job failed: ValueError: cannot read {ROW}",
        "ConfigurationOverrides": {"MonitoringConfiguration": logs},
    }
    reason = pipeline.fail("one", "Analyze", Error="States.TaskFailed", Cause=json.dumps(job))
    assert reason == "the job failed (ValueError); its log tells more"
    ((_, text),) = pipeline.notices()
    log = "s3://logs/serverless/applications/00a/jobs/00j/SPARK_DRIVER/stdout.gz"
    assert f"Log: {log}\n" in text


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
