"""Assembly of the report, from the files in the run's folder only."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Literal

from medical_charges.checks import Check
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.report.model import (
    Checked,
    Failure,
    Read,
    Rejected,
    RejectedOfObject,
    Report,
    Withheld,
)
from medical_charges.report.page import page
from medical_charges.storage import Store


def write_report(store: Store, folder: str) -> Report:
    """Write the report of the run with this folder, as JSON and as a page.

    It may be called repeatedly at any time; the report covers what exists by then.
    """
    report = read_report(store, folder)
    layout, run_id = Layout.of_run(folder)
    store.write(layout.report(run_id), report.model_dump_json(indent=2).encode() + b"\n")
    store.write(layout.report_page(run_id), page(report, layout.prefix).encode())
    return report


def read_report(store: Store, folder: str) -> Report:
    """Read the report from the files in a run's folder."""
    layout, run_id = Layout.of_run(folder)
    summary, error = _json(store, layout.summary(run_id)), _json(store, layout.error(run_id))
    snapshot, failed = _json(store, layout.snapshot(run_id)), _json(store, layout.failure(run_id))
    outputs, hold = (
        _json(store, layout.validation(run_id, "outputs")),
        _json(store, layout.hold(run_id)),
    )
    checks = read_checks(store, folder)
    account = error.get("account", {})
    outcome = _outcome(
        checks,
        failed=bool(failed or error),
        complete=bool(outputs),
        held=hold.get("published") is False,
    )
    return Report(
        run_id=run_id,
        outcome=outcome,
        held=hold["reason"] if outcome == "held" else None,
        failure=_failure(failed, error),
        contract=summary.get("contract") or error.get("contract"),
        versions=_versions(snapshot) | (summary or error).get("versions", {}),
        read=_read(summary or account),
        rejected=Rejected(
            rules=(summary or account).get("rules", {}),
            objects=[RejectedOfObject(**found) for found in account.get("objects", [])],
        ),
        warnings=summary.get("warnings", []) + _overridden(hold),
        checks=checks,
        checked=Checked(**outputs["objects"]) if outputs.get("objects") else None,
        withheld=Withheld(
            rows=summary.get("suppressed", {}),
            counts_only=summary.get("counts_only", {}),
            outputs=summary.get("withheld", {}),
            waiting=summary.get("waiting", {}),
        ),
        files=outputs.get("staged", {}),
        seconds={
            job: result["seconds"]
            for job, result in (("analysis", summary), ("validation", outputs))
            if result.get("seconds")
        },
    )


def read_checks(store: Store, folder: str) -> list[Check]:
    """Read the checks that both validation jobs have written to a run's folder so far."""
    layout, run_id = Layout.of_run(folder)
    results = (_json(store, layout.validation(run_id, job)) for job in ("outputs", "golden"))
    return [Check(**check) for result in results for check in result.get("checks", [])]


def _json(store: Store, key: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(store.read(key))
    except (ObjectMissingError, ValueError):
        return {}
    return found


def _outcome(
    checks: Sequence[Check], *, failed: bool, complete: bool, held: bool
) -> Literal["passed", "held", "refused", "failed"]:
    if any(check.stops for check in checks):
        return "refused"
    if failed:
        return "failed"
    if held:
        return "held"
    return "passed" if complete else "failed"


def _overridden(hold: dict[str, Any]) -> list[str]:
    if not hold.get("published") or not hold["reason"]:
        return []
    return [f"published because its execution was asked to, although {hold['reason']}"]


def _failure(failed: dict[str, Any], error: dict[str, Any]) -> Failure | None:
    if not failed and not error:
        return None
    reason = error.get("message") or failed.get("reason", "")
    return Failure(state=failed.get("state", "Analyze"), reason=reason)


def _versions(snapshot: dict[str, Any]) -> dict[str, str]:
    return {"code": snapshot["code"]} if snapshot.get("code") else {}


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
