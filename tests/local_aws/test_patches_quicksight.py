"""QuickSight and CloudFormation in the emulator, and what the stack makes of them."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from local_aws import environment
from tests.helpers import state_machine

if TYPE_CHECKING:
    from tests.local_aws.endpoints import Endpoint

ACCOUNT = {"AwsAccountId": environment.ACCOUNT}
GOOD = "region,patients,mean\nnorth,11,1.5\nsouth,,\n"
SETTINGS = {"format": "CSV", "delimiter": ",", "textqualifier": '"', "containsHeader": "true"}
COLUMNS = ("region", "patients", "mean")
CASTS = {"patients": "INTEGER", "mean": "DECIMAL"}


def manifest(endpoint: Endpoint, *files: str, settings: dict[str, str] = SETTINGS) -> str:
    """A bucket with files and the manifest of them, m.json."""
    bucket = endpoint.bucket()
    uris = [endpoint.upload(bucket, f"{n}.csv", text) for n, text in enumerate(files)]
    value = {"fileLocations": [{"URIs": uris}], "globalUploadSettings": settings}
    endpoint.upload(bucket, "m.json", json.dumps(value))
    return bucket


def source_properties(bucket: str, name: str) -> dict[str, Any]:
    place = {"ManifestFileLocation": {"Bucket": bucket, "Key": "m.json"}}
    parameters = {"S3Parameters": place}
    return {
        **ACCOUNT, "DataSourceId": name, "Name": name, "Type": "S3",
        "DataSourceParameters": parameters,
    }  # fmt: skip


def set_properties(source: Any, name: str) -> dict[str, Any]:
    columns = [{"Name": column, "Type": "STRING"} for column in COLUMNS]
    casts = [
        {"CastColumnTypeOperation": {"ColumnName": column, "NewColumnType": kind}}
        for column, kind in CASTS.items()
    ]
    table = {"Alias": "t", "Source": {"PhysicalTableId": "p"}, "DataTransforms": casts}
    return {
        **ACCOUNT, "DataSetId": name, "Name": name, "ImportMode": "SPICE",
        "PhysicalTableMap": {"p": {"S3Source": {"DataSourceArn": source, "InputColumns": columns}}},
        "LogicalTableMap": {"t": table},
    }  # fmt: skip


def data_set(endpoint: Endpoint, bucket: str) -> str:
    name, quicksight = f"d-{uuid.uuid4().hex[:12]}", endpoint.client("quicksight")
    made = quicksight.create_data_source(**source_properties(bucket, name))
    quicksight.create_data_set(**set_properties(made["Arn"], name))
    return name


def ingestion(endpoint: Endpoint, name: str) -> dict[str, Any]:
    quicksight = endpoint.client("quicksight")
    named = {**ACCOUNT, "DataSetId": name, "IngestionId": uuid.uuid4().hex}
    assert quicksight.create_ingestion(**named)["IngestionStatus"] == "INITIALIZED"
    return dict(quicksight.describe_ingestion(**named)["Ingestion"])


def test_a_data_source_reads_its_manifest_when_it_is_made(bare: Endpoint, stack: Endpoint) -> None:
    def make(endpoint: Endpoint, bucket: str) -> dict[str, Any]:
        quicksight = endpoint.client("quicksight")
        quicksight.create_data_source(**source_properties(bucket, bucket))
        found = quicksight.describe_data_source(**ACCOUNT, DataSourceId=bucket)
        return dict(found["DataSource"])

    assert make(bare, bare.bucket())["Status"] == "CREATION_SUCCESSFUL"
    failed = make(stack, stack.bucket())
    assert failed["Status"] == "CREATION_FAILED"
    assert "Insufficient permission to access the manifest file" in failed["ErrorInfo"]["Message"]
    assert make(stack, manifest(stack, GOOD))["Status"] == "CREATION_SUCCESSFUL"


def test_an_ingestion_loads_rows_and_drops_those_that_cannot_be_cast(
    bare: Endpoint, stack: Endpoint
) -> None:
    with pytest.raises(ClientError):
        ingestion(bare, data_set(bare, manifest(bare, GOOD)))
    whole = ingestion(stack, data_set(stack, manifest(stack, GOOD)))
    assert whole["IngestionStatus"] == "COMPLETED"
    # An empty field that is to be a number is none.
    assert whole["RowInfo"] == {"RowsIngested": 2, "RowsDropped": 0, "TotalRowsInDataset": 2}
    broken = GOOD + "east,eleven,1\nwest,1.5,1\nhere,1,NaN\nthere,1\nbeyond,9223372036854775808,1\n"
    some = ingestion(stack, data_set(stack, manifest(stack, GOOD, broken)))
    assert some["RowInfo"] == {"RowsIngested": 4, "RowsDropped": 5, "TotalRowsInDataset": 4}
    below = {"fileLocations": [{"URIPrefixes": [f"s3://{(bucket := stack.bucket())}/rows/"]}]}
    stack.upload(bucket, "m.json", json.dumps(below))
    for name in ("rows/1.csv", "rows/2.csv", "other.csv"):
        stack.upload(bucket, name, GOOD)
    assert ingestion(stack, data_set(stack, bucket))["RowInfo"]["RowsIngested"] == 4


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"m.json": None}, "S3_MANIFEST_ERROR"),
        ({"m.json": "{"}, "S3_MANIFEST_ERROR"),
        ({"m.json": '{"fileLocations": []}'}, "S3_MANIFEST_ERROR"),
        ({"m.json": '{"fileLocations": [{"URIs": ["ftp://x/y"]}]}'}, "S3_MANIFEST_ERROR"),
        ({"0.csv": None}, "S3_FILE_INACCESSIBLE"),
        ({"0.csv": b"region,patients,mean\nn\xffrth,1,1\n"}, "S3_FILE_INACCESSIBLE"),
        ({"0.csv": "region,mean\nnorth,1\n"}, "SQL_SCHEMA_MISMATCH_ERROR"),
        ({"0.csv": "\ufeff" + GOOD}, "SQL_SCHEMA_MISMATCH_ERROR"),
        ({"0.csv": "region,patients,mean,mean\n"}, "DUPLICATE_COLUMN_NAMES_FOUND"),
    ],
)
def test_an_ingestion_fails_of_a_broken_manifest_or_file(
    stack: Endpoint, change: dict[str, Any], kind: str
) -> None:
    bucket = manifest(stack, GOOD)
    name = data_set(stack, bucket)
    for key, content in change.items():
        if content is None:
            stack.client("s3").delete_object(Bucket=bucket, Key=key)
        else:
            stack.upload(bucket, key, content)
    found = ingestion(stack, name)
    assert (found["IngestionStatus"], found["ErrorInfo"]["Type"]) == ("FAILED", kind)
    assert found["RowInfo"]["RowsIngested"] == 0


def test_an_ingestion_is_made_once_and_a_day_has_its_limit(stack: Endpoint) -> None:
    quicksight, name = stack.client("quicksight"), data_set(stack, manifest(stack, GOOD))
    named = {**ACCOUNT, "DataSetId": name}
    quicksight.create_ingestion(**named, IngestionId="once")
    with pytest.raises(quicksight.exceptions.ResourceExistsException):
        quicksight.create_ingestion(**named, IngestionId="once")
    # One was made with the data set.
    for number in range(30):
        quicksight.create_ingestion(**named, IngestionId=str(number))
    with pytest.raises(quicksight.exceptions.LimitExceededException):
        quicksight.create_ingestion(**named, IngestionId="too-much")
    assert len(quicksight.list_ingestions(**named)["Ingestions"]) == 32


def stack_template(bucket: str, name: str, rename: str = "") -> str:
    source = source_properties(bucket, name)
    rows = set_properties({"Fn::GetAtt": ["Source", "Arn"]}, name) | {"Name": rename or name}
    declared = {"Identifier": "d", "DataSetArn": {"Fn::GetAtt": ["Rows", "Arn"]}}
    shown = {"Definition": {"DataSetIdentifierDeclarations": [declared]}, "Name": name}
    resources = {
        "Source": {"Type": "AWS::QuickSight::DataSource", "Properties": source},
        "Rows": {"Type": "AWS::QuickSight::DataSet", "Properties": rows},
        "Look": {
            "Type": "AWS::QuickSight::Dashboard",
            "Properties": {**ACCOUNT, "DashboardId": name, **shown},
        },
    }
    # Tabs are JSON, and no YAML.
    return json.dumps({"Resources": resources}, indent="\t")


def test_a_stack_creates_updates_and_deletes_quicksight_resources(
    bare: Endpoint, stack: Endpoint
) -> None:
    def make(endpoint: Endpoint) -> tuple[str, str]:
        bucket = manifest(endpoint, GOOD)
        name = f"s-{uuid.uuid4().hex[:12]}"
        endpoint.client("cloudformation").create_stack(
            StackName=name, TemplateBody=stack_template(bucket, name)
        )
        return bucket, name

    _, name = make(bare)
    with pytest.raises(ClientError):
        bare.client("quicksight").describe_dashboard(**ACCOUNT, DashboardId=name)

    bucket, name = make(stack)
    quicksight, formation = stack.client("quicksight"), stack.client("cloudformation")
    shown = quicksight.describe_dashboard(**ACCOUNT, DashboardId=name)["Dashboard"]
    assert shown["Version"]["DataSetArns"][0].endswith(f":dataset/{name}")
    formation.update_stack(StackName=name, TemplateBody=stack_template(bucket, name, "other"))
    changed = quicksight.describe_data_set(**ACCOUNT, DataSetId=name)["DataSet"]
    assert changed["Name"] == "other"
    formation.delete_stack(StackName=name)
    for kind in ("dashboards", "data_sets", "data_sources"):
        left = getattr(quicksight, f"list_{kind}")(**ACCOUNT)
        assert name not in json.dumps(left, default=str)


@pytest.mark.parametrize("what", ["manifest", "file", "property"])
def test_a_stack_with_a_resource_that_fails_is_rolled_back_with_the_reason(
    bare: Endpoint, stack: Endpoint, what: str
) -> None:
    bucket, name = manifest(stack, GOOD), f"s-{uuid.uuid4().hex[:12]}"
    text = stack_template(bucket, name)
    if what == "property":
        text = text.replace('"ImportMode"', '"Importmode"')
    else:
        key = "m.json" if what == "manifest" else "0.csv"
        stack.client("s3").delete_object(Bucket=bucket, Key=key)
    formation = stack.client("cloudformation")
    formation.create_stack(StackName=name, TemplateBody=text)
    [described] = formation.describe_stacks(StackName=name)["Stacks"]
    assert described["StackStatus"] == "ROLLBACK_COMPLETE"
    events = formation.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [
        it["ResourceStatusReason"] for it in events if it["ResourceStatus"] == "CREATE_FAILED"
    ]
    assert len(reasons) == 1
    expected = {"manifest": "manifest file", "file": "cannot be read", "property": "ImportMode"}
    assert expected[what] in reasons[0]
    sources = stack.client("quicksight").list_data_sources(**ACCOUNT)["DataSources"]
    assert name not in {it["DataSourceId"] for it in sources}
    broken = {"Resources": {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "/"}}}}
    with pytest.raises(ClientError):
        bare.client("cloudformation").create_stack(StackName=name, TemplateBody=json.dumps(broken))


def refresh(endpoint: Endpoint, items: list[dict[str, str]], rows: dict[str, int]) -> str:
    """Run the pipeline's own state for a list of data sets."""
    definition = state_machine(dashboard_data_sets=json.dumps(items), account=environment.ACCOUNT)
    state = definition["States"]["RefreshDashboards"]
    assert state["Next"] == "WritePage"
    run_id = uuid.uuid4().hex
    assign = {"rows": rows, "run_id": run_id, "ingestion_id": f"{run_id}-1"}
    machine = endpoint.machine(
        {
            "Begin": {"Type": "Pass", "Assign": assign, "Next": "RefreshDashboards"},
            "RefreshDashboards": state,
            "WritePage": {"Type": "Pass", "Output": "{% $stale %}", "End": True},
        }
    )
    execution = endpoint.run(machine)
    assert execution.status == "SUCCEEDED", execution.described
    return str(execution.output)


def test_a_machine_refreshes_every_data_set_and_names_incomplete_loads(
    bare: Endpoint, stack: Endpoint
) -> None:
    described = {**ACCOUNT, "DataSetId": "d", "IngestionId": "i"}
    states = {
        "Look": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:quicksight:createIngestion",
            "Arguments": described,
            "End": True,
        }
    }
    assert "QuickSight." not in json.dumps(bare.run(bare.machine(states)).described, default=str)
    error = stack.run(stack.machine(states)).described["error"]
    assert error == "QuickSight.ResourceNotFoundException"

    good, short = manifest(stack, GOOD), manifest(stack, GOOD + "east,eleven,1\n")
    gone = manifest(stack, GOOD)
    items = [
        {"output": name, "data_set": data_set(stack, bucket)}
        for name, bucket in {"good": good, "short": short, "gone": gone}.items()
    ]
    assert refresh(stack, items[:1], {"good": 2}) == ""
    assert refresh(stack, [], {}) == ""
    stack.client("s3").delete_object(Bucket=gone, Key="m.json")
    missing = {"output": "missing", "data_set": "never-made"}
    stale = refresh(stack, [*items, missing], {"good": 3, "short": 3, "gone": 2, "missing": 1})
    said = stale.split("; ")
    assert len(said) == 4
    assert said[0].startswith("good: the ingestion is COMPLETED, 2 of 3 rows loaded, 0 dropped")
    assert said[1].startswith("short: the ingestion is COMPLETED, 2 of 3 rows loaded, 1 dropped")
    assert said[2].startswith("gone: the ingestion is FAILED, 0 of 2 rows loaded, 0 dropped")
    assert "S3_MANIFEST_ERROR" in said[2]
    assert "missing: the ingestion is refused" in said[3]
    assert "QuickSight.ResourceNotFoundException" in said[3]
