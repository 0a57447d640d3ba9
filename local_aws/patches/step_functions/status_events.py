"""EventBridge's events on the status of Step Functions executions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)

from local_aws.patches.events import emit
from local_aws.patches.hooks import wrap

if TYPE_CHECKING:
    from datetime import datetime


def emit_execution_status() -> None:
    """Send the status events of executions to EventBridge."""

    @wrap(BaseExecutionWorkerCommunication, "terminated")
    def terminated(original: Any, communication: Any) -> None:
        original(communication)
        _emit(communication.execution)

    @wrap(Execution, "start")
    def start(original: Any, execution: Any) -> None:
        original(execution)
        _emit(execution, "RUNNING")


def _emit(execution: Any, status: str | None = None) -> None:
    status = status or execution.status
    ended = status != "RUNNING"
    included = {"included": True}
    emit(
        account=execution.account_id,
        region=execution.region_name,
        source="aws.states",
        detail_type="Step Functions Execution Status Change",
        resources=[execution.exec_arn],
        detail={
            "executionArn": execution.exec_arn,
            "stateMachineArn": execution.state_machine.arn,
            "name": execution.name,
            "status": status,
            "startDate": _milliseconds(execution.start_date),
            "stopDate": _milliseconds(execution.stop_date) if ended else None,
            "input": to_json_str(execution.input_data),
            "inputDetails": included,
            "output": to_json_str(execution.output) if status == "SUCCEEDED" else None,
            "outputDetails": included if status == "SUCCEEDED" else None,
            "error": execution.error if ended else None,
            "cause": execution.cause if ended else None,
        },
    )


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


PATCHES = {"step functions: emit execution status": emit_execution_status}
