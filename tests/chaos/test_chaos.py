"""A few of the faults of `make chaos`, and mistakes in what cleans up, which they must find."""

from __future__ import annotations

from contextlib import AbstractContextManager

import pytest

from medical_charges.runs.failure import fail_run
from medical_charges.runs.rollback import roll_back
from tests.chaos import bursts
from tests.chaos.cases import (
    HIDDEN,
    REDRIVEN,
    REPAIRED,
    REPEATED,
    STORIES,
    WAITED,
    WRONG,
    Case,
    draw,
    tried,
    undisturbed,
)
from tests.chaos.faults import KINDS, Fault
from tests.mutation import dropped, mutated, replaced

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


@pytest.mark.parametrize(
    ("place", "kind", "mistake", "problem"),
    [
        (
            TAKES,
            STOPPED,
            mutated(fail_run, dropped("ledger.end(failure.execution)")),
            "the lease was left behind",
        ),
        (
            PUBLISHES,
            "killed after the call",
            mutated(roll_back, replaced("live.run_id == run_id", "live.run_id != run_id")),
            "what is published is of two runs",
        ),
    ],
)
def test_a_mistake_in_what_cleans_up_is_found(
    place: str, kind: str, mistake: AbstractContextManager[None], problem: str
) -> None:
    found = case(place, kind, REPEATED)
    with mistake:
        outcome = tried(found)
    assert outcome.verdict == WRONG
    assert problem in str(outcome.problems)


def test_a_fault_is_drawn_again_by_its_number() -> None:
    one, again = draw(1, 2), draw(1, 2)
    assert (one.story, one.fault(), one.repair) == (again.story, again.fault(), again.repair)


def test_a_burst_leaves_what_a_run_from_scratch_makes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bursts, "ACTIONS", 4)
    outcome = bursts.burst(seed=1, number=0)
    assert outcome.problems == []
