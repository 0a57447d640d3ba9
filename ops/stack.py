"""The whole stack on a laptop: the real Terraform, state machine and code on a local AWS."""

from __future__ import annotations

import fcntl
import shutil
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

import local_aws
from medical_charges.analysis.summary import read_summary
from medical_charges.contract import Contract, load_contract
from medical_charges.errors import MedicalChargesError, exit_code_of
from medical_charges.layout import Layout
from medical_charges.local.files import data_files, refuse_wrong_files, unread_files
from medical_charges.runs.publish import read_live
from medical_charges.storage import LocalStore
from ops.build.artifacts import Build
from ops.pipeline import Ended, Pipeline, Step, is_there
from ops.show import show_examples, show_left_out, show_report, show_run
from ops.terraform import DIRECTORY, ROOT, Change, Terraform, TerraformError
from ops.written import Written

STATE = ROOT / ".build" / "local_aws"
_PATIENCE_SECONDS = 60
_ROOT_MODULE = "terraform"
_APPLIED = "applied"
"""File with the version of what is applied to the stack."""
_SHIPPED = ROOT / "datasets" / "medical_charges"


class StackError(MedicalChargesError):
    """The stack started, but failed to do what was requested."""


@dataclass(frozen=True)
class Deployed:
    """The stack, applied."""

    endpoint: str
    pipeline: Pipeline
    contract: Contract
    terraform: Terraform
    variables: Mapping[str, str]
    """The Terraform variables, which planning, changing and destroying need again."""
    settle: Callable[[], None]
    """Waits until the last of the stack is applied; raises TerraformError if it fails."""


def run_stack(terraform: str, source: Path, contract: Path, out: Path, console: Console) -> int:
    """Put a file or a folder into the input, follow the executions, and show the outputs."""
    files = data_files(source)
    if unread := unread_files(source):
        console.print(f"warning: {unread}")
    described = load_contract(contract)
    refuse_wrong_files(files, described)
    written = Written(out, described.prefix)
    with turn(STATE, console), deployed(terraform, contract, console) as stack:
        pipeline = stack.pipeline
        known = pipeline.executions()
        pipeline.restore(out)
        changed = pipeline.put(files)
        if changed:
            console.print(f"{_changes(changed, files)}; EventBridge starts the state machine")
            arn = pipeline.await_execution(known, _PATIENCE_SECONDS)
        else:
            console.print("the input is as it was; starting the state machine with {}")
            arn = pipeline.execute()
        if arn is None:
            raise StackError(f"the upload started no execution in {_PATIENCE_SECONDS} s")
        ended = follow(pipeline, arn, console)
        with written.recording():
            # What publishes nothing must not take away what an earlier run left here.
            left_out = pipeline.mirror(written, remove=not (ended.failed() or ended.held))
            show_left_out(console, left_out)
            code = _show(ended, pipeline, stack.contract, out, console)
            stack.settle()
            return code


def _changes(changed: Sequence[str], files: Collection[str]) -> str:
    """Return what was uploaded and what was removed, in words."""
    ways = {
        "uploaded": [name for name in changed if name in files],
        "removed": [name for name in changed if name not in files],
    }
    return "; ".join(f"{way} {', '.join(names)}" for way, names in ways.items() if names)


_LOOK_SECONDS = 1


def serve_stack(terraform: str, contract: Path, console: Console) -> int:
    """Serve the applied stack until it is interrupted."""
    with ExitStack() as ending:
        with turn(STATE, console):
            stack = ending.enter_context(deployed(terraform, contract, console))
            stack.settle()
        layout = Layout(stack.contract.prefix)
        shipped = contract.resolve() == _SHIPPED / "contract.yaml"
        file = (_SHIPPED / "Charges.csv").relative_to(ROOT) if shipped else "YOUR_FILE.csv"
        console.print(
            f"\nAWS answers at {stack.endpoint}. In another terminal:\n\n"
            f"  export AWS_ENDPOINT_URL={stack.endpoint} AWS_REGION=us-east-1 "
            f"AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test\n"
            f"  aws s3 cp {file} s3://{stack.pipeline.bucket}/{layout.input}/\n"
            f"  aws stepfunctions list-executions --state-machine-arn {stack.pipeline.machine}\n"
            f"  aws s3 ls --recursive s3://{stack.pipeline.bucket}/{layout.output}/\n\n"
            f"`make run` uses this stack while it is up. Ctrl-C ends it."
        )
        until_interrupted()
    return 0


def until_interrupted() -> None:
    """Wait for Ctrl-C, or another signal that ends the command."""
    # Not without a time: once Polars is imported, a wait that a signal interrupts goes on.
    while not threading.Event().wait(_LOOK_SECONDS):
        pass


@contextmanager
def turn(state: Path, console: Console) -> Iterator[None]:
    """Wait until no other command applies or runs anything here; the kernel frees the lock."""
    state.mkdir(parents=True, exist_ok=True)
    with (state / "turn").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.print("another make run or make local is at work here; waiting for its end")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def deployed(
    terraform: str, contract_file: Path, console: Console, state: Path = STATE
) -> Iterator[Deployed]:
    """Serve a local AWS, or use the running one, with the stack applied to it.

    It is yielded as soon as a run can start; leaving waits until all of it is applied.
    """
    with ExitStack() as ending:
        if (stack := local_aws.running(state)) is not None:
            console.print(f"using the stack at {stack.endpoint}")
        else:
            stack = ending.enter_context(local_aws.serve(state))
            # An endpoint starts empty, whatever an earlier one held.
            for name in ("terraform.tfstate", "terraform.tfstate.backup", _APPLIED):
                (state / name).unlink(missing_ok=True)
        yield ending.enter_context(_applied(stack, terraform, contract_file, console))


@contextmanager
def _applied(
    stack: local_aws.Stack, terraform: str, contract_file: Path, console: Console
) -> Iterator[Deployed]:
    contract = load_contract(contract_file)
    artifacts = stack.state / "artefacts"
    with _timed(console, "package what AWS runs"):
        version = Build(ROOT, artifacts, contract_file.resolve(), laptop=True).run()["version"]
    applied = stack.state / _APPLIED
    changed = not applied.exists() or applied.read_text() != version
    # What is applied has its lock of providers there, which a new copy lacks until an init.
    directory = root_module(stack.state) if changed else stack.state / _ROOT_MODULE
    deployment = Terraform(terraform, stack.state, stack.environment(), directory)
    variables = {
        "artefacts_index": str(artifacts / "index.json"),
        "catalog_file": str(artifacts / "catalog.json"),
        "rulesets_file": str(artifacts / "rulesets.json"),
        "state_machine_file": str(ROOT / "state_machine" / "pipeline.asl.yaml"),
        "force_destroy": "true",
    }
    with ExitStack() as ending:
        change: Change | None = None
        if changed:
            # A change that does not end well leaves nobody's stack.
            applied.unlink(missing_ok=True)
            with _timed(console, "terraform init"):
                deployment.init()
            change = ending.enter_context(_applying(deployment, variables, console))

        def settle() -> None:
            if change is not None:
                with _timed(console, "terraform apply, the rest"):
                    change.settle()
                applied.write_text(version)

        outputs = _outputs(deployment, settle)
        pipeline = Pipeline(stack.environment(), outputs, Layout(contract.prefix))
        yield Deployed(stack.endpoint, pipeline, contract, deployment, variables, settle)


def _outputs(deployment: Terraform, settle: Callable[[], None]) -> dict[str, Any]:
    """Read where the pipeline is, from a state that Terraform may be writing just now."""
    with suppress(TerraformError, ValueError):
        if is_there(outputs := deployment.outputs()):
            return outputs
    settle()
    return deployment.outputs()


@contextmanager
def _applying(
    deployment: Terraform, variables: Mapping[str, str], console: Console
) -> Iterator[Change]:
    """Apply, and yield once a run can start; leaving waits for the rest."""
    with ExitStack() as ending:
        with _timed(console, "terraform apply"), _bar(console) as bar:
            task = bar.add_task("resources", total=None)
            applying = deployment.changing(
                "apply",
                variables,
                lambda done, total: bar.update(task, completed=done, total=total or None),
            )
            change = ending.enter_context(applying)
            change.wait_for_all_but(_is_read_by_no_run)
        yield change


def _is_read_by_no_run(address: str) -> bool:
    """Return True for the rules by which objects expire: the provider reads them for a minute."""
    return ".aws_s3_bucket_lifecycle_configuration." in address


def root_module(state: Path) -> Path:
    """Copy terraform/ without the files of an account: its backend and its variables."""
    copy = state / _ROOT_MODULE
    shutil.rmtree(copy, ignore_errors=True)
    account = shutil.ignore_patterns("backend.tf", "*.tfvars", "*.tfstate*", ".terraform*", "tests")
    shutil.copytree(DIRECTORY, copy, ignore=account)
    return copy


def follow(pipeline: Pipeline, arn: str, console: Console) -> Ended:
    """Print each state of an execution as it ends, then those of the executions that continue it.

    Several uploads start several executions: one holds the lease, and another follows for the rest.
    The ledger knows both at once, which a list of executions may not.
    """
    console.print(f"execution {arn.rsplit(':', 1)[-1]}")

    def report(step: Step) -> None:
        console.print(f"  {step.name:<26} {step.seconds:6.1f} s")

    ended = pipeline.follow(arn, report)
    console.print(f"execution {ended.status.lower()}")
    if ended.held:
        console.print(f"held, and nothing of it is published: {ended.held}")
    for other in pipeline.continuing(arn):
        following = follow(pipeline, other, console)
        ended = following if following.failed() or not ended.failed() else ended
    return ended


def _show(ended: Ended, pipeline: Pipeline, contract: Contract, out: Path, console: Console) -> int:
    if ended.failed():
        console.print(f"error: {ended.cause or ended.error or ended.status}")
        show_examples(console, pipeline.left_error(ended.arn))
        show_report(console, out, contract, pipeline.run_of(ended.arn))
        return exit_code_of(pipeline.error_of(ended.arn))
    # A stack that starts empty knows of no run before a held one, and the folder does.
    store, layout = LocalStore(out), Layout(contract.prefix)
    live = read_live(store, layout)
    if live is None:
        raise StackError("the execution succeeded, but no run is live")
    summary = read_summary(store, layout, live.run_id)
    show_run(console, store, contract, summary)
    reported = pipeline.run_of(ended.arn) if ended.held else live.run_id
    show_report(console, out, contract, reported)
    page = out / layout.dashboard
    if page.is_file():
        console.print(f"dashboard: {page}")
    return 0


@contextmanager
def _timed(console: Console, what: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    console.print(f"{what:<28} {time.perf_counter() - start:6.1f} s")


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=console, transient=True)
