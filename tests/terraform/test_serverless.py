"""EMR Serverless: what the mode makes, what its roles may do, and that no other mode has any of it.

What each call needs is written here a second time, from AWS's documentation.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.gate.iam import Call, decide, listed
from tests.terraform.test_permissions import (
    ACCOUNT,
    BUCKET,
    DATA_KEY,
    KEY,
    LIST,
    _objects,
    _without_one_action,
)

if TYPE_CHECKING:
    from tests.terraform.conftest import Mocked

Json = dict[str, Any]

ROLE = "arn:aws:iam::123456789012:role/medical-charges-serverless-job-eu-central-1"
RULE = f"arn:aws:events:{ACCOUNT}:rule/StepFunctionsGetEventsForEMRServerlessJobRule"


@pytest.fixture(scope="module")
def made(mocked: Mocked) -> dict[str, Json]:
    """Values of the resources of the mode, by their address."""
    assert "serverless" in mocked.states, mocked.problems
    found: dict[str, Json] = {}
    for module in mocked.states["serverless"]["root_module"]["child_modules"]:
        found |= {it["address"]: it["values"] for it in module.get("resources", [])}
    return found


@pytest.fixture(scope="module")
def application(made: dict[str, Json]) -> Json:
    return made["module.emr.aws_emrserverless_application.this[0]"]


@pytest.fixture(scope="module")
def job(made: dict[str, Json]) -> Json:
    """What the state machine asks for."""
    text = made["module.orchestration.aws_sfn_state_machine.this"]["definition"]
    found: Json = json.loads(text)["States"]["Analyze"]["Arguments"]
    return found


def policy(made: dict[str, Json], actor: str) -> Json:
    found: Json = json.loads(made[f'module.iam.aws_iam_role_policy.this["{actor}"]']["policy"])
    return found


def test_no_other_mode_has_anything_of_it(resources: dict[str, Json]) -> None:
    assert [name for name in resources if "serverless" in name] == []
    for values in resources.values():
        text = json.dumps(values)
        assert "emr-serverless" not in text


def test_its_capacity_is_bounded_and_none_of_it_waits(application: Json) -> None:
    [most] = application["maximum_capacity"]
    assert (most["cpu"], most["memory"], most["disk"]) == ("16 vCPU", "64 GB", "80 GB")
    assert application["initial_capacity"] == []
    assert application["auto_stop_configuration"][0]["idle_timeout_minutes"] == 1
    assert application["architecture"] == "X86_64"


def test_its_network_leads_to_s3_and_kms_alone(made: dict[str, Json], application: Json) -> None:
    [network] = application["network_configuration"]
    assert len(network["security_group_ids"]) == len(network["subnet_ids"]) == 1
    rules = {name: it for name, it in made.items() if "_rule." in name and "serverless" in name}
    assert {name.split(".")[2] for name in rules} == {
        "aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule",
    }  # fmt: skip
    assert {(it["from_port"], it["to_port"]) for it in rules.values()} == {(443, 443)}
    into = [it for name, it in rules.items() if "ingress" in name]
    assert [it["description"] for it in into] == ["From the serverless group"]


def test_a_job_brings_its_python_and_ends_in_time(job: Json, application: Json) -> None:
    assert job["ApplicationId"] == application["id"]
    submit = job["JobDriver"]["SparkSubmit"]
    words = submit["SparkSubmitParameters"].split()
    settings = dict(word.split("=", 1) for word in words if "=" in word)
    archive = "s3://medicalcharges/artefacts/serverless/environment.tar.gz#environment"
    assert settings["spark.archives"] == archive
    python = "./environment/bin/python"
    assert settings["spark.emr-serverless.driverEnv.PYSPARK_PYTHON"] == python
    assert settings["spark.executorEnv.PYSPARK_PYTHON"] == python
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        assert settings[f"spark.emr-serverless.driverEnv.{name}"] == "eu-central-1"
        assert settings[f"spark.executorEnv.{name}"] == "eu-central-1"
    # The driver and three executors of four vCPUs each are sixteen.
    assert settings["spark.dynamicAllocation.maxExecutors"] == "3"
    # Executors take no wheel for a package of Python.
    assert words[:2] == ["--py-files", "s3://medicalcharges/artefacts/serverless/library.zip"]
    assert submit["EntryPoint"] == "s3://medicalcharges/artefacts/analyze.py"
    assert job["ExecutionTimeoutMinutes"] == 180


def test_its_logs_are_encrypted_and_no_copy_is_elsewhere(made: dict[str, Json], job: Json) -> None:
    monitoring = job["ConfigurationOverrides"]["MonitoringConfiguration"]
    assert monitoring == {
        "S3MonitoringConfiguration": {
            "LogUri": "s3://medicalcharges-logs/serverless/",
            "EncryptionKeyArn": KEY,
        },
        "ManagedPersistenceMonitoringConfiguration": {"Enabled": False},
    }
    [statement] = [
        it
        for it in json.loads(made["module.storage.aws_kms_key.this"]["policy"])["Statement"]
        if it["Sid"] == "LogsOfJobs"
    ]
    assert statement["Principal"] == {"Service": "emr-serverless.amazonaws.com"}
    arn = f"arn:aws:emr-serverless:{ACCOUNT}:/applications/*"
    assert statement["Condition"] == {"ArnLike": {"aws:SourceArn": arn}}


def needs(arn: str) -> dict[str, list[Call]]:
    """By actor, what it asks for in this mode alone."""
    run = f"{arn}/jobruns/00j"
    passes = Call("iam:PassRole", ROLE, {"iam:PassedToService": "emr-serverless.amazonaws.com"})
    return {
        # https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
        "state-machine": [
            Call("emr-serverless:StartJobRun", arn),
            Call("emr-serverless:GetJobRun", run),
            Call("emr-serverless:CancelJobRun", run),
            passes,
            *(Call(f"events:{do}", RULE) for do in ("DescribeRule", "PutRule", "PutTargets")),
        ],
        "end-run": [
            Call("emr-serverless:ListJobRuns", arn),
            Call("emr-serverless:CancelJobRun", run),
        ],
        # https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/jobs-log-encryption.html
        "serverless-job": [
            *DATA_KEY,
            LIST,
            Call("s3:GetBucketLocation", BUCKET),
            *_objects("GetObject", "artefacts", "Input", "Cube", "Run"),
            *_objects("PutObject", "Cube", "Quarantine", "Run"),
            *_objects("DeleteObject", "Quarantine"),
            Call("s3:PutObject", "arn:aws:s3:::medicalcharges-logs/serverless/a/stderr.gz"),
        ],
    }


def test_the_actors_may_do_their_work(made: dict[str, Json], application: Json) -> None:
    for actor, calls in needs(application["arn"]).items():
        allowed = policy(made, actor)
        assert [call for call in calls if not decide([allowed], call).allowed] == [], actor


def test_no_action_can_be_taken_away_unseen(made: dict[str, Json], application: Json) -> None:
    calls = needs(application["arn"])
    for actor in calls:
        ours = policy(made, actor)
        for action, less in _without_one_action(ours):
            if actor == "serverless-job" or action.startswith("emr-serverless:"):
                missed = [c for c in calls[actor] if not decide([less], c).allowed]
                assert missed, (actor, action)


def test_no_permission_leads_beyond_the_application(
    made: dict[str, Json], application: Json
) -> None:
    another = application["arn"] + "x"
    for actor, calls in needs(application["arn"]).items():
        ours = policy(made, actor)
        for call in calls:
            if call.action.startswith("emr-serverless:"):
                name = call.resource.replace(application["arn"], another)
                assert not decide([ours], Call(call.action, name)).allowed
        for statement in ours["Statement"]:
            if any(action.startswith("emr-serverless:") for action in listed(statement["Action"])):
                assert all(
                    it.startswith(application["arn"]) for it in listed(statement["Resource"])
                )
    elsewhere = Call("iam:PassRole", ROLE, {"iam:PassedToService": "ec2.amazonaws.com"})
    assert not decide([policy(made, "state-machine")], elsewhere).allowed
    job = policy(made, "serverless-job")
    assert not decide([job], *_objects("PutObject", "Input")).allowed


def test_the_state_machine_adds_no_step(made: dict[str, Json]) -> None:
    text = json.dumps(policy(made, "state-machine"))
    assert "AddJobFlowSteps" not in text
