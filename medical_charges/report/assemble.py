"""The report, put together from what lies in the run's folder and from nothing else."""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from medical_charges.errors import ObjectMissingError
from medical_charges.report.model import (
    Checked,
    Failure,
    Made,
    Read,
    Rejected,
    RejectedOfObject,
    Report,
    Withheld,
)
from medical_charges.report.page import page
from medical_charges.storage import Store

_VALUE = re.compile(r"""(value )('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")""")

_JOBS = ("Analyze", "Validate")
"""The states that see rows."""


def write_report(store: Store, folder: str) -> Report:
    """Write the report of the run whose folder this is, as JSON and as a page.

    May be called at any time, and again: it tells of what is there by then.
    """
    report = read_report(store, folder)
    store.write(f"{folder}/report.json", report.model_dump_json(indent=2).encode() + b"\n")
    store.write(f"{folder}/report.html", page(report).encode())
    return report


def read_report(store: Store, folder: str) -> Report:
    """The report of what lies in a run's folder."""
    summary, error = _json(store, f"{folder}/summary.json"), _json(store, f"{folder}/error.json")
    plan, failed = _json(store, f"{folder}/plan.json"), _json(store, f"{folder}/failure.json")
    outputs = _json(store, f"{folder}/validation/outputs.json")
    golden = _json(store, f"{folder}/validation/golden.json")
    checks = [Made(**check) for result in (outputs, golden) for check in result.get("checks", [])]
    account = error.get("account", {})
    return Report(
        run_id=folder.rpartition("/")[2],
        outcome=_outcome(checks, failed=bool(failed or error), complete=bool(outputs)),
        failure=_failure(failed, error),
        contract=summary.get("contract") or error.get("contract"),
        versions=_versions(plan) | (summary or error).get("versions", {}),
        read=_read(summary or account),
        rejected=Rejected(
            rules=(summary or account).get("rules", {}),
            objects=[RejectedOfObject(**found) for found in account.get("objects", [])],
        ),
        warnings=summary.get("warnings", []),
        checks=checks,
        checked=Checked(**outputs["objects"]) if outputs.get("objects") else None,
        withheld=Withheld(rows=summary.get("suppressed", {}), outputs=summary.get("withheld", {})),
        files=outputs.get("staged", {}),
        seconds={
            job: result["seconds"]
            for job, result in (("analysis", summary), ("validation", outputs))
            if result.get("seconds")
        },
    )


def _json(store: Store, key: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(store.read(key))
    except (ObjectMissingError, ValueError):
        return {}
    return found


def _outcome(
    checks: list[Made], *, failed: bool, complete: bool
) -> Literal["passed", "refused", "failed"]:
    if any(c.outcome == "error" or (c.outcome, c.severity) == ("fail", "fail") for c in checks):
        return "refused"
    return "failed" if failed or not complete else "passed"


def _failure(failed: dict[str, Any], error: dict[str, Any]) -> Failure | None:
    if not failed and not error:
        return None
    state = failed.get("state", "Analyze")
    reason = error.get("message") or failed.get("reason", "")
    if state in _JOBS and not error:
        # What the job says is in the checks, or in its log, where it may hold a row.
        reason = "see what was checked, or the job's log"
    # A refusal may name the value of a field.
    return Failure(state=state, reason=_VALUE.sub(r"\1(not shown here)", reason))


def _versions(plan: dict[str, Any]) -> dict[str, str]:
    return {"code": plan["code"]} if "code" in plan else {}


def _read(found: dict[str, Any]) -> Read | None:
    if "rows" not in found:
        return None
    objects = found.get("objects")
    return Read(
        # Where too many rows are rejected, these are the objects with too many of them.
        objects=objects if isinstance(objects, int) else None,
        objects_read=found.get("objects_read"),
        rows=found["rows"],
        counted=found["counted"],
        rejected=found["rejected"],
    )
