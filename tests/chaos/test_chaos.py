"""A few of the faults of `make chaos`, and a mutant of what cleans up, which they must find."""

from __future__ import annotations

import re

import pytest
import yaml

from medical_charges.runs.failure import fail_run
from tests.chaos import __main__ as command
from tests.chaos import bursts
from tests.chaos.cases import (
    HIDDEN,
    NO_HARM,
    NOT_REACHED,
    REDRIVEN,
    REPAIRED,
    REPEATED,
    STORIES,
    WAITED,
    WRONG,
    Case,
    Outcome,
    draw,
    tried,
    undisturbed,
)
from tests.chaos.faults import KINDS, Fault
from tests.chaos.machine import END_SECONDS, SECONDS, STATES
from tests.helpers import ROOT
from tests.mutation import dropped, mutated

UPLOAD = STORIES[0]
TAKES = "PlanRun: dynamodb TransactWriteItems lease"
STOPPED = "stopped, and its function goes on"
QUARANTINES = "Analyze: s3 PutObject MedicalCharges/Quarantine"
PUBLISHES = (
    "PublishOutputs: s3 PutObject MedicalCharges/Output_data/charges_by_age/charges_by_age.csv"
)


def case(place: str, kind: str, repair: str) -> Case:
    """A fault at the call that a place begins with, of an upload to a pipeline that has run."""
    [found] = [kinds for kinds in KINDS if kinds.name == kind]
    [call, *_] = [call for call, _ in undisturbed(UPLOAD)[1] if call.startswith(place)]
    return Case(UPLOAD, lambda: Fault(found, found.lasts[0], call), repair)


@pytest.mark.parametrize(
    ("place", "kind", "repair", "verdict"),
    [
        (TAKES, STOPPED, REPEATED, REPAIRED),
        (QUARANTINES, "killed after the call", WAITED, REPAIRED),
        (PUBLISHES, "lease expired, and its holder ends", REDRIVEN, REPAIRED),
        ("ValidateManifests: dynamodb TransactWriteItems", "answer lost", REPEATED, HIDDEN),
    ],
)  # fmt: skip
def test_after_a_fault_all_is_as_if_it_had_not_been(
    place: str, kind: str, repair: str, verdict: str
) -> None:
    outcome = tried(case(place, kind, repair))
    assert (outcome.verdict, outcome.problems) == (verdict, [])


def test_a_mutant_of_what_cleans_up_is_found() -> None:
    found = case(TAKES, STOPPED, REPEATED)
    with mutated(fail_run, dropped("ledger.end(failure.execution)")):
        outcome = tried(found)
    assert outcome.verdict == WRONG
    assert "the lease was left behind" in str(outcome.problems)


def test_states_follow_each_other_as_in_the_state_machine() -> None:
    states = yaml.safe_load((ROOT / "state_machine/pipeline.asl.yaml").read_text())["States"]
    name, order = "CreateCluster", ["CreateCluster"]
    while name != "EndRun":
        choices = [choice["Next"] for choice in states[name].get("Choices", ())]
        following = [*choices, states[name].get("Next", states[name].get("Default"))]
        [name, *_] = [it for it in following if it != "NotifyHeld"]
        order.append(name)
    passed = {"RefreshDashboards", "Notify"}
    tasks = [it for it in order if states[it]["Type"] != "Choice" and it not in passed]
    assert list(STATES) == tasks


def test_functions_have_the_time_that_terraform_gives_them() -> None:
    text = (ROOT / "terraform/main.tf").read_text()
    found = re.findall(r'timeout_seconds = key == "end_run" \? (\d+) : (\d+)', text)
    assert found == [(str(END_SECONDS), str(SECONDS))]


@pytest.mark.parametrize(("unreached", "code"), [(1, 0), (2, 1)])
def test_faults_of_which_many_are_not_reached_fail(
    monkeypatch: pytest.MonkeyPatch, unreached: int, code: int
) -> None:
    verdicts = [NOT_REACHED] * unreached + [NO_HARM] * (10 - unreached)
    some = [("1", Outcome("", "", "", "", "", verdict)) for verdict in verdicts]
    monkeypatch.setattr(command, "_outcomes", lambda _: some)
    monkeypatch.setattr("sys.argv", ["chaos"])
    assert command.main() == code


def test_a_fault_is_drawn_again_by_its_number() -> None:
    one, again = draw(1, 2), draw(1, 2)
    assert (one.story, one.fault(), one.repair) == (again.story, again.fault(), again.repair)


def test_a_burst_leaves_what_a_run_from_scratch_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "ACTIONS", 4)
    outcome = bursts.burst(seed=1, number=0)
    assert outcome.problems == []
