"""Gaps of the emulator in EMR Serverless, and the patched behavior."""

from __future__ import annotations

import gzip
import json
import uuid
from typing import TYPE_CHECKING, Any

from local_aws import environment
from tests.local_aws.endpoints import Role, allow, document, refused, until

if TYPE_CHECKING:
    from tests.local_aws.endpoints import Endpoint

JOBS = "emr-serverless.amazonaws.com"


def application(endpoint: Endpoint, **more: Any) -> str:
    made = endpoint.client("emr-serverless").create_application(
        name="a", releaseLabel="emr-7.12.0", type="SPARK", clientToken=uuid.uuid4().hex, **more
    )
    return str(made["applicationId"])


def job_role(endpoint: Endpoint, bucket: str) -> str:
    """A role for jobs, which may do everything with a bucket."""
    trust = document(allow("sts:AssumeRole", Principal={"Service": JOBS}) | {"Resource": None})
    trust = trust.replace(', "Resource": null', "")
    iam, name = endpoint.client("iam"), f"r-{uuid.uuid4().hex[:12]}"
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust)
    objects = allow("s3:*", [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"])  # type: ignore[arg-type]
    policy = document(objects, allow("kms:*"))
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return str(made["Role"]["Arn"])


def given(endpoint: Endpoint, script: str, *arguments: str, **more: Any) -> dict[str, Any]:
    """The parameters of a job run whose logs come into the bucket of its script."""
    bucket = endpoint.bucket()
    submit = {
        "entryPoint": endpoint.upload(bucket, "job.py", script),
        "entryPointArguments": [*arguments, bucket],
        "sparkSubmitParameters": (
            f"--conf spark.archives=s3://{bucket}/absent.tar.gz#environment "
            "--conf spark.emr-serverless.driverEnv.PYSPARK_PYTHON=./environment/bin/python"
        ),
    }
    logs = {"logUri": f"s3://{bucket}/logs/"}
    return {
        "clientToken": uuid.uuid4().hex,
        "executionRoleArn": job_role(endpoint, bucket),
        "jobDriver": {"sparkSubmit": submit},
        "configurationOverrides": {"monitoringConfiguration": {"s3MonitoringConfiguration": logs}},
    } | more


def start(endpoint: Endpoint, name: str, parameters: dict[str, Any]) -> str:
    started = endpoint.client("emr-serverless").start_job_run(applicationId=name, **parameters)
    return str(started["jobRunId"])


def state(endpoint: Endpoint, name: str, run: str) -> str:
    jobs = endpoint.client("emr-serverless")
    return str(jobs.get_job_run(applicationId=name, jobRunId=run)["jobRun"]["state"])


def ended(endpoint: Endpoint, name: str, run: str) -> dict[str, Any]:
    until(lambda: state(endpoint, name, run) in {"SUCCESS", "FAILED", "CANCELLED"})
    jobs = endpoint.client("emr-serverless")
    return dict(jobs.get_job_run(applicationId=name, jobRunId=run)["jobRun"])


def log_of(endpoint: Endpoint, name: str, run: dict[str, Any], file: str) -> str:
    monitoring = run["configurationOverrides"]["monitoringConfiguration"]
    uri = monitoring["s3MonitoringConfiguration"]["logUri"]
    bucket = uri.split("/")[2]
    key = f"logs/applications/{name}/jobs/{run['jobRunId']}/SPARK_DRIVER/{file}.gz"
    body = endpoint.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    return gzip.decompress(body).decode()


def test_an_application_is_created_and_started_by_its_first_job(
    bare: Endpoint, stack: Endpoint
) -> None:
    def shown(endpoint: Endpoint, name: str) -> dict[str, Any]:
        found = endpoint.client("emr-serverless").get_application(applicationId=name)
        return dict(found["application"])

    before = shown(bare, application(bare, architecture="X86_64"))
    assert (before["state"], "architecture" in before) == ("STARTED", False)
    name = application(stack, architecture="X86_64")
    assert (shown(stack, name)["state"], shown(stack, name)["architecture"]) == (
        "CREATED", "X86_64",
    )  # fmt: skip
    start(stack, name, given(stack, "print('done')\n"))
    assert shown(stack, name)["state"] == "STARTED"


def test_a_job_runs_its_script_with_its_arguments(bare: Endpoint, stack: Endpoint) -> None:
    name = application(bare)
    # In moto it has succeeded at once, whatever it is.
    assert state(bare, name, start(bare, name, given(bare, "raise SystemExit(1)\n"))) == "SUCCESS"
    name = application(stack)
    run = ended(stack, name, start(stack, name, given(stack, "import sys\nprint(sys.argv)\n", "x")))
    assert (run["state"], run["releaseLabel"]) == ("SUCCESS", "emr-7.12.0")
    assert "'x'" in log_of(stack, name, run, "stdout")


def test_a_job_that_fails_says_why(stack: Endpoint) -> None:
    name = application(stack)
    job = given(stack, "raise RuntimeError('no such figures')\n")
    run = ended(stack, name, start(stack, name, job))
    assert (run["state"], run["stateDetails"]) == (
        "FAILED", "Job failed: RuntimeError: no such figures",
    )  # fmt: skip
    assert "Traceback" in log_of(stack, name, run, "stdout")


def test_a_token_starts_one_job(bare: Endpoint, stack: Endpoint) -> None:
    for endpoint, count in ((bare, 2), (stack, 1)):
        name, job = application(endpoint), given(endpoint, "print('done')\n")
        assert len({start(endpoint, name, job) for _ in range(2)}) == count


def test_a_job_that_is_cancelled_is_ended(bare: Endpoint, stack: Endpoint) -> None:
    jobs, name = stack.client("emr-serverless"), application(stack)
    # In moto an application has no list before its first job run.
    assert refused(bare.client("emr-serverless").list_job_runs, applicationId=application(bare))[
        0
    ] == ("ResourceNotFoundException")
    assert jobs.list_job_runs(applicationId=name)["jobRuns"] == []
    run = start(stack, name, given(stack, "import time\ntime.sleep(600)\n", name="n"))
    until(lambda: state(stack, name, run) == "RUNNING")
    [listed] = jobs.list_job_runs(applicationId=name, states=["RUNNING"])["jobRuns"]
    assert (listed["id"], listed["name"]) == (run, "n")
    jobs.cancel_job_run(applicationId=name, jobRunId=run)
    assert ended(stack, name, run)["state"] == "CANCELLED"
    assert refused(jobs.cancel_job_run, applicationId=name, jobRunId=run)[0] == (
        "ValidationException"
    )


def test_an_application_stops_when_it_is_idle(stack: Endpoint) -> None:
    jobs = stack.client("emr-serverless")
    idle = {"enabled": True, "idleTimeoutMinutes": 1}
    name = application(stack, autoStopConfiguration=idle)
    ended(stack, name, start(stack, name, given(stack, "print('done')\n")))
    assert refused(jobs.delete_application, applicationId=name)[0] == "ValidationException"
    until(lambda: jobs.get_application(applicationId=name)["application"]["state"] == "STOPPED")
    jobs.delete_application(applicationId=name)


def machine(endpoint: Endpoint, name: str, job: dict[str, Any]) -> str:
    submit = job["jobDriver"]["sparkSubmit"]
    logs = job["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::emr-serverless:startJobRun.sync",
        "Arguments": {
            "ApplicationId": name,
            "ExecutionRoleArn": job["executionRoleArn"],
            "JobDriver": {
                "SparkSubmit": {key[0].upper() + key[1:]: it for key, it in submit.items()}
            },
            "ConfigurationOverrides": {
                "MonitoringConfiguration": {"S3MonitoringConfiguration": {"LogUri": logs["logUri"]}}
            },
        },
        "End": True,
    }
    return endpoint.machine({"Job": task})


def test_a_state_waits_for_its_job_run(bare: Endpoint, stack: Endpoint) -> None:
    name = application(stack)
    # moto does not evaluate the arguments, nor does it know the task.
    assert bare.run(machine(bare, name, given(bare, ""))).described["error"] == "States.Runtime"
    done = stack.run(machine(stack, name, given(stack, "print('done')\n")))
    assert (done.status, done.output["State"]) == ("SUCCEEDED", "SUCCESS")
    assert done.output["UpdatedAt"] >= done.output["CreatedAt"] > 1.7e12
    failed = stack.run(machine(stack, name, given(stack, "raise RuntimeError('no figures')\n")))
    assert (failed.status, failed.described["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(failed.described["cause"])
    assert cause["StateDetails"] == "Job failed: RuntimeError: no figures"


def test_a_stopped_execution_cancels_its_job_run(stack: Endpoint) -> None:
    jobs, name = stack.client("emr-serverless"), application(stack)
    job = given(stack, "import time\ntime.sleep(600)\n")
    execution = stack.start(machine(stack, name, job))

    def running() -> Any:
        return jobs.list_job_runs(applicationId=name, states=["RUNNING"])["jobRuns"]

    [run] = until(running)
    stack.client("stepfunctions").stop_execution(executionArn=execution)
    assert stack.finish(execution).status == "ABORTED"
    assert ended(stack, name, run["id"])["state"] == "CANCELLED"


def test_a_job_is_started_by_who_may_and_acts_as_its_own_role(stack: Endpoint) -> None:
    name = application(stack, tags={"Project": "ours"})
    job = given(stack, "import boto3\nboto3.client('s3').list_buckets()\n")
    tagged = {"StringEquals": {"aws:ResourceTag/Project": "ours"}}
    passing = {"StringEquals": {"iam:PassedToService": JOBS}}
    starts = allow("emr-serverless:StartJobRun", Condition=tagged)
    passes = allow("iam:PassRole", job["executionRoleArn"], Condition=passing)
    for statements, missing in (([starts], "iam:PassRole"), ([passes], "StartJobRun")):
        asked = Role(stack, *statements).client("emr-serverless").start_job_run
        assert missing in refused(asked, applicationId=name, **job)[1]
    asked = Role(stack, starts, passes).client("emr-serverless").start_job_run
    run = ended(stack, name, asked(applicationId=name, **job)["jobRunId"])
    assert run["state"] == "FAILED"
    assert "AccessDenied" in log_of(stack, name, run, "stdout")


def test_logs_are_encrypted_if_the_key_lets_the_service(stack: Endpoint) -> None:
    name, kms = application(stack), stack.client("kms")
    root = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{environment.ACCOUNT}:root"})
    service = allow(["kms:Decrypt", "kms:GenerateDataKey"], Principal={"Service": JOBS})
    closed, opened = (
        kms.create_key(Policy=document(*statements))["KeyMetadata"]["Arn"]
        for statements in ([root], [root, service])
    )
    jobs = stack.client("emr-serverless")
    for key in (closed, opened):
        job = given(stack, "print('done')\n")
        logs = job["configurationOverrides"]["monitoringConfiguration"]["s3MonitoringConfiguration"]
        logs["encryptionKeyArn"] = key
        if key == closed:
            assert "kms:Decrypt" in refused(jobs.start_job_run, applicationId=name, **job)[1]
            continue
        run = ended(stack, name, start(stack, name, job))
        file = f"logs/applications/{name}/jobs/{run['jobRunId']}/SPARK_DRIVER/stderr.gz"
        bucket = logs["logUri"].split("/")[2]
        head = stack.client("s3").head_object(Bucket=bucket, Key=file)
        assert head["SSEKMSKeyId"] == opened
