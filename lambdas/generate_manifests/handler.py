"""GenerateManifests: a QuickSight manifest for each published output."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.logs import log, with_context
from medical_charges.runs.lifecycle import generate_run_manifests


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle {execution, run_id}; return {manifests: URIs}."""
    settings = Settings.read()
    store = settings.store()
    keys = generate_run_manifests(
        settings.ledger(), store, settings.contract(), turn(event, context)
    )
    log("GenerateManifests", run_id=event["run_id"], decision="done", manifests=len(keys))
    return {"manifests": [f"{store.uri}/{key}" for key in keys]}
