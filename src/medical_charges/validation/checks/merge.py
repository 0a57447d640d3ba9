"""Comparison of the state with the sum of the partials, added up again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from medical_charges.checks import Check
from medical_charges.validation.artifacts import RunArtifacts
from medical_charges.validation.checks.objects import RecountedObjects
from medical_charges.validation.recount.sums import GroupedMoments
from medical_charges.validation.result import run_check


def merge_checks(artifacts: RunArtifacts, objects: RecountedObjects) -> list[Check]:
    """Compare the state and the summary with the sum of the partials."""
    return [
        run_check(
            "merge: the state is the sum of the partials",
            "conformance",
            "every sum of every group equal",
            lambda: _state_problems(artifacts, objects.merged),
        ),
        run_check(
            "merge: the summary adds up",
            "completeness",
            "rows, counted, rejected and rules are the sums over the objects",
            lambda: _summary_problems(artifacts.summary, objects),
        ),
    ]


def _state_problems(artifacts: RunArtifacts, cells: GroupedMoments) -> Iterator[str]:
    if artifacts.state is None:
        yield f"the state {artifacts.summary['state']} is not there, or was damaged"
        return
    if not artifacts.state.members:
        yield "the state holds no object"
    for names, groups in cells.items():
        stored = artifacts.state.cells.get(names, {})
        wrong = sum(groups.get(key) != stored.get(key) for key in groups.keys() | stored.keys())
        if wrong:
            yield (
                f"by {', '.join(names)}: {wrong} of {len(groups.keys() | stored.keys())} groups "
                f"are not the sum of the partials"
            )


def _summary_problems(summary: Mapping[str, Any], objects: RecountedObjects) -> Iterator[str]:
    members = list(objects.members.values())
    rules: dict[str, int] = {}
    for member in members:
        for rule, count in member.rules.items():
            rules[rule] = rules.get(rule, 0) + count
    right = {
        "rows": sum(member.rows for member in members),
        "rejected": sum(member.rejected for member in members),
        "objects": len(members),
    }
    for what, number in right.items():
        if summary[what] != number:
            yield f"{what}: the summary says {summary[what]}, the sum over the objects is {number}"
    if summary["rules"] != rules:
        yield "rules: the summary has other rules, or other counts, than the objects"
    for names, groups in objects.merged.items():
        counted = sum(moments.n for moments in groups.values())
        if counted != summary["counted"]:
            yield f"by {', '.join(names)} there are {counted} rows; {summary['counted']} counted"
    if summary["rows"] != summary["counted"] + summary["rejected"]:
        yield (
            f"{summary['rows']} rows in, but {summary['counted']} counted and "
            f"{summary['rejected']} rejected"
        )
