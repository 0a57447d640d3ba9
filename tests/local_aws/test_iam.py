"""Policies are evaluated as IAM evaluates them.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from typing import Any

import pytest

from local_aws.gate.iam import Call, decide, holds

ROLE = "arn:aws:iam::123456789012:role/r"
SESSION = "arn:aws:sts::123456789012:assumed-role/r/s"
ACCOUNT = "arn:aws:iam::123456789012:root"
OBJECT = "arn:aws:s3:::b/in/a"
READ = Call("s3:GetObject", OBJECT)


def allow(**more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "s3:GetObject", "Resource": OBJECT} | more


def deny(**more: Any) -> dict[str, Any]:
    return allow(Effect="Deny", **more)


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def without(element: str, **more: Any) -> dict[str, Any]:
    return {name: value for name, value in allow(**more).items() if name != element}


@pytest.mark.parametrize(
    ("statements", "allowed"),
    [
        ([], False),
        ([allow()], True),
        ([allow(), deny()], False),
        ([deny(), allow(Action="*", Resource="*")], False),
        ([allow(Action=["s3:PutObject", "s3:Get*"])], True),
        ([allow(Action="S3:getobject")], True),
        ([allow(Action="s3:GetObject*")], True),
        ([allow(Action="s3:?etObject")], True),
        ([allow(Action="s3:GetObject?")], False),
        ([allow(Resource="arn:aws:s3:::b/*")], True),
        ([allow(Resource="arn:aws:s3:::B/*")], False),
        # A pattern of IAM knows no classes of characters.
        ([allow(Resource="arn:aws:s3:::[b]/in/a")], False),
        ([allow(Resource="arn:aws:s3:::b/i")], False),
        ([without("Action", NotAction="s3:Put*")], True),
        ([without("Action", NotAction="s3:*")], False),
        ([without("Resource", NotResource="arn:aws:s3:::b/out/*")], True),
        ([without("Resource", NotResource=["x", "arn:aws:s3:::b/in/*"])], False),
        ([allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/folder}/a")], True),
        ([allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/none}/a")], False),
        ([allow(Resource="arn:aws:s3:::b/${aws:PrincipalTag/none, 'in'}/a")], True),
        ([allow(Condition={"StringEquals": {"aws:PrincipalTag/folder": "in"}})], True),
        ([allow(Condition={"StringEquals": {"aws:PrincipalTag/folder": "out"}})], False),
        ([allow(), deny(Condition={"Bool": {"aws:SecureTransport": "false"}})], True),
    ],
)
def test_a_role_s_policy_decides(statements: list[Any], allowed: bool) -> None:
    context = {"aws:PrincipalTag/folder": "in", "aws:SecureTransport": "true"}
    call = Call(READ.action, READ.resource, context)
    assert decide([policy(*statements)], call).allowed is allowed
    # Each statement may as well be in a policy of its own.
    assert decide([policy(one) for one in statements], call).allowed is allowed


def by(principal: Any, **more: Any) -> dict[str, Any]:
    return allow(Principal=principal, **more)


@pytest.mark.parametrize(
    ("statement", "alone", "with_identity"),
    [
        (by({"AWS": ROLE}), True, True),
        (by({"AWS": ["arn:aws:iam::123456789012:role/x", SESSION]}), True, True),
        (by("*"), True, True),
        # The account is allowed: IAM decides which of its roles may.
        (by({"AWS": ACCOUNT}), False, True),
        (by({"AWS": "123456789012"}), False, True),
        (by({"AWS": "arn:aws:iam::210987654321:root"}), False, True),
        (by({"Service": "glue.amazonaws.com"}), False, True),
        (by({"AWS": ROLE}, Effect="Deny"), False, False),
        (by({"AWS": "*"}, Effect="Deny"), False, False),
        (by({"AWS": ACCOUNT}, Effect="Deny"), False, False),
        (by({"Service": "glue.amazonaws.com"}, Effect="Deny"), False, True),
        (allow(NotPrincipal={"AWS": ROLE}, Effect="Deny"), False, True),
        (allow(NotPrincipal={"AWS": SESSION[:-1]}, Effect="Deny"), False, False),
    ],
)
def test_a_bucket_s_policy_decides_too(
    statement: dict[str, Any], alone: bool, with_identity: bool
) -> None:
    named: dict[str, Any] = {"principals": (ROLE, SESSION), "resource": policy(statement)}
    assert decide([], READ, **named).allowed is alone
    assert decide([policy(allow())], READ, **named).allowed is with_identity


def test_a_key_s_policy_must_name_the_role_or_its_account() -> None:
    mine = [policy({"Effect": "Allow", "Action": "kms:*", "Resource": "*"})]
    call = Call("kms:Decrypt", "arn:aws:kms:us-east-1:123456789012:key/k")

    def decided(principal: str, identity: Any = mine) -> bool:
        key = policy(by({"AWS": principal}, Action="kms:*", Resource="*"))
        named: dict[str, Any] = {"principals": (ROLE, SESSION), "resource": key, "delegated": True}
        return decide(identity, call, **named).allowed

    assert decided(ACCOUNT)
    assert not decided(ACCOUNT, [])
    assert decided(ROLE, [])
    assert not decided("arn:aws:iam::123456789012:role/x")


def test_an_endpoint_s_policy_lets_pass_and_allows_nothing() -> None:
    way = policy(by({"AWS": "*"}, Resource="arn:aws:s3:::b/in/*"))

    def decided(identity: Any, call: Call) -> tuple[bool, str]:
        found = decide(identity, call, principals=(ROLE, SESSION), endpoint=way)
        return found.allowed, found.reason

    mine = [policy(allow(Resource="*"))]
    assert decided(mine, READ) == (True, "")
    assert not decided([], READ)[0]
    elsewhere = decided(mine, Call("s3:GetObject", "arn:aws:s3:::c/in/a"))
    assert elsewhere == (False, "because no VPC endpoint policy allows the {action} action")


def test_a_refusal_names_the_kind_of_policy() -> None:
    assert decide([], READ).reason.startswith("because no identity-based policy allows")
    theirs = policy(by("*", Effect="Deny"))
    found = decide([policy(allow())], READ, principals=(ROLE,), resource=theirs)
    assert found.reason == "with an explicit deny in a resource-based policy"


@pytest.mark.parametrize(
    ("conditions", "result"),
    [
        ({"Bool": {"aws:SecureTransport": "false"}}, False),
        ({"Bool": {"aws:SecureTransport": True}, "StringEquals": {"s3:x": ["a", "b"]}}, True),
        ({"StringNotEquals": {"s3:x": "a"}}, False),
        ({"StringNotEquals": {"s3:missing": "a"}}, True),
        ({"StringEquals": {"s3:missing": "a"}}, False),
        ({"StringEqualsIfExists": {"s3:missing": "a"}}, True),
        ({"StringEqualsIfExists": {"s3:x": "b"}}, False),
        ({"StringEqualsIgnoreCase": {"S3:X": "A"}}, True),
        ({"StringLike": {"s3:x": "?"}}, True),
        ({"StringNotLike": {"s3:x": ["b*", "?"]}}, False),
        ({"Null": {"s3:missing": "true"}}, True),
        ({"Null": {"s3:x": "true"}}, False),
        ({"NumericLessThan": {"s3:TlsVersion": 1.2}}, False),
        ({"NumericGreaterThanEquals": {"s3:TlsVersion": "1.3"}}, True),
        ({"NumericEquals": {"s3:x": "1"}}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, True),
        ({"DateLessThan": {"aws:CurrentTime": "2026-01-01"}}, False),
        ({"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}}, True),
        ({"NotIpAddress": {"aws:SourceIp": "127.0.0.1"}}, False),
        ({"ArnLike": {"aws:SourceArn": "arn:aws:events:*:123456789012:rule/*"}}, True),
        ({"ArnEquals": {"aws:SourceArn": "arn:aws:events:*"}}, False),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a", "b", "c"]}}, True),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}, False),
        ({"ForAllValues:StringEquals": {"s3:missing": ["a"]}}, True),
        ({"ForAnyValue:StringEquals": {"aws:TagKeys": ["b", "z"]}}, True),
        ({"ForAnyValue:StringEquals": {"s3:missing": ["b"]}}, False),
        ({"ForAnyValue:StringNotEquals": {"aws:TagKeys": ["b"]}}, True),
        ({"StringEquals": {"s3:x": "${aws:PrincipalTag/letter}"}}, True),
    ],
)
def test_conditions_hold_as_iam_says(conditions: Any, result: bool) -> None:
    context = {
        "aws:CurrentTime": "2026-11-28T00:00:00Z",
        "aws:PrincipalTag/letter": "a",
        "aws:SecureTransport": "true",
        "aws:SourceArn": "arn:aws:events:us-east-1:123456789012:rule/r",
        "aws:SourceIp": "127.0.0.1",
        "aws:TagKeys": ["a", "b"],
        "s3:TlsVersion": "1.3",
        "s3:x": "a",
    }
    assert holds(conditions, context) is result


def test_an_unknown_operator_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="StringIs is no operator"):
        holds({"StringIs": {"s3:x": "a"}}, {"s3:x": "a"})
