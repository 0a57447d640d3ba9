"""QuickSight's resources of an account, and the rows of its data sets."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field
from typing import Any

from moto.core.exceptions import JsonRESTError
from moto.quicksight.exceptions import InvalidParameterValueException, ResourceNotFoundException
from moto.quicksight.models import quicksight_backends

from local_aws import spice
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
