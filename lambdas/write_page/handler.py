"""WritePage: the dashboard as a page in the bucket, of what is published."""

from __future__ import annotations

from typing import Any

from lambdas.settings import Context, Settings, turn
from medical_charges.dashboard.page import write_page
from medical_charges.logs import log, with_context
from medical_charges.storage import FencedStore


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle {execution, run_id}; return {page: URI}."""
    settings = Settings.read()
    store, contract = settings.store(), settings.contract()
    with turn(event, context).writing(settings.ledger()) as fence:
        key = write_page(FencedStore(store, fence.check), contract)
    log("WritePage", run_id=event["run_id"], decision="done")
    return {"page": f"{store.uri}/{key}"}
