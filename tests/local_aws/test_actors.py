"""Functions, jobs, machines and rules act as their roles, which services accept or not."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_aws import environment
from tests.local_aws.endpoints import Endpoint, Role, allow, document, holding, until

if TYPE_CHECKING:
    pass

READ = """
import boto3
def handle(event, context):
    return boto3.client("s3").get_object(**event)["Body"].read().decode()
"""


def test_a_function_acts_as_its_role(stack: Endpoint) -> None:
    bucket = holding(stack)
    role = Role(stack, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    function = stack.function(READ, Role=role.arn)
    payload = json.dumps({"Bucket": bucket, "Key": "a"})

    def invoked() -> Any:
        answer = stack.client("lambda").invoke(FunctionName=function, Payload=payload)
        return json.loads(answer["Payload"].read())

    assert invoked() == "content"
    logs = stack.client("logs").describe_log_groups(
        logGroupNamePrefix=f"/aws/lambda/{function.rpartition(':')[2]}"
    )
    assert logs["logGroups"] == []  # which its role may not make
    stack.client("iam").delete_role_policy(RoleName=role.name, PolicyName="p")
    assert "AccessDenied" in invoked()["errorMessage"]


def test_a_state_machine_acts_as_its_role(bare: Endpoint, stack: Endpoint) -> None:
    def ended(endpoint: Endpoint, *, allowed: bool) -> tuple[str, str]:
        queue, arn = endpoint.queue()
        task = {
            "Type": "Task",
            "Resource": "arn:aws:states:::sqs:sendMessage",
            "Arguments": {"QueueUrl": queue, "MessageBody": "m"},
            "End": True,
        }
        machine = endpoint.machine({"S": task})
        role = Role(endpoint, *([allow("sqs:SendMessage", arn)] if allowed else []))
        states = endpoint.client("stepfunctions")
        states.update_state_machine(stateMachineArn=machine, roleArn=role.arn)
        execution = endpoint.run(machine)
        return execution.status, execution.described.get("cause", "")

    # moto's interpreter evaluates no JSONata, so the machine fails there for another reason.
    assert ended(stack, allowed=True) == ("SUCCEEDED", "")
    status, cause = ended(stack, allowed=False)
    assert status == "FAILED"
    assert "sqs:SendMessage" in cause
    assert "not authorized" not in ended(bare, allowed=False)[1]


def test_a_job_in_a_vpc_reaches_what_the_endpoint_lets_through(stack: Endpoint) -> None:
    bucket, other = holding(stack), holding(stack)
    ec2, glue, name = stack.client("ec2"), stack.client("glue"), f"g-{uuid.uuid4().hex[:8]}"
    vpc = ec2.create_vpc(CidrBlock="10.1.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.1.0.0/24")["Subnet"]["SubnetId"]
    through = allow("s3:*", f"arn:aws:s3:::{bucket}/*", Principal="*")
    ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName=f"com.amazonaws.{environment.REGION}.s3",
        PolicyDocument=document(through),
    )
    glue.create_connection(
        ConnectionInput={
            "Name": name,
            "ConnectionType": "NETWORK",
            "ConnectionProperties": {},
            "PhysicalConnectionRequirements": {
                "SubnetId": subnet,
                "SecurityGroupIdList": ["sg-1"],
            },
        }
    )
    script = stack.upload(
        bucket,
        "job.py",
        "import sys, boto3\n"
        "if sys.argv[-1] == 'a-table':\n"
        "    boto3.client('dynamodb').get_item(TableName='t', Key={'k': {'S': 'a'}})\n"
        "else:\n"
        "    boto3.client('s3').get_object(Bucket=sys.argv[-1], Key='a')\n",
    )
    glue.create_job(
        Name=name,
        Role=stack.role,
        Command={"Name": "pythonshell", "ScriptLocation": script},
        Connections={"Connections": [name]},
    )

    def error(target: str) -> str:
        run = glue.start_job_run(JobName=name, Arguments={"--bucket": target})["JobRunId"]
        ended = until(
            lambda: (
                found
                if (found := glue.get_job_run(JobName=name, RunId=run)["JobRun"])["JobRunState"]
                in {"SUCCEEDED", "FAILED"}
                else None
            )
        )
        return str(ended.get("ErrorMessage", ""))

    assert error(bucket) == ""
    assert "no VPC endpoint policy allows the s3:GetObject action" in error(other)
    assert "no VPC endpoint policy allows the dynamodb:GetItem action" in error("a-table")


def test_a_rule_reaches_a_target_that_lets_it(stack: Endpoint) -> None:
    letters, queue = stack.queue()
    source, closed = f"s-{uuid.uuid4().hex}", stack.function("def handle(event, context): pass\n")
    stack.rule({"source": [source]}, {"Arn": closed, "DeadLetterConfig": {"Arn": queue}})
    for statement in json.loads(stack.client("lambda").get_policy(FunctionName=closed)["Policy"])[
        "Statement"
    ]:
        stack.client("lambda").remove_permission(FunctionName=closed, StatementId=statement["Sid"])
    stack.client("events").put_events(
        Entries=[{"Source": source, "DetailType": "d", "Detail": "{}"}]
    )
    letter = until(lambda: stack.messages(letters))[0]
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"


def test_a_role_that_lacks_what_a_service_asks_for_is_not_accepted(stack: Endpoint) -> None:
    iam, name = stack.client("iam"), f"r-{uuid.uuid4().hex[:12]}"
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    foreign = document({**trust, "Principal": {"Service": "ec2.amazonaws.com"}})
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=foreign)["Role"]["Arn"]
    source = "def handle(event, context): pass\n"
    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        stack.function(source, Role=arn)
    bare = Role(stack)
    _, queue = stack.queue()
    for more in ({"TracingConfig": {"Mode": "Active"}}, {"DeadLetterConfig": {"TargetArn": queue}}):
        with pytest.raises(ClientError, match="does not have permissions"):
            stack.function(source, Role=bare.arn, **more)
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::elasticmapreduce:terminateCluster.sync",
        "Arguments": {"ClusterId": "j-1"},
        "End": True,
    }
    with pytest.raises(ClientError, match="not authorized to create managed-rule"):
        stack.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps(
                {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": task}}
            ),
            roleArn=bare.arn,
        )
