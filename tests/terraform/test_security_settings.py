"""Every setting that protects data, by kind of resource: what is applied must have it.

Each kind of resource of the stack is in one of the tables, so that a new kind is decided on.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from local_aws.gate.iam import listed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.terraform.conftest import Mocked

Json = dict[str, Any]

KEY = "arn:aws:kms:eu-central-1:123456789012:key/11111111-2222-3333-4444-555555555555"


def at(values: Any, path: str) -> Any:
    """The value at a path such as `rule.0.object_ownership`; JSON in a text is read."""
    for step in path.split("."):
        if isinstance(values, str):
            values = json.loads(values)
        values = values[int(step)] if isinstance(values, list) else values[step]
    return values


_CIPHER = "rule.0.apply_server_side_encryption_by_default.0"
_GLUE = "encryption_configuration.0"
_EMR = "configuration.EncryptionConfiguration"
_DISKS = f"{_EMR}.AtRestEncryptionConfiguration.LocalDiskEncryptionConfiguration"
_METADATA = "configuration.InstanceMetadataServiceConfiguration"

# By kind: the value at each path.
SETTINGS: dict[str, Json] = {
    "aws_kms_key": {"enable_key_rotation": True, "deletion_window_in_days": 30},
    "aws_s3_bucket": {"force_destroy": False},
    "aws_s3_bucket_public_access_block": {
        "block_public_acls": True,
        "block_public_policy": True,
        "ignore_public_acls": True,
        "restrict_public_buckets": True,
    },
    "aws_s3_bucket_ownership_controls": {"rule.0.object_ownership": "BucketOwnerEnforced"},
    "aws_s3_bucket_versioning": {"versioning_configuration.0.status": "Enabled"},
    "aws_s3_object": {"kms_key_id": KEY},
    "aws_dynamodb_table": {
        "server_side_encryption.0.enabled": True,
        "server_side_encryption.0.kms_key_arn": KEY,
        "point_in_time_recovery.0.enabled": True,
    },
    "aws_sns_topic": {"kms_master_key_id": KEY},
    "aws_sqs_queue": {"sqs_managed_sse_enabled": True},
    "aws_cloudwatch_log_group": {"kms_key_id": KEY, "retention_in_days": 365},
    "aws_lambda_function": {"kms_key_arn": KEY, "tracing_config.0.mode": "Active"},
    "aws_sfn_state_machine": {
        "logging_configuration.0.level": "ALL",
        "tracing_configuration.0.enabled": True,
    },
    "aws_glue_security_configuration": {
        f"{_GLUE}.cloudwatch_encryption.0.cloudwatch_encryption_mode": "SSE-KMS",
        f"{_GLUE}.cloudwatch_encryption.0.kms_key_arn": KEY,
        f"{_GLUE}.job_bookmarks_encryption.0.job_bookmarks_encryption_mode": "CSE-KMS",
        f"{_GLUE}.job_bookmarks_encryption.0.kms_key_arn": KEY,
        f"{_GLUE}.s3_encryption.0.s3_encryption_mode": "SSE-KMS",
        f"{_GLUE}.s3_encryption.0.kms_key_arn": KEY,
    },
    "aws_glue_job": {"security_configuration": "medical-charges"},
    "aws_emr_security_configuration": {
        f"{_EMR}.EnableAtRestEncryption": True,
        f"{_EMR}.EnableInTransitEncryption": True,
        f"{_EMR}.AtRestEncryptionConfiguration.S3EncryptionConfiguration.AwsKmsKey": KEY,
        f"{_EMR}.AtRestEncryptionConfiguration.S3EncryptionConfiguration.EncryptionMode": "SSE-KMS",
        f"{_DISKS}.AwsKmsKey": KEY,
        f"{_DISKS}.EnableEbsEncryption": True,
        f"{_METADATA}.MinimumInstanceMetadataServiceVersion": 2,
        f"{_METADATA}.HttpPutResponseHopLimit": 1,
    },
    "aws_subnet": {"map_public_ip_on_launch": False},
    "aws_flow_log": {"traffic_type": "ALL"},
    "aws_default_security_group": {"ingress": [], "egress": []},
    "aws_vpc_endpoint": {"policy": ...},
    "aws_cloudwatch_event_target": {"dead_letter_config.0.arn": ...},
    "aws_lambda_permission": {"principal": "events.amazonaws.com", "source_arn": ...},
}

# Kinds whose settings the tests below read.
READ_BELOW = {
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_s3_bucket_logging",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_server_side_encryption_configuration",
    "aws_sns_topic_policy",
    "aws_vpc_security_group_egress_rule",
    "aws_vpc_security_group_ingress_rule",
}

# Kinds with nothing to protect.
NEUTRAL = {
    "aws_cloudwatch_dashboard",
    "aws_cloudwatch_event_rule",
    "aws_cloudwatch_metric_alarm",
    "aws_glue_catalog_database",
    "aws_glue_catalog_table",
    "aws_glue_connection",
    "aws_glue_data_quality_ruleset",
    "aws_iam_instance_profile",
    "aws_kms_alias",
    "aws_route_table",
    "aws_route_table_association",
    "aws_s3_bucket_lifecycle_configuration",
    "aws_s3_bucket_notification",
    "aws_security_group",
    "aws_vpc",
}


def of_kind(resources: dict[str, Json], kind: str) -> Iterator[tuple[str, Json]]:
    made = {name: it for name, it in resources.items() if f".data.{kind}." not in f".{name}"}
    return ((name, it) for name, it in made.items() if f".{kind}." in f".{name}")


def test_every_kind_of_resource_is_decided_on(resources: dict[str, Json]) -> None:
    kinds = {name.split("[")[0].split(".")[-2] for name in resources if ".data." not in f".{name}"}
    assert kinds == SETTINGS.keys() | READ_BELOW | NEUTRAL


@pytest.mark.parametrize("kind", SETTINGS)
def test_every_resource_has_its_security_settings(kind: str, resources: dict[str, Json]) -> None:
    found = list(of_kind(resources, kind))
    assert found
    for name, values in found:
        if kind == "aws_vpc_endpoint" and values["vpc_endpoint_type"] == "Interface":
            continue  # reached by the project's groups only, as the rules below say
        for path, expected in SETTINGS[kind].items():
            value = at(values, path)
            assert value if expected is ... else value == expected, (name, path)


def test_the_data_bucket_is_encrypted_by_the_key_and_the_log_bucket_by_s3(
    resources: dict[str, Json],
) -> None:
    kind = "aws_s3_bucket_server_side_encryption_configuration"
    ciphers = {
        name.rpartition(".")[2]: at(values, _CIPHER) for name, values in of_kind(resources, kind)
    }
    assert (ciphers["data"]["sse_algorithm"], ciphers["data"]["kms_master_key_id"]) == (
        "aws:kms",
        KEY,
    )
    assert ciphers["logs"]["sse_algorithm"] == "AES256"


def test_the_buckets_are_protected_alike(resources: dict[str, Json]) -> None:
    for kind in (
        "aws_s3_bucket_ownership_controls",
        "aws_s3_bucket_policy",
        "aws_s3_bucket_public_access_block",
        "aws_s3_bucket_versioning",
    ):
        names = {name.rpartition(".")[2] for name, _ in of_kind(resources, kind)}
        assert names == {"data", "logs"}, kind
    assert [name for name, _ in of_kind(resources, "aws_s3_bucket_logging")] == [
        "module.storage.aws_s3_bucket_logging.data"
    ]


def test_a_bucket_refuses_plain_http(resources: dict[str, Json]) -> None:
    for name, values in of_kind(resources, "aws_s3_bucket_policy"):
        (deny,) = [it for it in at(values, "policy.Statement") if it["Effect"] == "Deny"]
        assert deny["Principal"] == {"AWS": "*"}, name
        assert deny["Action"] == "s3:*", name
        assert deny["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, name
        assert [arn.endswith("/*") for arn in deny["Resource"]] == [False, True], name


RESOURCE_POLICIES = (
    "aws_kms_key", "aws_s3_bucket_policy", "aws_sns_topic_policy", "aws_sqs_queue",
)  # fmt: skip
ACCOUNT_ROOT = {"AWS": "arn:aws:iam::123456789012:root"}


@pytest.mark.parametrize("kind", RESOURCE_POLICIES)
def test_a_resource_admits_services_on_behalf_of_this_account_only(
    kind: str, resources: dict[str, Json]
) -> None:
    found = list(of_kind(resources, kind))
    assert found
    for name, values in found:
        for statement in at(values, "policy.Statement"):
            if statement["Effect"] == "Deny" or statement["Principal"] == ACCOUNT_ROOT:
                continue
            assert set(statement["Principal"]) == {"Service"}, (name, statement)
            assert "123456789012" in json.dumps(statement["Condition"]), (name, statement)


def test_no_rule_names_addresses(resources: dict[str, Json]) -> None:
    for kind in ("aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule"):
        found = list(of_kind(resources, kind))
        assert found
        for name, values in found:
            assert not values["cidr_ipv4"], name
            assert not values["cidr_ipv6"], name


def test_the_gateway_endpoint_leads_to_named_buckets_only(resources: dict[str, Json]) -> None:
    for _, values in of_kind(resources, "aws_vpc_endpoint"):
        if values["vpc_endpoint_type"] != "Gateway":
            continue
        for statement in at(values, "policy.Statement"):
            for arn in listed(statement["Resource"]):
                assert not arn.removeprefix("arn:aws:s3:::").startswith("*"), statement["Sid"]


def test_the_persistent_cluster_has_the_security_configuration(mocked: Mocked) -> None:
    modules = mocked.states["persistent_cluster"]["root_module"]["child_modules"]
    emr = next(it for it in modules if it["address"] == "module.emr")["resources"]
    (cluster,) = [it["values"] for it in emr if it["type"] == "aws_emr_cluster"]
    (settings,) = [it["values"] for it in emr if it["type"] == "aws_emr_security_configuration"]
    assert cluster["security_configuration"] == settings["name"]
