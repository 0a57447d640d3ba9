"""The stack is changed to EMR Serverless: a run is a job, the same figures, and no cluster."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from local_aws.gate.iam import decide
from medical_charges.storage import LocalStore
from ops.checks.verify import CHECKS, Deployment
from tests.functional.live import Execution, Live
from tests.functional.test_failures import SLEEPS
from tests.functional.test_permissions import recorded, without_one_action
from tests.helpers import outputs_of
from tests.local_aws.endpoints import until


@pytest.fixture(scope="module")
def clusters(live: Live, first_run: Execution) -> set[str]:
    """The clusters that there were before the stack had an application."""
    before = set(live.clusters())
    live.stack.terraform.apply({**live.stack.variables, "emr_cluster": "serverless"})
    return before


@pytest.fixture(scope="module")
def application(live: Live, clusters: set[str]) -> str:
    return str(live.stack.terraform.outputs()["emr_serverless_application_id"])


@pytest.fixture(scope="module")
def execution(live: Live, application: str, real_file: bytes) -> Execution:
    """The execution that the upload of another file started."""
    rows = b"\n".join(real_file.splitlines()[:301])
    return live.run(lambda: live.put(live.input("serverless.csv"), rows))


def jobs(live: Live, application: str, *states: str) -> list[Any]:
    listed = live.client("emr-serverless").list_job_runs(
        applicationId=application, **({"states": list(states)} if states else {})
    )
    return list(listed["jobRuns"])


def said_of_jobs(live: Live) -> list[Any]:
    """What `make verify` says of jobs that are left."""
    outputs, contract = live.stack.terraform.outputs(), live.stack.contract
    return list(CHECKS["jobs"](Deployment(live.stack.pipeline, outputs, contract, {}, "")))


def test_a_run_is_a_job_and_makes_no_cluster(
    live: Live, clusters: set[str], application: str, execution: Execution
) -> None:
    assert execution.ended.status == "SUCCEEDED", execution.ended.cause
    assert not {"CreateCluster", "TerminateCluster"} & set(execution.entered)
    job = json.loads(execution.results["Analyze"])
    assert (job["ApplicationId"], job["State"]) == (application, "SUCCESS")
    [run] = live.runs(execution.arn)
    assert job["Name"] == f"medical-charges {run['run_id']}"
    assert set(live.clusters()) == clusters


def test_its_outputs_are_those_of_a_cluster_byte_for_byte(
    live: Live, execution: Execution, store: LocalStore
) -> None:
    # Every output of a step on a cluster is compared in the same way.
    names = [key.rpartition("/")[2] for key in live.keys(f"{live.layout.input}/")]
    files = {name: live.read(live.input(name)) for name in names}
    [run] = live.runs(execution.arn)
    summary = json.loads(live.read(live.layout.summary(run["run_id"])))
    assert summary["objects"] == len(files)
    assert "charges_by_region" not in summary["waiting"]
    expected = live.expected(outputs_of(store, live.stack.contract, files), summary)
    assert expected.items() <= live.outputs().items()


def test_a_job_that_refuses_its_input_says_why_and_where_its_log_is(
    live: Live, execution: Execution, real_file: bytes
) -> None:
    served = live.served()
    broken = b"\n".join(real_file.replace(b"male", b"unknown").splitlines()[:40])
    failed = live.run(lambda: live.put(live.input("broken.csv"), broken))
    assert live.run(lambda: live.remove(live.input("broken.csv"))).entered[-1] == "SkippedUnchanged"
    assert failed.entered[-4:] == [
        "Analyze", "ClusterCleanupNeeded", "RecordFailure", "RunFailed",
    ]  # fmt: skip
    [(_, text)] = live.notices(failed.arn)
    assert "39 of 39 rows break a rule" in text
    assert "39 of 39 rows break a rule" in live.log_of(text)
    assert live.served() == served


def test_an_execution_that_is_stopped_ends_its_job(
    live: Live, application: str, execution: Execution, real_file: bytes
) -> None:
    served = live.served()
    with live.replaced("artefacts/analyze.py", SLEEPS):
        known = live.stack.pipeline.executions()
        live.put(live.input("stopped.csv"), b"\n".join(real_file.splitlines()[:401]))
        arn = live.stack.pipeline.await_execution(known, 60)
        assert arn
        [job] = until(lambda: jobs(live, application, "RUNNING"))
        assert [said[:2] for said in said_of_jobs(live)] == [
            ("fail", f"the job {job['id']} ({job['name']}) is RUNNING")
        ]
        live.client("stepfunctions").stop_execution(executionArn=arn, cause="enough")
        stopped = live.finish(arn)
    assert stopped.ended.status == "ABORTED"
    [(_, text)] = live.notices(arn)
    assert "enough" in text
    found = {it["id"]: it["state"] for it in jobs(live, application)}
    assert found[job["id"]] == "CANCELLED"
    assert live.ledger.lease() is None
    assert live.served() == served
    assert [said[0] for said in said_of_jobs(live)] == ["ok"]


def test_the_roles_needed_what_they_may(live: Live, endpoint: tuple[str, Path]) -> None:
    iam, calls = live.client("iam"), recorded(endpoint[1])
    unseen = set()
    for actor in ("serverless-job", "state-machine", "end-run"):
        role = f"medical-charges-{actor}-us-east-1"
        policy = iam.get_role_policy(RoleName=role, PolicyName="access")["PolicyDocument"]
        made = [call for call in calls[role] if decide([policy], call).allowed]
        for action, less in without_one_action(policy):
            ours = actor == "serverless-job" or action.startswith("emr-serverless:")
            if ours and all(decide([less], call).allowed for call in made):
                unseen.add(f"{actor} {action}")
    # Step Functions has cancelled the job before end_run could; no attempt was a second one; and
    # the client of the job asks for no bucket's region.
    assert unseen <= {
        "end-run emr-serverless:CancelJobRun",
        "serverless-job s3:DeleteObject",
        "serverless-job s3:GetBucketLocation",
    }


def test_the_application_stops_when_nothing_runs(live: Live, application: str) -> None:
    def stopped() -> bool:
        found = live.client("emr-serverless").get_application(applicationId=application)
        return bool(found["application"]["state"] == "STOPPED")

    until(stopped)
