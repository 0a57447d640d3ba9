"""The failure of a run: cleaning up, and notifying people."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any, Protocol

from medical_charges.errors import LeaseLostError, ObjectMissingError
from medical_charges.layout import Layout
from medical_charges.logs import log
from medical_charges.report import read_checks, write_report
from medical_charges.report.printable import printable
from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.lifecycle import SUCCEEDED, execution_suffix, now, successor_of
from medical_charges.runs.rollback import roll_back
from medical_charges.storage import Store

REASON_LIMIT = 4_000
SUBJECT_LIMIT = 99
"""SNS refuses subjects of a hundred characters and more."""


class Platform(Protocol):
    """The services other than bucket and ledger that a failed run leaves something in."""

    def end_compute(self, mark: str) -> None:
        """End the clusters and the jobs of the execution with this suffix."""

    def notify(self, subject: str, text: str) -> None:
        """Send a notice."""

    def start(self, name: str) -> None:
        """Start an execution, once for each name."""


@dataclass(frozen=True)
class FailedExecution:
    """The reason why an execution failed."""

    execution: str
    state: str
    """The state that failed, or the status of an execution that ended without one."""
    reason: str
    last_line: str
    log: str

    @classmethod
    def of_state(
        cls, execution: str, state: str, error: str, cause: str, function_prefix: str
    ) -> FailedExecution:
        """Return a failure that the state machine caught, from its error and cause.

        Causes are JSON of what failed: a Lambda's error, a job run, a step, a cluster.
        """
        found = _fields(cause)
        reason = (
            _of_job(found.get("ErrorMessage") or found.get("StateDetails", ""))
            or next((found[name] for name in _MESSAGES if found.get(name)), "")
            or ("" if cause.startswith("{") else cause)
            or error
        )
        log = next((found[name] for name in _LOGS if found.get(name)), "")
        if "LogGroupName" in found and "Id" in found:
            log = f"log group {found['LogGroupName']}/error, stream {found['Id']}"
        elif "JobRunId" in found and "LogUri" in found:
            log = _log_of_job(found)
        elif "errorType" in found:
            log = f"log group /aws/lambda/{function_prefix}{_kebab(state)}"
        return cls._of(execution, state, reason, printable(log)[:REASON_LIMIT])

    @classmethod
    def of_end(cls, execution: str, status: str, error: str, cause: str) -> FailedExecution:
        """Return the failure of an execution that ended without a Catch: stopped, or timed out."""
        words = {"ABORTED": "the execution was stopped", "TIMED_OUT": "its time was up"}
        reason = ": ".join(part for part in (words.get(status, status), error, cause) if part)
        return cls._of(execution, status, reason, "")

    @classmethod
    def _of(cls, execution: str, state: str, reason: str, log: str) -> FailedExecution:
        """Return a failure with a reason that fits into a notice, whatever is in it."""
        reason = printable(reason)[:REASON_LIMIT]
        return cls(execution, state, reason, _last_line(reason), log)


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
    """Clean up after an execution that failed, and return the reason as one text.

    It is called from within the state machine (`caught`, with the run's id if it has one), and
    again on the event of the execution's end, when nothing is left to do unless the state machine
    itself was ended. Only the holder of the lease may change shared objects; the lease is freed
    last, so that it covers all changes. The run's own cluster or job, and its entry, are cleaned up
    in any case.
    """
    mark = execution_suffix(failure.execution)
    if not caught:
        # Before the lease is looked at: a function of the execution may be about to take it.
        ledger.end(failure.execution)
    lease = ledger.lease()
    if lease and lease.holder == failure.execution and lease.abandoned:
        # All was done but, perhaps, this.
        platform.start(successor_of(lease.run_id, lease.holder))
    mine = _renewed(ledger, lease, failure.execution)
    if not mine and not caught:
        platform.end_compute(mark)
        return failure.reason
    run_id = mine.run_id if mine else run_id or f"unplanned-{mark}"
    outcome = _NOT_LOOKED_AT
    if mine:
        # If this fails the lease stays, and the call on the execution's event tries it again.
        outcome = roll_back(ledger, store, mine, run_id, seconds)
    entry = ledger.run(run_id)
    failure = _in_the_runs_words(store, entry, failure)
    # A failed rollback says nothing against the earlier run, which was published in its time.
    is_rollback = entry.get("rollback") == failure.execution
    ledger.record(
        run_id,
        status=SUCCEEDED if is_rollback else "failed",
        execution=None if is_rollback else failure.execution,
        failed_state=failure.state,
        reason=failure.reason,
        ended=now(),
    )
    log("EndRun", run_id=run_id, decision="failed")
    with ExitStack() as ending:
        # Called last to first, each one whatever happens to those before it.
        ending.callback(_free, ledger, platform, failure.execution, run_id)
        if "folder" in entry and not is_rollback:
            ending.callback(_report, store, entry["folder"], failure)
        ending.callback(platform.notify, *_notice(store, run_id, entry, failure, outcome))
        platform.end_compute(mark)
    return failure.reason


def _report(store: Store, folder: str, failure: FailedExecution) -> None:
    """Write a report with the failure."""
    layout, run_id = Layout.of_run(folder)
    left = {"state": failure.state, "reason": failure.reason}
    store.write(layout.failure(run_id), json.dumps(left, indent=2).encode() + b"\n")
    write_report(store, folder)


def _renewed(ledger: Ledger, lease: Lease | None, execution: str) -> Lease | None:
    """Renew the lease for its whole time, if an execution holds it."""
    try:
        return ledger.renew(execution, lease.run_id) if lease else None
    except LeaseLostError:
        return None


def _free(ledger: Ledger, platform: Platform, execution: str, run_id: str) -> None:
    """Free the lease, and start the next run if it is pending."""
    if ledger.abandon(execution):
        platform.start(successor_of(run_id, execution))


_NOT_LOOKED_AT = "It did not hold the lease, so what is published was not looked at."


def _in_the_runs_words(
    store: Store, entry: Mapping[str, Any], failure: FailedExecution
) -> FailedExecution:
    """Return the failure with the reason that the run itself recorded, if there is one.

    That is the most specific one and quotes no row; the last output of a job may quote one.
    """
    left = _reason_left(store, entry.get("folder", ""), failure.state)
    reason = printable(left)[:REASON_LIMIT]
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
    what = "rollback to run" if entry.get("rollback") == failure.execution else "run"
    subject = f"{machine}: {what} {run_id} failed in {failure.state}"
    lines = [
        f"{what.capitalize()} {run_id} failed in {failure.state}.",
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


def _log_of_job(found: Mapping[str, str]) -> str:
    """Return the driver's log of a job of EMR Serverless, in which is what Python wrote.

    https://docs.aws.amazon.com/emr/latest/EMR-Serverless-UserGuide/logging.html
    """
    place = f"applications/{found['ApplicationId']}/jobs/{found['JobRunId']}"
    return f"{found['LogUri'].rstrip('/')}/{place}/SPARK_DRIVER/stdout.gz"


_KINDS = re.compile(
    r"\b[A-Z][A-Za-z]*(?:Error|Exception)\b|\b[A-Z]+(?:_[A-Z]+)*_ERROR\b|\bAccess ?Denied\b"
    r"|\bexit code \d{1,3}\b|\btimed out\b"
)


def _of_job(message: str) -> str:
    """Return the error types in a job's last output; its other text may quote rows."""
    if not message:
        return ""
    kinds = ", ".join(dict.fromkeys(_KINDS.findall(message)))
    return f"the job failed{f' ({kinds})' if kinds else ''}; its log tells more"


def _fields(cause: str) -> dict[str, str]:
    """Return every text in a cause by its name, at any depth; the first of a name counts."""
    found: dict[str, str] = {}
    try:
        for name, text in _texts(json.loads(cause)):
            found.setdefault(name, text)
    except (ValueError, RecursionError):
        return {}
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
