"""The state machine's definition, as far as it can be read without running it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.conftest import ROOT

State = dict[str, Any]

_ANY_NUMBER = {"timeout_seconds"}
_ANY_VALUE = {
    "dashboard_data_sets": "[]",
    "emr_cluster_parameters": "{}",
    "emr_step_arguments": "[]",
}


@pytest.fixture(scope="module")
def machine() -> State:
    """The definition with something in place of what Terraform knows."""
    text = (ROOT / "state_machine" / "pipeline.asl.json").read_text()

    def known(match: re.Match[str]) -> str:
        name = match.group(1)
        return "1" if name in _ANY_NUMBER else _ANY_VALUE.get(name, name)

    definition: State = json.loads(re.sub(r"\$\{(\w+)\}", known, text))
    return definition


def exits(state: State) -> Iterator[tuple[str, set[str]]]:
    """Where a state may lead, and what is assigned on the way."""
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
