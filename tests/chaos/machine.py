"""Executions of the state machine over an account: its functions and jobs, one after the other.

What Step Functions, EventBridge and Lambda do between them is done here as they do it: a failure
is caught, recorded and reported by an event, which is delivered three times and then kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import boto3

import glue_jobs.analyze
import glue_jobs.validate_outputs
from lambdas.compare_runs.handler import handle as compare_runs
from lambdas.end_run.handler import handle as end_run
from lambdas.generate_manifests.handler import handle as generate_manifests
from lambdas.plan_run.handler import handle as plan_run
from lambdas.publish_outputs.handler import handle as publish_outputs
from lambdas.validate_manifests.handler import handle as validate_manifests
from lambdas.write_page.handler import handle as write_page
from tests.chaos.account import Account, Invocation, KilledError
from tests.functions import BUCKET, CONTRACT, LambdaContext, execution

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

FUNCTIONS: dict[str, Handler] = {
    "CompareRuns": compare_runs,
    "PublishOutputs": publish_outputs,
    "GenerateManifests": generate_manifests,
    "ValidateManifests": validate_manifests,
    "WritePage": write_page,
    "EndRun": end_run,
}
STATES = (
    "CreateCluster",
    "Analyze",
    "TerminateCluster",
    "CompareRuns",
    "Validate",
    "PublishOutputs",
    "GenerateManifests",
    "ValidateManifests",
    "WritePage",
    "EndRun",
)
"""In their order after PlanRun."""

SECONDS, END_SECONDS = 300, 900
"""The times of the functions, and of end_run, as Terraform sets them."""

DELIVERIES = 3

SUCCEEDED, FAILED, ABORTED, TIMED_OUT = "SUCCEEDED", "FAILED", "ABORTED", "TIMED_OUT"


@dataclass(frozen=True)
class Ended:
    """An execution that has ended."""

    name: str
    status: str
    state: str
    """The last state."""
    run_id: str
    says: str = ""


class StateError(Exception):
    """A state that failed, as the state machine catches it."""

    def __init__(self, error: str, cause: dict[str, Any]) -> None:
        super().__init__(error)
        self.failure = {"Error": error, "Cause": json.dumps(cause)}


class Context(LambdaContext):
    """Lambda's context, by the account's time."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._ends = account.invocation.ends

    def get_remaining_time_in_millis(self) -> int:
        return int((self._ends - self._account.moment) * 1000)


@dataclass
class Machine:
    """The state machine of an account."""

    account: Account
    broken: str = ""
    """A function that fails when it has done its work."""
    stopped: dict[str, str] = field(default_factory=dict)
    """By execution, the status of those that were ended from outside."""
    stale: dict[str, str] = field(default_factory=dict)
    """By execution, why the dashboards do not show what it published."""
    letters: list[dict[str, Any]] = field(default_factory=list)
    """The dead letters: ends of executions that nothing could clean up after."""
    ended: list[Ended] = field(default_factory=list)
    clusters: int = 0

    def execute(self, name: str, **asked: bool | str) -> Ended:
        """See an execution to its end."""
        try:
            plan = self.call("PlanRun", plan_run, {"execution": execution(name)} | asked)
        except StateError as error:
            return self._failed(name, "PlanRun", "", error)
        run_id, decision = plan["run_id"], plan["decision"]
        if name in self.stopped:
            return self._done(Ended(name, self.stopped[name], "PlanRun", run_id))
        if decision in {"skip", "pending"}:
            return self._done(Ended(name, SUCCEEDED, decision, run_id))
        first = {"go": "CreateCluster", "rollback": "PublishOutputs", "hold": "EndRun"}[decision]
        return self._go_on(name, run_id, STATES[STATES.index(first) :], held=decision == "hold")

    def _go_on(self, name: str, run_id: str, states: Sequence[str], *, held: bool = False) -> Ended:
        """See an execution to its end from a state on."""
        for state in states:
            if held and state != "EndRun":
                continue
            try:
                held = self._step(state, name, run_id) or held
            except StateError as error:
                if state != "WritePage":
                    return self._failed(name, state, run_id, error)
                self.stale[name] = str(error)
            if name in self.stopped:
                return self._done(Ended(name, self.stopped[name], state, run_id))
        end = (
            "Held" if held else "Published, dashboards stale" if name in self.stale else "Published"
        )
        return self._done(Ended(name, SUCCEEDED, end, run_id))

    def redrive(self, ended: Ended) -> Ended:
        """Redrive an execution, which goes on with the state in which it ended."""
        self.stopped.pop(ended.name, None)
        if ended.state not in STATES:
            return self.execute(ended.name)
        return self._go_on(ended.name, ended.run_id, STATES[STATES.index(ended.state) :])

    def take_over(self, name: str, state: str) -> None:
        """Call the function of a state again while it is at work, and go on with its answer."""
        lease = self.account.ledger.lease()
        ended = self.redrive(Ended(name, "", state, lease.run_id if lease else ""))
        # Whatever the first call comes to, nobody waits for it any more.
        self.stopped[name] = ended.status

    def stop(self, name: str, status: str) -> None:
        """End an execution from outside; the function that it has called is not told."""
        self.stopped[name] = status
        self.tell_end(name, status)

    def tell_end(self, name: str, status: str) -> None:
        """Deliver the event of an execution's end."""
        detail = {"executionArn": execution(name), "status": status}
        self._deliver({"detail-type": "Step Functions Execution Status Change", "detail": detail})

    def deliver_letters(self) -> None:
        """Deliver the dead letters once more."""
        letters, self.letters = self.letters, []
        for letter in letters:
            self._deliver(letter)

    def follow(self) -> None:
        """See the executions to their end that end_run has started."""
        while new := sorted(set(self.account.pipeline.executions()) - self._names()):
            for name in new:
                self.execute(name)

    def _names(self) -> set[str]:
        return {one.name for one in self.ended}

    def _deliver(self, event: dict[str, Any]) -> None:
        for _ in range(DELIVERIES):
            try:
                self.call("end of execution", end_run, event)
            except StateError:
                continue
            return
        self.letters.append(event)

    def _failed(self, name: str, state: str, run_id: str, error: StateError) -> Ended:
        says = f"{state}: {error}"
        if name in self.stopped:
            return self._done(Ended(name, self.stopped[name], state, run_id, says))
        if state in {"Analyze", "TerminateCluster"}:
            self._terminate(run_id)
        event: dict[str, Any] = {"execution": execution(name), "run_id": run_id}
        event |= {"failed_state": state, "failure": error.failure}
        try:
            found = self.call("RecordFailure", end_run, event)
            says = f"{state}: {found['reason']}"
        except StateError as another:
            says += f"; RecordFailure: {another}"
        if name not in self.stopped:
            self.tell_end(name, FAILED)
        return self._done(Ended(name, self.stopped.get(name, FAILED), state, run_id, says))

    def _done(self, ended: Ended) -> Ended:
        self.ended.append(ended)
        return ended

    # The states

    def _step(self, state: str, name: str, run_id: str) -> bool:
        """Do what a state does; return True if the run is held.

        Raises:
            StateError: it failed.
        """
        if state == "CreateCluster":
            self._create(run_id)
        elif state == "TerminateCluster":
            self._terminate(run_id)
        elif state == "Analyze":
            self.process(state, lambda: self._analyze(run_id))
        elif state == "Validate":
            self.process(state, lambda: _validate(run_id))
        else:
            event = {"execution": execution(name), "run_id": run_id}
            event |= {"stale": self.stale.get(name, "")} if state == "EndRun" else {}
            found = self.call(state, FUNCTIONS[state], event)
            return bool(found.get("reason"))
        return False

    def call(self, state: str, handler: Handler, event: dict[str, Any]) -> dict[str, Any]:
        """Call a function as Lambda does.

        Raises:
            StateError: it failed, was killed or took too long.
        """

        def work() -> dict[str, Any]:
            found = handler(event, Context(self.account))
            if state == self.broken:
                raise RuntimeError("the sky fell")
            return found

        seconds = END_SECONDS if handler is end_run else SECONDS
        found: dict[str, Any] = self.process(state, work, self.account.moment + seconds)
        return found

    def process(self, state: str, work: Callable[[], Any], ends: float = float("inf")) -> Any:
        """Do the work of a process, and of those that wait for its end.

        Raises:
            StateError: it failed, was killed or took too long.
        """
        with self.account.invoked(Invocation(state, ends)) as here:
            try:
                found = work()
            except KilledError:
                late = self.account.moment > ends
                error = "Sandbox.Timedout" if late else "Runtime.ExitError"
                raise StateError(error, {"errorType": error, "errorMessage": error}) from None
            except Exception as error:
                name, text = type(error).__name__, f"{type(error).__name__}: {error}"
                cause = {"errorType": name, "errorMessage": text}
                raise StateError(text, cause) from error
            finally:
                for other in here.others:
                    other.finish()
        return found

    def _analyze(self, run_id: str) -> None:
        store = f"s3://{BUCKET}"
        code = glue_jobs.analyze.main(
            [
                "--store", store,
                "--contract", f"{store}/{CONTRACT}",
                "--run-id", run_id,
                "--snapshot", f"{store}/MedicalCharges/Run_data/{run_id}/snapshot.json",
            ]
        )  # fmt: skip
        if code:
            raise RuntimeError(f"exit code {code}")

    def _create(self, run_id: str) -> None:
        self.clusters += 1
        boto3.client("emr").run_job_flow(
            Name=f"medical-charges {run_id}",
            Instances={"KeepJobFlowAliveWhenNoSteps": True, "InstanceCount": 1},
            JobFlowRole="nodes",
            ServiceRole="service",
            Tags=[{"Key": "RunId", "Value": run_id}],
        )

    def _terminate(self, run_id: str) -> None:
        ours = [one["Id"] for one in self.running() if run_id in one["Name"]]
        if ours:
            boto3.client("emr").terminate_job_flows(JobFlowIds=ours)

    def running(self) -> list[dict[str, Any]]:
        """The clusters that have not ended."""
        states = ["STARTING", "BOOTSTRAPPING", "RUNNING", "WAITING"]
        return list(boto3.client("emr").list_clusters(ClusterStates=states)["Clusters"])


def _validate(run_id: str) -> None:
    contract = f"s3://{BUCKET}/{CONTRACT}"
    arguments = ["--bucket", BUCKET, "--contract", contract, "--run_id", run_id, "--recheck", "no"]
    glue_jobs.validate_outputs.main(["validate_outputs.py", *arguments])
