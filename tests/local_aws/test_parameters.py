"""What a service's model forbids is refused, as AWS says it, before the emulator sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.local_aws.endpoints import Endpoint

RULE = {"EventPattern": "{}"}
TRUST = {"AssumeRolePolicyDocument": "{}"}


def client(stack: Endpoint, service: str) -> Any:
    """A client that checks nothing itself, as Step Functions'."""
    connect: Callable[..., Any] = boto3.client
    return connect(
        service,
        endpoint_url=stack.url,
        region_name=environment.REGION,
        aws_access_key_id="test",
        aws_secret_access_key="test",  # noqa: S106 - checked by nobody
        config=Config(
            parameter_validation=False,
            retries={"total_max_attempts": 1},
            s3={"addressing_style": "path"},
        ),
    )


def refused(stack: Endpoint, service: str, operation: str, **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        getattr(client(stack, service), operation)(**parameters)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code", "rule"),
    [
        ("glue", "get_job", {}, "ValidationException", "Value null at 'jobName'"),
        ("events", "put_rule", {"Name": "a" * 65, **RULE}, "ValidationException", "equal to 64"),
        ("events", "put_rule", {"Name": "a b", **RULE}, "ValidationException", "expression"),
        ("events", "put_rule", {"Name": "a", "State": "ON"}, "ValidationException", "[ENABLED, "),
        ("iam", "create_role", {"RoleName": "a" * 65, **TRUST}, "ValidationError", "equal to 64"),
        (
            "lambda", "put_function_concurrency",
            {"FunctionName": "f", "ReservedConcurrentExecutions": -1},
            "ValidationException", "value greater than or equal to 0",
        ),
        ("ec2", "create_flow_logs", {"ResourceType": "VPC"}, "InvalidParameterValue", "null"),
        ("s3", "put_bucket_versioning",
         {"Bucket": "b", "VersioningConfiguration": {"Status": "On"}},
         "InvalidArgument", "[Enabled, Suspended]"),
    ],
)  # fmt: skip
def test_what_a_model_forbids_is_refused(
    stack: Endpoint,
    service: str,
    operation: str,
    parameters: dict[str, Any],
    code: str,
    rule: str,
) -> None:
    found, message = refused(stack, service, operation, **parameters)
    assert found == code
    assert message.startswith("1 validation error detected: Value ")
    assert rule in message


def test_a_refusal_names_every_violation_and_where_it_is(stack: Endpoint) -> None:
    targets = [{"Id": "1", "Arn": "arn"}, {"Id": "b" * 65, "Arn": "arn"}]
    _, message = refused(stack, "events", "put_targets", Rule="a b", Targets=targets)
    assert message.startswith("2 validation errors detected: ")
    assert "'a b' at 'rule'" in message
    assert "at 'targets.2.member.id'" in message


def test_a_refused_call_changes_nothing(stack: Endpoint) -> None:
    refused(stack, "sqs", "create_queue")
    refused(stack, "events", "put_rule", Name="unseen", State="ON", **RULE)
    found = stack.client("events").list_rules(NamePrefix="unseen")["Rules"]
    assert found == []


def test_patterns_in_words_of_java_are_translated_or_left_out(stack: Endpoint) -> None:
    # A role's name has a pattern that Python knows; a tag of it has one with \p{L}.
    tag = {"Key": "straße", "Value": "é"}
    iam = stack.client("iam")
    made = iam.create_role(RoleName="tagged", Tags=[tag], **TRUST)
    assert made["Role"]["RoleName"] == "tagged"
    iam.delete_role(RoleName="tagged")
    # EMR writes characters beyond 16 bits as pairs.
    with pytest.raises(ClientError, match="InvalidRequestException"):
        stack.client("emr").add_job_flow_steps(
            JobFlowId="j-1😀", Steps=[{"Name": "s", "HadoopJarStep": {"Jar": "x"}}]
        )


def test_the_body_of_an_object_reaches_the_emulator_whole(stack: Endpoint) -> None:
    bucket, content = stack.bucket(), bytes(range(256)) * 4096
    s3 = stack.client("s3")
    s3.put_object(Bucket=bucket, Key="a b/ü+%", Body=content, Metadata={"a": "b"})
    assert s3.get_object(Bucket=bucket, Key="a b/ü+%")["Body"].read() == content


def test_a_request_that_cannot_be_read_is_refused(stack: Endpoint) -> None:
    code, _ = refused(stack, "glue", "get_jobs", MaxResults="many")
    assert code == "SerializationException"
