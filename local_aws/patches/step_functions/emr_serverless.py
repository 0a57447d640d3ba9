"""Step Functions' own integration with EMR Serverless, which moto does not have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from botocore.session import get_session
from moto.stepfunctions.parser.asl.component.state.exec.state_task import state_task_factory

from local_aws.patches.hooks import wrap
from local_aws.patches.step_functions.emr import Action, EmrTask

if TYPE_CHECKING:
    from collections.abc import Callable

_SERVICE = "emr-serverless"
_FAILED = frozenset({"FAILED", "CANCELLED"})
_MODEL: Any = get_session().get_service_model(_SERVICE)


def _upper(name: str) -> str:
    return name[0].upper() + name[1:]


def _parameters(operation: str) -> frozenset[str]:
    """Return the parameters of an operation, as Step Functions spells them."""
    names = _MODEL.operation_model(operation).input_shape.members
    return frozenset(map(_upper, names))


class _StartJobRun(Action):
    operation = "StartJobRun"
    parameters = _parameters(operation)

    def start(self, client: Any, parameters: dict[str, Any]) -> dict[str, Any]:
        sent = _sent(parameters, _MODEL.operation_model(self.operation).input_shape)
        answer = client.start_job_run(**sent)
        return {"applicationId": answer["applicationId"], "jobRunId": answer["jobRunId"]}

    def poll(self, client: Any, started: dict[str, Any], fail: Callable[[Any], None]) -> Any:
        run = client.get_job_run(**started)["jobRun"]
        told = _spelled(run, _MODEL.operation_model("GetJobRun").output_shape.members["jobRun"])
        if run["state"] in _FAILED:
            fail(told)
        return told if run["state"] == "SUCCESS" else None

    def cancel(self, client: Any, started: dict[str, Any]) -> None:
        try:
            client.cancel_job_run(**started)
        except client.exceptions.ValidationException:
            return  # it has ended meanwhile


def _sent(value: Any, shape: Any) -> Any:
    """Return parameters with their members as the service spells them."""
    if shape.type_name == "structure":
        names = {_upper(name): name for name in shape.members}
        return {names[key]: _sent(each, shape.members[names[key]]) for key, each in value.items()}
    if shape.type_name == "list":
        return [_sent(each, shape.member) for each in value]
    return value


def _spelled(value: Any, shape: Any) -> Any:
    """Return an answer with its members as Step Functions spells them."""
    if shape.type_name == "structure":
        return {_upper(name): _spelled(each, shape.members[name]) for name, each in value.items()}
    if shape.type_name == "list":
        return [_spelled(each, shape.member) for each in value]
    return value


_ACTIONS: dict[str, Action] = {"startjobrun": _StartJobRun()}


class ServerlessTask(EmrTask):
    """A task state of arn:aws:states:::emr-serverless:startJobRun, with or without .sync."""

    client = _SERVICE
    errors = "EMRServerless"
    actions = _ACTIONS


def know_emr_serverless() -> None:
    """Add `emr-serverless` tasks, with .sync and without; moto knows neither their parameters."""

    @wrap(state_task_factory, "state_task_service_for")
    def state_task_service_for(original: Any, service_name: str) -> Any:
        return ServerlessTask() if service_name == _SERVICE else original(service_name)


PATCHES = {"step functions: know emr serverless": know_emr_serverless}
