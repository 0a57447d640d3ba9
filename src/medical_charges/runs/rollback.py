"""Undoing what a run published that did not come to its end."""

from __future__ import annotations

from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.publish import restore
from medical_charges.storage import Fenced, Store

PUBLISHED = "It was published before it failed, and stays so."
RESTORED = "What was served before it is put back."
UNTOUCHED = "Nothing of it is published; what was served before still is."


def undo(ledger: Ledger, store: Store, lease: Lease, run_id: str, seconds: float) -> str:
    """Put back what was served before a run, unless that is served now; say what was done.

    The lease is that of whoever undoes, who may be another run. It ends whatever the run still
    writes, and takes so many seconds at most.

    Raises:
        LeaseLostError: the lease is another's by now.
    """
    with ledger.writing(lease.holder, lease.run_id, seconds) as fence:
        # Read behind the fence: what is read before it may be changed by what is ended there.
        served, entry = ledger.served(), ledger.run(run_id)
        if served and served.run_id == run_id:
            return PUBLISHED
        if "previous" in entry and restore(Fenced(store, fence.check), entry["previous"]):
            return RESTORED
    return UNTOUCHED
