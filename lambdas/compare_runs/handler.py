"""CompareRuns: hold a run that is so close to what is served that both give somebody away."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.runs.lifecycle import compare_run


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Takes {execution, run_id}; gives {decision: go or hold, reason}."""
    settings = Settings.read()
    reason = compare_run(
        settings.ledger(), settings.store(), settings.contract(), turn(event, context)
    )
    return {"decision": "hold" if reason else "go", "reason": reason}
