"""QuickSight: data sources and data sets that read their files, analyses and dashboards.

moto keeps names only. Here a data source reads its manifest when it is created, and an ingestion
loads the rows of the manifest's files and casts them by the data set, so that an error in
QuickSight is an error here.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from botocore.session import Session
from botocore.validate import ParamValidator
from moto.cloudformation import parsing
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.exceptions import JsonRESTError
from moto.quicksight import urls
from moto.quicksight.exceptions import InvalidParameterValueException, ResourceNotFoundException
from moto.quicksight.models import quicksight_backends
from moto.quicksight.responses import QuickSightResponse
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)

from local_aws import spice
from local_aws.patches.hooks import define, wrap
from local_aws.reading import Objects

INGESTIONS_A_DAY = 32
"""Maximum number of ingestions of a data set in 24 hours."""
_DAY_SECONDS = 24 * 3600


class ResourceExistsError(JsonRESTError):
    """A resource with this id exists."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceExistsException", message)


class LimitExceededError(JsonRESTError):
    """The limit of calls is exceeded."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


@dataclass(frozen=True)
class ResourceType:
    """A type of resource that is created from a call's parameters."""

    name: str
    plural: str
    path: str
    arn: str

    @property
    def key(self) -> str:
        """The name of the parameter with the id."""
        return f"{self.name}Id"


RESOURCE_TYPES = {
    kind.name: kind
    for kind in (
        ResourceType("DataSource", "DataSources", "data-sources", "datasource"),
        ResourceType("DataSet", "DataSetSummaries", "data-sets", "dataset"),
        ResourceType("Theme", "ThemeSummaryList", "themes", "theme"),
        ResourceType("Analysis", "AnalysisSummaryList", "analyses", "analysis"),
        ResourceType("Dashboard", "DashboardSummaryList", "dashboards", "dashboard"),
    )
}


@dataclass
class Resource:
    """A resource with the parameters of its call."""

    kind: ResourceType
    arn: str
    parameters: dict[str, Any]
    status: str = "CREATION_SUCCESSFUL"
    error: dict[str, str] | None = None
    ingestions: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: float = field(default_factory=time.time)

    @property
    def id(self) -> str:
        """The resource's id."""
        return str(self.parameters[self.kind.key])

    def shown(self) -> dict[str, Any]:
        """Return the resource in the form of a Describe call."""
        hidden = {"AwsAccountId", "Permissions", "Definition", "Tags"}
        known = {name: value for name, value in self.parameters.items() if name not in hidden}
        shown = known | {"Arn": self.arn, "CreatedTime": self.made, "LastUpdatedTime": self.made}
        if self.kind.name == "Dashboard":
            sets = [it["DataSetArn"] for it in _declared(self.parameters)]
            version = {"VersionNumber": 1, "Status": self.status, "DataSetArns": sets}
            return shown | {"Version": version | {"Arn": f"{self.arn}/version/1"}}
        if self.kind.name == "Analysis":
            shown["DataSetArns"] = [it["DataSetArn"] for it in _declared(self.parameters)]
        if self.kind.name != "DataSet":
            shown["Status"] = self.status
        return shown | ({"ErrorInfo": self.error} if self.error else {})


def _declared(parameters: dict[str, Any]) -> list[dict[str, str]]:
    definition = parameters.get("Definition") or {}
    return list(definition.get("DataSetIdentifierDeclarations", []))


class Backend:
    """The resources of one account in one region."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self.resources: dict[tuple[str, str], Resource] = {}

    def create(self, kind: ResourceType, parameters: dict[str, Any]) -> Resource:
        """Create a resource; the errors of a data source are in its status."""
        name = str(parameters[kind.key])
        if (kind.name, name) in self.resources:
            raise ResourceExistsError(f"{kind.name} {name} already exists")
        arn = f"arn:aws:quicksight:{self._region}:{self._account}:{kind.arn}/{name}"
        resource = Resource(kind, arn, parameters)
        self._check(resource)
        self.resources[kind.name, name] = resource
        if kind.name == "DataSet" and parameters["ImportMode"] == "SPICE":
            self.ingest(name, str(uuid.uuid4()))
        return resource

    def update(self, kind: ResourceType, parameters: dict[str, Any]) -> Resource:
        """Replace a resource, keeping its id."""
        resource = self.find(kind, str(parameters[kind.key]))
        changed = Resource(
            kind,
            resource.arn,
            parameters,
            "UPDATE_SUCCESSFUL",
            None,
            resource.ingestions,
            resource.made,
        )
        self._check(changed)
        self.resources[kind.name, resource.id] = changed
        if kind.name == "DataSet" and parameters["ImportMode"] == "SPICE":
            self.ingest(resource.id, str(uuid.uuid4()))
        return changed

    def find(self, kind: ResourceType, name: str) -> Resource:
        """Return the resource with this id."""
        if (kind.name, name) not in self.resources:
            raise ResourceNotFoundException(f"{kind.name} {name} is not found")
        return self.resources[kind.name, name]

    def delete(self, kind: ResourceType, name: str) -> Resource:
        """Delete a resource."""
        self.find(kind, name)
        return self.resources.pop((kind.name, name))

    def of(self, kind: ResourceType) -> list[Resource]:
        """Return all resources of one type."""
        return [resource for resource in self.resources.values() if resource.kind == kind]

    def ingest(self, data_set: str, name: str) -> dict[str, Any]:
        """Load a data set's rows; errors are in the ingestion's status."""
        resource = self.find(RESOURCE_TYPES["DataSet"], data_set)
        if name in resource.ingestions:
            raise ResourceExistsError(f"Ingestion {name} already exists")
        since = time.time() - _DAY_SECONDS
        if (
            sum(it["CreatedTime"] > since for it in resource.ingestions.values())
            >= INGESTIONS_A_DAY
        ):
            raise LimitExceededError(
                f"Data set {data_set} was loaded {INGESTIONS_A_DAY} times in the last 24 hours"
            )
        ingestion: dict[str, Any] = {
            "Arn": f"{resource.arn}/ingestion/{name}",
            "IngestionId": name,
            "CreatedTime": time.time(),
            "RequestType": "FULL_REFRESH",
        }
        try:
            loaded = self._load(resource)
        except spice.IngestionError as error:
            ingestion["IngestionStatus"] = "FAILED"
            ingestion["ErrorInfo"] = {"Type": error.kind, "Message": error.message}
            ingestion["RowInfo"] = {"RowsIngested": 0, "RowsDropped": 0, "TotalRowsInDataset": 0}
        else:
            ingestion["IngestionStatus"] = "COMPLETED"
            ingestion["RowInfo"] = {
                "RowsIngested": len(loaded.rows),
                "RowsDropped": loaded.dropped,
                "TotalRowsInDataset": len(loaded.rows),
            }
        resource.ingestions[name] = ingestion
        return ingestion

    def _check(self, resource: Resource) -> None:
        parameters = resource.parameters
        match resource.kind.name:
            case "DataSource" if "S3Parameters" in parameters.get("DataSourceParameters", {}):
                try:
                    self._manifest(resource)
                except spice.IngestionError as error:
                    resource.status = resource.status.replace("SUCCESSFUL", "FAILED")
                    kind = "ACCESS_DENIED" if "permission" in error.message else "CONFLICT"
                    resource.error = {"Type": kind, "Message": error.message}
            case "DataSet":
                for table in parameters["PhysicalTableMap"].values():
                    self._source_of(table)
            case "Analysis" | "Dashboard":
                for declared in _declared(parameters):
                    self.find(RESOURCE_TYPES["DataSet"], declared["DataSetArn"].rpartition("/")[2])
            case _:
                pass

    def _source_of(self, table: dict[str, Any]) -> Resource:
        source = table.get("S3Source")
        if source is None:
            raise InvalidParameterValueException("only S3 sources are served here")
        return self.find(RESOURCE_TYPES["DataSource"], source["DataSourceArn"].rpartition("/")[2])

    def _manifest(self, source: Resource) -> spice.Manifest:
        place = _s3(source)["ManifestFileLocation"]
        return spice.read_manifest(self._objects(source), place["Bucket"], place["Key"])

    def _objects(self, source: Resource) -> Objects:
        return Objects(self._account, _s3(source).get("RoleArn"))

    def _load(self, resource: Resource) -> spice.Loaded:
        (table,) = resource.parameters["PhysicalTableMap"].values()
        source = self._source_of(table)
        manifest = self._manifest(source)
        columns = [column["Name"] for column in table["S3Source"]["InputColumns"]]
        casts = {
            cast["ColumnName"]: cast["NewColumnType"]
            for logical in resource.parameters.get("LogicalTableMap", {}).values()
            for transform in logical.get("DataTransforms", [])
            if (cast := transform.get("CastColumnTypeOperation"))
        }
        settings = table["S3Source"].get("UploadSettings", {})
        return spice.load(self._objects(source), manifest, columns, casts, settings)


def _s3(source: Resource) -> dict[str, Any]:
    found: dict[str, Any] = source.parameters["DataSourceParameters"]["S3Parameters"]
    return found


def backend(account: str, region: str) -> Backend:
    """Return the resources of an account in a region."""
    emulated: Any = quicksight_backends[account][region]
    if not hasattr(emulated, "resources"):
        emulated.resources = Backend(account, region)
    found: Backend = emulated.resources
    return found


def _of(response: Any) -> Backend:
    return backend(response.current_account, response.region)


def keep_resources() -> None:
    """Add complete resources.

    In moto data sources read no manifest, data sets cannot be described, dashboards cannot be
    deleted, and there are no analyses, definitions or permissions.
    """
    account = r"{0}/accounts/(?P<account_id>[\d]+)"
    for kind in RESOURCE_TYPES.values():
        one = rf"{account}/{kind.path}/(?P<thing_id>[^/]+)"
        for path in (f"{account}/{kind.path}$", f"{one}$", f"{one}/definition$"):
            urls.url_paths[path] = QuickSightResponse.dispatch
        urls.url_paths[f"{one}/permissions$"] = QuickSightResponse.dispatch
        _define(kind)


def _define(kind: ResourceType) -> None:
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.name).lstrip("_")
    plural = {"Analysis": "analyses"}.get(kind.name, f"{snake}s")

    def find(response: Any) -> Resource:
        return _of(response).find(kind, response._get_param(kind.key))  # noqa: SLF001

    def named(resource: Resource) -> dict[str, Any]:
        return {kind.key: resource.id, "Arn": resource.arn, "Name": resource.parameters["Name"]}

    def create(response: Any) -> dict[str, Any]:
        resource = _of(response).create(kind, _parameters(response))
        answer = named(resource) | {"CreationStatus": resource.status, "Status": 201}
        if resource.ingestions:
            answer["IngestionId"] = list(resource.ingestions)[-1]
        return answer

    def update(response: Any) -> dict[str, Any]:
        resource = _of(response).update(kind, _parameters(response))
        return named(resource) | {"UpdateStatus": resource.status, "Status": 200}

    def delete(response: Any) -> dict[str, Any]:
        return named(_of(response).delete(kind, response._get_param(kind.key)))  # noqa: SLF001

    def part(name: str) -> Any:
        return lambda response: (
            named(resource := find(response)) | {name: resource.parameters.get(name), "Status": 200}
        )

    operations = {
        f"create_{snake}": create,
        f"update_{snake}": update,
        f"delete_{snake}": delete,
        f"describe_{snake}": lambda response: {kind.name: find(response).shown(), "Status": 200},
        f"describe_{snake}_definition": part("Definition"),
        f"describe_{snake}_permissions": part("Permissions"),
        f"list_{plural}": lambda response: {kind.plural: list(map(named, _of(response).of(kind)))},
    }
    for name, operation in operations.items():
        _serve(name, operation)


def _parameters(response: Any) -> dict[str, Any]:
    return {**response.uri_match, **json.loads(response.body or "{}")}


def _serve(name: str, operation: Callable[[Any], dict[str, Any]]) -> None:
    @define(QuickSightResponse, name)
    def serve(response: Any) -> str:
        return json.dumps(operation(response))


def load_rows() -> None:
    """Add ingestions, which in moto load nothing and cannot be described."""
    path = r"{0}/accounts/(?P<account_id>[\d]+)/data-sets/(?P<thing_id>[^/]+)/ingestions"
    urls.url_paths[f"{path}$"] = QuickSightResponse.dispatch
    urls.url_paths[f"{path}/(?P<ingestion_id>[^/]+)$"] = QuickSightResponse.dispatch

    def names(response: Any) -> tuple[str, str]:
        return response._get_param("DataSetId"), response._get_param("IngestionId")  # noqa: SLF001

    @define(QuickSightResponse, "create_ingestion")
    def create(response: Any) -> str:
        made = _of(response).ingest(*names(response))
        # It has only begun when the call is answered.
        shown = {name: made[name] for name in ("Arn", "IngestionId")}
        return json.dumps(shown | {"IngestionStatus": "INITIALIZED", "Status": 201})

    @define(QuickSightResponse, "describe_ingestion")
    def describe(response: Any) -> str:
        data_set, name = names(response)
        ingestions = _of(response).find(RESOURCE_TYPES["DataSet"], data_set).ingestions
        if name not in ingestions:
            raise ResourceNotFoundException(f"Ingestion {name} is not found")
        return json.dumps({"Ingestion": ingestions[name], "Status": 200})

    @define(QuickSightResponse, "list_ingestions")
    def list_(response: Any) -> str:
        data_set = response._get_param("DataSetId")  # noqa: SLF001
        resource = _of(response).find(RESOURCE_TYPES["DataSet"], data_set)
        return json.dumps({"Ingestions": list(reversed(resource.ingestions.values()))})


def call_from_a_machine() -> None:
    """Name errors as Step Functions does, and encode an answer's times as JSON."""
    aws_sdk._SERVICE_ERROR_NAMES["quicksight"] = "QuickSight"  # noqa: SLF001

    @wrap(aws_sdk.StateTaskServiceAwsSdk, "_eval_service_task")
    def evaluate(original: Any, service: Any, env: Any, *args: Any, **kwargs: Any) -> None:
        original(service, env, *args, **kwargs)
        answer = env.stack.pop()
        env.stack.append(json.loads(json.dumps(answer, default=lambda moment: moment.isoformat())))


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


PATCHES = {
    "quicksight: keep resources": keep_resources,
    "quicksight: load rows": load_rows,
    "quicksight: call from a machine": call_from_a_machine,
    "quicksight: make by CloudFormation": make_by_cloudformation,
}
