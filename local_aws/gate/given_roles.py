"""What a service asks of a role that is given to it, before it accepts it.

Lambda and Step Functions refuse a role that lacks what they will need; the others find out later.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from local_aws.environment import ACCOUNT, REGION
from local_aws.gate import access, actors, needs
from local_aws.gate.errors import RefusedError
from local_aws.gate.iam import Call

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Given = Mapping[str, Any]

_TRACE = [Call("xray:PutTraceSegments"), Call("xray:PutTelemetryRecords")]

# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
_DELIVER_LOGS = [
    Call(f"logs:{do}")
    for do in (
        "CreateLogDelivery", "DeleteLogDelivery", "DescribeLogGroups", "DescribeResourcePolicies",
        "GetLogDelivery", "ListLogDeliveries", "PutResourcePolicy", "UpdateLogDelivery",
    )
]  # fmt: skip

# The rules by which `.sync` tasks of EMR watch their jobs.
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr.html
# https://docs.aws.amazon.com/step-functions/latest/dg/connect-emr-serverless.html
_WATCHED = {
    "elasticmapreduce:createCluster.sync": "StepFunctionsGetEventForEMRRunJobFlowRule",
    "elasticmapreduce:addStep.sync": "StepFunctionsGetEventForEMRAddJobFlowStepsRule",
    "elasticmapreduce:terminateCluster.sync": "StepFunctionsGetEventForEMRTerminateJobFlowsRule",
    "emr-serverless:startJobRun.sync": "StepFunctionsGetEventsForEMRServerlessJobRule",
}
_INTEGRATIONS = "arn:aws:states:::"


def check(operation: str, given: Given) -> None:
    """Check the role among the parameters of an operation, if it has one that is asked for.

    Raises:
        RefusedError: the service does not accept the role.
    """
    if operation == "lambda:CreateFunction":
        _for_function(given, str(given["Role"]))
    elif operation == "lambda:UpdateFunctionConfiguration":
        _for_function(given, given.get("Role") or _role_of_function(given["FunctionName"]))
    elif operation == "emr-serverless:StartJobRun":
        _for_job_run(given)
    elif operation == "states:CreateStateMachine":
        name = f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{given['name']}"
        _for_machine(given, name, str(given["roleArn"]))
    elif operation == "states:UpdateStateMachine":
        arn = str(given["stateMachineArn"])
        _for_machine(given, arn, given.get("roleArn") or _role_of_machine(arn))


def _role_of_function(name: str) -> str | None:
    # moto raises an error for a function that is not there; so will the call.
    functions = lambda_backends[ACCOUNT][REGION]._lambdas._functions  # noqa: SLF001
    found = functions.get(name.rpartition(":")[2])
    return str(found["latest"].role) if found else None


def _role_of_machine(arn: str) -> str | None:
    machines = stepfunctions_parser_backends[ACCOUNT][REGION].state_machines
    return next((str(machine.roleArn) for machine in machines if machine.arn == arn), None)


def _for_function(given: Given, role: str | None) -> None:
    if role is None:
        return
    try:
        actor = actors.assume(role, "lambda.amazonaws.com", given["FunctionName"])
    except RefusedError as error:
        message = "The role defined for the function cannot be assumed by Lambda."
        raise RefusedError("InvalidParameterValueException", message) from error
    letters = (given.get("DeadLetterConfig") or {}).get("TargetArn", "")
    calls = list(_TRACE) if (given.get("TracingConfig") or {}).get("Mode") == "Active" else []
    if ":sqs:" in letters:
        calls += needs.of("sqs:SendMessage", {"QueueUrl": letters.replace(":", "/")})
    elif letters:
        calls += needs.of("sns:Publish", {"TopicArn": letters})
    try:
        access.check(actor, calls)
    except RefusedError as error:
        message = f"The provided execution role does not have permissions: {error}"
        raise RefusedError("InvalidParameterValueException", message) from error


def _for_job_run(given: Given) -> None:
    application = f"/applications/{given['applicationId']}"
    arn = f"arn:aws:emr-serverless:{REGION}:{ACCOUNT}:{application}"
    # The service itself encrypts the logs.
    access.check_service(needs.JOBS, arn, needs.of_encrypted_logs(given))


def _for_machine(given: Given, arn: str, role: str | None) -> None:
    if role is None:
        return
    actor = actors.assume(role, "states.amazonaws.com", "states", source=arn)
    if (given.get("tracingConfiguration") or {}).get("enabled"):
        access.check(actor, _TRACE)
    if (given.get("loggingConfiguration") or {}).get("level", "OFF") != "OFF":
        access.check(actor, _DELIVER_LOGS)
    try:
        definition = json.loads(given.get("definition") or "{}")
    except ValueError:
        return  # the emulator says what is wrong with it
    for resource in _resources(definition):
        rule = _WATCHED.get(resource.removeprefix(_INTEGRATIONS))
        if rule:
            _may_watch(actor, rule)


def _resources(value: Any) -> Iterator[str]:
    """Return the resources of a definition's tasks, within its branches as well."""
    if isinstance(value, dict):
        if value.get("Type") == "Task":
            yield str(value.get("Resource"))
        for each in value.values():
            yield from _resources(each)
    elif isinstance(value, list):
        for each in value:
            yield from _resources(each)


def _may_watch(actor: actors.Actor, rule: str) -> None:
    arn = f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{rule}"
    try:
        access.check(
            actor,
            [Call(f"events:{do}", arn) for do in ("DescribeRule", "PutRule", "PutTargets")],
        )
    except RefusedError as error:
        message = f"'{actor.role}' is not authorized to create managed-rule: {error}"
        raise RefusedError("AccessDenied", message, 403) from error
