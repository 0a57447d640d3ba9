"""Faults of the whole stack on this machine: of its processes, executions and events."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from rich.console import Console

from medical_charges.storage import LocalStore
from ops.stack import deployed
from ops.terraform import find_or_fetch
from tests.chaos.cases import NO_HARM, REPAIRED, WRONG, Outcome, people
from tests.functional.live import Execution, Live
from tests.helpers import ROOT, WITHOUT_CUBES, outputs_of
from tests.local_aws.endpoints import until

ROWS = 150
"""The rows of each upload."""


@dataclass
class Served:
    """The applied stack, and what was uploaded to it."""

    live: Live
    server: psutil.Process
    files: dict[str, bytes] = field(default_factory=dict)

    def upload(self) -> str:
        """Upload more people, and return the execution that this starts."""
        pipeline, number = self.live.stack.pipeline, len(self.files)
        name = f"part-{number}.csv"
        self.files[name] = people(ROWS * number, ROWS * number + ROWS)
        known = pipeline.executions()
        self.live.put(self.live.input(name), self.files[name])
        arn = pipeline.await_execution(known, 60)
        assert arn, "the upload started no execution"
        return arn

    def entered(self, arn: str, state: str) -> bool:
        """Return True if an execution has come to a state."""
        found = (event.get("stateEnteredEventDetails", {}) for event in self.live.history(arn))
        return any(details.get("name") == state for details in found)

    def processes(self, word: str) -> list[psutil.Process]:
        """Return the processes of a job or a function, by a word of their command or its name."""
        found = []
        for process in self.server.children(recursive=True):
            with contextlib.suppress(psutil.Error):
                function = process.environ().get("AWS_LAMBDA_FUNCTION_NAME", "")
                if function.endswith(word) or word in " ".join(process.cmdline()):
                    found.append(process)
        return found


Strike = Callable[[Served, str], None]


def _killed(state: str, word: str) -> Strike:
    def strike(served: Served, arn: str) -> None:
        until(lambda: served.entered(arn, state))
        for process in until(lambda: served.processes(word)):
            with contextlib.suppress(psutil.Error):
                process.kill()

    return strike


def _stopped(state: str) -> Strike:
    def strike(served: Served, arn: str) -> None:
        until(lambda: served.entered(arn, state))
        states = served.live.client("stepfunctions")
        states.stop_execution(executionArn=arn, error="Operator", cause="a fault")

    return strike


def _events(served: Served, arn: str) -> None:
    """Send the event of the upload twice more."""
    name, data = list(served.files.items())[-1]
    for _ in range(2):
        served.live.put(served.live.input(name), data)


FAULTS: Sequence[tuple[str, str, Strike]] = (
    ("Analyze", "Spark's driver is killed", _killed("Analyze", "analyze.py")),
    ("PublishOutputs", "the function is killed", _killed("PublishOutputs", "publish-outputs")),
    ("Analyze", "the execution is stopped", _stopped("Analyze")),
    ("Analyze", "the event comes three times", _events),
    ("ValidateOutputs", "the job is killed", _killed("ValidateOutputs", "validate_outputs.py")),
    ("CreateCluster", "the execution is stopped", _stopped("CreateCluster")),
    ("PublishOutputs", "the execution is stopped", _stopped("PublishOutputs")),
    ("ValidateManifests", "the execution is stopped", _stopped("ValidateManifests")),
)


def struck(faults: int) -> Iterator[Outcome]:
    """Let faults come upon uploads to one stack, one after the other."""
    with TemporaryDirectory() as folder, _served(Path(folder) / "stack") as served:
        first = served.live.finish(served.upload())
        assert first.ended.status == "SUCCEEDED", first.ended
        for number, (state, name, strike) in enumerate(FAULTS[:faults]):
            arn = served.upload()
            strike(served, arn)
            ended = served.live.finish(arn)
            again = served.live.execute()
            problems = list(_problems(served, again, LocalStore(Path(folder) / str(number))))
            failed = ended.ended.status != "SUCCEEDED"
            verdict = WRONG if problems else REPAIRED if failed else NO_HARM
            says = f"{ended.ended.status.lower()} {ended.ended.cause}"
            yield Outcome(
                "an upload to the stack", state, name, says, "executed again", verdict, problems
            )


@contextlib.contextmanager
def _served(state: Path) -> Iterator[Served]:
    server = [sys.executable, "-m", "local_aws", "--state", str(state)]
    with subprocess.Popen(server, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            process.stdout.readline()
            # Without the cubes, to protect which takes longer than all else.
            contract = state.with_suffix(".yaml")
            contract.write_text(WITHOUT_CUBES)
            with deployed(find_or_fetch(), contract, Console(stderr=True), state) as stack:
                stack.settle()
                yield Served(Live(stack), psutil.Process(process.pid))
        finally:
            process.terminate()


def _problems(served: Served, again: Execution, folder: LocalStore) -> Iterator[str]:
    """Say what is not as it is without the fault; nobody holds the lease by now."""
    live, contract = served.live, served.live.stack.contract
    if again.ended.status != "SUCCEEDED":
        yield f"executed again it {again.ended.status.lower()}: {again.ended.cause}"
    run = live.ledger.live()
    summary = json.loads(live.read(live.layout.summary(run.run_id))) if run else {"waiting": {}}
    expected = live.expected(outputs_of(folder, contract, served.files), summary)
    published = live.outputs()
    for name, data in expected.items():
        if published[name] != data:
            yield f"{name} is not that of a run without the fault"
    if left := set(live.clusters().values()) - {"TERMINATED", "TERMINATED_WITH_ERRORS"}:
        yield f"clusters are left: {left}"
    if served.processes("spark"):
        yield "processes are left"
    queue = live.stack.terraform.outputs()["dead_letter_queue_url"]
    if live.client("sqs").receive_message(QueueUrl=queue).get("Messages"):
        yield "a letter is dead"
