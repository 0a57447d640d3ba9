"""An endpoint, and what the tests do with one."""

from __future__ import annotations

import io
import json
import time
import uuid
import zipfile
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_aws import environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


@dataclass
class Endpoint:
    """An endpoint with the few things that the tests need of it."""

    url: str

    @cached_property
    def role(self) -> str:
        """A role that may do everything, for every service; its instance profile is `test`."""
        iam, name = self.client("iam"), "test"
        policy = {"Effect": "Allow", "Action": "*", "Resource": "*"}
        arn = self.trusted(name, policy)
        iam.create_instance_profile(InstanceProfileName=name)
        iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
        return arn

    def trusted(self, name: str, *statements: Mapping[str, Any]) -> str:
        """Create a role that services may assume, with the statements of its policy."""
        iam = self.client("iam")
        services = [f"{service}.amazonaws.com" for service in SERVICES]
        principal = {"Principal": {"Service": services, "AWS": environment.ACCOUNT}}
        trust = {"Effect": "Allow", "Action": "sts:AssumeRole", **principal}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        return str(made["Role"]["Arn"])

    def client(self, service: str) -> Any:
        connect: Callable[..., Any] = boto3.client
        return connect(
            service,
            endpoint_url=self.url,
            region_name=environment.REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - checked by nobody
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def bucket(self, *, events: bool = False, versioned: bool = False) -> str:
        name = f"b-{uuid.uuid4().hex[:12]}"
        s3 = self.client("s3")
        s3.create_bucket(Bucket=name)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        if events:
            s3.put_bucket_notification_configuration(
                Bucket=name, NotificationConfiguration={"EventBridgeConfiguration": {}}
            )
        return name

    def upload(self, bucket: str, key: str, content: bytes | str) -> str:
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(Bucket=bucket, Key=key, Body=body)
        return f"s3://{bucket}/{key}"

    def queue(self) -> tuple[str, str]:
        name = f"q-{uuid.uuid4().hex[:12]}"
        url = self.client("sqs").create_queue(QueueName=name)["QueueUrl"]
        return url, f"arn:aws:sqs:{environment.REGION}:{environment.ACCOUNT}:{name}"

    def messages(self, url: str) -> list[Any]:
        found = self.client("sqs").receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
        )
        return list(found.get("Messages", []))

    def function(self, source: str, **settings: Any) -> str:
        created = self.client("lambda").create_function(
            FunctionName=f"f-{uuid.uuid4().hex[:12]}",
            Runtime="python3.11",
            Handler="handler.handle",
            Code={"ZipFile": package(source)},
            **{"Timeout": 10, "Role": self.role} | settings,
        )
        return str(created["FunctionArn"])

    def rule(
        self, pattern: Mapping[str, Any] | None, target: Mapping[str, Any], **more: Any
    ) -> str:
        name = f"r-{uuid.uuid4().hex[:12]}"
        events = self.client("events")
        given = {"EventPattern": json.dumps(pattern)} if pattern else {}
        events.put_rule(Name=name, **given, **more)
        if target["Arn"].split(":")[2] == "states":
            target = {"RoleArn": self.role, **target}
        events.put_targets(Rule=name, Targets=[{"Id": "1", **target}])
        self.open(target["Arn"])
        if "DeadLetterConfig" in target:
            self.open(target["DeadLetterConfig"]["Arn"])
        return name

    def open(self, arn: str) -> None:
        """Let EventBridge send to a function, a topic or a queue."""
        service, name = arn.split(":")[2], arn.rpartition(":")[2]
        sender = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}}
        if service == "lambda":
            self.client("lambda").add_permission(
                FunctionName=arn, StatementId=uuid.uuid4().hex, Action="lambda:InvokeFunction",
                Principal="events.amazonaws.com",
            )  # fmt: skip
        elif service == "sns":
            policy = document({**sender, "Action": "sns:Publish", "Resource": arn})
            self.client("sns").set_topic_attributes(
                TopicArn=arn, AttributeName="Policy", AttributeValue=policy
            )
        elif service == "sqs":
            sqs = self.client("sqs")
            policy = document({**sender, "Action": "sqs:SendMessage", "Resource": arn})
            url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})

    def machine(self, states: Mapping[str, Any], start: str | None = None, **more: Any) -> str:
        definition = {
            "QueryLanguage": "JSONata",
            "StartAt": start or next(iter(states)),
            "States": states,
            **more,
        }
        created = self.client("stepfunctions").create_state_machine(
            name=f"m-{uuid.uuid4().hex[:12]}", definition=json.dumps(definition), roleArn=self.role
        )
        return str(created["stateMachineArn"])

    def start(self, machine: str, given: Any = None) -> str:
        started = self.client("stepfunctions").start_execution(
            stateMachineArn=machine, name=uuid.uuid4().hex, input=json.dumps(given or {})
        )
        return str(started["executionArn"])

    def run(self, machine: str, given: Any = None) -> Execution:
        return self.finish(self.start(machine, given))

    def finish(self, execution: str) -> Execution:
        steps = self.client("stepfunctions")
        found = until(
            lambda: (
                described
                if (described := steps.describe_execution(executionArn=execution))["status"]
                != "RUNNING"
                else None
            )
        )
        history = steps.get_execution_history(executionArn=execution)["events"]
        return Execution(execution, found, history)


@dataclass
class Execution:
    """An execution that has ended."""

    arn: str
    described: Mapping[str, Any]
    history: list[Mapping[str, Any]]

    @property
    def status(self) -> str:
        return str(self.described["status"])

    @property
    def output(self) -> Any:
        return json.loads(self.described["output"])

    @property
    def events(self) -> list[str]:
        return [event["type"] for event in self.history]


SERVICES = ("ec2", "elasticmapreduce", "events", "glue", "lambda", "quicksight", "states")


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def package(source: str) -> bytes:
    """A Lambda package with one module in it."""
    return archive({"handler.py": source})


def archive(files: Mapping[str, str]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as file:
        for name, text in files.items():
            file.writestr(name, text)
    return target.getvalue()


# Nothing takes this long, however loaded a machine is: it only ends a test that hangs.
PATIENCE = 180


def until(look: Callable[[], T | None]) -> T:
    """Poll until a function returns something, and return it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := look():
            return found
        time.sleep(0.05)
    raise AssertionError(f"nothing within {PATIENCE} seconds")


def allow(action: str | list[str], resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {**allow(action, resource, **more), "Effect": "Deny"}


class Role:
    """A role of its own, and clients of a session of it."""

    def __init__(self, stack: Endpoint, *statements: Mapping[str, Any]) -> None:
        self.stack = stack
        self.name = f"r-{uuid.uuid4().hex[:12]}"
        self.arn = stack.trusted(self.name, *statements)
        self.session = f"arn:aws:sts::{environment.ACCOUNT}:assumed-role/{self.name}/session"

    def client(self, service: str) -> Any:
        sts = self.stack.client("sts")
        made = sts.assume_role(RoleArn=self.arn, RoleSessionName="session")["Credentials"]
        connect: Callable[..., Any] = boto3.client
        return connect(
            service,
            endpoint_url=self.stack.url,
            region_name=environment.REGION,
            aws_access_key_id=made["AccessKeyId"],
            aws_secret_access_key=made["SecretAccessKey"],
            aws_session_token=made["SessionToken"],
            config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )


def refused(call: Callable[..., Any], **parameters: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refusal:
        call(**parameters)
    error = refusal.value.response["Error"]
    return error["Code"], error["Message"]


def holding(stack: Endpoint, *, key: str | None = None) -> str:
    """A bucket with an object `a`, encrypted with a key if there is one."""
    bucket = stack.bucket()
    if key:
        rule = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
        stack.client("s3").put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration={
                "Rules": [{"ApplyServerSideEncryptionByDefault": rule}]
            },
        )
    stack.upload(bucket, "a", "content")
    return bucket
