"""The calls of QuickSight's API that moto lacks, or answers by names alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from moto.quicksight import urls
from moto.quicksight.exceptions import ResourceNotFoundException
from moto.quicksight.responses import QuickSightResponse
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service import (
    state_task_service_aws_sdk as aws_sdk,
)

from local_aws.patches.hooks import define, wrap
from local_aws.patches.quicksight.resources import (
    RESOURCE_TYPES,
    Backend,
    Resource,
    ResourceType,
    backend,
)


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
