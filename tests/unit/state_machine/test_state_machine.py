"""The state machine's definition, as far as it can be read without running it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest

from tests.helpers import state_machine

State = dict[str, Any]


@pytest.fixture(scope="module")
def machine() -> State:
    return state_machine()


def exits(state: State) -> Iterator[tuple[str, set[str]]]:
    """Return the next states of a state, with the variables that are assigned on the way."""
    if "Next" in state:
        yield state["Next"], set(state.get("Assign", {}))
    if "Default" in state:
        yield state["Default"], set()
    for way in [*state.get("Choices", []), *state.get("Catch", [])]:
        yield way["Next"], set(way.get("Assign", {}))


def assigned(machine: State) -> dict[str, set[str]]:
    """By state, the variables that have a value on every way to it."""
    found: dict[str, set[str]] = {machine["StartAt"]: set()}
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        for target, new in exits(machine["States"][name]):
            here = found[name] | new
            both = found.get(target, here) & here
            if found.get(target) != both:
                found[target] = both
                waiting.append(target)
    return found


def test_every_state_uses_only_variables_that_have_a_value_on_every_way_to_it(
    machine: State,
) -> None:
    for name, known in assigned(machine).items():
        expressions = re.findall(r"\{%(.*?)%\}", json.dumps(machine["States"][name]))
        used = {v for text in expressions for v in re.findall(r"\$([a-z]\w*)(?![\w(])", text)}
        assert used - {"states"} <= known, name


def test_a_failure_is_recorded_under_the_run_that_failed(machine: State) -> None:
    states = machine["States"]
    payload = states["RecordFailure"]["Arguments"]["Payload"]
    assert payload["run_id"] == "{% $run_id %}"
    # An execution may fail before it has a run.
    (catch,) = states["PlanRun"]["Catch"]
    assert catch["Assign"]["run_id"] == ""


def test_a_cause_that_end_run_could_not_look_through_is_passed_on_to_nobody(
    machine: State,
) -> None:
    (catch,) = machine["States"]["RecordFailure"]["Catch"]
    assert "$failure.Error" in catch["Output"]["reason"]
    assert "Cause" not in catch["Output"]["reason"]


def test_every_state_is_reached(machine: State) -> None:
    assert assigned(machine).keys() == machine["States"].keys()


def test_a_notice_says_how_many_rows_were_rejected(machine: State) -> None:
    assert (
        "'\\nRows rejected: ' & $string($rejected)"
        in machine["States"]["Notify"]["Arguments"]["Message"]
    )


def tasks(states: dict[str, State]) -> Iterator[tuple[str, State]]:
    """Every state that calls a service, those of branches and of a map included."""
    for name, state in states.items():
        if state["Type"] == "Task":
            yield name, state
        for inner in [*state.get("Branches", []), *filter(None, [state.get("ItemProcessor")])]:
            yield from tasks(inner["States"])


# A service's errors are named by its prefix. What the SDK itself or the service's front end
# answers stands in no operation's model.
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
SERVICES = {
    "Lambda": "lambda", "ElasticMapReduce": "emr", "Glue": "glue", "SNS": "sns",
    "QuickSight": "quicksight", "EMRServerless": "emr-serverless",
}  # fmt: skip
OF_THE_SDK = {"SdkClientException", "ClientExecutionTimeoutException", "ThrottlingException"}
# What may be a throttled call and may be a permanent mistake.
GENERAL = {"AmazonElasticMapReduceException", "AWSGlueException", "AWSLambdaException"}


def test_only_transient_errors_that_the_service_has_are_retried(
    machine: State,
) -> None:
    lasting = re.compile(r"Invalid|NotFound|AccessDenied|Validation|Exists|Limit|Unsupported")
    models = botocore.session.get_session()
    for name, task in tasks(machine["States"]):
        for error in (e for retry in task["Retry"] for e in retry["ErrorEquals"]):
            if error == "States.ALL":
                assert task["Resource"].endswith("terminateCluster.sync"), name
                continue
            service, _, kind = error.partition(".")
            model = models.get_service_model(SERVICES[service])
            assert {kind} & {*model.shape_names, *OF_THE_SDK, *GENERAL}, (name, error)
            assert not lasting.search(kind), (name, error)


def test_a_permanent_mistake_is_reported_within_a_minute(machine: State) -> None:
    for name, task in tasks(machine["States"]):
        for retry in task["Retry"]:
            if GENERAL & {error.partition(".")[2] for error in retry["ErrorEquals"]}:
                waits = [
                    retry["IntervalSeconds"] * retry["BackoffRate"] ** attempt
                    for attempt in range(retry["MaxAttempts"])
                ]
                assert sum(waits) <= 65, name


def ways(machine: State, name: str) -> Iterator[list[str]]:
    """Each way from a state to an end of the execution, errors on the way left aside."""
    state = machine["States"][name]
    targets = {state.get("Next"), state.get("Default")} - {None}
    targets |= {choice["Next"] for choice in state.get("Choices", [])}
    if not targets:
        yield [name]
    for target in sorted(targets):
        for rest in ways(machine, target):
            yield [name, *rest]


def caught(machine: State) -> Iterator[tuple[str, State]]:
    for name, state in machine["States"].items():
        for catch in state.get("Catch", []):
            yield name, catch


# Their failures are no failures of the run: it is published, and its dashboards are stale.
FORGIVEN = {"RefreshDashboards", "WritePage"}


def test_every_failure_is_recorded_and_fails_the_execution(machine: State) -> None:
    for name, catch in caught(machine):
        if name in FORGIVEN:
            continue
        for way in ways(machine, catch["Next"]):
            assert way[-1] == "RunFailed", (name, way)
            assert name == "RecordFailure" or "RecordFailure" in way, (name, way)
            assert not {"EndRun", "Notify", "PublishOutputs"} & set(way), (name, way)


def test_a_failure_while_a_cluster_may_be_up_ends_the_cluster(machine: State) -> None:
    up, waiting = set(), [machine["States"]["CreateCluster"]["Next"]]
    while waiting:
        name = waiting.pop()
        up.add(name)
        if name != "TerminateCluster" and "Next" in (state := machine["States"][name]):
            waiting.append(state["Next"])
        elif name == "IsClusterTransient":
            waiting += [choice["Next"] for choice in state["Choices"]]
    assert up == {"Analyze", "IsClusterTransient", "TerminateCluster"}
    for name, catch in caught(machine):
        if name in up:
            assert catch["Next"] == "ClusterCleanupNeeded", name
    for way in ways(machine, "ClusterCleanupNeeded"):
        assert way[1:] in (
            ["RecordFailure", "RunFailed"],
            ["TerminateClusterAfterFailure", "RecordFailure", "RunFailed"],
        )


def test_a_failure_is_named_by_the_state_that_failed(machine: State) -> None:
    for name, catch in caught(machine):
        if name in FORGIVEN | {"TerminateClusterAfterFailure", "RecordFailure"}:
            continue
        assert catch["Assign"]["failed_state"] == "{% $states.context.State.Name %}", name
        assert catch["Assign"]["failure"] == "{% $states.errorOutput %}", name


def test_only_idempotent_calls_are_retried_on_every_error(machine: State) -> None:
    always = {
        name
        for name, task in tasks(machine["States"])
        if any("States.ALL" in retry["ErrorEquals"] for retry in task["Retry"])
    }
    assert always == {"TerminateCluster", "TerminateClusterAfterFailure"}
