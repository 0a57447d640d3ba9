"""Whether a role's session, or a service, may do something."""

from __future__ import annotations

import json
import logging
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from moto.awslambda.models import lambda_backends
from moto.ec2.models import ec2_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends

from local_aws.environment import ACCOUNT, REGION
from local_aws.gate import record
from local_aws.gate.errors import RefusedError
from local_aws.gate.iam import Call, Json, decide

if TYPE_CHECKING:
    from collections.abc import Iterable

    from local_aws.gate.actors import Actor

log = logging.getLogger("local_aws")

# Loopback counts as a secure transport.
COMMON = {
    "aws:SecureTransport": "true",
    "s3:TlsVersion": "1.3",
    "aws:ResourceAccount": ACCOUNT,
    "aws:RequestedRegion": REGION,
}


def check(actor: Actor, calls: Iterable[Call]) -> None:
    """Check that a session may make all of these calls.

    Raises:
        RefusedError: it may not.
    """
    for call in calls:
        context = {
            **COMMON,
            "aws:PrincipalArn": actor.role,
            "aws:PrincipalAccount": ACCOUNT,
            "aws:PrincipalIsAWSService": "false",
            **({"aws:SourceVpc": actor.vpc} if actor.vpc else {}),
            **call.context,
        }
        asked = Call(call.action, call.resource, context)
        decision = decide(
            actor.policies,
            asked,
            principals=actor.principals,
            resource=_policy_of(call.resource),
            endpoint=_endpoint(actor.vpc, call),
            delegated=call.action.startswith("kms:"),
        )
        if not decision.allowed:
            raise _denied(f"User: {actor.arn}", call, decision.reason)
        record.allowed.add(actor.role, asked)


def check_service(service: str, source: str, calls: Iterable[Call]) -> None:
    """Check that a service may make these calls for one of its resources.

    Raises:
        RefusedError: the policy of what it calls does not allow it.
    """
    for call in calls:
        context = {
            **COMMON,
            "aws:PrincipalIsAWSService": "true",
            "aws:SourceArn": source,
            "aws:SourceAccount": ACCOUNT,
            **call.context,
        }
        asked = Call(call.action, call.resource, context)
        policy = _policy_of(call.resource)
        if not decide([], asked, principals=[service], resource=policy).allowed:
            reason = "because no resource-based policy allows the {action} action"
            raise _denied(f"{service} for {source}", call, reason)


def may_log(actor: Actor, group: str) -> bool:
    """Return whether a service may write the logs of a role's work; without them it works too."""
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}:log-stream:new"
    needed = ["CreateLogStream", "PutLogEvents"]
    if group not in logs_backends[ACCOUNT][REGION].groups:
        needed.append("CreateLogGroup")
    try:
        check(actor, [Call(f"logs:{action}", stream) for action in needed])
    except RefusedError as error:
        log.warning("no logs are written: %s", error)
        return False
    return True


def _denied(who: str, call: Call, reason: str) -> RefusedError:
    return RefusedError(
        "AccessDenied",
        f"{who} is not authorized to perform: {call.action} on resource: {call.resource} "
        f"{reason.format(action=call.action)}",
        403,
    )


@lru_cache(maxsize=256)
def _parsed(policy: str) -> Json:
    found: Json = json.loads(policy)
    return found


# Glue reaches these through its own proxy.
# https://docs.aws.amazon.com/glue/latest/dg/connection-VPC-disable-proxy.html
_PROXIED = {"glue", "logs"}
_NO_WAY: Json = {"Statement": []}


def _endpoint(vpc: str | None, call: Call) -> Json | None:
    """Return the policy of the endpoint by which a VPC reaches a service.

    It is None where none is needed: outside a VPC, or if the service calls another itself.
    """
    service = call.action.partition(":")[0]
    if vpc is None or service in _PROXIED or "kms:ViaService" in call.context:
        return None
    for endpoint in ec2_backends[ACCOUNT][REGION].vpc_end_points.values():
        if endpoint.vpc_id == vpc and endpoint.service_name.endswith(f".{service}"):
            return _parsed(endpoint.policy_document)
    # An account lets such a call time out.
    return _NO_WAY


def _policy_of(arn: str) -> Json | None:
    """Return the policy of a resource, if it has one."""
    if not arn.startswith("arn:"):
        return None
    _, _, service, region, _, name = arn.split(":", 5)
    find = _POLICIES.get(service)
    return find(region, name, arn) if find else None


def _of_bucket(_region: str, name: str, _arn: str) -> Json | None:
    bucket = s3_backends[ACCOUNT]["aws"].buckets.get(name.partition("/")[0])
    return _parsed(bucket.policy.decode()) if bucket and bucket.policy else None


def _of_key(region: str, name: str, _arn: str) -> Json | None:
    key = kms_backends[ACCOUNT][region].keys.get(name.removeprefix("key/"))
    return _parsed(key.policy) if key else None


def _of_function(region: str, name: str, _arn: str) -> Json | None:
    # Where moto keeps them; asking it for one that is not there is an error.
    functions = lambda_backends[ACCOUNT][region]._lambdas._functions  # noqa: SLF001
    found = functions.get(name.split(":")[1])
    return {"Statement": list(found["latest"].policy.statements)} if found else None


def _of_topic(region: str, _name: str, arn: str) -> Json | None:
    topic = sns_backends[ACCOUNT][region].topics.get(arn)
    return _parsed(topic.policy) if topic else None


def _of_queue(region: str, name: str, _arn: str) -> Json | None:
    queue: Any = sqs_backends[ACCOUNT][region].queues.get(name)
    return _parsed(queue.policy) if queue and queue.policy else None


_POLICIES = {
    "kms": _of_key,
    "lambda": _of_function,
    "s3": _of_bucket,
    "sns": _of_topic,
    "sqs": _of_queue,
}
