"""QuickSight's resources in a stack of CloudFormation, which moto ignores."""

from __future__ import annotations

from functools import cache
from typing import Any

from botocore.session import Session
from botocore.validate import ParamValidator
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException

from local_aws.patches.hooks import wrap
from local_aws.patches.quicksight.resources import (
    RESOURCE_TYPES,
    Backend,
    Resource,
    ResourceType,
    backend,
)


class StackResourceError(Exception):
    """A resource of a stack could not be created."""


class _Resource:
    """A QuickSight resource in a CloudFormation stack."""

    kind: ResourceType

    def __init__(self, resource: Resource, account: str) -> None:
        self.resource = resource
        self._account = account

    @classmethod
    def cloudformation_type(cls) -> str:
        return f"AWS::QuickSight::{cls.kind.name}"

    @staticmethod
    def has_cfn_attr(attr: str) -> bool:
        return attr == "Arn"

    def get_cfn_attribute(self, attr: str) -> str:
        if not self.has_cfn_attr(attr):
            raise UnformattedGetAttTemplateException
        return self.resource.arn

    @property
    def physical_resource_id(self) -> str:
        return f"{self._account}|{self.resource.id}"

    @staticmethod
    def is_created() -> bool:
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, _: str, given: dict[str, Any], account: str, region: str, **__: Any
    ) -> _Resource:
        parameters = cls._checked(given["Properties"])
        return cls(cls._made(backend(account, region), parameters), account)

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: Any,
        new_resource_name: str,  # noqa: ARG003 - called by name
        cloudformation_json: dict[str, Any],
        account_id: str,
        region_name: str,
    ) -> _Resource:
        parameters = cls._checked(cloudformation_json["Properties"])
        held = backend(account_id, region_name)
        if parameters[cls.kind.key] != original_resource.resource.id:
            held.delete(cls.kind, original_resource.resource.id)
            return cls(cls._made(held, parameters), account_id)
        return cls(cls._well(held.update(cls.kind, parameters)), account_id)

    @classmethod
    def _checked(cls, properties: dict[str, Any]) -> dict[str, Any]:
        """Return the properties, which are the parameters of the call that creates the resource."""
        shape = _model().operation_model(f"Create{cls.kind.name}").input_shape
        report = ParamValidator().validate(properties, shape)
        if report.has_errors():
            raise StackResourceError(report.generate_report())
        return properties

    @classmethod
    def _made(cls, held: Backend, parameters: dict[str, Any]) -> Resource:
        resource = held.create(cls.kind, parameters)
        try:
            return cls._well(resource)
        except StackResourceError:
            # What failed does not stay: its stack does not know it.
            held.delete(cls.kind, resource.id)
            raise

    @classmethod
    def _well(cls, resource: Resource) -> Resource:
        """Check that a resource, and a data set's rows, were created, as CloudFormation does."""
        if resource.error:
            raise StackResourceError(
                f"{resource.id}: {resource.error['Type']}: {resource.error['Message']}"
            )
        for ingestion in list(resource.ingestions.values())[-1:]:
            if error := ingestion.get("ErrorInfo"):
                raise StackResourceError(f"{resource.id}: {error['Type']}: {error['Message']}")
        return resource

    def delete(self, account: str, region: str) -> None:
        backend(account, region).delete(self.kind, self.resource.id)


@cache
def _model() -> Any:
    return Session().get_service_model("quicksight")


_RESOURCES: dict[str, Any] = {
    f"AWS::QuickSight::{kind.name}": type(kind.name, (_Resource,), {"kind": kind})
    for kind in RESOURCE_TYPES.values()
}


def make_by_cloudformation() -> None:
    """Create QuickSight's resources of a stack, which moto ignores."""

    @wrap(parsing, "resource_class_from_type")
    def resource_class_from_type(original: Any, kind: str) -> Any:
        return _RESOURCES.get(kind) or original(kind)
