"""IAM's evaluation of policies.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from ipaddress import ip_address, ip_network
from typing import Any

Json = dict[str, Any]
Context = Mapping[str, "str | Sequence[str]"]
"""Condition keys in any case, and their values: several if the key has several."""

_ANY, _ALL, _IF_EXISTS = "ForAnyValue:", "ForAllValues:", "IfExists"


@dataclass(frozen=True)
class Call:
    """An action on a resource, and what is known of it when it is asked for."""

    action: str
    resource: str = "*"
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Decision:
    """The result of an evaluation, and the kind of policy that decided."""

    allowed: bool
    reason: str = ""


def decide(
    identity: Iterable[Json],
    call: Call,
    *,
    principals: Iterable[str] = (),
    resource: Json | None = None,
    endpoint: Json | None = None,
    delegated: bool = False,
) -> Decision:
    """Evaluate a call of a principal on a resource of the same account.

    Args:
        identity: the policies of the role.
        call: what it asks for.
        principals: the names that a policy of a resource may give the role.
        resource: the policy of the resource, if it has one.
        endpoint: the policy of the VPC endpoint on the way, if there is one.
        delegated: the resource's policy must name the account for IAM to count at all, as a key's.
    """
    mine = [_effects(policy, call) for policy in identity]
    named = tuple(principals)
    theirs = _effects(resource, call, named) if resource else frozenset()
    passing = _effects(endpoint, call, named) if endpoint else frozenset({"Allow"})
    for kind, found in (
        ("an identity-based", frozenset().union(*mine)),
        ("a resource-based", theirs),
        ("a VPC endpoint", passing),
    ):
        if "Deny" in found:
            return Decision(False, f"with an explicit deny in {kind} policy")
    if "Allow" not in passing:
        return Decision(False, "because no VPC endpoint policy allows the {action} action")
    if "Allow" in theirs:
        return Decision(True)
    if delegated and "Account" not in theirs:
        return Decision(False, "because no resource-based policy allows the {action} action")
    if any("Allow" in found for found in mine):
        return Decision(True)
    return Decision(False, "because no identity-based policy allows the {action} action")


def listed(value: Any) -> list[Any]:
    """IAM writes a list of one as its element."""
    return list(value) if isinstance(value, list | tuple) else [value]


def _effects(policy: Json, call: Call, principals: Sequence[str] | None = None) -> frozenset[str]:
    """Return the effects of the statements that apply.

    Account is the effect of a statement that allows the whole account: IAM decides then.
    """
    return frozenset(
        effect
        for statement in listed(policy.get("Statement", []))
        if (effect := _effect(statement, call, principals))
    )


def _effect(statement: Json, call: Call, principals: Sequence[str] | None) -> str | None:
    context = {key.lower(): listed(value) for key, value in call.context.items()}
    if not _names(statement, "Action", lambda it: _action(it, call.action)):
        return None
    if ("Resource" in statement or "NotResource" in statement) and not _names(
        statement, "Resource", lambda it: glob(_filled(it, context), call.resource)
    ):
        return None
    if not holds(statement.get("Condition", {}), call.context):
        return None
    effect = str(statement["Effect"])
    if principals is None:
        return effect
    whom = _whom(statement, principals)
    if whom == "account" and effect == "Allow":
        return "Account"
    return effect if whom else None


def _names(statement: Json, element: str, matches: Callable[[str], bool]) -> bool:
    if element in statement:
        return any(map(matches, listed(statement[element])))
    if f"Not{element}" in statement:
        return not any(map(matches, listed(statement[f"Not{element}"])))
    return False


def _action(pattern: str, action: str) -> bool:
    return glob(pattern.lower(), action.lower())


_ACCOUNT = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")


def _whom(statement: Json, principals: Sequence[str]) -> str | None:
    """Return how a statement names one of the principals: "self", as its "account", or not."""
    element = "NotPrincipal" if "NotPrincipal" in statement else "Principal"
    value = statement.get(element)
    names = (
        [name for kind in value.values() for name in listed(kind)]
        if isinstance(value, dict)
        else listed(value)
    )
    accounts = {name.split(":")[4] for name in principals if name.startswith("arn:")}
    account = any(found[1] in accounts for name in names if (found := _ACCOUNT.fullmatch(name)))
    itself = "*" in names or any(name in principals for name in names)
    if element == "NotPrincipal":
        return None if itself or account else "self"
    return "self" if itself else "account" if account else None


@cache
def _pattern(text: str) -> re.Pattern[str]:
    parts = (".*" if c == "*" else "." if c == "?" else re.escape(c) for c in text)
    return re.compile("".join(parts), re.DOTALL)


def glob(pattern: str, value: str) -> bool:
    """Match a pattern of IAM: * is any text, ? is any character, everything else itself."""
    return _pattern(pattern).fullmatch(value) is not None


_VARIABLE = re.compile(r"\$\{(?P<key>[^},]+)(?:,\s*'(?P<default>[^']*)')?\}")


def _filled(text: str, context: Mapping[str, Sequence[str]]) -> str:
    """Replace policy variables; one without a value matches nothing."""

    def value_of(match: re.Match[str]) -> str:
        key = match["key"].strip()
        if key in {"*", "?", "$"}:
            return key
        values = context.get(key.lower(), ())
        if len(values) == 1:
            return values[0]
        return match["default"] if match["default"] is not None else "\0"

    return _VARIABLE.sub(value_of, text)


################################################################################
# Conditions
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html
################################################################################


def _arn(value: str, wanted: str) -> bool:
    parts, patterns = value.split(":", 5), wanted.split(":", 5)
    return len(parts) == len(patterns) == 6 and all(map(glob, patterns, parts))


def _moment(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _compared(read: Callable[[str], float]) -> dict[str, Callable[[str, str], bool]]:
    return {
        "Equals": lambda value, wanted: read(value) == read(wanted),
        "LessThan": lambda value, wanted: read(value) < read(wanted),
        "LessThanEquals": lambda value, wanted: read(value) <= read(wanted),
        "GreaterThan": lambda value, wanted: read(value) > read(wanted),
        "GreaterThanEquals": lambda value, wanted: read(value) >= read(wanted),
    }


_OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "ArnEquals": _arn,
    "ArnLike": _arn,
    "BinaryEquals": lambda value, wanted: value == wanted,
    "Bool": lambda value, wanted: value.lower() == wanted.lower(),
    "IpAddress": lambda value, wanted: ip_address(value) in ip_network(wanted, strict=False),
    "StringEquals": lambda value, wanted: value == wanted,
    "StringEqualsIgnoreCase": lambda value, wanted: value.lower() == wanted.lower(),
    "StringLike": lambda value, wanted: glob(wanted, value),
    **{f"Numeric{name}": test for name, test in _compared(float).items()},
    **{f"Date{name}": test for name, test in _compared(_moment).items()},
}


def holds(conditions: Mapping[str, Mapping[str, Any]], context: Context) -> bool:
    """Return True if a request in this context meets every condition."""
    known = {key.lower(): listed(value) for key, value in context.items()}
    return all(
        _meets(operator, known.get(key.lower()), list(_wanted(values, known)))
        for operator, keys in conditions.items()
        for key, values in keys.items()
    )


def _wanted(values: Any, known: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for value in listed(values):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        yield _filled(text, known)


def _meets(operator: str, values: Sequence[str] | None, wanted: Sequence[str]) -> bool:
    name = operator.removeprefix(_ANY).removeprefix(_ALL)
    if name == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    lenient = name.endswith(_IF_EXISTS)
    name = name.removesuffix(_IF_EXISTS)
    negated = "Not" in name
    name = name.replace("Not", "", 1)
    if name not in _OPERATORS:
        raise ValueError(f"{operator} is no operator of IAM's conditions")
    if not values:
        return operator.startswith(_ALL) or lenient or (negated and not operator.startswith(_ANY))
    met = [any(_test(name, value, each) for each in wanted) != negated for value in values]
    return all(met) if operator.startswith(_ALL) or (negated and _ANY not in operator) else any(met)


def _test(name: str, value: str, wanted: str) -> bool:
    try:
        return _OPERATORS[name](value, wanted)
    except ValueError:
        return False  # text where a number, a date or an address is wanted
