"""PlanRun: take the lease, and decide whether there is anything to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lambdas.settings import Context, Settings, seconds_left
from medical_charges.runs.lifecycle import PUBLISH_HELD, RECHECK, Order, plan_run


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Takes {execution, recheck, publish_held}, the latter two true if that is asked for.

    Gives {decision: go, hold, skip or pending, run_id, run_uri, reason, recheck}.
    """
    settings = Settings.read()
    asked = frozenset(name for name in (RECHECK, PUBLISH_HELD) if event.get(name))
    plan = plan_run(
        settings.ledger(),
        settings.store(),
        settings.contract,
        Order(event["execution"], settings.code_version, asked),
        seconds_left(context),
    )
    return asdict(plan)
