"""ValidateManifests: the last check, after which a run is recorded as live."""

from __future__ import annotations

import json
from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.layout import Layout
from medical_charges.logs import log, with_context
from medical_charges.runs.lifecycle import make_live
from medical_charges.runs.publish import published_rows


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle {execution, run_id}; return {live: run id, rows: by output, rejected: rows}."""
    settings = Settings.read()
    store, contract = settings.store(), settings.contract()
    live = make_live(settings.ledger(), store, contract, turn(event, context))
    summary = json.loads(store.read(Layout(contract.prefix).summary(live.run_id)))
    rows, rejected = published_rows(store, contract), summary["rejected"]
    log(
        "ValidateManifests",
        run_id=live.run_id,
        decision="live",
        outputs=len(rows),
        rejected=rejected,
    )
    return {"live": live.run_id, "rows": rows, "rejected": rejected}
