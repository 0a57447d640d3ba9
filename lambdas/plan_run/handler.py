"""PlanRun: take the lease, and decide whether there is anything to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lambdas.settings import Settings
from medical_charges.runs import plan_run


def handle(event: dict[str, Any], context: object) -> dict[str, Any]:  # noqa: ARG001
    """Takes {execution, recheck}; gives {decision: go, skip or pending, run_id, run_uri}."""
    settings = Settings.read()
    plan = plan_run(
        settings.ledger(),
        settings.store(),
        settings.contract,
        settings.code_version,
        event["execution"],
        recheck=event.get("recheck", False),
    )
    return asdict(plan)
