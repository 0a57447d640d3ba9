"""Each state fails in turn: live outputs stay, nothing is left over, a notice gives the reason."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from tests.functional.live import Execution, Live
from tests.local_aws.endpoints import until

NOTHING = b"print('nothing is checked')\n"
PASSES = b"""
import sys

from medical_charges.contract.uri import read_contract
from medical_charges.validation.glue_arguments import glue_arguments
from medical_charges.storage import open_store
from medical_charges.validation import Result
from medical_charges.validation.artifacts import RunArtifacts, sha256_of

options = glue_arguments(sys.argv, "bucket", "contract", "run_id")
store, contract = open_store("s3://" + options["bucket"]), read_contract(options["contract"])
staged = RunArtifacts(store, contract, options["run_id"]).staged
hashes = {name: sha256_of(data) for name, data in staged.items()}
Result(options["run_id"], contract.contract_hash, staged=hashes).write(store, contract)
"""
RAISES = b"raise RuntimeError('the sky fell')\n"
SLEEPS = b"import time\ntime.sleep(600)\n"

BROKEN = """
from original import handle as original

def handle(event, context):
    original(event, context)
    raise RuntimeError("the sky fell")
"""

REFUSES = """
def handle(event, context):
    raise RuntimeError("the sky fell")
"""


def raising(package: bytes) -> bytes:
    """A function's package that does its work, and then raises."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr("original.py" if name == "handler.py" else name, old.read(name))
        new.writestr("handler.py", BROKEN)
    return target.getvalue()


def refusing(_: bytes) -> bytes:
    """A function's package that does nothing but raise."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as package:
        package.writestr("handler.py", REFUSES)
    return target.getvalue()


@contextmanager
def unchecked(live: Live) -> Iterator[None]:
    """Glue's jobs pass without a look, for failures of what comes after them."""
    with ExitStack() as ending:
        for script, passes in (("test_analysis.py", NOTHING), ("validate_outputs.py", PASSES)):
            ending.enter_context(live.replaced(f"artefacts/{script}", passes))
        yield


@pytest.fixture
def served(live: Live, first_run: Execution) -> Iterator[dict[str, bytes]]:
    """The live outputs before a run fails, which must be the live ones afterwards."""
    before = live.served()
    assert before
    yield before
    assert live.served() == before


UNTOUCHED = "Not published. The previous outputs are still live."
RESTORED = "The previous outputs are live again."
WITHOUT_LEASE = "It did not hold the lease, so what is published was not looked at."


def check(
    live: Live,
    execution: Execution,
    state: str,
    reason: str,
    *,
    status: str = "FAILED",
    outcome: str = UNTOUCHED,
) -> str:
    """Check the effects of every failure; return the notice."""
    assert execution.ended.status == status
    assert live.ledger.lease() is None
    assert set(live.clusters().values()) <= {"TERMINATED", "TERMINATED_WITH_ERRORS"}
    [run] = live.runs(execution.arn)
    assert (run["status"], run["failed_state"]) == ("failed", state)
    assert reason in run["reason"]
    [(subject, text)] = live.notices(execution.arn)
    assert subject == f"medical-charges: run {run['run_id']} failed in {state}"[:100]
    said = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    assert reason in said["Reason"]
    assert reason in said["Last error line"]
    assert said["Log"]
    assert text.splitlines()[-1] == outcome
    return text


def test_input_that_cannot_be_analyzed_is_refused_before_any_compute(
    live: Live, served: dict[str, bytes]
) -> None:
    clusters = live.clusters()
    key = live.input("letter.csv")
    execution = live.run(lambda: live.put(key, b"Dear Sir,\nplease find enclosed\n"))
    assert live.clusters() == clusters
    # Without it all is as it was when it was served.
    assert live.run(lambda: live.remove(key)).entered[-1] == "SkippedUnchanged"
    assert execution.entered == ["PlanRun", "RecordFailure", "RunFailed"]
    text = check(live, execution, "PlanRun", "letter.csv")
    assert "InputRefusedError" in live.log_of(text)


def test_a_step_that_refuses_its_input_says_which_rule_was_broken(
    live: Live, served: dict[str, bytes], real_file: bytes
) -> None:
    header, *rows = real_file.decode().splitlines()[:40]
    broken = "\n".join([header, *(row.replace("male", "unknown") for row in rows)]).encode()
    key = live.input("broken.csv")
    execution = live.run(lambda: live.put(key, broken))
    assert live.run(lambda: live.remove(key)).entered[-1] == "SkippedUnchanged"
    assert execution.entered[-4:] == [
        "ClusterCleanupNeeded", "TerminateClusterAfterFailure", "RecordFailure", "RunFailed",
    ]  # fmt: skip
    text = check(live, execution, "Analyze", "broken.csv: 39 of 39 rows break a rule")
    assert "39 of 39 rows break a rule" in live.log_of(text)
    [run] = live.runs(execution.arn)
    error = json.loads(live.read(f"{run['folder']}/error.json"))
    assert error["message"] in text
    assert "unknown" in str(error["examples"])
    assert "unknown" not in text


@pytest.fixture(scope="module")
def work(live: Live, first_run: Execution, real_file: bytes) -> Execution:
    """Input that is not served, so that there is something to do; PlanRun refuses to, once."""
    more = b"\n".join(real_file.splitlines()[:201])
    with live.changed_function("plan-run", refusing):
        return live.run(lambda: live.put(live.input("more.csv"), more))


def test_a_function_that_raises_before_it_has_the_lease_fails_its_run_alone(
    live: Live, served: dict[str, bytes], work: Execution
) -> None:
    assert work.entered == ["PlanRun", "RecordFailure", "RunFailed"]
    text = check(live, work, "PlanRun", "the sky fell", outcome=WITHOUT_LEASE)
    assert "[ERROR] RuntimeError: the sky fell" in live.log_of(text)


@pytest.mark.parametrize("what", ["the call is refused", "the node does not start"])
def test_a_cluster_that_is_not_had_fails_the_run(
    live: Live, served: dict[str, bytes], work: Execution, what: str
) -> None:
    change: AbstractContextManager[None]
    if what == "the call is refused":
        # EMR takes an AMI's version or a release, never both.
        change = live.changed_machine(
            lambda text: text.replace('"ReleaseLabel"', '"AmiVersion":"3.8.1","ReleaseLabel"')
        )
        reason = "AMI version"
    else:
        change = live.replaced("artefacts/emr/bootstrap.sh", None)
        reason = "bootstrap action"
    with change:
        execution = live.execute()
    assert execution.entered == ["PlanRun", "Decide", "CreateCluster", "RecordFailure", "RunFailed"]
    check(live, execution, "CreateCluster", reason)


def test_a_glue_job_that_fails_keeps_its_run_from_being_published(
    live: Live, served: dict[str, bytes], work: Execution
) -> None:
    with unchecked(live), live.replaced("artefacts/validate_outputs.py", RAISES):
        execution = live.execute()
    assert "PublishOutputs" not in execution.entered
    text = check(live, execution, "Validate", "the job failed (RuntimeError)")
    # What an unexpected error says may be a row.
    assert "the sky fell" not in text
    assert "RuntimeError: the sky fell" in live.log_of(text)


@pytest.mark.parametrize(
    ("function", "state"),
    [
        ("publish-outputs", "PublishOutputs"),
        ("generate-manifests", "GenerateManifests"),
        ("validate-manifests", "ValidateManifests"),
    ],
)
def test_a_function_that_raises_while_a_run_is_published_has_everything_put_back(
    live: Live, served: dict[str, bytes], work: Execution, function: str, state: str
) -> None:
    # Behind the last gate a run is served.
    package = refusing if state == "ValidateManifests" else raising
    with unchecked(live), live.changed_function(function, package):
        execution = live.execute()
    assert execution.entered[-4:-1] == [state, "ClusterCleanupNeeded", "RecordFailure"]
    [run] = live.runs(execution.arn)
    # It had been replaced: the run's own outputs are others.
    staged = live.read(live.layout.staged(run["run_id"], "charges_by_region"))
    assert staged != live.outputs()["charges_by_region"]
    text = check(live, execution, state, "the sky fell", outcome=RESTORED)
    assert "[ERROR] RuntimeError: the sky fell" in live.log_of(text)


def step_running(live: Live) -> str:
    """The cluster whose step runs."""
    [cluster] = [name for name, state in live.clusters().items() if state == "RUNNING"]
    assert [step["Status"]["State"] for step in live.steps(cluster)] == ["RUNNING"]
    return cluster


def test_an_execution_that_is_stopped_ends_its_step_and_its_cluster(
    live: Live, served: dict[str, bytes], work: Execution
) -> None:
    with live.replaced("artefacts/analyze.py", SLEEPS):
        arn = live.stack.pipeline.execute()
        until(lambda: "RUNNING" in live.clusters().values())
        cluster = step_running(live)
        live.client("stepfunctions").stop_execution(
            executionArn=arn, error="Operator", cause="the wrong file"
        )
        execution = live.finish(arn)
    text = check(live, execution, "ABORTED", "the wrong file", status="ABORTED")
    assert "the execution was stopped: Operator: the wrong file" in text
    assert [step["Status"]["State"] for step in live.steps(cluster)] == ["CANCELLED"]


def test_an_execution_out_of_time_ends_its_step_and_its_cluster(
    live: Live, served: dict[str, bytes], work: Execution
) -> None:
    def hasten(definition: str) -> str:
        return json.dumps(json.loads(definition) | {"TimeoutSeconds": 8})

    with live.replaced("artefacts/analyze.py", SLEEPS), live.changed_machine(hasten):
        execution = live.execute()
    check(live, execution, "TIMED_OUT", "its time was up", status="TIMED_OUT")


def test_after_all_of_it_the_next_execution_serves_what_was_uploaded(
    live: Live, work: Execution
) -> None:
    execution = live.execute()
    assert execution.ended.status == "SUCCEEDED", execution.ended.cause
    [run] = live.runs(execution.arn)
    summary = json.loads(live.read(live.layout.summary(run["run_id"])))
    assert (summary["objects"], summary["counted"]) == (2, 1538)
    assert live.served()


def test_each_notice_was_sent_once_and_no_letter_is_dead(live: Live, first_run: Execution) -> None:
    told = [text.partition("Execution: ")[2].split()[0] for _, text in live.all_notices()]
    assert len(told) == len(set(told))
    queue = live.stack.terraform.outputs()["dead_letter_queue_url"]
    assert not live.client("sqs").receive_message(QueueUrl=queue).get("Messages")
