"""PublishOutputs: publish a run's staged outputs."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.logs import log, with_context
from medical_charges.runs.lifecycle import publish_run


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle {execution, run_id}; return {published: URIs}."""
    settings = Settings.read()
    store = settings.store()
    keys = publish_run(settings.ledger(), store, settings.contract(), turn(event, context))
    log("PublishOutputs", run_id=event["run_id"], decision="done", outputs=len(keys))
    return {"published": [f"{store.uri}/{key}" for key in keys]}
