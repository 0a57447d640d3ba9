"""Roles may do what policies allow, on the laptop as on AWS."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from local_aws import environment
from local_aws.gate.record import FILE
from tests.local_aws.endpoints import Endpoint, Role, allow, deny, document, holding, refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ACCOUNT = f"{environment.REGION}:{environment.ACCOUNT}"
RUN = {
    "Name": "c",
    "ReleaseLabel": "emr-7.12.0",
    "JobFlowRole": "test",
    "Instances": {
        "KeepJobFlowAliveWhenNoSteps": True,
        "InstanceGroups": [
            {"InstanceRole": "MASTER", "InstanceType": "m5.xlarge", "InstanceCount": 1}
        ],
    },
}


def test_a_role_does_what_its_policy_allows_and_no_more(stack: Endpoint) -> None:
    bucket = holding(stack)
    role = Role(stack, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    s3 = role.client("s3")
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"content"
    code, message = refused(s3.put_object, Bucket=bucket, Key="a")
    assert code == "AccessDenied"
    assert message == (
        f"User: {role.session} is not authorized to perform: s3:PutObject on resource: "
        f"arn:aws:s3:::{bucket}/a because no identity-based policy allows the s3:PutObject action"
    )
    assert refused(s3.list_objects_v2, Bucket=bucket)[0] == "AccessDenied"
    assert stack.client("s3").get_object(Bucket=bucket, Key="a")["Body"].read() == b"content"


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "code"),
    [
        ("dynamodb", "get_item", {"TableName": "tab", "Key": {}}, "AccessDeniedException"),
        ("lambda", "invoke", {"FunctionName": "f"}, "AccessDeniedException"),
        ("sns", "publish", {"TopicArn": f"arn:aws:sns:{ACCOUNT}:t", "Message": "m"},
         "AuthorizationError"),
        ("sqs", "send_message", {"QueueUrl": "http://x/q", "MessageBody": "m"},
         "AccessDeniedException"),
        ("s3", "head_object", {"Bucket": "b", "Key": "k"}, "403"),
    ],
)  # fmt: skip
def test_a_refusal_has_the_form_of_its_service(
    stack: Endpoint, service: str, operation: str, parameters: dict[str, Any], code: str
) -> None:
    call = getattr(Role(stack).client(service), operation)
    assert refused(call, **parameters)[0] == code


def test_what_a_role_was_allowed_is_recorded_once(stack: Endpoint, state: Path) -> None:
    bucket = holding(stack)
    role = Role(stack, allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*"))
    s3 = role.client("s3")
    for _ in range(2):
        s3.get_object(Bucket=bucket, Key="a")
    refused(s3.put_object, Bucket=bucket, Key="a")
    lines = [json.loads(line) for line in (state / FILE).read_text().splitlines()]
    mine = [(action, resource) for who, action, resource, _ in lines if who == role.arn]
    assert mine == [("s3:GetObject", f"arn:aws:s3:::{bucket}/a")]


def test_a_deny_prevails_wherever_it_stands(stack: Endpoint) -> None:
    bucket = holding(stack)
    objects = f"arn:aws:s3:::{bucket}/*"
    own = Role(stack, allow("*"), deny("s3:GetObject", objects)).client("s3")
    told = refused(own.get_object, Bucket=bucket, Key="a")[1]
    assert "explicit deny in an identity-based policy" in told
    other, third = Role(stack, allow("*")), Role(stack, allow("*"))
    policy = document(deny("s3:*", objects, Principal={"AWS": other.arn}))
    stack.client("s3").put_bucket_policy(Bucket=bucket, Policy=policy)
    told = refused(other.client("s3").get_object, Bucket=bucket, Key="a")[1]
    assert "explicit deny in a resource-based policy" in told
    assert third.client("s3").get_object(Bucket=bucket, Key="a")


def test_the_policy_of_a_bucket_opens_it_to_a_role(stack: Endpoint) -> None:
    bucket, role = holding(stack), Role(stack)
    s3 = role.client("s3")
    refused(s3.get_object, Bucket=bucket, Key="a")
    given = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal={"AWS": role.arn})
    stack.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(given))
    assert s3.get_object(Bucket=bucket, Key="a")


def test_a_bucket_may_be_closed_to_everybody_but_one_role(stack: Endpoint) -> None:
    bucket, role, other = holding(stack), Role(stack, allow("*")), Role(stack, allow("*"))
    others = {"ArnNotEquals": {"aws:PrincipalArn": role.arn}}
    policy = deny("s3:GetObject", f"arn:aws:s3:::{bucket}/*", Principal="*", Condition=others)
    stack.client("s3").put_bucket_policy(Bucket=bucket, Policy=document(policy))
    assert role.client("s3").get_object(Bucket=bucket, Key="a")
    assert refused(other.client("s3").get_object, Bucket=bucket, Key="a")[0] == "AccessDenied"


def test_attached_policies_count_as_long_as_they_are_attached(stack: Endpoint) -> None:
    bucket, role, iam = holding(stack), Role(stack), stack.client("iam")
    s3 = role.client("s3")
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    iam.attach_role_policy(RoleName=role.name, PolicyArn=arn)
    assert s3.get_object(Bucket=bucket, Key="a")
    assert refused(s3.delete_object, Bucket=bucket, Key="a")[0] == "AccessDenied"
    iam.detach_role_policy(RoleName=role.name, PolicyArn=arn)
    assert refused(s3.get_object, Bucket=bucket, Key="a")[0] == "AccessDenied"


def test_who_may_not_list_is_not_told_that_nothing_is_there(stack: Endpoint) -> None:
    bucket = holding(stack)
    read = allow("s3:GetObject", f"arn:aws:s3:::{bucket}/*")
    listing = allow("s3:ListBucket", f"arn:aws:s3:::{bucket}")
    blind, seeing = Role(stack, read).client("s3"), Role(stack, read, listing).client("s3")
    assert refused(blind.get_object, Bucket=bucket, Key="none")[0] == "AccessDenied"
    assert refused(seeing.get_object, Bucket=bucket, Key="none")[0] == "NoSuchKey"


def test_a_prefix_that_a_policy_names_may_be_listed(stack: Endpoint) -> None:
    bucket = holding(stack)
    only = {"StringLike": {"s3:prefix": "in/*"}}
    s3 = Role(stack, allow("s3:ListBucket", f"arn:aws:s3:::{bucket}", Condition=only)).client("s3")
    assert s3.list_objects_v2(Bucket=bucket, Prefix="in/2026")["KeyCount"] == 0
    refused(s3.list_objects_v2, Bucket=bucket, Prefix="out/")
    refused(s3.list_objects_v2, Bucket=bucket)


def test_objects_are_written_copied_and_deleted_one_by_one(stack: Endpoint) -> None:
    bucket = holding(stack)
    role = Role(
        stack,
        allow(["s3:PutObject", "s3:DeleteObject"], f"arn:aws:s3:::{bucket}/out/*"),
        allow("s3:GetObject", f"arn:aws:s3:::{bucket}/a"),
    )
    s3 = role.client("s3")
    s3.copy_object(Bucket=bucket, Key="out/b", CopySource=f"{bucket}/a")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="out/c")["UploadId"]
    s3.upload_part(Bucket=bucket, Key="out/c", UploadId=upload, PartNumber=1, Body=b"part")
    refused(s3.abort_multipart_upload, Bucket=bucket, Key="out/c", UploadId=upload)
    refused(s3.copy_object, Bucket=bucket, Key="b", CopySource=f"{bucket}/a")
    refused(s3.copy_object, Bucket=bucket, Key="out/d", CopySource=f"{bucket}/out/b")
    both = {"Objects": [{"Key": "out/b"}, {"Key": "a"}]}
    refused(s3.delete_objects, Bucket=bucket, Delete=both)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "out/b"}]})


def test_an_encrypted_object_needs_its_key(stack: Endpoint) -> None:
    key = stack.client("kms").create_key()["KeyMetadata"]["Arn"]
    bucket = holding(stack, key=key)
    objects = allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{bucket}/*")
    through = {"StringEquals": {"kms:ViaService": f"s3.{environment.REGION}.amazonaws.com"}}
    without = Role(stack, objects).client("s3")
    reader = Role(stack, objects, allow("kms:Decrypt", key, Condition=through))
    assert (
        f"kms:Decrypt on resource: {key}" in refused(without.get_object, Bucket=bucket, Key="a")[1]
    )
    assert reader.client("s3").get_object(Bucket=bucket, Key="a")
    told = refused(reader.client("s3").put_object, Bucket=bucket, Key="a")[1]
    assert "kms:GenerateDataKey" in told
    # Through S3 only.
    assert refused(reader.client("kms").decrypt, KeyId=key, CiphertextBlob=b"x")[0] == (
        "AccessDeniedException"
    )


def test_iam_counts_for_a_key_only_if_the_key_says_so(stack: Endpoint) -> None:
    root = {"AWS": f"arn:aws:iam::{environment.ACCOUNT}:root"}
    kms, role = stack.client("kms"), Role(stack, allow("*"))
    for actions, may in (("kms:*", True), ("kms:Put*", False)):
        policy = document(allow(actions, Principal=root))
        key = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
        bucket = holding(stack, key=key)
        s3 = role.client("s3")
        if may:
            assert s3.get_object(Bucket=bucket, Key="a")
        else:
            refused(s3.get_object, Bucket=bucket, Key="a")


def test_a_cluster_is_known_by_its_tag(stack: Endpoint) -> None:
    of = {"StringEquals": {"aws:ResourceTag/Project": "ours"}}
    new = {"StringEquals": {"aws:RequestTag/Project": "ours"}}
    role = Role(
        stack,
        allow(["elasticmapreduce:RunJobFlow", "elasticmapreduce:AddTags"], Condition=new),
        allow("elasticmapreduce:TerminateJobFlows", Condition=of),
        allow("iam:PassRole", stack.role),
    )
    emr, run = role.client("emr"), RUN | {"ServiceRole": stack.role}
    ours, theirs = ([{"Key": "Project", "Value": it}] for it in ("ours", "theirs"))
    refused(emr.run_job_flow, **run)
    refused(emr.run_job_flow, **run, Tags=theirs)
    mine = emr.run_job_flow(**run, Tags=ours)["JobFlowId"]
    other = stack.client("emr").run_job_flow(**run, Tags=theirs)["JobFlowId"]
    refused(emr.terminate_job_flows, JobFlowIds=[other])
    refused(emr.terminate_job_flows, JobFlowIds=[mine, other])
    emr.terminate_job_flows(JobFlowIds=[mine])


def test_a_role_is_passed_by_who_may_pass_it_to_that_service(stack: Endpoint) -> None:
    def runs(*services: str) -> bool:
        to = {"StringEquals": {"iam:PassedToService": [f"{it}.amazonaws.com" for it in services]}}
        passes = allow("iam:PassRole", stack.role, Condition=to)
        role = Role(stack, allow("elasticmapreduce:*"), passes)
        try:
            role.client("emr").run_job_flow(**RUN, ServiceRole=stack.role)
        except ClientError as error:
            assert "iam:PassRole" in str(error)  # noqa: PT017 - either may happen
            return False
        return True

    assert runs("ec2", "elasticmapreduce")
    assert not runs("ec2")
    assert not runs("elasticmapreduce")


def test_nodes_without_a_profile_do_not_start(stack: Endpoint) -> None:
    emr = stack.client("emr")
    run = RUN | {"ServiceRole": stack.role, "JobFlowRole": "nobody"}
    status = emr.describe_cluster(ClusterId=emr.run_job_flow(**run)["JobFlowId"])["Cluster"][
        "Status"
    ]
    assert status["State"] == "TERMINATED_WITH_ERRORS"
    assert status["StateChangeReason"]["Code"] == "VALIDATION_ERROR"


def test_an_operation_whose_needs_nobody_knows_is_refused_to_roles(stack: Endpoint) -> None:
    code, message = refused(Role(stack, allow("*")).client("glue").get_databases)
    assert code == "AccessDeniedException"
    assert "does not say what glue:GetDatabases needs" in message


def test_who_is_not_known_is_refused(stack: Endpoint) -> None:
    connect: Callable[..., Any] = boto3.client
    stranger = connect(
        "glue",
        endpoint_url=stack.url,
        region_name=environment.REGION,
        aws_access_key_id="stranger",
        aws_secret_access_key="x",  # noqa: S106 - checked by nobody
    )
    assert refused(stranger.get_databases)[0] == "InvalidClientTokenId"
    connection = http.client.HTTPConnection(stack.url.removeprefix("http://"), timeout=10)
    connection.request("GET", f"/{holding(stack)}/a")
    assert connection.getresponse().status == 403
    connection.close()
