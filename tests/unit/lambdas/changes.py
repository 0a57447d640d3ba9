"""What happens to a deployment while a run is under way, or between two."""

from __future__ import annotations

from typing import cast

import boto3
import pytest

from tests.functions import CONTRACT, Pipeline


def new_data(pipeline: Pipeline, name: str) -> str:
    """A run over new data, up to its staged outputs."""
    real = pipeline.store.read("MedicalCharges/Input_data/Charges.csv")
    pipeline.upload(f"{name}.csv", b"".join(real.splitlines(keepends=True)[:700]))
    return pipeline.staged(name)


def a_cluster(run_id: str, tag: str = "") -> str:
    """A cluster as the machine makes it, or with the tag of another run."""
    answer = boto3.client("emr").run_job_flow(
        Name=f"medical-charges {run_id}",
        Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1},
        JobFlowRole="nodes",
        ServiceRole="service",
        Tags=[
            {"Key": "Project", "Value": "medical-charges"},
            {"Key": "RunId", "Value": tag or run_id},
        ],
    )
    return str(answer["JobFlowId"])


def a_job(application: str, name: str) -> str:
    """A job of EMR Serverless, by its name."""
    answer = boto3.client("emr-serverless").start_job_run(
        applicationId=application,
        executionRoleArn="arn:aws:iam::123456789012:role/job",
        name=name,
    )
    return str(answer["jobRunId"])


def state_of(cluster: str) -> str:
    return cast(
        "str", boto3.client("emr").describe_cluster(ClusterId=cluster)["Cluster"]["Status"]["State"]
    )


def upload_more(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.upload("more.csv", pipeline.store.read("MedicalCharges/Input_data/Charges.csv"))


def replace_contract(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    text = pipeline.store.read(CONTRACT)
    pipeline.store.write(CONTRACT, text.replace(b"minimum_cell: 11", b"minimum_cell: 12"))


def replace_code(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CODE_VERSION", "code-2")


def remove_output(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.store.delete("MedicalCharges/Output_data/charges_by_age/charges_by_age.csv")


def damage_manifest(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.store.write("MedicalCharges/Manifest_data/charges_by_age.json", b"{}")
