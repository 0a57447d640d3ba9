"""The interpreter's calls, made with the role of its state machine."""

from __future__ import annotations

import sys
from typing import Any

import boto3
from botocore.config import Config
from moto.settings import moto_server_port
from moto.stepfunctions.parser.asl.component.common.timeouts.timeout import TimeoutSeconds
from moto.stepfunctions.parser.asl.utils import boto_client
from moto.stepfunctions.parser.backend.execution import Execution

from local_aws.gate import actors
from local_aws.patches.hooks import wrap

_SESSION = "states"


def act_as_roles() -> None:
    """Call services as the role of the state machine; moto calls them as nobody."""
    original = boto_client.boto_client_for

    def boto_client_for(region: str, service: str, state_credentials: Any) -> Any:
        # Whether the role trusts Step Functions was asked when the execution started.
        acting = actors.begin(state_credentials.role_arn, _SESSION)
        connect: Any = boto3.client
        return connect(
            service,
            endpoint_url=f"http://localhost:{moto_server_port()}",
            region_name=region,
            aws_access_key_id=acting.variables["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=acting.variables["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=acting.variables["AWS_SESSION_TOKEN"],
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                connect_timeout=TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS,
                read_timeout=TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS,
            ),
        )

    # Each module of the interpreter has imported the name.
    for module in list(sys.modules.values()):
        if getattr(module, "boto_client_for", None) is original:
            module.boto_client_for = boto_client_for  # type: ignore[attr-defined]

    @wrap(Execution, "start")
    def start(original: Any, execution: Any) -> None:
        machine = execution.state_machine.arn
        actors.assume(execution.role_arn, "states.amazonaws.com", _SESSION, source=machine)
        original(execution)


PATCHES = {"step functions: act as roles": act_as_roles}
