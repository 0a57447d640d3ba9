"""Generated requests and policies.

A policy is drawn close to its request, so that about every other statement applies: an element that
differs in one place, or a condition at its limit, says more than policies that have nothing to do
with each other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from local_aws.gate.iam import Call, Decision, Json, decide

ACCOUNT, REGION = "123456789012", "eu-central-1"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/plan-run"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/plan-run/one"

RESOURCES = {
    "s3:GetObject": "arn:aws:s3:::data/MedicalCharges/Input_data/a.csv",
    "s3:PutObject": "arn:aws:s3:::data/MedicalCharges/Run_data/live.json",
    "s3:DeleteObject": "arn:aws:s3:::data/MedicalCharges/Output_data/x/x.csv",
    "kms:Decrypt": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/12345678-1234-1234-1234-123456789012",
    "sqs:SendMessage": f"arn:aws:sqs:{REGION}:{ACCOUNT}:dead-letters",
    "sns:Publish": f"arn:aws:sns:{REGION}:{ACCOUNT}:notices",
    "dynamodb:GetItem": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/ledger",
    "lambda:InvokeFunction": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:end-run",
    "states:StartExecution": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:charges",
    "glue:StartJobRun": f"arn:aws:glue:{REGION}:{ACCOUNT}:job/validate-outputs",
    "logs:PutLogEvents": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/x:log-stream:y",
}
WITH_POLICY = ("s3", "kms", "sqs", "sns", "lambda")
"""Services whose resources have policies of their own."""

CONTEXT: dict[str, tuple[str | list[str], ...]] = {
    "aws:RequestedRegion": (REGION, "us-east-1"),
    "aws:SourceIp": ("10.0.0.7", "203.0.113.9"),
    "aws:SecureTransport": ("true", "false"),
    "aws:CurrentTime": ("2026-11-28T10:00:00Z", "2026-11-28T12:00:00Z"),
    "aws:SourceVpc": ("vpc-1", "vpc-12"),
    "aws:MultiFactorAuthAge": ("60", "61"),
    "aws:TagKeys": (["Project"], ["Project", "RunId"], ["Other", "RunId"]),
    "aws:PrincipalTag/Project": ("charges", "Charges"),
}
"""Values of keys by request; a request may have none of a key."""

_WANTED: dict[str, tuple[tuple[str, tuple[Any, ...]], ...]] = {
    "aws:RequestedRegion": (
        ("String{n}Equals", (REGION, [REGION, "us-east-1"], "EU-central-1")),
        ("String{n}EqualsIgnoreCase", ("EU-Central-1",)),
        ("String{n}Like", ("eu-*", "?u-central-1", "eu-?")),
    ),
    "aws:SourceIp": (("{n}IpAddress", ("10.0.0.0/24", "203.0.113.9/32", "10.0.0.7")),),
    "aws:SecureTransport": (("Bool", ("true", "false", True)),),
    "aws:CurrentTime": (
        ("DateLessThan", ("2026-11-28T12:00:00Z", "2026-11-28T10:00:00Z")),
        ("DateGreaterThanEquals", ("2026-11-28T12:00:00Z",)),
    ),
    "aws:SourceVpc": (("String{n}Equals", ("vpc-1",)), ("String{n}Like", ("vpc-1?", "vpc-*"))),
    "aws:MultiFactorAuthAge": (
        ("NumericLessThan", ("61",)),
        ("NumericLessThanEquals", ("60",)),
        ("Numeric{n}Equals", ("60.0", "61")),
        ("NumericGreaterThan", ("60",)),
    ),
    "aws:TagKeys": (
        ("ForAnyValue:String{n}Equals", (["Project", "Owner"], "RunId")),
        ("ForAllValues:String{n}Equals", (["Project", "RunId"], "Project")),
        ("ForAllValues:String{n}Like", (["P*"],)),
    ),
    "aws:PrincipalTag/Project": (
        ("String{n}Equals", ("charges", "${aws:PrincipalTag/Project}")),
        ("String{n}EqualsIgnoreCase", ("CHARGES",)),
    ),
    "aws:PrincipalArn": (
        ("Arn{n}Like", (ROLE, f"arn:aws:iam::{ACCOUNT}:role/plan-*", "arn:aws:iam::*:role/end-*")),
        ("Arn{n}Equals", (ROLE,)),
    ),
}


@dataclass(frozen=True)
class Case:
    """A call of a role's session, and the policies that decide."""

    call: Call
    identity: Sequence[Json]
    resource: Json | None
    limit: Json | None
    """What has to allow the call too: on AWS an organization's policy, as it has the rules of an
    endpoint's policy, which the simulator does not know."""

    def decided(self) -> Decision:
        """What the laptop's stack decides."""
        return decide(
            self.identity,
            self.call,
            principals=(ROLE, SESSION),
            resource=self.resource,
            endpoint=self.limit and _for_everybody(self.limit),
            delegated=self.call.action.startswith("kms:"),
        )

    def simulation(self) -> Json:
        """The input of the simulator."""
        limits = [{"name": "limit", "policy": self.limit}] if self.limit else []
        ours = {"orgIdentifier": "ou-1", "policies": limits}
        return {
            "identityPolicies": [
                {"name": f"p{i}", "policy": policy} for i, policy in enumerate(self.identity)
            ],
            "serviceControlPolicies": [ours] if limits else [],
            "resourceControlPolicies": [],
            **({"resourcePolicy": self.resource} if self.resource else {}),
            "request": {
                "action": self.call.action,
                "principal": SESSION,
                "resource": {"accountId": ACCOUNT, "resource": self.call.resource},
                "contextVariables": dict(self.call.context),
            },
        }


def case(seed: int) -> Case:
    """Return the case of a seed."""
    random = Random(seed)
    action = random.choice(list(RESOURCES))
    context: dict[str, str | list[str]] = {
        key: random.choice(values) for key, values in CONTEXT.items() if random.random() < 0.6
    }
    call = Call(action, RESOURCES[action], context | {"aws:PrincipalArn": ROLE})
    identity = [_policy(random, call) for _ in range(random.randint(0, 2))]
    owned = action.partition(":")[0] in WITH_POLICY
    resource = _policy(random, call, principals=True) if owned and random.random() < 0.6 else None
    if action.startswith("kms:") and resource is None:
        resource = _policy(random, call, principals=True)
    limit = _policy(random, call) if random.random() < 0.2 else None
    return Case(call, identity, resource, limit)


def _policy(random: Random, call: Call, *, principals: bool = False) -> Json:
    statements = [_statement(random, call) for _ in range(random.randint(1, 3))]
    if principals:
        for statement in statements:
            statement["Principal"] = _principal(random)
    return {"Version": "2012-10-17", "Statement": statements}


def _for_everybody(policy: Json) -> Json:
    return policy | {"Statement": [it | {"Principal": "*"} for it in policy["Statement"]]}


def _principal(random: Random) -> Any:
    return random.choice(
        [
            "*",
            {"AWS": ROLE},
            {"AWS": [f"arn:aws:iam::{ACCOUNT}:role/other", ROLE]},
            {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
            {"AWS": "210987654321"},
            {"Service": "events.amazonaws.com"},
        ]
    )


def _statement(random: Random, call: Call) -> Json:
    service, _, name = call.action.partition(":")
    actions = random.choice(
        [
            call.action,
            [call.action, "s3:ListBucket"],
            f"{service}:*",
            f"{service}:{name[:3]}*",
            call.action.upper().replace("S3:", "s3:"),
            f"{service}:{name[:-1]}?",
            "ec2:*",
        ]
    )
    head, _, tail = call.resource.rpartition("/" if "/" in call.resource else ":")
    separator = call.resource[len(head)]
    resources = random.choice(
        [
            call.resource,
            "*",
            f"{head}{separator}*",
            f"{head}{separator}{tail[:-1]}?",
            [f"{head}{separator}other", call.resource],
            f"{head}{separator}{tail}x",
        ]
    )
    statement: Json = {"Effect": "Deny" if random.random() < 0.25 else "Allow"}
    statement["NotAction" if random.random() < 0.1 else "Action"] = actions
    statement["NotResource" if random.random() < 0.1 else "Resource"] = resources
    if random.random() < 0.6:
        statement["Condition"] = _conditions(random)
    return statement


def _conditions(random: Random) -> Mapping[str, Mapping[str, Any]]:
    conditions: dict[str, dict[str, Any]] = {}
    for key in random.sample(list(_WANTED), random.randint(1, 2)):
        if random.random() < 0.15:
            conditions.setdefault("Null", {})[key] = random.choice(["true", "false"])
            continue
        operator, values = random.choice(_WANTED[key])
        operator = operator.format(n=random.choice(["", "Not"]))
        if ":" not in operator and random.random() < 0.3:
            operator += "IfExists"
        conditions.setdefault(operator, {})[key] = random.choice(values)
    return conditions
