"""The hold: a run too close to what readers have, or too far below it, ends unpublished."""

from __future__ import annotations

from medical_charges.aggregates.state import read_state, snapshot_identity
from medical_charges.analysis.earlier import Earlier, is_lost, read_earlier
from medical_charges.analysis.snapshot import Snapshot
from medical_charges.analysis.summary import Summary, read_summary
from medical_charges.contract import Contract
from medical_charges.errors import ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.report import write_report
from medical_charges.runs.differencing import (
    ALL_THE_SAME,
    LOST,
    all_wait_reason,
    change_between,
    counted_rows,
    hold_reason,
    read_live_state,
    removed_reason,
    removed_rows,
    write_change,
    write_hold,
)
from medical_charges.runs.ledger import Ledger, LiveRun
from medical_charges.storage import Store


def reason_before_analysis(
    live: LiveRun | None, store: Store, contract: Contract, snapshot: Snapshot
) -> str:
    """Return the reason why a run is held before any compute is spent, if it is."""
    if live is None:
        return ""
    identity = snapshot_identity(snapshot.objects)
    before = read_live_state(store, contract, live.snapshot)
    if before is None:
        # A run over the live snapshot makes its state again.
        return "" if identity == live.snapshot else LOST
    try:
        state = read_state(store, contract, Layout(contract.prefix).state(identity))
    except (ObjectMissingError, ValueError):
        state = None
    minimum, people = contract.disclosure.minimum_rows, counted_rows(before.state)
    if state is not None:
        # An earlier run has read all of it, and was held or has failed.
        small = change_between(before, state, contract).is_small(minimum)
        removed = people - counted_rows(state)
    else:
        kept = snapshot.objects.keys()
        only_less = before.fits(contract) and kept <= before.state.members.keys()
        removed = removed_rows(before.state, set(kept)) if only_less else 0
        small = 0 < removed < minimum
    if small:
        return hold_reason(contract)
    reason = _reason_of_fewer(contract, people, removed)
    return f"{reason}; {ALL_THE_SAME}" if reason else ""


def reason_after_analysis(ledger: Ledger, store: Store, contract: Contract, run_id: str) -> str:
    """Compare an analyzed run with what readers have; return the reason why it is held, if it is.

    The change from the live run is written to its folder.
    """
    summary, reason = read_summary(store, Layout(contract.prefix), run_id), ""
    # The live one last: what `change.json` keeps is the change from it.
    for snapshot in reversed(_readers_snapshots(ledger)):
        before = read_live_state(store, contract, snapshot)
        if before is None:
            reason = LOST
            continue
        state = read_state(store, contract, summary.state)
        change = change_between(before, state, contract)
        write_change(store, contract, run_id, change)
        if change.is_small(contract.disclosure.minimum_rows):
            reason = hold_reason(contract)
    return reason or _reason_of_outputs(store, contract, summary, run_id)


def _reason_of_outputs(store: Store, contract: Contract, summary: Summary, run_id: str) -> str:
    """Return the reason why a run is held for other than a small change, if it is.

    What it is compared with is lost, it has too few people, or all of its outputs wait.
    """
    earlier = read_earlier(store, Layout(contract.prefix), run_id)
    if is_lost(store, contract, earlier):
        return LOST
    if removal := reason_of_removal(store, contract, earlier, summary):
        return f"{removal}; {ALL_THE_SAME}"
    return all_wait_reason(contract) if summary.replaces_nothing else ""


def reason_of_removal(store: Store, contract: Contract, earlier: Earlier, summary: Summary) -> str:
    """Return the reason why a run is held that has so many fewer people than the live run."""
    if earlier.live is None:
        return ""
    try:
        before = read_summary(store, Layout(contract.prefix), earlier.live).counted
    except ObjectMissingError:
        return ""
    return _reason_of_fewer(contract, before, before - summary.counted)


def _reason_of_fewer(contract: Contract, before: int, removed: int) -> str:
    allowed = contract.quality.maximum_removed_share * before
    return removed_reason(contract) if removed > allowed else ""


def _readers_snapshots(ledger: Ledger) -> list[str]:
    """The snapshots that a run is compared with: the live one, and one that a rollback replaced."""
    live = ledger.live()
    if live is None:
        return []
    replaced = ledger.run(live.run_id).get("replaced")
    return [live.snapshot, *([str(replaced)] if replaced else [])]


def hold(ledger: Ledger, store: Store, contract: Contract, run_id: str, reason: str) -> None:
    """Record, also in the report, the reason why a run ends unpublished."""
    ledger.record(run_id, status="held", reason=reason)
    write_hold(store, contract, run_id, reason, published=False)
    write_report(store, Layout(contract.prefix).run(run_id))
