"""EC2 Instance Connect endpoints, which moto does not have."""

from __future__ import annotations

import uuid
from typing import Any

from moto.core.responses import ActionResult
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.responses import EC2Response

from local_aws.patches.hooks import define


def _kept(response: Any) -> dict[str, dict[str, Any]]:
    backend = response.ec2_backend
    if not hasattr(backend, "instance_connect_endpoints"):
        backend.instance_connect_endpoints = {}
    kept: dict[str, dict[str, Any]] = backend.instance_connect_endpoints
    return kept


def keep_endpoints() -> None:
    """Add Instance Connect endpoints, which cannot be created, described or deleted in moto."""

    @define(EC2Response, "create_instance_connect_endpoint")
    def create(response: Any) -> ActionResult:
        name = f"eice-{uuid.uuid4().hex[:17]}"
        subnet = response.ec2_backend.get_subnet(response._get_param("SubnetId"))  # noqa: SLF001
        account = response.current_account
        kind = f"arn:aws:ec2:{response.region}:{account}:instance-connect-endpoint/{name}"
        tags = response._parse_tag_specification().get("instance-connect-endpoint", {})  # noqa: SLF001
        _kept(response)[name] = {
            "OwnerId": account,
            "InstanceConnectEndpointId": name,
            "InstanceConnectEndpointArn": kind,
            "State": "create-complete",
            "DnsName": f"{name}.ec2-instance-connect-endpoint.{response.region}.amazonaws.com",
            "NetworkInterfaceIds": [],
            "VpcId": subnet.vpc_id,
            "AvailabilityZone": subnet.availability_zone,
            "CreatedAt": utcnow(),
            "SubnetId": subnet.id,
            "PreserveClientIp": bool(response._get_param("PreserveClientIp")),  # noqa: SLF001
            "SecurityGroupIds": response._get_param("SecurityGroupIds", []),  # noqa: SLF001
            "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
        }
        return ActionResult({"InstanceConnectEndpoint": _kept(response)[name]})

    @define(EC2Response, "describe_instance_connect_endpoints")
    def describe(response: Any) -> ActionResult:
        kept = _kept(response)
        wanted = response._get_param("InstanceConnectEndpointIds", []) or list(kept)  # noqa: SLF001
        found = [_found(kept, name) for name in wanted]
        return ActionResult({"InstanceConnectEndpoints": found})

    @define(EC2Response, "delete_instance_connect_endpoint")
    def delete(response: Any) -> ActionResult:
        name = response._get_param("InstanceConnectEndpointId")  # noqa: SLF001
        gone = _found(_kept(response), name) | {"State": "delete-complete"}
        del _kept(response)[name]
        return ActionResult({"InstanceConnectEndpoint": gone})


def _found(kept: dict[str, dict[str, Any]], name: str) -> dict[str, Any]:
    if name not in kept:
        raise EC2ClientError(
            "InvalidInstanceConnectEndpointId.NotFound",
            f"The instance connect endpoint ID '{name}' does not exist",
        )
    return kept[name]


PATCHES = {"ec2: keep instance connect endpoints": keep_endpoints}
