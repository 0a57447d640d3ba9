"""PlanRun: take the lease, and decide whether there is anything to do."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from lambdas.settings import Context, Settings, seconds_left
from medical_charges.logs import log, with_context
from medical_charges.runs.lifecycle import PUBLISH_HELD, RECHECK, Order, plan_rollback, plan_run


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take {execution, recheck, publish_held, rollback}.

    `recheck` and `publish_held` are true if that is asked for. `rollback` is the id of an earlier
    run to publish again, or null.

    Return {decision: go, hold, skip, pending or rollback, run_id, run_uri, reason, recheck}.
    """
    settings = Settings.read()
    asked = frozenset(name for name in (RECHECK, PUBLISH_HELD) if event.get(name))
    order = Order(event["execution"], settings.code_version, asked, event.get("rollback"))
    plan = (plan_run if order.rollback is None else plan_rollback)(
        settings.ledger(), settings.store(), settings.contract, order, seconds_left(context)
    )
    log("PlanRun", run_id=plan.run_id, decision=plan.decision)
    return asdict(plan)
