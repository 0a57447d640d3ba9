"""`make verify`: a scratch deployment is made, run on the shipped data, checked and removed.

    findings = inspect(Deployment(pipeline, outputs, contract, expected, run_id))

The checks ask the account, not Terraform: what is there, what it holds and whether it is armed.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError
from rich.console import Console

import local_aws
from medical_charges.analysis.engine import in_this_process
from medical_charges.analysis.run import analyze
from medical_charges.analysis.snapshot import take_snapshot
from medical_charges.contract import Contract, load_contract
from medical_charges.errors import ManifestError, MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.logs import quiet
from medical_charges.outputs.catalog import tables
from medical_charges.runs.manifests import S3Object, files_of
from medical_charges.storage import LocalStore
from ops.build.artifacts import Build
from ops.checks.doctor import variable_files, variables_of
from ops.checks.findings import Finding, Said, run_check, show_findings
from ops.pipeline import Pipeline
from ops.show import PlainConsole
from ops.stack import STATE, follow, root_module
from ops.terraform import ROOT, Terraform, TerraformError

SCRATCH = ROOT / ".build" / "verify"
_PATIENCE_SECONDS, _UPLOADS = 120, 4
_POLL_SECONDS = 5
_ACTIVE = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING", "TERMINATING"]
_GOING = ["SUBMITTED", "PENDING", "SCHEDULED", "QUEUED", "RUNNING", "CANCELLING"]
_LOOK = "look at the run's report and execution (docs/runbook.md)"
_APPLY = "somebody or something changed it after Terraform: apply again"


@dataclass(frozen=True)
class Deployment:
    """A deployment after its first run, and what it should hold."""

    pipeline: Pipeline
    outputs: Mapping[str, Any]
    """Terraform's outputs."""
    contract: Contract
    expected: Mapping[str, bytes]
    """The published files by output, as this machine computes them."""
    run_id: str
    """The run that should be live."""
    patience: float = 60
    """Seconds for which lines of a function's log are waited for."""

    @property
    def layout(self) -> Layout:
        """Return the keys of the dataset."""
        return Layout(self.contract.prefix)

    @property
    def name(self) -> str:
        """Return the project, with which the names of its resources begin."""
        return str(self.outputs["state_machine_arn"]).rpartition(":")[2]

    def client(self, service: str) -> Any:
        """Return a client of the deployment's account and region."""
        return self.pipeline.client(service)


def inspect(deployment: Deployment) -> list[Finding]:
    """Check everything that a run should have left, and what should be ready for the next."""
    findings: list[Finding] = []
    for name, check in CHECKS.items():
        findings += run_check(name, partial(check, deployment))
    return findings


def _said(problems: list[str], good: str, mend: str) -> Iterator[Said]:
    """Say what is wrong, or that nothing is."""
    if not problems:
        yield "ok", good
    for problem in problems:
        yield "fail", problem, mend


def _outputs(d: Deployment) -> Iterator[Said]:
    """Published bytes against those that this machine computes."""
    problems = []
    for name, expected in d.expected.items():
        found = d.pipeline.read(d.layout.published(name))
        if found is None:
            problems.append(f"{name} is not published")
        elif found != expected:
            problems.append(f"{name} is published with other bytes than this machine computes")
    yield from _said(problems, f"{len(d.expected)} outputs, byte for byte", _LOOK)


def _manifests(d: Deployment) -> Iterator[Said]:
    problems = []
    for name in d.contract.outputs:
        wanted = [S3Object(d.pipeline.bucket, d.layout.published(name))]
        data = d.pipeline.read(d.layout.manifest(name))
        try:
            if data is None:
                problems.append(f"{name} has no manifest")
            elif files_of(data) != wanted:
                problems.append(f"the manifest of {name} names other files than its CSV")
        except ManifestError as error:
            problems.append(f"{name}: {error}")
    yield from _said(problems, "every manifest names its CSV", _LOOK)


def _page(d: Deployment) -> Iterator[Said]:
    there = d.pipeline.read(d.layout.dashboard) is not None
    problems = [] if there else [f"there is no page {d.layout.dashboard}"]
    yield from _said(problems, "the dashboard's page is in the bucket", _LOOK)


def _run(d: Deployment) -> Iterator[Said]:
    ledger = d.pipeline.ledger
    live, problems = ledger.live(), []
    if live is None or live.run_id != d.run_id:
        problems.append(f"the live run is {live.run_id if live else 'none'}, not {d.run_id}")
    if (status := ledger.run(d.run_id).get("status")) != "succeeded":
        problems.append(f"the run {d.run_id} is recorded as {status}")
    if ledger.lease() is not None:
        problems.append("the lease is taken, though nothing runs")
    yield from _said(problems, f"{d.run_id} is live and the lease free", _LOOK)


def _catalog(d: Deployment) -> Iterator[Said]:
    database, problems = d.outputs["glue_database"], []
    pages = d.client("glue").get_paginator("get_tables").paginate(DatabaseName=database)
    there = {table["Name"]: table for page in pages for table in page["TableList"]}
    for table in tables(d.contract):
        name = table["name"]
        if name not in there:
            problems.append(f"the Catalog has no table {name}")
            continue
        found = there[name]["StorageDescriptor"]
        if found["Location"] != f"s3://{d.pipeline.bucket}/{table['location']}":
            problems.append(f"the table {name} is over {found['Location']}")
        wanted = [(column["name"], column["type"]) for column in table["columns"]]
        if [(column["Name"], column["Type"]) for column in found["Columns"]] != wanted:
            problems.append(f"the columns of the table {name} are not those of the contract")
    yield from _said(problems, f"{len(there)} tables over their outputs", _APPLY)


def _dashboard(d: Deployment) -> Iterator[Said]:
    if d.outputs["quicksight_state"] == "off":
        yield "ok", "none is wanted (quicksight_user is empty)"
        return
    if d.outputs["quicksight_state"] == "waiting":
        yield "fail", "it still waits for a run", "apply again with quicksight_ready=true"
        return
    account = d.outputs["state_machine_arn"].split(":")[4]
    shown = d.client("quicksight").describe_dashboard(
        AwsAccountId=account, DashboardId=d.outputs["quicksight"].rpartition("/")[2]
    )["Dashboard"]["Version"]
    problems = [f"{error['Type']}: {error['Message']}" for error in shown.get("Errors", [])]
    if shown["Status"] not in {"CREATION_SUCCESSFUL", "UPDATE_SUCCESSFUL"}:
        problems.append(f"its status is {shown['Status']}")
    yield from _said(problems, f"it is there: {d.outputs['quicksight']}", _APPLY)


def _clusters(d: Deployment) -> Iterator[Said]:
    pages = d.client("emr").get_paginator("list_clusters").paginate(ClusterStates=_ACTIVE)
    left = [
        f"the cluster {cluster['Id']} ({cluster['Name']}) is {cluster['Status']['State']}"
        for page in pages
        for cluster in page["Clusters"]
        if cluster["Name"].startswith(d.name) and cluster["Id"] != d.outputs["emr_cluster_id"]
    ]
    yield from _said(left, "no cluster is left", "end it: it costs money (docs/runbook.md)")


def _jobs(d: Deployment) -> Iterator[Said]:
    application = d.outputs.get("emr_serverless_application_id")
    if not application:
        yield "ok", "there is no application of EMR Serverless"
        return
    pages = d.client("emr-serverless").get_paginator("list_job_runs")
    left = [
        f"the job {run['id']} ({run.get('name', '')}) is {run['state']}"
        for page in pages.paginate(applicationId=application, states=_GOING)
        for run in page["jobRuns"]
    ]
    yield from _said(left, "no job is left", "cancel it: it costs money (docs/runbook.md)")


def _logs(d: Deployment) -> Iterator[Said]:
    logs, problems = d.client("logs"), []
    groups = d.outputs["function_log_groups"].values()
    for group in (d.outputs["state_machine_log_group"], *groups):
        # Step Functions sends its lines when it likes; a function's come soon after it has ended.
        try:
            there = _has_lines(logs, group, d.patience if group in groups else 0)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            problems.append(f"there is no log group {group}")
            continue
        if group in groups and not there:
            problems.append(f"no line has arrived in the log group {group}")
    yield from _said(problems, f"the log groups of {len(groups)} functions have lines", _APPLY)


def _has_lines(logs: Any, group: str, seconds: float) -> bool:
    """Return True if a log group has a line, or gets one soon."""
    pages = logs.get_paginator("filter_log_events")
    until = time.monotonic() + seconds
    # A page may be empty although others follow.
    while not any(page["events"] for page in pages.paginate(logGroupName=group)):
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _alarms(d: Deployment) -> Iterator[Said]:
    pages = d.client("cloudwatch").get_paginator("describe_alarms")
    found = [
        alarm
        for page in pages.paginate(AlarmNamePrefix=f"{d.name}-")
        for alarm in page["MetricAlarms"]
    ]
    problems = [] if found else ["there is no alarm"]
    for alarm in found:
        name = alarm["AlarmName"]
        if not alarm["ActionsEnabled"] or d.outputs["topic_arn"] not in alarm["AlarmActions"]:
            problems.append(f"the alarm {name} would tell nobody")
        if alarm["StateValue"] == "ALARM":
            problems.append(f"the alarm {name} is raised: {alarm['StateReason']}")
    yield from _said(problems, f"{len(found)} alarms are armed", _APPLY)


def _dead_letters(d: Deployment) -> Iterator[Said]:
    counts = d.client("sqs").get_queue_attributes(
        QueueUrl=d.outputs["dead_letter_queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
    )["Attributes"]
    number = int(counts["ApproximateNumberOfMessages"])
    problems = [f"{number} events or calls reached nobody"] if number else []
    yield from _said(problems, "the queue of dead letters is empty", "read them (docs/runbook.md)")


def _triggers(d: Deployment) -> Iterator[Said]:
    events, problems = d.client("events"), []
    rules = events.list_rules(NamePrefix=f"{d.name}-")["Rules"]
    for rule in rules:
        if rule["State"] != "ENABLED":
            problems.append(f"the rule {rule['Name']} is disabled")
        if not events.list_targets_by_rule(Rule=rule["Name"])["Targets"]:
            problems.append(f"the rule {rule['Name']} starts nothing")
    if not rules:
        problems.append("no rule starts a run after an upload")
    yield from _said(problems, f"{len(rules)} rules are enabled", _APPLY)


def _buckets(d: Deployment) -> Iterator[Said]:
    s3, problems = d.client("s3"), []
    for name in (d.pipeline.bucket, d.outputs["log_bucket_name"]):
        try:
            block = s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = {"BlockPublicAcls": False}
        if not all(block.values()):
            problems.append(f"public access to the bucket {name} is not blocked")
    if s3.get_bucket_versioning(Bucket=d.pipeline.bucket).get("Status") != "Enabled":
        problems.append(f"the bucket {d.pipeline.bucket} keeps no versions")
    yield from _said(problems, "the buckets are closed, the data is versioned", _APPLY)


CHECKS: Mapping[str, Callable[[Deployment], Iterator[Said]]] = {
    "outputs": _outputs,
    "manifests": _manifests,
    "page": _page,
    "run": _run,
    "Catalog": _catalog,
    "dashboard": _dashboard,
    "clusters": _clusters,
    "jobs": _jobs,
    "logs": _logs,
    "alarms": _alarms,
    "dead letters": _dead_letters,
    "triggers": _triggers,
    "buckets": _buckets,
}
"""The checks of a deployment, by their names."""


def verify(
    terraform: str, contract: Path, file: Path, console: Console, *, as_json: bool, agreed: bool
) -> int:
    """Make a scratch deployment, run it on a file, check and remove it; 0 if all is well.

    With AWS_ENDPOINT_URL set to the address that `make local` printed, it is made there.

    Raises:
        MedicalChargesError: nobody agreed to what it costs, or the run failed.
    """
    progress = PlainConsole(stderr=True) if as_json else console
    local = local_aws.running(STATE)
    on_laptop = local is not None and local.endpoint == os.environ.get("AWS_ENDPOINT_URL")
    environment = local.environment() if local is not None and on_laptop else dict(os.environ)
    variables = variables_of(terraform, environment)
    project = f"{variables['project'][:23]}-verify"
    if not on_laptop:
        _agree(project, agreed=agreed)
    # What is left of another account's deployment must not be taken for gone.
    folder = SCRATCH / ("laptop" if on_laptop else _account(environment))
    scratch = _scratch_contract(contract, folder)
    serverless = variables["emr_cluster"] == "serverless"
    Build(ROOT, folder / "artefacts", scratch, laptop=on_laptop, serverless=serverless).run()
    root = root_module(folder)
    for path in () if on_laptop else variable_files():
        shutil.copy(path, root)
    # The last of its kind, so that it overrides all others.
    own = json.dumps(_variables(variables, project, folder), indent=2)
    (root / "zz_verify.auto.tfvars.json").write_text(own, encoding="utf-8")
    patience = _PATIENCE_SECONDS if on_laptop else None
    deployment = Terraform(terraform, folder, environment, root, patience)
    deployment.init()
    findings: list[Finding] = []
    try:
        progress.print(f"deploying {project}")
        findings = _deployed(deployment, load_contract(scratch), file, progress)
    finally:
        progress.print(f"removing {project}")
        findings.append(_removed(deployment, project))
        code = show_findings(findings, console, as_json=as_json)
    return code


def _account(environment: Mapping[str, str]) -> str:
    """Return the account and region in which a deployment is made."""
    session = boto3.Session(region_name=environment.get("AWS_REGION") or None)
    return f"{session.client('sts').get_caller_identity()['Account']}-{session.region_name}"


def _removed(deployment: Terraform, project: str) -> Finding:
    try:
        deployment.destroy({})
    except TerraformError as error:
        again = (
            f"in 20 minutes: TF_DATA_DIR={deployment.folder / 'data'} terraform "
            f"-chdir={deployment.directory} destroy -state={deployment.folder}/terraform.tfstate"
        )
        return Finding("removal", "fail", f"{project} is not removed: {error}", again)
    cost = f"what it cost is in Cost Explorer within a day, by the tag Project = {project}"
    return Finding("removal", "ok", f"Terraform has removed it; {cost}")


def _agree(project: str, *, agreed: bool) -> None:
    text = (
        f"This makes {project} in the account of the environment, runs it once and removes it: "
        f"about 40 minutes and one US dollar"
    )
    if agreed:
        return
    if not sys.stdin.isatty():
        raise MedicalChargesError(f"{text}. Say `make verify YES=1` to agree")
    if input(f"{text}. Continue? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise MedicalChargesError("nothing was made")


def _scratch_contract(contract: Path, folder: Path) -> Path:
    """Write the contract with another dataset, because that names the Catalog database."""
    original = load_contract(contract)
    folder.mkdir(parents=True, exist_ok=True)
    text = contract.read_text(encoding="utf-8")
    named = re.sub(r"^(dataset:\s*['\"]?)(\w+)", r"\1\2_verify", text, count=1, flags=re.M)
    scratch = folder / "contract.yaml"
    scratch.write_text(named, encoding="utf-8")
    if load_contract(scratch).dataset != f"{original.dataset}_verify":
        raise MedicalChargesError(f"{contract}: write `dataset: {original.dataset}` on a line")
    return scratch


def _variables(variables: Mapping[str, Any], project: str, folder: Path) -> dict[str, Any]:
    """Return the scratch deployment's variables: names of its own, and notices to nobody."""
    built = folder / "artefacts"
    return {
        "project": project,
        "bucket_name": f"{variables['bucket_name'][:51]}-verify",
        "log_bucket_name": None,
        "artefacts_index": str(built / "index.json"),
        "catalog_file": str(built / "catalog.json"),
        "rulesets_file": str(built / "rulesets.json"),
        "state_machine_file": str(ROOT / "state_machine" / "pipeline.asl.yaml"),
        "force_destroy": True,
        "notice_emails": [],
        "monthly_budget_usd": None,
        "quicksight_readers": "",
        "quicksight_members": [],
    }


def _deployed(
    deployment: Terraform, contract: Contract, file: Path, console: Console
) -> list[Finding]:
    """Apply, run once, apply the dashboard if one is wanted, and check."""
    deployment.apply({})
    outputs = deployment.outputs()
    pipeline = Pipeline(deployment.environment, outputs, Layout(contract.prefix))
    arn = _started_by_upload(pipeline, file)
    ended = follow(pipeline, arn, console)
    if ended.failed() or ended.held:
        raise MedicalChargesError(ended.held or ended.cause or ended.error or ended.status)
    if outputs["quicksight_state"] == "waiting":
        deployment.apply({"quicksight_ready": "true"})
        outputs = deployment.outputs()
    run_id = pipeline.run_of(arn)
    return inspect(Deployment(pipeline, outputs, contract, expected_of(contract, file), run_id))


def _started_by_upload(pipeline: Pipeline, file: Path) -> str:
    """Upload a file until that starts an execution.

    S3 sends no events to EventBridge in the first minutes after it was told to, about five.
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-event-notifications-eventbridge.html
    """
    known = pipeline.executions()
    for _ in range(_UPLOADS):
        pipeline.upload(file)
        if (arn := pipeline.await_execution(known, _PATIENCE_SECONDS)) is not None:
            return arn
    raise MedicalChargesError(
        f"{_UPLOADS} uploads started no execution, each within {_PATIENCE_SECONDS} s"
    )


def expected_of(contract: Contract, file: Path) -> dict[str, bytes]:
    """Return the outputs of a file as this machine computes them, by name."""
    layout = Layout(contract.prefix)
    with tempfile.TemporaryDirectory() as folder, quiet():
        store = LocalStore(Path(folder))
        store.write(f"{layout.input}/{file.name}", file.read_bytes())
        analyze(store, contract, "expected", take_snapshot(store, contract), in_this_process)
        return {name: store.read(layout.staged("expected", name)) for name in contract.outputs}
