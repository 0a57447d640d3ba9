"""Bucket policies: the conditions of their statements."""

from __future__ import annotations

import json
from typing import Any

from flask import has_request_context, request
from moto.iam.access_control import PermissionResult
from moto.s3.models import FakeBucket

from local_aws.environment import ACCOUNT
from local_aws.gate import iam
from local_aws.gate.access import COMMON
from local_aws.gate.actors import ADMINISTRATOR
from local_aws.gate.requests import scope
from local_aws.patches.hooks import define, log

_ADMINISTRATOR = f"arn:aws:iam::{ACCOUNT}:root"
_ANYTHING = {"Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def _context() -> dict[str, str]:
    """Return the condition keys of a request."""
    context = {
        **COMMON,
        "aws:PrincipalAccount": ACCOUNT,
        "aws:PrincipalIsAWSService": "false",
    }
    if has_request_context():
        context |= {
            f"s3:{name}": value
            for name, value in request.headers.items()
            if name.lower().startswith("x-amz-")
        }
    return context


def _of_a_role() -> bool:
    """Return whether a role asks, for which the gate has decided."""
    found = scope(request.environ) if has_request_context() else None
    return found is not None and found.key != ADMINISTRATOR


def respect_conditions() -> None:
    """Evaluate the policies of buckets.

    In moto a condition that does not hold denies, so a policy that requires TLS denies everything.
    """

    @define(FakeBucket, "get_permission")
    def get_permission(bucket: Any, action: str, resource: str) -> PermissionResult:
        if bucket.policy is None or _of_a_role():
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy.decode())
        call = iam.Call(action, resource, _context())
        decision = iam.decide([_ANYTHING], call, principals=[_ADMINISTRATOR], resource=policy)
        if decision.allowed:
            return PermissionResult.NEUTRAL
        log.warning("%s on %s is refused %s", action, resource, decision.reason)
        return PermissionResult.DENIED


PATCHES = {"s3: respect the conditions of policies": respect_conditions}
