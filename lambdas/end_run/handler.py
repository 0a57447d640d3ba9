"""EndRun: frees the lease behind a run that went well, and cleans up behind one that did not.

Called by the state machine, and by EventBridge when an execution has failed, timed out or was
stopped, since the last two run no Catch.
"""

from __future__ import annotations

from typing import Any, Protocol

from lambdas.end_run.aws import AwsPlatform
from lambdas.settings import Settings
from medical_charges.failure import Failure, fail_run
from medical_charges.runs import finish_run


class Context(Protocol):
    """What is used of Lambda's context."""

    function_name: str


def handle(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Takes {execution, run_id}, {execution, failed_state, failure} or a status-change event.

    Gives {pending} of a run that went well, and {reason} of one that did not.
    """
    settings = Settings.read()
    ledger = settings.ledger()
    if "run_id" in event:
        return {"pending": finish_run(ledger, event["execution"], event["run_id"])}
    caught = "failure" in event
    failure = _caught(event, context) if caught else _ended(event["detail"])
    platform = AwsPlatform(settings.topic_arn, settings.state_machine_arn)
    return {"reason": fail_run(ledger, settings.store(), platform, failure, caught=caught)}


def _caught(event: dict[str, Any], context: Context) -> Failure:
    found = event["failure"]
    return Failure.of_state(
        event["execution"],
        event["failed_state"],
        found.get("Error", ""),
        found.get("Cause", ""),
        function_prefix=context.function_name.removesuffix("end-run"),
    )


def _ended(detail: dict[str, Any]) -> Failure:
    return Failure.of_end(
        detail["executionArn"],
        detail["status"],
        detail.get("error") or "",
        detail.get("cause") or "",
    )
