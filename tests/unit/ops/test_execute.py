"""`make execute`: what is asked of a run reaches the execution."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from typing import Any

import boto3
import pytest
from rich.console import Console

from medical_charges.contract import Contract
from medical_charges.runs.lifecycle import PUBLISH_HELD, RECHECK
from medical_charges.storage import S3Store
from ops import account, terraform
from ops.__main__ import main
from ops.pipeline import Ended, Pipeline
from ops.stack import follow
from tests.functions import deploy, execution, whereabouts
from tests.helpers import CONTRACT_FILE, ROOT

CONTRACT = str(CONTRACT_FILE)


def deployed(contract: Contract) -> Pipeline:
    return Pipeline(*whereabouts(contract))


@pytest.mark.parametrize("started", [True, False])
def test_after_a_queued_execution_the_unlisted_holder_and_its_successor_are_followed(
    started: bool,
    bucket: S3Store,
    contract: Contract,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    functions, pipeline = deploy(bucket, real_file, monkeypatch), deployed(contract)
    run_id = str(functions.plan("holder")["run_id"])
    assert functions.plan("queued")["decision"] == "pending"
    for name in ("queued", "holder"):
        boto3.client("stepfunctions").start_execution(
            stateMachineArn=pipeline.machine, name=name, input="{}"
        )
    monkeypatch.setattr(pipeline, "executions", lambda **_: [])
    followed: list[str] = []

    def end(arn: str, _: object) -> Ended:
        followed.append(arn.rpartition(":")[2])
        if followed[-1] == "holder":
            if not started:
                monkeypatch.setattr("lambdas.end_run.aws.AwsPlatform.start", lambda *_: None)
            functions.finish("holder", run_id)
        return Ended(arn, "FAILED" if "after" in arn else "SUCCEEDED", "", "")

    monkeypatch.setattr(pipeline, "follow", end)
    ended = follow(pipeline, execution("queued"), Console(quiet=True))
    assert followed == ["queued", "holder", *([f"after-{run_id}"] if started else [])]
    assert ended.failed() == started, "it did what all of them were started for"


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ({}, {}),
        ({RECHECK: True, PUBLISH_HELD: False}, {"recheck": True}),
        ({RECHECK: False, PUBLISH_HELD: True}, {"publish_held": True}),
    ],
)
def test_an_execution_gets_the_requested_options(
    asked: Mapping[str, bool],
    given: dict[str, Any],
    bucket: S3Store,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    deploy(bucket, b"", monkeypatch)
    states = boto3.client("stepfunctions")
    arn = deployed(contract).execute(**asked)
    assert json.loads(states.describe_execution(executionArn=arn)["input"]) == given


@pytest.mark.parametrize(
    ("variables", "asked"),
    [
        ([], {RECHECK: False, PUBLISH_HELD: False}),
        (["RECHECK=1"], {RECHECK: True, PUBLISH_HELD: False}),
        (["PUBLISH_HELD=1"], {RECHECK: False, PUBLISH_HELD: True}),
        (["RECHECK=1", "PUBLISH_HELD=1"], {RECHECK: True, PUBLISH_HELD: True}),
    ],
)
def test_makes_variables_become_options_of_the_execution(
    variables: list[str], asked: Mapping[str, bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    command = ["make", "--dry-run", "--old-file", ".venv/laptop", "execute", *variables]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in shown.splitlines() if "-m ops execute" in line]
    seen: list[Mapping[str, bool]] = []

    def execute(*arguments: Any) -> int:
        seen.append(arguments[-1])
        return 0

    monkeypatch.setattr(account, "execute", execute)
    monkeypatch.setattr(terraform, "find_or_fetch", lambda: "terraform")
    flags = [word for word in line.split() if word.startswith("--") and word != "--contract"]
    assert main(["execute", "--contract", CONTRACT, *flags]) == 0
    assert seen == [asked]
