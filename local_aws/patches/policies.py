"""Bucket policies: the conditions of their statements."""

from __future__ import annotations

import json
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from flask import has_request_context, request
from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket

from local_aws.environment import ACCOUNT
from local_aws.patches.hooks import define

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_ANY = "ForAnyValue:"
_IF_EXISTS = "IfExists"


def _equal(value: str, wanted: str) -> bool:
    return value == wanted


def _like(value: str, wanted: str) -> bool:
    return fnmatchcase(value, wanted)


def _less(value: str, wanted: str) -> bool:
    return float(value) < float(wanted)


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "Bool": lambda value, wanted: value == wanted.lower(),
    "StringEquals": _equal,
    "StringLike": _like,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "ArnEquals": _like,
    "ArnLike": _like,
    "NumericEquals": lambda value, wanted: float(value) == float(wanted),
    "NumericLessThan": _less,
    "NumericGreaterThanEquals": lambda value, wanted: not _less(value, wanted),
}


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Mapping[str, str]) -> bool:
    """Return True if a request in this context meets every condition."""
    return all(
        _meets(operator, context.get(key.lower()), values if isinstance(values, list) else [values])
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _meets(operator: str, value: str | None, wanted: list[Any]) -> bool:
    name = operator.removeprefix(_ANY)
    if name == "Null":
        return (value is None) == (str(wanted[0]).lower() == "true")
    lenient = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    negated = "Not" in name
    if value is None:
        return lenient or negated
    test = _OPERATORS[name.replace("Not", "", 1)]
    return any(test(value, str(each)) for each in wanted) != negated


def _context() -> dict[str, str]:
    """Return the condition keys of a request. Loopback counts as a secure transport."""
    context = {
        "aws:securetransport": "true",
        "s3:tlsversion": "1.3",
        "aws:principalaccount": ACCOUNT,
        "aws:resourceaccount": ACCOUNT,
        "aws:principalisawsservice": "false",
    }
    if has_request_context():
        context |= {
            f"s3:{name.lower()}": value
            for name, value in request.headers.items()
            if name.lower().startswith("x-amz-")
        }
    return context


def respect_conditions() -> None:
    """Evaluate the conditions of statements.

    In moto a condition that does not hold denies, so a policy that requires TLS denies everything.
    """

    @define(FakeBucket, "get_permission")
    def get_permission(bucket: Any, action: str, resource: str) -> PermissionResult:
        if bucket.policy is None:
            return PermissionResult.NEUTRAL
        policy = json.loads(bucket.policy.decode())
        statements = policy["Statement"]
        context = _context()
        applying = [
            {key: value for key, value in statement.items() if key != "Condition"}
            for statement in (statements if isinstance(statements, list) else [statements])
            if holds(statement.get("Condition", {}), context)
        ]
        return IAMPolicy(json.dumps(policy | {"Statement": applying})).is_action_permitted(
            action, resource
        )


PATCHES = {"s3: respect the conditions of policies": respect_conditions}
