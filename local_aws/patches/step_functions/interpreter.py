"""Step Functions: waiting for jobs, stopping them, and calls that Terraform makes."""

from __future__ import annotations

import json
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.stepfunctions.parser.api import (
    ExecutionAbortedEventDetails,
    ExecutionTimedOutEventDetails,
    HistoryEventType,
    TaskFailedEventDetails,
)
from moto.stepfunctions.parser.asl.component.common.error_name import custom_error_name
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
)
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.program.program import Program
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_callback as callback,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_glue import (  # noqa: E501
    StateTaskServiceGlue,
)
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventManager
from moto.stepfunctions.parser.asl.eval.program_state import (
    ProgramRunning,
    ProgramStopped,
    ProgramTimedOut,
)
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str
from moto.stepfunctions.parser.backend.execution import (
    BaseExecutionWorkerCommunication,
    Execution,
)
from moto.stepfunctions.parser.models import StepFunctionsParserBackend
from moto.stepfunctions.responses import StepFunctionResponse

from local_aws.patches.hooks import define, event_details, wrap

if TYPE_CHECKING:
    from collections.abc import Callable

_POLL_SECONDS = 0.1
_STOP_SECONDS = 5
_LAST = frozenset({HistoryEventType.ExecutionAborted, HistoryEventType.ExecutionTimedOut})
_ending = threading.Lock()


class TaskCancelledError(Exception):
    """A task ended because its execution or branch ended, or timed out."""


class SyncTask:
    """A job that a state waits for, and that ends with the state."""

    def __init__(self, poll: Callable[[], Any], cancel: Callable[[], None]) -> None:
        self._poll = poll
        self.cancel = cancel

    def __call__(self) -> Any:
        """Return the job's result once it has one."""
        return self._poll()


def wait_for_jobs() -> None:
    """Let `.sync` states wait for jobs, and end jobs with their states.

    In moto `.sync` fails because only callback patterns have an endpoint. A job's times are no
    JSON, so the execution cannot be described afterwards, and a job continues after its state has
    been stopped or has timed out.
    """

    @define(callback.StateTaskServiceCallback, "_eval_integration_pattern")
    def evaluate(
        service: Any, env: Any, resource_runtime_part: Any, normalised_parameters: Any,
        state_credentials: Any,
    ) -> None:  # fmt: skip
        if service.resource.condition == ResourceCondition.WaitForTaskToken:
            return wait_for_token(
                service, env, resource_runtime_part, normalised_parameters, state_credentials
            )
        build = (
            service._build_sync_resolver  # noqa: SLF001
            if service.resource.condition == ResourceCondition.Sync
            else service._build_sync2_resolver  # noqa: SLF001
        )
        task = build(env, resource_runtime_part, normalised_parameters, state_credentials)
        while env.is_running():
            result = task()
            if result:
                env.stack.append(_plain(result))
                return None
            time.sleep(_POLL_SECONDS)
        if isinstance(task, SyncTask):
            task.cancel()
        raise TaskCancelledError(f"{service.resource.resource_arn} was cancelled")

    @wrap(ExecutionState, "_from_error")
    def from_error(original: Any, state: Any, env: Any, ex: Exception) -> Any:
        if not isinstance(ex, TaskCancelledError):
            return original(state, env=env, ex=ex)
        details = TaskFailedEventDetails(error="States.TaskAborted", cause=str(ex))
        return FailureEvent(
            env=env,
            error_name=None,
            event_type=HistoryEventType.TaskStateAborted,
            event_details=event_details(taskFailedEventDetails=details),
        )

    @wrap(StateTaskServiceGlue, "_sync_to_start_job_run")
    def start_job_run(
        original: Any, service: Any, env: Any, resource_runtime_part: Any, *rest: Any
    ) -> SyncTask:
        run = dict(env.stack[-1])
        poll = original(service, env, resource_runtime_part, *rest)

        def cancel() -> None:
            glue: Any = boto_client_for(
                region=resource_runtime_part.region,
                service="glue",
                state_credentials=rest[-1],
            )
            glue.batch_stop_job_run(JobName=run["JobName"], JobRunIds=[run["JobRunId"]])

        return SyncTask(poll, cancel)


def _plain(result: Any) -> Any:
    """Return JSON as in Step Functions, where times are in milliseconds."""
    return json.loads(json.dumps(result, default=lambda time: round(time.timestamp() * 1000)))


wait_for_token = callback.StateTaskServiceCallback._eval_integration_pattern  # noqa: SLF001


def stop_at_once() -> None:
    """Stop executions at once.

    In moto an execution that is stopped or times out waits for its running task, and its history
    continues after its last event.
    """
    define(Program, "eval")(_evaluate_program)
    wrap(Execution, "stop")(_stop)

    @wrap(Environment, "set_error")
    def set_error(original: Any, env: Any, error: Any) -> None:
        # Its task fails because it was stopped: that does not make it a failure.
        if not isinstance(env.program_state(), ProgramStopped | ProgramTimedOut):
            original(env, error)

    @wrap(EventManager, "add_event")
    def add_event(original: Any, manager: Any, context: Any, *args: Any, **kwargs: Any) -> int:
        kind = kwargs.get("event_type") or args[0]
        with _ending:
            if getattr(manager, "closed", False):
                return int(context.last_published_event_id)
            manager.closed = kind in _LAST
        return int(original(manager, context, *args, **kwargs))


def _evaluate_program(program: Any, env: Any) -> None:
    env.next_state_name = program.start_at.start_at_name
    timeout = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
    worker = threading.Thread(target=EvalComponent.eval, args=(program, env), daemon=True)
    worker.start()
    deadline = None if timeout is None else time.monotonic() + timeout
    alive = True
    while alive:
        worker.join(_POLL_SECONDS)
        # Looked at before the state: what ends the worker is known by then.
        alive = worker.is_alive()
        if env.is_frame():
            continue
        if deadline is not None and time.monotonic() > deadline and env.is_running():
            env.set_timed_out()
        state = env.program_state()
        if isinstance(state, ProgramStopped | ProgramTimedOut):
            _end_history(env, state)
            return


def _stop(original: Any, execution: Any, stop_date: Any, error: Any, cause: Any) -> None:
    worker = execution.exec_worker
    deadline = time.monotonic() + _STOP_SECONDS
    # It may not have entered its first state yet, and would not be stopped then.
    while time.monotonic() < deadline and not _has_begun(worker):
        if execution.status != "RUNNING":
            return
        time.sleep(0.01)
    original(execution, stop_date, error, cause)
    while time.monotonic() < deadline and execution.status == "RUNNING":
        time.sleep(0.01)


def _has_begun(worker: Any) -> bool:
    return bool(worker.env) and isinstance(worker.env.program_state(), ProgramRunning)


def _end_history(env: Any, state: ProgramStopped | ProgramTimedOut) -> None:
    env.event_history_context.source_event_id = 0
    if isinstance(state, ProgramStopped):
        kind = HistoryEventType.ExecutionAborted
        details = event_details(
            executionAbortedEventDetails=ExecutionAbortedEventDetails(
                error=state.error, cause=state.cause
            )
        )
    else:
        kind = HistoryEventType.ExecutionTimedOut
        details = event_details(executionTimedOutEventDetails=ExecutionTimedOutEventDetails())
    env.event_manager.add_event(
        context=env.event_history_context, event_type=kind, event_details=details
    )


def stop_with_a_reason() -> None:
    """Keep the error and the cause of StopExecution, which moto drops."""

    @define(StepFunctionResponse, "stop_execution")
    def stop_execution(response: Any) -> ActionResult:
        backend = response.stepfunction_backend
        execution = backend.describe_execution(response._get_param("executionArn"))  # noqa: SLF001
        error = response._get_param("error")  # noqa: SLF001
        cause = response._get_param("cause")  # noqa: SLF001
        if execution.status == "RUNNING":
            execution.error, execution.cause = error, cause
            execution.stop(stop_date=utcnow(), error=error, cause=cause)
        return ActionResult({"stopDate": execution.stop_date})


def describe_completely() -> None:
    """Describe executions completely.

    In moto an output that is a string is not encoded as JSON, an execution that timed out has no
    end, and the status is set before the output.
    """
    reflecting = threading.Lock()

    @wrap(BaseExecutionWorkerCommunication, "_reflect_execution_status")
    def reflect(original: Any, communication: Any) -> None:
        with reflecting:
            original(communication)

    @wrap(StepFunctionResponse, "describe_execution")
    def describe_execution(original: Any, response: Any) -> ActionResult:
        with reflecting:
            described = original(response).result
        execution = response.stepfunction_backend.describe_execution(described["executionArn"])
        if execution.status == "SUCCEEDED":
            described["output"] = to_json_str(execution.output)
        if execution.status != "RUNNING":
            described["stopDate"] = execution.stop_date
        return ActionResult(described)


def fail_with_any_name() -> None:
    """Let a Fail state pass on an error of the States. family, an internal error in moto."""

    @define(custom_error_name.CustomErrorName, "__init__")
    def initialize(name: Any, error_name: str | None) -> None:
        super(custom_error_name.CustomErrorName, name).__init__(error_name=error_name)


def validate_definitions() -> None:
    """Add ValidateStateMachineDefinition and ListStateMachineVersions, which Terraform calls."""

    @define(StepFunctionResponse, "validate_state_machine_definition")
    def validate(response: Any) -> ActionResult:
        try:
            AmazonStateLanguageParser.parse(response._get_param("definition"))  # noqa: SLF001
        except Exception as error:
            diagnostic = {
                "severity": "ERROR",
                "code": "SCHEMA_VALIDATION_FAILED",
                "message": str(error),
            }
            return ActionResult({"result": "FAIL", "diagnostics": [diagnostic]})
        return ActionResult({"result": "OK", "diagnostics": []})

    @define(StepFunctionResponse, "list_state_machine_versions")
    def list_versions(response: Any) -> ActionResult:
        machine = response.stepfunction_backend.describe_state_machine(
            response._get_param("stateMachineArn")  # noqa: SLF001
        )
        versions = [
            {"stateMachineVersionArn": version.arn, "creationDate": version.creation_date}
            for version in reversed(machine.versions.values())
        ]
        return ActionResult({"stateMachineVersions": versions})


def name_executions() -> None:
    """Name executions that have no name; in moto all have the same, so the second is refused."""

    @wrap(StepFunctionsParserBackend, "start_execution")
    def start_execution(
        original: Any, backend: Any, machine: str, name: str | None = None, *rest: Any
    ) -> Any:
        return original(backend, machine, name or str(uuid.uuid4()), *rest)


PATCHES = {
    "step functions: name executions": name_executions,
    "step functions: wait for jobs": wait_for_jobs,
    "step functions: stop at once": stop_at_once,
    "step functions: stop with a reason": stop_with_a_reason,
    "step functions: describe completely": describe_completely,
    "step functions: fail with any name": fail_with_any_name,
    "step functions: validate definitions": validate_definitions,
}
