"""QuickSight: data sources and data sets that read what they name, analyses and dashboards.

moto keeps names. Here a data source reads its manifest when it is made, and an ingestion loads
the rows that the manifest leads to and casts them by the data set, so that what would break in
QuickSight breaks here.
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
from moto.s3.exceptions import MissingBucket
from moto.s3.models import s3_backends
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)

from local_aws import spice
from local_aws.patches.hooks import define, wrap

INGESTIONS_A_DAY = 32
"""How often a data set may be loaded in 24 hours."""
_DAY_SECONDS = 24 * 3600


class ResourceExistsError(JsonRESTError):
    """Something of that id is there."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("ResourceExistsException", message)


class LimitExceededError(JsonRESTError):
    """It was asked for too often."""

    code = 409

    def __init__(self, message: str) -> None:
        super().__init__("LimitExceededException", message)


@dataclass(frozen=True)
class Kind:
    """A kind of thing that is made of a call's parameters."""

    name: str
    plural: str
    path: str
    arn: str

    @property
    def key(self) -> str:
        """What names one."""
        return f"{self.name}Id"


KINDS = {
    kind.name: kind
    for kind in (
        Kind("DataSource", "DataSources", "data-sources", "datasource"),
        Kind("DataSet", "DataSetSummaries", "data-sets", "dataset"),
        Kind("Theme", "ThemeSummaryList", "themes", "theme"),
        Kind("Analysis", "AnalysisSummaryList", "analyses", "analysis"),
        Kind("Dashboard", "DashboardSummaryList", "dashboards", "dashboard"),
    )
}


@dataclass
class Thing:
    """One of them, as it was asked for."""

    kind: Kind
    arn: str
    parameters: dict[str, Any]
    status: str = "CREATION_SUCCESSFUL"
    error: dict[str, str] | None = None
    ingestions: dict[str, dict[str, Any]] = field(default_factory=dict)
    made: float = field(default_factory=time.time)

    @property
    def id(self) -> str:
        """Its id."""
        return str(self.parameters[self.kind.key])

    def shown(self) -> dict[str, Any]:
        """As a Describe call shows it."""
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


class Shelf:
    """What one account holds in one region."""

    def __init__(self, account: str, region: str) -> None:
        self._account = account
        self._region = region
        self.things: dict[tuple[str, str], Thing] = {}

    def create(self, kind: Kind, parameters: dict[str, Any]) -> Thing:
        """Make something; what makes a data source fail is in its status."""
        name = str(parameters[kind.key])
        if (kind.name, name) in self.things:
            raise ResourceExistsError(f"{kind.name} {name} already exists")
        arn = f"arn:aws:quicksight:{self._region}:{self._account}:{kind.arn}/{name}"
        thing = Thing(kind, arn, parameters)
        self._check(thing)
        self.things[kind.name, name] = thing
        if kind.name == "DataSet" and parameters["ImportMode"] == "SPICE":
            self.ingest(name, str(uuid.uuid4()))
        return thing

    def update(self, kind: Kind, parameters: dict[str, Any]) -> Thing:
        """Make something anew under its id."""
        thing = self.find(kind, str(parameters[kind.key]))
        changed = Thing(
            kind, thing.arn, parameters, "UPDATE_SUCCESSFUL", None, thing.ingestions, thing.made
        )
        self._check(changed)
        self.things[kind.name, thing.id] = changed
        if kind.name == "DataSet" and parameters["ImportMode"] == "SPICE":
            self.ingest(thing.id, str(uuid.uuid4()))
        return changed

    def find(self, kind: Kind, name: str) -> Thing:
        """What has this id."""
        if (kind.name, name) not in self.things:
            raise ResourceNotFoundException(f"{kind.name} {name} is not found")
        return self.things[kind.name, name]

    def delete(self, kind: Kind, name: str) -> Thing:
        """Remove something."""
        self.find(kind, name)
        return self.things.pop((kind.name, name))

    def of(self, kind: Kind) -> list[Thing]:
        """All of one kind."""
        return [thing for thing in self.things.values() if thing.kind == kind]

    def ingest(self, data_set: str, name: str) -> dict[str, Any]:
        """Load a data set's rows; what goes wrong is in the ingestion's status."""
        thing = self.find(KINDS["DataSet"], data_set)
        if name in thing.ingestions:
            raise ResourceExistsError(f"Ingestion {name} already exists")
        since = time.time() - _DAY_SECONDS
        if sum(it["CreatedTime"] > since for it in thing.ingestions.values()) >= INGESTIONS_A_DAY:
            raise LimitExceededError(
                f"Data set {data_set} was loaded {INGESTIONS_A_DAY} times in the last 24 hours"
            )
        ingestion: dict[str, Any] = {
            "Arn": f"{thing.arn}/ingestion/{name}",
            "IngestionId": name,
            "CreatedTime": time.time(),
            "RequestType": "FULL_REFRESH",
        }
        try:
            loaded = self._load(thing)
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
        thing.ingestions[name] = ingestion
        return ingestion

    def _check(self, thing: Thing) -> None:
        parameters = thing.parameters
        match thing.kind.name:
            case "DataSource" if "S3Parameters" in parameters.get("DataSourceParameters", {}):
                try:
                    self._manifest(thing)
                except spice.IngestionError as error:
                    thing.status = thing.status.replace("SUCCESSFUL", "FAILED")
                    kind = "ACCESS_DENIED" if "permission" in error.message else "CONFLICT"
                    thing.error = {"Type": kind, "Message": error.message}
            case "DataSet":
                for table in parameters["PhysicalTableMap"].values():
                    self._source_of(table)
            case "Analysis" | "Dashboard":
                for declared in _declared(parameters):
                    self.find(KINDS["DataSet"], declared["DataSetArn"].rpartition("/")[2])
            case _:
                pass

    def _source_of(self, table: dict[str, Any]) -> Thing:
        source = table.get("S3Source")
        if source is None:
            raise InvalidParameterValueException("only S3 sources are served here")
        return self.find(KINDS["DataSource"], source["DataSourceArn"].rpartition("/")[2])

    def _manifest(self, source: Thing) -> spice.Manifest:
        place = source.parameters["DataSourceParameters"]["S3Parameters"]["ManifestFileLocation"]
        return spice.read_manifest(_Objects(self._account), place["Bucket"], place["Key"])

    def _load(self, thing: Thing) -> spice.Loaded:
        (table,) = thing.parameters["PhysicalTableMap"].values()
        manifest = self._manifest(self._source_of(table))
        columns = [column["Name"] for column in table["S3Source"]["InputColumns"]]
        casts = {
            cast["ColumnName"]: cast["NewColumnType"]
            for logical in thing.parameters.get("LogicalTableMap", {}).values()
            for transform in logical.get("DataTransforms", [])
            if (cast := transform.get("CastColumnTypeOperation"))
        }
        settings = table["S3Source"].get("UploadSettings", {})
        return spice.load(_Objects(self._account), manifest, columns, casts, settings)


@dataclass(frozen=True)
class _Objects:
    account: str

    def read(self, bucket: str, key: str) -> bytes | None:
        try:
            found = s3_backends[self.account]["aws"].get_object(bucket, key)
        except MissingBucket:
            return None
        return None if found is None else bytes(found.value)

    def keys(self, bucket: str, prefix: str) -> list[str]:
        try:
            found = s3_backends[self.account]["aws"].head_bucket(bucket)
        except MissingBucket:
            return []
        return sorted(name for name in found.keys if name.startswith(prefix))


def shelf(account: str, region: str) -> Shelf:
    """What an account holds in a region."""
    backend: Any = quicksight_backends[account][region]
    if not hasattr(backend, "shelf"):
        backend.shelf = Shelf(account, region)
    found: Shelf = backend.shelf
    return found


def _of(response: Any) -> Shelf:
    return shelf(response.current_account, response.region)


def keep_things() -> None:
    """Data sources read no manifest, data sets cannot be described, dashboards not be deleted,
    and there are no analyses, definitions or permissions.
    """  # noqa: D205
    account = r"{0}/accounts/(?P<account_id>[\d]+)"
    for kind in KINDS.values():
        one = rf"{account}/{kind.path}/(?P<thing_id>[^/]+)"
        for path in (f"{account}/{kind.path}$", f"{one}$", f"{one}/definition$"):
            urls.url_paths[path] = QuickSightResponse.dispatch
        urls.url_paths[f"{one}/permissions$"] = QuickSightResponse.dispatch
        _define(kind)


def _define(kind: Kind) -> None:
    snake = "".join(f"_{c.lower()}" if c.isupper() else c for c in kind.name).lstrip("_")
    plural = {"Analysis": "analyses"}.get(kind.name, f"{snake}s")

    def find(response: Any) -> Thing:
        return _of(response).find(kind, response._get_param(kind.key))  # noqa: SLF001

    def named(thing: Thing) -> dict[str, Any]:
        return {kind.key: thing.id, "Arn": thing.arn, "Name": thing.parameters["Name"]}

    def create(response: Any) -> dict[str, Any]:
        thing = _of(response).create(kind, _parameters(response))
        answer = named(thing) | {"CreationStatus": thing.status, "Status": 201}
        if thing.ingestions:
            answer["IngestionId"] = list(thing.ingestions)[-1]
        return answer

    def update(response: Any) -> dict[str, Any]:
        thing = _of(response).update(kind, _parameters(response))
        return named(thing) | {"UpdateStatus": thing.status, "Status": 200}

    def delete(response: Any) -> dict[str, Any]:
        return named(_of(response).delete(kind, response._get_param(kind.key)))  # noqa: SLF001

    def part(name: str) -> Any:
        return lambda response: (
            named(thing := find(response)) | {name: thing.parameters.get(name), "Status": 200}
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
    """An ingestion loads nothing and cannot be described."""
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
        ingestions = _of(response).find(KINDS["DataSet"], data_set).ingestions
        if name not in ingestions:
            raise ResourceNotFoundException(f"Ingestion {name} is not found")
        return json.dumps({"Ingestion": ingestions[name], "Status": 200})

    @define(QuickSightResponse, "list_ingestions")
    def list_(response: Any) -> str:
        data_set = response._get_param("DataSetId")  # noqa: SLF001
        thing = _of(response).find(KINDS["DataSet"], data_set)
        return json.dumps({"Ingestions": list(reversed(thing.ingestions.values()))})


def call_from_a_machine() -> None:
    """An error of QuickSight has another name than in Step Functions, and an answer's times are
    no JSON.
    """  # noqa: D205
    aws_sdk._SERVICE_ERROR_NAMES["quicksight"] = "QuickSight"  # noqa: SLF001

    @wrap(aws_sdk.StateTaskServiceAwsSdk, "_eval_service_task")
    def evaluate(original: Any, service: Any, env: Any, *args: Any, **kwargs: Any) -> None:
        original(service, env, *args, **kwargs)
        answer = env.stack.pop()
        env.stack.append(json.loads(json.dumps(answer, default=lambda moment: moment.isoformat())))


class StackResourceError(Exception):
    """A resource of a stack could not be made."""


class _Resource:
    """One of QuickSight's things as a resource of a CloudFormation stack."""

    kind: Kind

    def __init__(self, thing: Thing, account: str) -> None:
        self.thing = thing
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
        return self.thing.arn

    @property
    def physical_resource_id(self) -> str:
        return f"{self._account}|{self.thing.id}"

    @staticmethod
    def is_created() -> bool:
        return True

    @classmethod
    def create_from_cloudformation_json(
        cls, _: str, given: dict[str, Any], account: str, region: str, **__: Any
    ) -> _Resource:
        parameters = cls._checked(given["Properties"])
        return cls(cls._made(shelf(account, region), parameters), account)

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
        held = shelf(account_id, region_name)
        if parameters[cls.kind.key] != original_resource.thing.id:
            held.delete(cls.kind, original_resource.thing.id)
            return cls(cls._made(held, parameters), account_id)
        return cls(cls._well(held.update(cls.kind, parameters)), account_id)

    @classmethod
    def _checked(cls, properties: dict[str, Any]) -> dict[str, Any]:
        """The properties, which are those of the call that makes the thing."""
        shape = _model().operation_model(f"Create{cls.kind.name}").input_shape
        report = ParamValidator().validate(properties, shape)
        if report.has_errors():
            raise StackResourceError(report.generate_report())
        return properties

    @classmethod
    def _made(cls, held: Shelf, parameters: dict[str, Any]) -> Thing:
        thing = held.create(cls.kind, parameters)
        try:
            return cls._well(thing)
        except StackResourceError:
            # What failed does not stay: its stack does not know it.
            held.delete(cls.kind, thing.id)
            raise

    @classmethod
    def _well(cls, thing: Thing) -> Thing:
        """CloudFormation waits until a thing is made, and until a data set's rows are loaded."""
        if thing.error:
            raise StackResourceError(f"{thing.id}: {thing.error['Type']}: {thing.error['Message']}")
        for ingestion in list(thing.ingestions.values())[-1:]:
            if error := ingestion.get("ErrorInfo"):
                raise StackResourceError(f"{thing.id}: {error['Type']}: {error['Message']}")
        return thing

    def delete(self, account: str, region: str) -> None:
        shelf(account, region).delete(self.kind, self.thing.id)


@cache
def _model() -> Any:
    return Session().get_service_model("quicksight")


_RESOURCES: dict[str, Any] = {
    f"AWS::QuickSight::{kind.name}": type(kind.name, (_Resource,), {"kind": kind})
    for kind in KINDS.values()
}


def make_by_cloudformation() -> None:
    """CloudFormation passes over QuickSight's types in silence."""

    @wrap(parsing, "resource_class_from_type")
    def resource_class_from_type(original: Any, kind: str) -> Any:
        return _RESOURCES.get(kind) or original(kind)


PATCHES = {
    "quicksight: keep things": keep_things,
    "quicksight: load rows": load_rows,
    "quicksight: call from a machine": call_from_a_machine,
    "quicksight: make by CloudFormation": make_by_cloudformation,
}
