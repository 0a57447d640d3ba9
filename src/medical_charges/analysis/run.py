"""A run's analysis: from the objects in the input to staged outputs, reading only what is new."""

from __future__ import annotations

import hashlib
import json
import sys
import textwrap
from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from fractions import Fraction
from platform import python_version
from typing import Any

import polars as pl

from medical_charges.aggregates.cube import merge_cubes, rows_of
from medical_charges.aggregates.partial import (
    Partial,
    RuleCount,
    Tally,
    combine,
    read_partial,
    write_partial,
)
from medical_charges.aggregates.state import EMPTY, Member, State, read_latest_state, write_state
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.analysis.earlier import Earlier, read_earlier
from medical_charges.analysis.engine import RANGE_BYTES, Engine
from medical_charges.analysis.parquet_scan import refuse_by_first_rows
from medical_charges.analysis.ranges import plan_ranges, plan_tasks
from medical_charges.analysis.shown import can_stay, earlier_outputs, live_output
from medical_charges.analysis.snapshot import NewObject, Snapshot, only_headers, read_headers
from medical_charges.analysis.summary import Summary, read_summary
from medical_charges.contract import Contract
from medical_charges.errors import (
    InputRefusedError,
    MedicalChargesError,
    TooManyRejectedError,
)
from medical_charges.kernel.work import RangeResult, Worker
from medical_charges.layout import Layout
from medical_charges.logs import log
from medical_charges.outputs.tables import Table, make_tables
from medical_charges.storage import REQUESTS_AT_ONCE, ObjectRef, Store, in_parallel

WORST_RULES = 3
OBJECTS_NAMED = 10
COLUMNS_NAMED = 10
_REASON_LENGTH = 160

CANNOT_STAY = (
    "with what was published of the same people it would disclose some of them, and no version of "
    "it can stay: none is published, or it has other columns or rows under the present threshold"
)
"""Why an output is withheld that would have to wait."""


def analyze(
    store: Store,
    contract: Contract,
    run_id: str,
    snapshot: Snapshot,
    engine: Engine,
    *,
    range_size: int = RANGE_BYTES,
) -> Summary:
    """Analyze a snapshot and stage the outputs in the run's folder.

    Only objects without a partial are read. Published outputs are not changed.

    Args:
        store: the bucket.
        contract: the contract of the data set.
        run_id: names the run's folder.
        snapshot: the objects to analyze, as `take_snapshot` listed and checked them.
        engine: runs the tasks of a scan, on Spark or in this process.
        range_size: the largest number of bytes of a range.

    Raises:
        InputRefusedError: an object cannot be analyzed, or no row could be counted.
        TooManyRejectedError: more rows of an object break the rules than the contract allows.
        InputChangedError: an object changed while it was read.
    """
    summary, layout = Summary(run_id, contract.contract_hash), Layout(contract.prefix)
    with summary.phase("plan") as counts:
        summary.warnings += [
            f"{key} is ignored because {reason}" for key, reason in snapshot.ignored.items()
        ]
        latest = read_latest_state(store, contract)
        base, known, new = _split(store, contract, snapshot, latest)
        summary.objects, summary.objects_read = len(snapshot.objects), len(new)
        counts |= {"objects": summary.objects, "objects_new": len(new)}
        summary.warnings += _ignored_columns(new)
        refuse_by_first_rows(store, contract, new)
    with summary.phase("scan") as counts:
        made = _scan(store, contract, new, engine, range_size)
        counts["objects_new"] = len(made)
    with summary.phase("merge") as counts:
        state = _merge(base, known + made)
        summary.state = write_state(store, contract, state)
        _account(state, contract, summary)
        counts |= {
            "rows": summary.rows,
            "counted": summary.counted,
            "rejected": summary.rejected,
        }
    with summary.phase("tables") as counts:
        earlier = read_earlier(store, layout, run_id)
        shown = earlier_outputs(store, contract, earlier)
        for table in make_tables(state.cube, contract, shown):
            _stage(store, contract, table, earlier, summary)
        counts |= {
            "outputs": len(summary.staged),
            "suppressed_rows": sum(summary.suppressed.values()),
        }
    summary.versions = _versions()
    store.write(layout.summary(run_id), json.dumps(asdict(summary), indent=2).encode() + b"\n")
    log("Analyze", run_id=run_id, decision="done")
    return summary


def _stage(
    store: Store, contract: Contract, table: Table, earlier: Earlier, summary: Summary
) -> None:
    """Stage an output, as it is published already if it waits, and account for it."""
    name, data, layout = table.name, table.to_csv(), Layout(contract.prefix)
    live = live_output(store, layout, earlier, name) if table.waits else None
    if live is not None and can_stay(live, table, contract):
        data = live
        before = read_summary(store, layout, str(earlier.live))
        summary.waiting[name] = before.waiting.get(name, str(earlier.live))
    elif table.waits:
        summary.withheld[name] = CANNOT_STAY
    store.write(layout.staged(summary.run_id, name), data)
    summary.staged[name] = hashlib.sha256(data).hexdigest()
    if table.suppressed:
        summary.suppressed[name] = table.suppressed
    if table.counted:
        summary.counts_only[name] = table.counted
    if table.withheld:
        summary.withheld[name] = table.withheld


def write_error(store: Store, contract: Contract, run_id: str, error: Exception) -> None:
    """Write the reason of a failure to the run's folder."""
    log("Analyze", run_id=run_id, decision="failed")
    # What an unexpected error says may hold a row; the step's log has it all.
    expected = isinstance(error, MedicalChargesError)
    message = str(error) if expected else "an unexpected error; the log of the step tells more"
    value: dict[str, Any] = {
        "run_id": run_id,
        "contract": contract.contract_hash,
        "error": type(error).__name__,
        "message": message,
        "versions": _versions(),
    }
    if isinstance(error, TooManyRejectedError):
        # The examples stay here: the message goes into reports, logs and notices.
        value |= {"account": error.account, "examples": error.examples}
    store.write(Layout(contract.prefix).error(run_id), json.dumps(value, indent=2).encode() + b"\n")


def _versions() -> dict[str, str]:
    found = {"kernel": str(KERNEL_VERSION), "polars": pl.__version__, "python": python_version()}
    # Spark comes with the platform, and is not started where there is nothing new to read.
    spark = getattr(sys.modules.get("pyspark"), "__version__", None)
    return found | ({"spark": spark} if spark else {})


def _ignored_columns(new: list[NewObject]) -> list[str]:
    """Return a warning for each column that is ignored, or one if they are many.

    Objects with the same columns share it.
    """
    keys: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for item in new:
        keys[item.header.ignored].append(item.ref.key)
    found: list[str] = []
    for names, (first, *others) in keys.items():
        objects = f"{first} and {len(others)} more" if others else first
        found += [
            f"{objects}: the column {name!r} is not in the contract and is ignored"
            for name in names[:COLUMNS_NAMED]
        ]
        if len(names) > COLUMNS_NAMED:
            found.append(
                f"{objects}: {len(names) - COLUMNS_NAMED:,} more columns are not in the contract "
                f"and are ignored"
            )
    return found


def _split(
    store: Store, contract: Contract, snapshot: Snapshot, base: State
) -> tuple[State, list[Partial], list[NewObject]]:
    """Return the state to merge onto, the known partials outside it, and the new objects."""
    if not base.members.keys() <= snapshot.objects.keys():
        # Something was removed. Minima cannot be taken back out of a merged cube.
        base = EMPTY
    layout = Layout(contract.prefix)
    others = {i: ref for i, ref in snapshot.objects.items() if i not in base.members}
    found = in_parallel(lambda i: read_partial(store, layout.partial(i), i), others)
    known = [partial for partial in found if partial is not None]
    for partial in known:
        del others[partial.identity]
    return base, known, read_headers(store, contract, others)


def _scan(
    store: Store, contract: Contract, new: list[NewObject], engine: Engine, range_size: int
) -> list[Partial]:
    """Scan new objects and store each partial as soon as its object is read.

    A refused object fails the run only at the end, so that no other has to be read again.
    """
    if not new:
        return []
    layout = Layout(contract.prefix)
    in_parallel(lambda item: _clear_quarantine(store, layout, item.identity), new)
    ranges = plan_ranges(new, contract, range_size)
    missing = Counter(part.identity for part in ranges)
    refs = {item.identity: item.ref for item in new}
    found: dict[str, list[RangeResult]] = defaultdict(list)
    refusals: list[MedicalChargesError] = []
    partials: list[Partial] = []
    writes: list[Future[None]] = []
    with ThreadPoolExecutor(REQUESTS_AT_ONCE) as writing:
        for result in engine(Worker(store, contract, range_size), plan_tasks(ranges, range_size)):
            if isinstance(result, MedicalChargesError):
                refusals.append(result)
                continue
            identity = result.identity
            found[identity].append(result)
            missing[identity] -= result.ranges
            if not missing[identity]:
                partials.append(_combined(identity, refs[identity], found.pop(identity)))
                key = layout.partial(identity)
                writes.append(writing.submit(write_partial, store, key, partials[-1]))
    for write in writes:
        write.result()
    if refusals:
        raise min(refusals, key=str)
    return partials


def _combined(identity: str, ref: ObjectRef, results: list[RangeResult]) -> Partial:
    in_order = sorted(results, key=lambda result: result.start)
    return combine(identity, ref, ((result.tally, result.cube) for result in in_order))


def _clear_quarantine(store: Store, layout: Layout, identity: str) -> None:
    """Remove the quarantine of an interrupted run, which may have had other ranges."""
    for ref in list(store.list(layout.quarantine_of(identity))):
        store.delete(ref.key)


def _merge(base: State, partials: list[Partial]) -> State:
    members = base.members | {partial.identity: Member.of(partial) for partial in partials}
    return State(members, merge_cubes([base.cube, *(partial.cube for partial in partials)]))


def _account(state: State, contract: Contract, summary: Summary) -> None:
    """Add up the rows, and check each object against the contract's quality limits."""
    total, members = Tally(), sorted(state.members.values(), key=lambda member: member.ref)
    for member in members:
        total = total.merge(member.tally)
    summary.rows, summary.rejected = total.rows, total.rejected
    summary.rules = {rule: count.count for rule, count in total.rules}
    summary.counted = rows_of(state.cube)
    if summary.rows != summary.counted + summary.rejected:
        raise MedicalChargesError(
            f"{summary.rows} rows were read, but {summary.counted} counted and "
            f"{summary.rejected} rejected; nothing is published"
        )
    share = contract.quality.maximum_rejected_share
    limit = Fraction(str(share))
    failed = [
        member
        for member in members
        if member.tally.rejected and member.tally.rejected > limit * member.tally.rows
    ]
    if failed:
        raise _too_many_rejected(failed, summary, share)
    if not summary.counted:
        raise only_headers(summary.objects)
    _note_duplicates(state, contract, summary)


def _too_many_rejected(
    failed: list[Member], summary: Summary, limit: float
) -> TooManyRejectedError:
    account = {
        "rows": summary.rows,
        "counted": summary.counted,
        "rejected": summary.rejected,
        "rules": summary.rules,
        "objects": [
            {
                "object": member.ref.key,
                "rows": member.tally.rows,
                "rejected": member.tally.rejected,
                "rules": {rule: count.count for rule, count in member.tally.rules},
            }
            for member in failed
        ],
    }
    named = failed[:OBJECTS_NAMED]
    examples = {
        f"{member.ref.key}: {rule}": count.examples
        for member in named
        for rule, count in _worst(member)
        if count.examples
    }
    message = "\n".join(
        f"{_too_many(member)}, over {limit:.1%}; {_reasons(member)}" for member in named
    )
    return TooManyRejectedError(message, account, examples)


def _too_many(member: Member) -> str:
    tally = member.tally
    rules = "; ".join(f"{rule} {count.count}" for rule, count in _worst(member))
    counts = f"{tally.rejected} of {tally.rows} rows break a rule ({rules})"
    return f"{member.ref.key}: {counts}: {tally.rejected / tally.rows:.1%}"


def _reasons(member: Member) -> str:
    """Return a reason for each of the rules that most rows of an object broke."""
    reasons = (count.reasons[0] for _, count in _worst(member) if count.reasons)
    return "; ".join(
        textwrap.shorten(reason, _REASON_LENGTH, placeholder=" ...") for reason in reasons
    )


def _worst(member: Member) -> list[tuple[str, RuleCount]]:
    """Return the rules that most rows of an object broke."""
    return sorted(member.tally.rules, key=lambda item: (-item[1].count, item[0]))[:WORST_RULES]


def _note_duplicates(state: State, contract: Contract, summary: Summary) -> None:
    twins: dict[tuple[int, str], list[str]] = defaultdict(list)
    for member in state.members.values():
        if member.tally.rows == member.tally.rejected:
            continue
        twins[member.ref.size, member.rows_hash].append(member.ref.key)
    for keys in twins.values():
        if len(keys) > 1:
            sentence = f"{', '.join(sorted(keys))} hold the same rows"
            if contract.quality.duplicates == "refuse":
                raise InputRefusedError(f"{sentence}, which the contract refuses")
            summary.warnings.append(f"{sentence}; all are counted")
