"""The lifecycle of a run, from its plan to live outputs. `failure` handles failed runs.

Each function is one state of the state machine. All of them can be repeated with the same arguments
after an interruption at any point.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from medical_charges.aggregates.state import snapshot_identity
from medical_charges.analysis.earlier import (
    Earlier,
    read_history,
    record_versions,
    still_compared,
    write_earlier,
)
from medical_charges.analysis.snapshot import (
    Snapshot,
    check_new_objects,
    list_input,
    write_snapshot,
)
from medical_charges.analysis.summary import read_summary
from medical_charges.contract import Contract
from medical_charges.contract.rules.problem import show
from medical_charges.errors import OutputsRefusedError
from medical_charges.hashing import content_hash
from medical_charges.layout import Layout
from medical_charges.report import write_report
from medical_charges.runs.differencing import write_hold
from medical_charges.runs.hold import hold, reason_after_analysis, reason_before_analysis
from medical_charges.runs.ledger import Fence, Lease, Ledger, LiveRun
from medical_charges.runs.manifests import generate_manifests, validate_manifests
from medical_charges.runs.publish import (
    check_published,
    publish,
    published_listing,
    read_live,
    validated_files,
    write_live,
)
from medical_charges.runs.rollback import roll_back
from medical_charges.storage import FencedStore, Store

SUCCEEDED, STALE = "succeeded", "dashboards stale"
"""Status of a run that is published, and that dashboards show or do not show."""

RECHECK, PUBLISH_HELD = "recheck", "publish_held"
"""Options of an execution's input: validate all rows again, even if nothing is new; publish a
change however small it is."""

_RUN_ID = re.compile(r"[0-9A-Za-z-]{1,100}")

_UNDER_WAY = ("planned", "publishing", "published")


@dataclass(frozen=True)
class Plan:
    """The decision about an execution."""

    decision: Literal["go", "hold", "skip", "pending", "rollback"]
    run_id: str = ""
    run_uri: str = ""
    reason: str = ""
    """The reason why the run is held, if it is."""
    recheck: bool = False


@dataclass(frozen=True)
class Turn:
    """The run and the execution that a function works for, with a time limit."""

    execution: str
    """The execution's ARN."""
    run_id: str
    seconds: float

    def writing(self, ledger: Ledger) -> AbstractContextManager[Fence]:
        """See `Ledger.writing`."""
        return ledger.writing(self.execution, self.run_id, self.seconds)


@dataclass(frozen=True)
class Order:
    """The input of an execution."""

    execution: str
    """The execution's ARN."""
    code: str
    """The version of the deployed code."""
    asked: frozenset[str] = frozenset()
    """RECHECK, PUBLISH_HELD, both or neither."""
    rollback: str | None = None
    """The earlier run to publish again, if the execution is a rollback."""


def plan_run(
    ledger: Ledger, store: Store, read: Callable[[], Contract], order: Order, seconds: float
) -> Plan:
    """Take the lease and decide what to do; set `pending` if another execution holds it.

    Unfinished publications of holders whose lease expired are rolled back first. If the live run is
    to be validated again, there always is something to do.

    Raises:
        ContractError: the contract is wrong.
        InputRefusedError: an object cannot be analyzed, or there is none.
    """
    while True:
        run_id = _run_id(ledger, order.execution)
        lease = ledger.take(order.execution, run_id, order.asked)
        if lease is None:
            return Plan("pending")
        ledger.record(
            run_id,
            status="planned",
            execution=order.execution,
            code=order.code,
            started=now(),
        )
        _roll_back_unfinished(ledger, store, lease, seconds)
        # Read under the lease, so that a wrong contract is a failed run with a notice.
        contract = read()
        snapshot = list_input(store, contract)
        if RECHECK in lease.options or not _is_shown(ledger, store, contract, snapshot, order.code):
            return _go(ledger, store, contract, snapshot, lease, code=order.code)
        ledger.record(run_id, status="skipped", ended=now())
        if ledger.release(order.execution):
            return Plan("skip", run_id)


def plan_rollback(
    ledger: Ledger, store: Store, read: Callable[[], Contract], order: Order, seconds: float
) -> Plan:
    """Take the lease in the name of an earlier run, which is then published again.

    Raises:
        ContractError: the contract is wrong.
        OutputsRefusedError: the run was never published, was analyzed under another contract or
            is live already, or another run holds the lease.
    """
    run_id, contract = order.rollback or "", read()
    entry, live = ledger.run(run_id) if _RUN_ID.fullmatch(run_id) else {}, ledger.live()
    if "snapshot" not in entry:
        raise OutputsRefusedError(
            f"run {show(run_id)} was never published, or its entry has expired; `make runs` lists "
            f"runs"
        )
    if live and live.run_id == run_id:
        raise OutputsRefusedError(f"run {run_id} is live already")
    summary_under(store, contract, run_id)
    lease = ledger.take(order.execution, run_id, rollback=True)
    if lease is None:
        raise OutputsRefusedError("another run holds the lease; roll back when it has ended")
    _roll_back_unfinished(ledger, store, lease, seconds)
    ledger.record(run_id, rollback=order.execution, rolled_back_to=now())
    return Plan("rollback", run_id, f"{store.uri}/{Layout(contract.prefix).run(run_id)}")


def _roll_back_unfinished(ledger: Ledger, store: Store, lease: Lease, seconds: float) -> None:
    """Roll back runs whose lease expired, the last of them first."""
    for dead in reversed(lease.unfinished):
        outcome = roll_back(ledger, store, lease, dead, seconds)
        if ledger.run(dead).get("status") in _UNDER_WAY:
            reason = f"its lease expired, and run {lease.run_id} followed it. {outcome}"
            ledger.record(dead, status="failed", reason=reason, ended=now())
        ledger.rolled_back(lease.holder, lease.run_id, dead)


def _run_id(ledger: Ledger, execution: str) -> str:
    """Return a new id, or that of this execution's interrupted plan."""
    lease = ledger.lease()
    if lease and lease.holder == execution:
        status = ledger.run(lease.run_id).get("status")
        if status in {"planned", "held"}:
            return lease.run_id
    moment = datetime.now(UTC)
    return f"{moment:%Y%m%dT%H%M%S}{moment.microsecond // 1000:03d}Z-{execution_suffix(execution)}"


def execution_suffix(execution: str) -> str:
    """Return the suffix of the ids of all runs of an execution."""
    return content_hash(execution)[:12]


def _is_unchanged(
    live: LiveRun, store: Store, contract: Contract, snapshot: Snapshot, code: str
) -> bool:
    return live == LiveRun(
        run_id=live.run_id,
        snapshot=snapshot_identity(snapshot.objects),
        contract=contract.contract_hash,
        code=code,
        files=published_listing(store, contract),
    )


def _is_shown(
    ledger: Ledger, store: Store, contract: Contract, snapshot: Snapshot, code: str
) -> bool:
    """Return True if a run would change nothing.

    The dashboards may not show the live run if it failed while they were refreshed, or later.
    """
    live = ledger.live()
    if live is None or not _is_unchanged(live, store, contract, snapshot, code):
        return False
    return bool(ledger.run(live.run_id).get("status") == SUCCEEDED)


def _go(
    ledger: Ledger, store: Store, contract: Contract, snapshot: Snapshot, lease: Lease, *, code: str
) -> Plan:
    layout, run_id = Layout(contract.prefix), lease.run_id
    # Recorded first, so that a refusal is reported there.
    ledger.record(run_id, folder=layout.run(run_id), contract=contract.contract_hash)
    check_new_objects(store, contract, snapshot)
    write_snapshot(store, contract, run_id, snapshot, code)
    live = read_live(store, layout)
    # A publication that was asked for whatever it discloses is a new beginning.
    starts_over = PUBLISH_HELD in lease.options
    history = {} if starts_over else read_history(store, layout)
    compared = still_compared(history, lambda run: "snapshot" in ledger.run(run))
    earlier = Earlier(live.run_id if live else None, compared, starts_over)
    write_earlier(store, layout, run_id, earlier)
    reason = ""
    if PUBLISH_HELD not in lease.options:
        reason = reason_before_analysis(ledger.live(), store, contract, snapshot)
    if reason:
        hold(ledger, store, contract, run_id, reason)
    uri = f"{store.uri}/{layout.run(run_id)}"
    return Plan("hold" if reason else "go", run_id, uri, reason, RECHECK in lease.options)


def compare_run(ledger: Ledger, store: Store, contract: Contract, turn: Turn) -> str:
    """Compare an analyzed run with the live one; return the reason why it is held, if it is.

    It is not held if its execution was requested to publish any change. The reason is still
    recorded.

    Raises:
        LeaseLostError: the run no longer holds the lease.
        OutputsRefusedError: the contract is not the one that the run was analyzed under.
    """
    lease = ledger.renew(turn.execution, turn.run_id)
    summary_under(store, contract, turn.run_id)
    reason = reason_after_analysis(ledger, store, contract, turn.run_id)
    if reason and PUBLISH_HELD not in lease.options:
        hold(ledger, store, contract, turn.run_id, reason)
        return reason
    ledger.record(turn.run_id, overridden=reason or None)
    # In place of what a plan that was interrupted may have left.
    write_hold(store, contract, turn.run_id, reason, published=True)
    return ""


def publish_run(ledger: Ledger, store: Store, contract: Contract, turn: Turn) -> list[str]:
    """Publish a run's outputs, if it still holds the lease, within so many seconds.

    Raises:
        LeaseLostError: it does not.
        OutputsRefusedError: the contract is not the one that the run was analyzed under, or the
            staged files are not those that were validated.
        ObjectMissingError: the run has not staged every output.
    """
    with turn.writing(ledger) as fence:
        layout = Layout(contract.prefix)
        summary_under(store, contract, turn.run_id)
        validated = validated_files(store, layout, turn.run_id)
        # Both jobs have left their checks by now.
        write_report(store, layout.run(turn.run_id))
        # Recorded first: a run that fails after this is rolled back.
        ledger.record(turn.run_id, status="publishing", publishing=now())
        fenced = FencedStore(store, fence.check)
        if ledger.run(turn.run_id).get("rollback") != turn.execution:
            record_versions(fenced, layout, read_summary(store, layout, turn.run_id))
        return publish(fenced, layout, turn.run_id, validated)


def generate_run_manifests(
    ledger: Ledger, store: Store, contract: Contract, turn: Turn
) -> list[str]:
    """Write the manifests of what a run has published, if it still holds the lease.

    Raises:
        LeaseLostError: it does not.
    """
    with turn.writing(ledger) as fence:
        fenced, layout = FencedStore(store, fence.check), Layout(contract.prefix)
        return generate_manifests(fenced, layout, contract.outputs)


def make_live(ledger: Ledger, store: Store, contract: Contract, turn: Turn) -> LiveRun:
    """Check what a run has published and record the run as live; nothing rolls it back after this.

    Raises:
        LeaseLostError: the run no longer holds the lease.
        OutputsRefusedError: the contract is not the one that the run was analyzed under, or the
            published files are not those that were validated.
        ManifestError: a manifest is not right.
    """
    layout = Layout(contract.prefix)
    with turn.writing(ledger) as fence:
        summary = summary_under(store, contract, turn.run_id)
        files = validated_files(store, layout, turn.run_id)
        check_published(store, contract, files)
        validate_manifests(store, contract, summary["withheld"])
        # Written first: until the ledger has the run, a failure rolls back and writes it again.
        written = write_live(FencedStore(store, fence.check), layout, turn.run_id, files)
        live = LiveRun(
            run_id=turn.run_id,
            snapshot=written.snapshot,
            contract=written.contract,
            # The code that is deployed by now may be another: then the next run is not skipped.
            code=ledger.run(turn.run_id)["code"],
            files=published_listing(store, contract),
        )
        # Recorded first: a live run without its snapshot could not be rolled back to.
        ledger.record(turn.run_id, snapshot=live.snapshot, files=live.files, rows=summary["rows"])
        _record_replaced(ledger, turn)
        ledger.set_live(live, fence)
    ledger.record(turn.run_id, status="published")
    return live


def _record_replaced(ledger: Ledger, turn: Turn) -> None:
    """Record the snapshot that a rollback replaces: its readers can still subtract from it."""
    before = ledger.live()
    if before and ledger.run(turn.run_id).get("rollback") == turn.execution:
        ledger.record(turn.run_id, replaced=before.snapshot)


def summary_under(store: Store, contract: Contract, run_id: str) -> dict[str, Any]:
    """Return the summary of a run that was analyzed under this contract.

    Raises:
        OutputsRefusedError: it was analyzed under another.
    """
    summary: dict[str, Any] = json.loads(store.read(Layout(contract.prefix).summary(run_id)))
    if summary["contract"] != contract.contract_hash:
        raise OutputsRefusedError(
            f"the contract was replaced after run {run_id} had been analyzed under the one before "
            f"it, so its outputs are not published; start another run"
        )
    return summary


def finish_run(ledger: Ledger, start: Callable[[str], None], turn: Turn, stale: str = "") -> bool:
    """End a run that succeeded; start the next one if it is pending, and return True if so.

    The next one is a new execution, with all of an execution's time. `stale` is the reason why the
    dashboards do not show what the run published, if they do not.
    """
    held = ledger.run(turn.run_id).get("status") == "held"
    status = "held" if held else STALE if stale else SUCCEEDED
    ledger.record(turn.run_id, status=status, ended=now(), reason=stale or None)
    # PlanRun may have been called twice, and its first call may be about to take the lease.
    ledger.end(turn.execution)
    pending = ledger.abandon(turn.execution)
    if pending:
        start(successor_of(turn.run_id, turn.execution))
    return pending


def successor_of(run_id: str, execution: str) -> str:
    """The name of the one execution that does what is pending when an execution has ended."""
    suffix = execution_suffix(execution)
    # A rollback runs under the id of an earlier run, which has had a successor of its own.
    return f"after-{run_id}" if run_id.endswith(suffix) else f"after-{run_id}-{suffix}"


def now() -> str:
    """Return the current time in the ledger's format."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
