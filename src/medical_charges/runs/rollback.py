"""Rollback: the publication of an earlier run, from its staged and checksummed outputs."""

from __future__ import annotations

from medical_charges.errors import ObjectMissingError, OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.manifests import generate_manifests
from medical_charges.runs.publish import publish, validated_files, withdraw, write_live
from medical_charges.storage import FencedStore, Store

PUBLISHED = "It was published before it failed, and stays live."
ROLLED_BACK = "The previous outputs are live again."
WITHDRAWN = "No run was live before it: its outputs are removed."
UNTOUCHED = "Not published. The previous outputs are still live."


def roll_back(ledger: Ledger, store: Store, lease: Lease, run_id: str, seconds: float) -> str:
    """Publish the live run again if a failed run has begun to replace it; say what was done.

    Args:
        ledger: the ledger.
        store: the bucket.
        lease: the lease of the caller, who may be another run. It ends what the run still writes.
        run_id: the failed run.
        seconds: how long this takes at most.

    Raises:
        LeaseLostError: the lease is another's by now.
    """
    with ledger.writing(lease.holder, lease.run_id, seconds) as fence:
        # Read behind the fence: what is read before it may be changed by the writer it ends.
        live, entry = ledger.live(), ledger.run(run_id)
        if live and live.run_id == run_id:
            return PUBLISHED
        # Version 0.1.0 recorded `previous` where `publishing` is recorded now.
        if not entry.keys() & {"publishing", "previous"}:
            return UNTOUCHED
        fenced = FencedStore(store, fence.check)
        layout, _ = Layout.of_run(entry["folder"])
        if live and _is_of(layout, ledger, live.run_id):
            return publish_again(fenced, layout, live.run_id)
        withdraw(fenced, layout)
        return WITHDRAWN


def _is_of(layout: Layout, ledger: Ledger, run_id: str) -> bool:
    """Tell a run of this data set; an entry that has expired is taken for one."""
    folder = layout.run(run_id)
    return bool(ledger.run(run_id).get("folder", folder) == folder)


def publish_again(store: Store, layout: Layout, run_id: str) -> str:
    """Publish a run's validated outputs and their manifests again; say what was done."""
    try:
        files = validated_files(store, layout, run_id)
        publish(store, layout, run_id, files)
    except (ObjectMissingError, OutputsRefusedError) as error:
        # The next run publishes over it; nothing can be taken from a folder that was emptied.
        return (
            f"The previous outputs could not be published again, so the published ones are of two "
            f"runs until the next run: {error}"
        )
    generate_manifests(store, layout, files)
    write_live(store, layout, run_id, files)
    return ROLLED_BACK
