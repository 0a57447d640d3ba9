"""CompareRuns: hold a run if it and the live outputs together would disclose a person."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.logs import Decision, log, with_context
from medical_charges.runs.lifecycle import compare_run


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle {execution, run_id}; return {decision: go or hold, reason}."""
    settings = Settings.read()
    reason = compare_run(
        settings.ledger(), settings.store(), settings.contract(), turn(event, context)
    )
    decision: Decision = "hold" if reason else "go"
    log("CompareRuns", run_id=event["run_id"], decision=decision)
    return {"decision": decision, "reason": reason}
