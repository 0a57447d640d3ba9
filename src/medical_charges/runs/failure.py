"""How a run fails: what is cleaned up behind it, and what people are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from medical_charges.errors import LeaseLostError, ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.report import read_checks, write_report
from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.lifecycle import execution_suffix, now, successor_of
from medical_charges.runs.rollback import roll_back
from medical_charges.storage import Store

REASON_LIMIT = 4_000
SUBJECT_LIMIT = 100


class Platform(Protocol):
    """What a failed run leaves outside of the bucket and the ledger."""

    def end_clusters(self, mark: str) -> None:
        """End every cluster of the execution with this mark that is not ending yet."""

    def notify(self, subject: str, text: str) -> None:
        """Send a notice."""

    def start(self, name: str) -> None:
        """Start an execution; one of the same name is started once."""


@dataclass(frozen=True)
class FailedExecution:
    """Why an execution ended other than well."""

    execution: str
    state: str
    """The state that failed, or how the execution ended without one."""
    reason: str
    last_line: str
    log: str

    @classmethod
    def of_state(
        cls, execution: str, state: str, error: str, cause: str, function_prefix: str
    ) -> FailedExecution:
        """A failure that the machine caught, from its error and cause.

        Causes are JSON of whatever failed: a Lambda's error, a job run, a step, a cluster.
        """
        found = _fields(cause)
        reason = (
            _of_job(found.get("ErrorMessage", ""))
            or next((found[name] for name in _MESSAGES if found.get(name)), "")
            or ("" if cause.startswith("{") else cause)
            or error
        )
        log = next((found[name] for name in _LOGS if found.get(name)), "")
        if "LogGroupName" in found and "Id" in found:
            log = f"log group {found['LogGroupName']}/error, stream {found['Id']}"
        elif "errorType" in found:
            log = f"log group /aws/lambda/{function_prefix}{_kebab(state)}"
        return cls(execution, state, reason[:REASON_LIMIT], _last_line(reason), log)

    @classmethod
    def of_end(cls, execution: str, status: str, error: str, cause: str) -> FailedExecution:
        """An execution that ended without a Catch: it was stopped, or its time was up."""
        words = {"ABORTED": "the execution was stopped", "TIMED_OUT": "its time was up"}
        reason = ": ".join(part for part in (words.get(status, status), error, cause) if part)
        return cls(execution, status, reason, _last_line(reason), "")


def fail_run(
    ledger: Ledger,
    store: Store,
    platform: Platform,
    failure: FailedExecution,
    *,
    seconds: float,
    caught: bool,
    run_id: str = "",
) -> str:
    """Clean up behind an execution that failed, and return the reason in one text.

    Called from within the machine (`caught`, with the run's id if it has one), and once more on
    the event of its end, when there is nothing left to do unless the machine died. Only the
    holder of the lease may touch what others share; the lease goes last, so that it covers all
    of it. What is the run's own, its cluster and its entry, is seen to in any case.
    """
    mark = execution_suffix(failure.execution)
    lease = ledger.lease()
    if lease and lease.holder == failure.execution and lease.abandoned:
        # All was done but, perhaps, this.
        platform.start(successor_of(lease.run_id))
    mine = _renewed(ledger, lease, failure.execution)
    if not mine and not caught:
        platform.end_clusters(mark)
        return failure.reason
    run_id = mine.run_id if mine else run_id or f"unplanned-{mark}"
    outcome = _NOT_LOOKED_AT
    if mine:
        # If this fails the lease stays, and the call on the execution's event tries it again.
        outcome = roll_back(ledger, store, mine, run_id, seconds)
    entry = ledger.run(run_id)
    failure = _in_the_runs_words(store, entry, failure)
    ledger.record(
        run_id,
        status="failed",
        execution=failure.execution,
        failed_state=failure.state,
        reason=failure.reason,
        ended=now(),
    )
    with ExitStack() as ending:
        # Called last to first, each one whatever happens to those before it.
        ending.callback(_free, ledger, platform, failure.execution, run_id)
        if "folder" in entry:
            ending.callback(_report, store, entry["folder"], failure)
        ending.callback(platform.notify, *_notice(store, run_id, entry, failure, outcome))
        platform.end_clusters(mark)
    return failure.reason


def _report(store: Store, folder: str, failure: FailedExecution) -> None:
    """Leave a report of what there is, the failure among it."""
    layout, run_id = Layout.of_run(folder)
    left = {"state": failure.state, "reason": failure.reason}
    store.write(layout.failure(run_id), json.dumps(left, indent=2).encode() + b"\n")
    write_report(store, folder)


def _renewed(ledger: Ledger, lease: Lease | None, execution: str) -> Lease | None:
    """The lease if an execution holds it, which from here on lasts for its whole time."""
    try:
        return ledger.renew(execution, lease.run_id) if lease else None
    except LeaseLostError:
        return None


def _free(ledger: Ledger, platform: Platform, execution: str, run_id: str) -> None:
    """Free the lease, and start the run that somebody left word for."""
    if ledger.abandon(execution):
        platform.start(successor_of(run_id))


_NOT_LOOKED_AT = "It did not hold the lease, so what is published was not looked at."


def _in_the_runs_words(
    store: Store, entry: Mapping[str, Any], failure: FailedExecution
) -> FailedExecution:
    """The failure with the reason that the run itself left, if it left one.

    It says it best, and no row: what the platform repeats of a job's last words may hold one.
    """
    reason = _reason_left(store, entry.get("folder", ""), failure.state)[:REASON_LIMIT]
    return replace(failure, reason=reason, last_line=_last_line(reason)) if reason else failure


def _reason_left(store: Store, folder: str, state: str) -> str:
    if not folder:
        return ""
    if state == "Validate":
        stopping = [check for check in read_checks(store, folder) if check.stops]
        return "\n".join(sentence for check in stopping for sentence in check.sentences)
    if state != "Analyze":
        return ""
    layout, run_id = Layout.of_run(folder)
    try:
        return str(json.loads(store.read(layout.error(run_id)))["message"])
    except ObjectMissingError:
        # It did not come to reading rows, or the platform ended it: that holds no row.
        return ""


def _notice(
    store: Store, run_id: str, entry: Mapping[str, Any], failure: FailedExecution, outcome: str
) -> tuple[str, str]:
    machine = failure.execution.split(":")[6]
    subject = f"{machine}: run {run_id} failed in {failure.state}"
    lines = [
        f"Run {run_id} failed in {failure.state}.",
        f"Reason: {failure.reason}",
        f"Last error line: {failure.last_line}",
        f"Log: {failure.log or 'the history of the execution'}",
        f"Execution: {failure.execution}",
    ]
    if "folder" in entry:
        lines.append(f"What the run made: {store.uri}/{entry['folder']}/")
    lines.append(outcome)
    return subject[:SUBJECT_LIMIT], "\n".join(lines) + "\n"


# The most exact first: a step's own message before the state that its cluster was in.
_MESSAGES = ("errorMessage", "Message", "Reason")
_LOGS = ("LogFile", "LogUri")


_KINDS = re.compile(
    r"\b[A-Z][A-Za-z]*(?:Error|Exception)\b|\b[A-Z]+(?:_[A-Z]+)*_ERROR\b|\bAccess ?Denied\b"
    r"|\bexit code \d{1,3}\b|\btimed out\b"
)


def _of_job(message: str) -> str:
    """What may be told of a Glue job's last words: kinds of errors, since the rest may be rows."""
    if not message:
        return ""
    kinds = ", ".join(dict.fromkeys(_KINDS.findall(message)))
    return f"the job failed{f' ({kinds})' if kinds else ''}; its log tells more"


def _fields(cause: str) -> dict[str, str]:
    """Every text in a cause by its name, however deep; the first of a name counts."""
    try:
        value = json.loads(cause)
    except ValueError:
        return {}
    found: dict[str, str] = {}
    for name, text in _texts(value):
        found.setdefault(name, text)
    return found


def _texts(value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, str):
                yield name, item
            else:
                yield from _texts(item)


def _last_line(text: str) -> str:
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "")


def _kebab(state: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", state).lower()
