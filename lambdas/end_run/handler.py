"""EndRun: frees the lease after a run that succeeded, and cleans up after one that failed.

The state machine calls it. EventBridge calls it when an execution has failed, timed out or was
stopped, because a timeout and a stop run no Catch.
"""

from __future__ import annotations

from typing import Any

from lambdas.end_run.aws import AwsPlatform
from lambdas.settings import Context, Settings, seconds_left, turn
from medical_charges.logs import log, with_context
from medical_charges.runs.failure import FailedExecution, fail_run
from medical_charges.runs.lifecycle import finish_run


@with_context
def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Handle one of three events.

    For a run that succeeded the event is {execution, run_id, stale}, and the result {pending}. For
    one that failed it also has {failed_state, failure}, with an empty id if the run has none. For
    an execution that ended it is the status-change event. Both give {reason}.
    """
    settings = Settings.read()
    ledger = settings.ledger()
    platform = AwsPlatform(settings.topic_arn, settings.state_machine_arn, settings.application_id)
    caught = "failure" in event
    if not caught and "run_id" in event:
        run, stale = turn(event, context), event.get("stale", "")
        pending = finish_run(ledger, platform.start, run, stale)
        log("EndRun", run_id=run.run_id, decision="pending" if pending else "done")
        return {"pending": pending}
    failure = _caught(event, context) if caught else _ended(event["detail"])
    reason = fail_run(
        ledger,
        settings.store(),
        platform,
        failure,
        seconds=seconds_left(context),
        caught=caught,
        run_id=event.get("run_id", ""),
    )
    return {"reason": reason}


def _caught(event: dict[str, Any], context: Context) -> FailedExecution:
    found = event["failure"]
    return FailedExecution.of_state(
        event["execution"],
        event["failed_state"],
        found.get("Error", ""),
        found.get("Cause", ""),
        function_prefix=context.function_name.removesuffix("end-run"),
    )


def _ended(detail: dict[str, Any]) -> FailedExecution:
    return FailedExecution.of_end(
        detail["executionArn"],
        detail["status"],
        detail.get("error") or "",
        detail.get("cause") or "",
    )
