"""The stack in an AWS account: plan, deploy, use and destroy it.

Credentials and region come from the environment, variables from terraform.tfvars and TF_VAR_name.
With AWS_ENDPOINT_URL set to the address that `make local` printed, a run is started and followed
there instead.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

import local_aws
from medical_charges.contract import Contract, load_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.local.files import refuse_wrong_files
from ops.build.artifacts import Build
from ops.checks.doctor import variables_of
from ops.pipeline import Pipeline, is_there
from ops.show import show_examples, show_runs
from ops.stack import STATE, follow
from ops.terraform import ROOT, Terraform, TerraformError
from ops.upkeep.forget import (
    UNDER_WAY,
    Bucket,
    Traces,
    could_not_be_read,
    described,
    find,
    remove,
    what_stays,
    without_runs,
)
from ops.upkeep.redrive import Redrive

ARTIFACTS = ROOT / ".build" / "artefacts"
_PATIENCE_SECONDS = 120


def package(contract: Path, console: Console, terraform: str) -> int:
    """Build the artifacts that AWS runs, by the variables of the deployment."""
    serverless = variables_of(terraform, dict(os.environ))["emr_cluster"] == "serverless"
    index = Build(ROOT, ARTIFACTS, contract.resolve(), serverless=serverless).run()
    console.print(f"version {index['version']} in {ARTIFACTS.relative_to(ROOT)}")
    return 0


def change(
    command: str, terraform: str, contract: Path, console: Console, file: Path | None = None
) -> int:
    """Plan, apply or destroy; Terraform itself asks before it changes anything.

    A QuickSight data source reads its manifest when it is created. So if a dashboard is wanted and
    its outputs are not published yet, applying is followed by a run, of `file` if there is one, and
    by applying again.

    Raises:
        MedicalChargesError: the run went well and has not published what the dashboard reads.
    """
    _refuse_wrong(file, contract)
    package(contract, console, terraform)
    deployment = _account(terraform)
    deployment.init()
    variables = {
        "artefacts_index": str(ARTIFACTS / "index.json"),
        "catalog_file": str(ARTIFACTS / "catalog.json"),
        "rulesets_file": str(ARTIFACTS / "rulesets.json"),
    }
    if command == "destroy":
        return deployment.call(command, variables)
    found = load_contract(contract)
    ready = _publishes(deployment, found)
    code = deployment.call(command, variables | {"quicksight_ready": str(ready).lower()})
    outputs = deployment.outputs() if command == "apply" and not code else {}
    if outputs.get("quicksight_state") != "waiting":
        return code
    pipeline = Pipeline(deployment.environment, outputs, Layout(found.prefix))
    if not pipeline.publishes(found):
        if file is None and not pipeline.has_input():
            console.print(outputs["quicksight"])
            return 0
        console.print("running once, so that there is something for QuickSight to read")
        if code := _run_once(pipeline, file, console):
            return code
        if not pipeline.publishes(found):
            raise MedicalChargesError(_NOT_PUBLISHED)
    return deployment.call(command, variables | {"quicksight_ready": "true"})


_NOT_PUBLISHED = (
    "the run has not published what the dashboard reads, so there is no dashboard: `make deploy` "
    "again once a run has (docs/runbook.md says why a run is held)"
)


def _publishes(deployment: Terraform, contract: Contract) -> bool:
    """Return True if a dashboard is wanted by the last variables, and its outputs are published."""
    outputs = deployment.outputs()
    if not is_there(outputs) or outputs.get("quicksight_state", "off") == "off":
        return False
    return Pipeline(deployment.environment, outputs, Layout(contract.prefix)).publishes(contract)


def execute(terraform: str, contract: Path, console: Console, asked: Mapping[str, bool]) -> int:
    """Start an execution with the requested options, and follow it."""
    pipeline = _pipeline(terraform, contract)
    return _watch(pipeline, pipeline.execute(**asked), console)


def rollback(terraform: str, contract: Path, console: Console, run_id: str) -> int:
    """Publish an earlier run again, and follow the execution that does."""
    if not run_id:
        raise MedicalChargesError("name a run: `make rollback RUN=...`; `make runs` lists them")
    pipeline = _pipeline(terraform, contract)
    return _watch(pipeline, pipeline.execute(rollback=run_id), console)


LONGEST_SHARE = 7
"""Maximum number of days for which a link is valid.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-presigned-url.html
"""


def share(terraform: str, contract: Path, console: Console, days: int) -> int:
    """Print a link to the dashboard's page that anybody can open for some days.

    Raises:
        MedicalChargesError: no page is published, or S3 signs for no such time.
    """
    if not 1 <= days <= LONGEST_SHARE:
        raise MedicalChargesError(f"DAYS is {days}; S3 signs for 1 to {LONGEST_SHARE} days")
    pipeline = _pipeline(terraform, contract)
    link = pipeline.share(days * 24 * 60 * 60)
    # Alone on its line, to be copied.
    console.print(link)
    console.print(f"anyone who has this link can read the page for {days} days, without an account")
    if pipeline.temporary:
        console.print("warning: your credentials are temporary, and the link ends when they do")
    return 0


def forget(terraform: str, contract: Path, console: Console, name: str, *, agreed: bool) -> int:
    """Forget an object: remove all that holds rows of it, and follow the run that comes after.

    Return 1 if that run fails, or a file cannot be read, so that nobody can say whose it is.

    Raises:
        MedicalChargesError: nobody agreed, nothing is known of the object, or an execution is under
            way, which could write again what is removed.
    """
    if not name:
        raise MedicalChargesError("name an object of the input: `make forget OBJECT=...`")
    pipeline, layout = _pipeline(terraform, contract), Layout(load_contract(contract).prefix)
    _refuse_running(pipeline)
    bucket = Bucket(pipeline.client("s3"), pipeline.bucket)
    key = f"{layout.input}/{name.removeprefix(f's3://{bucket.name}/').removeprefix(f'{layout.input}/')}"
    traces = find(bucket, layout, key)
    if not traces and not traces.runs:
        lines = [f"the bucket has never held {key!r}, or nothing of it is left"]
        raise MedicalChargesError("\n".join([*lines, *could_not_be_read(traces)]))
    console.print(f"of {key} the bucket holds, for good removal:")
    for line in described(traces) if traces else ["  nothing any more"]:
        console.print(line)
    _agree(traces, name, agreed=agreed)
    with without_runs(pipeline.ledger, key, pipeline.execute):
        # One that has lost its lease may still be at work.
        _refuse_running(pipeline)
        remove(bucket, traces)
        left = find(bucket, layout, key)
        if left:
            raise MedicalChargesError("something of it was written meanwhile: repeat this")
    console.print("removed. What stays:")
    for line in (*what_stays(traces, layout), *could_not_be_read(left)):
        console.print(f"  {line}")
    console.print("the next run computes the figures again")
    return max(_watch(pipeline, pipeline.execute(), console), int(bool(left.unread)))


def _refuse_running(pipeline: Pipeline) -> None:
    if pipeline.executions(running=True):
        raise MedicalChargesError(UNDER_WAY)


def redrive(terraform: str, contract: Path, console: Console) -> int:
    """Bring dead letters to their target, or start a run after a failure, and follow it."""
    pipeline, outputs = _deployed(terraform, contract)
    said: list[str] = []

    def say(sentence: str) -> None:
        said.append(sentence)
        console.print(sentence)

    again = Redrive.of(pipeline, outputs, say)
    arn = again.deliver() or again.repeat()
    if not said:
        say("nothing to redrive: no letter is dead, and the last execution has not failed")
    return _watch(pipeline, arn, console) if arn else 0


def _agree(traces: Traces, name: str, *, agreed: bool) -> None:
    if agreed or not traces:
        return
    if not sys.stdin.isatty():
        command = f"make forget OBJECT={shlex.quote(name)} YES=1"
        raise MedicalChargesError(f"nothing was removed. Say `{command}` to agree")
    if input("This cannot be undone. Remove all of it? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise MedicalChargesError("nothing was removed")


def runs(terraform: str, contract: Path, console: Console) -> int:
    """List all runs: status, start, snapshot, rows, and which one is live."""
    pipeline = _pipeline(terraform, contract)
    show_runs(console, pipeline.runs(), pipeline.live_run())
    return 0


def upload(file: Path, terraform: str, contract: Path, console: Console) -> int:
    """Put a file into the input and follow the execution that it starts."""
    _refuse_wrong(file, contract)
    return _run_once(_pipeline(terraform, contract), file, console)


def _run_once(pipeline: Pipeline, file: Path | None, console: Console) -> int:
    """Upload a file, or start an execution if there is none, and follow it."""
    if file is None:
        return _watch(pipeline, pipeline.execute(), console)
    known = pipeline.executions()
    console.print(f"uploaded {pipeline.upload(file)}")
    arn = pipeline.await_execution(known, _PATIENCE_SECONDS)
    if arn is None:
        console.print(
            f"the upload started no execution in {_PATIENCE_SECONDS} s, as uploads to a bucket may "
            f"in the first five minutes after it was deployed; one is started by name"
        )
        arn = pipeline.execute()
    return _watch(pipeline, arn, console)


def _refuse_wrong(file: Path | None, contract: Path) -> None:
    """Refuse a file that is missing, or that a run would refuse."""
    if file is None:
        return
    if not file.is_file():
        raise MedicalChargesError(f"there is no file {str(file)!r}")
    refuse_wrong_files({file.name: file}, load_contract(contract))


def logs(terraform: str, contract: Path, console: Console) -> int:
    """Show the last execution, and its error if it failed."""
    pipeline = _pipeline(terraform, contract)
    executions = pipeline.executions()
    if not executions:
        console.print("there has been no execution yet")
        return 0
    return _watch(pipeline, executions[-1], console)


def _watch(pipeline: Pipeline, arn: str, console: Console) -> int:
    ended = follow(pipeline, arn, console)
    if ended.failed():
        console.print(f"error: {ended.cause or ended.error or ended.status}")
        show_examples(console, pipeline.left_error(ended.arn))
    return int(ended.failed())


def _account(terraform: str) -> Terraform:
    return Terraform(terraform, ROOT / ".build" / "account", dict(os.environ), own_state=False)


def _pipeline(terraform: str, contract: Path) -> Pipeline:
    return _deployed(terraform, contract)[0]


def _deployed(terraform: str, contract: Path) -> tuple[Pipeline, dict[str, Any]]:
    """Return the pipeline, and Terraform's outputs."""
    local = local_aws.running(STATE)
    if local is not None and local.endpoint == os.environ.get("AWS_ENDPOINT_URL"):
        deployment = Terraform(terraform, STATE, local.environment(), STATE / "terraform")
    else:
        deployment = _account(terraform)
        deployment.init()
    outputs = deployment.outputs()
    if not is_there(outputs):
        raise TerraformError(
            "nothing is deployed, or not all of it: `make deploy`, or `make local` and its exports"
        )
    layout = Layout(load_contract(contract).prefix)
    return Pipeline(deployment.environment, outputs, layout), outputs
