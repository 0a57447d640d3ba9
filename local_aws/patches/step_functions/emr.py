"""Step Functions' own integration with EMR, which moto does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import HistoryEventType, TaskFailedEventDetails
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import (
    StatesErrorName,
)
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import (
    StatesErrorNameType,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.resource import (
    ResourceCondition,
)
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from moto.stepfunctions.parser.asl.utils.boto_client import boto_client_for
from moto.stepfunctions.parser.asl.utils.encoding import to_json_str

from local_aws.patches.hooks import event_details, wrap
from local_aws.patches.step_functions.interpreter import SyncTask

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_SERVICE = "elasticmapreduce"
_ENDED = frozenset({"TERMINATED", "TERMINATED_WITH_ERRORS"})
_STEP_FAILED = frozenset({"FAILED", "CANCELLED", "INTERRUPTED"})


class Action:
    """One action of an integration: the API call that starts it, and its final states."""

    operation: str
    parameters: frozenset[str]

    def start(self, client: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        """Make the call."""
        raise NotImplementedError

    def poll(self, _client: Any, started: dict[str, Any], _fail: Callable[[Any], None]) -> Any:
        """Return the result once there is one."""
        return started

    def cancel(self, client: Any, started: dict[str, Any]) -> None:
        """Do nothing: by default there is nothing to cancel."""


class _CreateCluster(Action):
    operation = "RunJobFlow"
    parameters = frozenset(
        boto3.session.Session()
        .client("emr", region_name="us-east-1")
        .meta.service_model.operation_model("RunJobFlow")
        .input_shape.members
    )

    def start(self, emr: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = emr.run_job_flow(**parameters)
        return {"ClusterId": answer["JobFlowId"], "ClusterArn": answer["ClusterArn"]}

    def poll(self, emr: Any, started: dict[str, Any], fail: Callable[[Any], None]) -> Any:
        cluster = emr.describe_cluster(ClusterId=started["ClusterId"])["Cluster"]
        state = cluster["Status"]["State"]
        if state == "TERMINATED_WITH_ERRORS" or (state in _ENDED and not cluster["AutoTerminate"]):
            fail({"Cluster": cluster})
        return started | {"Cluster": cluster} if state in {"RUNNING", "WAITING", *_ENDED} else None

    def cancel(self, emr: Any, started: dict[str, Any]) -> None:
        emr.terminate_job_flows(JobFlowIds=[started["ClusterId"]])


class _AddStep(Action):
    operation = "AddJobFlowSteps"
    parameters = frozenset({"ClusterId", "Step", "ExecutionRoleArn"})

    def start(self, emr: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        cluster = parameters["ClusterId"]
        answer = emr.add_job_flow_steps(JobFlowId=cluster, Steps=[parameters["Step"]])
        return {"ClusterId": cluster, "StepId": answer["StepIds"][0]}

    def poll(self, emr: Any, started: dict[str, Any], fail: Callable[[Any], None]) -> Any:
        step = emr.describe_step(**started)["Step"]
        state = step["Status"]["State"]
        if state in _STEP_FAILED:
            fail({"Step": step})
        return {"StepId": started["StepId"], "Step": step} if state == "COMPLETED" else None

    def cancel(self, emr: Any, started: dict[str, Any]) -> None:
        emr.cancel_steps(
            ClusterId=started["ClusterId"],
            StepIds=[started["StepId"]],
            StepCancellationOption="TERMINATE_PROCESS",
        )


class _TerminateCluster(Action):
    operation = "TerminateJobFlows"
    parameters = frozenset({"ClusterId"})

    def start(self, emr: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        emr.terminate_job_flows(JobFlowIds=[parameters["ClusterId"]])
        return {"ClusterId": parameters["ClusterId"]}

    def poll(self, emr: Any, started: dict[str, Any], _fail: Callable[[Any], None]) -> Any:
        cluster = emr.describe_cluster(ClusterId=started["ClusterId"])["Cluster"]
        return {"Cluster": cluster} if cluster["Status"]["State"] in _ENDED else None


class _CancelStep(Action):
    operation = "CancelSteps"
    parameters = frozenset({"ClusterId", "StepId"})

    def start(self, emr: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        answer = emr.cancel_steps(ClusterId=parameters["ClusterId"], StepIds=[parameters["StepId"]])
        return dict(answer["CancelStepsInfoList"][0])


class _SetTerminationProtection(Action):
    operation = "SetTerminationProtection"
    parameters = frozenset({"ClusterId", "TerminationProtected"})

    def start(self, emr: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        emr.set_termination_protection(
            JobFlowIds=[parameters["ClusterId"]],
            TerminationProtected=parameters["TerminationProtected"],
        )
        return {}


_ACTIONS: dict[str, Action] = {
    "createcluster": _CreateCluster(),
    "addstep": _AddStep(),
    "terminatecluster": _TerminateCluster(),
    "cancelstep": _CancelStep(),
    "setclusterterminationprotection": _SetTerminationProtection(),
}


class EmrTask(StateTaskServiceCallback):
    """A task state of arn:aws:states:::elasticmapreduce:ACTION, with or without .sync."""

    client = "emr"
    errors = "ElasticMapReduce"
    actions: Mapping[str, Action] = _ACTIONS

    def __init__(self) -> None:
        super().__init__(supported_integration_patterns={ResourceCondition(ResourceCondition.Sync)})

    @property
    def _action(self) -> Action | None:
        return self.actions.get(self.resource.api_action.lower())

    def _connected(self, where: Any, state_credentials: Any) -> Any:
        # The name is looked up when it is called: another patch replaces it.
        return boto_client_for(
            region=where.region, service=self.client, state_credentials=state_credentials
        )

    def _get_supported_parameters(self) -> set[str] | None:
        return set(self._action.parameters) if self._action else None

    def _eval_service_task(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        assert self._action  # noqa: S101 - an unknown one is refused when the machine is made
        client = self._connected(resource_runtime_part, state_credentials)
        env.stack.append(self._action.start(client, normalised_parameters))

    def _build_sync_resolver(
        self,
        env: Any,
        resource_runtime_part: Any,
        normalised_parameters: Any,  # noqa: ARG002 - the caller passes it
        state_credentials: Any,
    ) -> SyncTask:
        action = self._action
        assert action  # noqa: S101 - see above
        started = env.stack.pop()
        client = self._connected(resource_runtime_part, state_credentials)

        def fail(cause: Any) -> None:
            raise FailureEventException(
                self._failure(
                    env,
                    StatesErrorName(typ=StatesErrorNameType.StatesTaskFailed),
                    to_json_str(cause),
                )
            )

        return SyncTask(
            lambda: action.poll(client, started, fail), lambda: action.cancel(client, started)
        )

    def _from_error(self, env: Any, ex: Exception) -> FailureEvent:
        if isinstance(ex, ClientError):
            name = CustomErrorName(f"{self.errors}.{ex.response['Error']['Code']}")
            return self._failure(env, name, ex.response["Error"]["Message"])
        return super()._from_error(env=env, ex=ex)

    def _failure(self, env: Any, name: Any, cause: str) -> FailureEvent:
        return FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.TaskFailed,
            event_details=event_details(
                taskFailedEventDetails=TaskFailedEventDetails(
                    resource=self._get_sfn_resource(),
                    resourceType=self._get_sfn_resource_type(),
                    error=name.error_name,
                    cause=cause,
                )
            ),
        )


def know_emr() -> None:
    """Add `elasticmapreduce` tasks, with .sync and without, which moto refuses."""

    @wrap(state_task_factory, "state_task_service_for")
    def state_task_service_for(original: Any, service_name: str) -> Any:
        return EmrTask() if service_name == _SERVICE else original(service_name)


PATCHES = {"step functions: know emr": know_emr}
