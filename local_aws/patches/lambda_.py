"""Lambda: functions that run without docker."""

from __future__ import annotations

import json
from typing import Any

from moto.awslambda.models import LambdaFunction

from local_aws.gate import actors
from local_aws.gate.access import may_log
from local_aws.gate.errors import RefusedError
from local_aws.patches.hooks import define, in_background, log, workers
from local_aws.workers.lambda_ import Function


def run_packages() -> None:
    """Run functions in local processes, and asynchronous invocations in the background.

    moto runs a function in a docker container or not at all, and waits for asynchronous ones.
    """

    @define(LambdaFunction, "_invoke_lambda")
    def invoke_lambda(function: Any, event: Any = None) -> tuple[str, bool, str]:
        try:
            actor = actors.assume(function.role, "lambda.amazonaws.com", function.function_name)
        except RefusedError as error:
            log.warning("function %s: %s", function.function_name, error)
            refusal = {"errorType": "AccessDeniedException", "errorMessage": str(error)}
            return json.dumps(refusal), True, ""
        answer = workers().functions.invoke(
            Function(
                arn=function.function_arn,
                name=function.function_name,
                version=str(function.version),
                handler=function.handler,
                package=function.code_bytes,
                timeout=float(function.timeout),
                memory=int(function.memory_size),
                log_group=function.logs_group_name,
                variables={name: str(value) for name, value in function.environment_vars.items()},
                credentials=actor.variables,
            ),
            {} if event is None else event,
        )
        if may_log(actor, function.logs_group_name):
            function.logs_backend.ensure_log_group(function.logs_group_name)
            function.save_logs(answer.log)
        return answer.payload, answer.failed, answer.log

    @define(LambdaFunction, "invoke")
    def invoke(function: Any, body: Any, headers: Any, response_headers: Any) -> str | bytes:
        event = json.loads(body) if body else {}
        kind = headers.get("x-amz-invocation-type") or "RequestResponse"
        if kind == "DryRun":
            return b""
        if kind == "Event":
            in_background(
                lambda: function._invoke_lambda(event),  # noqa: SLF001
                f"function {function.function_name}",
            )
            return b""
        payload, failed, _ = function._invoke_lambda(event)  # noqa: SLF001
        if failed:
            response_headers["x-amz-function-error"] = "Unhandled"
        return str(payload).encode()


PATCHES = {"lambda: run packages": run_packages}
