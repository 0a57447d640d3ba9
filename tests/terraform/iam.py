"""As much of IAM's evaluation as the project's roles need."""

from __future__ import annotations

from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Json = dict[str, Any]


@dataclass(frozen=True)
class Call:
    """An action on a resource, and what is known of it when it is asked for."""

    action: str
    resource: str = "*"
    context: Mapping[str, str] = field(default_factory=dict)


def allows(policy: Json, call: Call) -> bool:
    """Return True if a policy, which may have no Deny, allows a call."""
    return any(
        _has(statement["Action"], call.action)
        and _has(statement["Resource"], call.resource)
        and all(_holds(*condition, call.context) for condition in _conditions(statement))
        for statement in policy["Statement"]
    )


def listed(value: str | Sequence[str]) -> list[str]:
    """IAM writes a list of one as its element."""
    return [value] if isinstance(value, str) else list(value)


def _has(patterns: str | Sequence[str], value: str) -> bool:
    return any(fnmatchcase(value, pattern) for pattern in listed(patterns))


def _conditions(statement: Json) -> Iterator[tuple[str, str, list[str]]]:
    for operator, keys in statement.get("Condition", {}).items():
        for key, values in keys.items():
            yield operator, key, listed(values)


def _holds(operator: str, key: str, values: list[str], context: Mapping[str, str]) -> bool:
    if operator.startswith("ForAllValues:"):
        return key not in context or context[key] in values
    if key not in context:
        return operator.endswith("IfExists")
    operator = operator.removesuffix("IfExists")
    if operator in {"StringLike", "ArnLike"}:
        return _has(values, context[key])
    if operator in {"StringEquals", "ArnEquals", "Bool"}:
        return context[key] in values
    raise ValueError(f"{operator} is not known here")
