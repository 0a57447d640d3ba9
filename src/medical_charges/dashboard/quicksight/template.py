"""The CloudFormation template of a contract's dashboards.

CloudFormation, since Terraform's blocks know neither alt text nor how a file is to be read.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from medical_charges.contract import Contract
from medical_charges.contract.outputs import DELIMITER, HEADER_LINES, QUOTE, OutputColumn
from medical_charges.dashboard.definition.define import define
from medical_charges.dashboard.quicksight.fields import Json
from medical_charges.dashboard.quicksight.sheets import definition_of
from medical_charges.layout import Layout

# Okabe and Ito's, which color-blind readers tell apart. QuickSight wants at least eight.
_COLORS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#F0E442", "#000000",
)  # fmt: skip

_TYPES = {
    "bigint": {"NewColumnType": "INTEGER"},
    "double": {"NewColumnType": "DECIMAL", "SubType": "FLOAT"},
}

_QUALIFIERS = {'"': "DOUBLE_QUOTE", "'": "SINGLE_QUOTE"}

# https://docs.aws.amazon.com/quicksight/latest/developerguide/permissions-quicksight.html
_OWNER = {
    "DataSource": (
        "DescribeDataSource", "DescribeDataSourcePermissions", "PassDataSource",
        "UpdateDataSource", "DeleteDataSource", "UpdateDataSourcePermissions",
    ),
    "DataSet": (
        "DescribeDataSet", "DescribeDataSetPermissions", "PassDataSet", "DescribeIngestion",
        "ListIngestions", "UpdateDataSet", "DeleteDataSet", "CreateIngestion", "CancelIngestion",
        "UpdateDataSetPermissions",
    ),
    "Theme": (
        "DescribeTheme", "DescribeThemeAlias", "ListThemeAliases", "ListThemeVersions",
        "DeleteTheme", "UpdateTheme", "CreateThemeAlias", "DeleteThemeAlias", "UpdateThemeAlias",
        "UpdateThemePermissions", "DescribeThemePermissions",
    ),
    "Analysis": (
        "RestoreAnalysis", "UpdateAnalysisPermissions", "DeleteAnalysis", "QueryAnalysis",
        "DescribeAnalysisPermissions", "DescribeAnalysis", "UpdateAnalysis",
    ),
    "Dashboard": (
        "DescribeDashboard", "ListDashboardVersions", "UpdateDashboardPermissions",
        "QueryDashboard", "UpdateDashboard", "DeleteDashboard", "DescribeDashboardPermissions",
        "UpdateDashboardPublishedVersion",
    ),
}  # fmt: skip
_READER = ("DescribeDashboard", "ListDashboardVersions", "QueryDashboard")

PARAMETERS = {
    "Name": "Prefix of all ids",
    "Bucket": "The data bucket",
    "RoleArn": "With what QuickSight reads the published prefixes",
    "Owner": "ARN of the user that owns all of it",
    "Readers": "ARN of the group that may look at the dashboard, or nothing",
}


def template(contract: Contract) -> Json:
    """Data sources and data sets of all outputs, the analysis and the dashboard over them."""
    found = define(contract)
    resources: Json = {}
    layout = Layout(contract.prefix)
    for name, output in contract.outputs.items():
        resources[_logical("DataSource", name)] = _source(name, layout.manifest(name))
        resources[_logical("DataSet", name)] = _data_set(name, output.columns)
    definition = definition_of(contract, found)
    used = _used(definition)
    definition["DataSetIdentifierDeclarations"] = [
        {
            "Identifier": name,
            "DataSetArn": {"Fn::GetAtt": [_logical("DataSet", name), "Arn"]},
        }
        for name in contract.outputs
        if name in used
    ]
    resources["Theme"] = _resource(
        "Theme",
        "theme",
        found.title,
        Configuration={"DataColorPalette": {"Colors": list(_COLORS)}},
        BaseThemeId="CLASSIC",
    )
    theme = {"ThemeArn": {"Fn::GetAtt": ["Theme", "Arn"]}, "Definition": definition}
    resources["Analysis"] = _resource("Analysis", "analysis", found.title, **theme)
    resources["Dashboard"] = _resource("Dashboard", "dashboard", found.title, **theme)
    resources["Dashboard"]["Properties"]["DashboardPublishOptions"] = {
        "AdHocFilteringOption": {"AvailabilityStatus": "DISABLED"},
        "ExportToCSVOption": {"AvailabilityStatus": "ENABLED"},
        "SheetControlsOption": {"VisibilityState": "EXPANDED"},
    }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"{found.title}: QuickSight's data sources, data sets and dashboard",
        "Parameters": {
            name: {"Type": "String", "Description": words}
            | ({"Default": ""} if name == "Readers" else {})
            for name, words in PARAMETERS.items()
        },
        "Conditions": {"Shared": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Readers"}, ""]}]}},
        "Resources": resources,
        "Outputs": {
            "DashboardId": {"Value": _id_of("dashboard"), "Description": "Id of the dashboard"}
        },
    }


def template_text(contract: Contract) -> str:
    """The template as the text of a file."""
    return json.dumps(template(contract), separators=(",", ":")) + "\n"


def _source(name: str, manifest: str) -> Json:
    location = {"Bucket": {"Ref": "Bucket"}, "Key": manifest}
    parameters = {"ManifestFileLocation": location, "RoleArn": {"Ref": "RoleArn"}}
    return _resource(
        "DataSource", name, name, Type="S3", DataSourceParameters={"S3Parameters": parameters}
    )


def _data_set(name: str, columns: Sequence[OutputColumn]) -> Json:
    """A file's columns arrive as text; the logical table casts them.

    A p stays text: it may have an exponent, and a row with a number that cannot be cast is dropped.
    """
    casts = [
        {"CastColumnTypeOperation": {"ColumnName": it.name, **_TYPES[it.type]}}
        for it in columns
        if it.type in _TYPES and it.format != "p"
    ]
    projected = {"ProjectOperation": {"ProjectedColumns": [it.name for it in columns]}}
    return _resource(
        "DataSet",
        name,
        name,
        ImportMode="SPICE",
        PhysicalTableMap={
            "file": {
                "S3Source": {
                    "DataSourceArn": {"Fn::GetAtt": [_logical("DataSource", name), "Arn"]},
                    "InputColumns": [{"Name": it.name, "Type": "STRING"} for it in columns],
                    "UploadSettings": {
                        "Format": "CSV",
                        "Delimiter": DELIMITER,
                        "TextQualifier": _QUALIFIERS[QUOTE],
                        "ContainsHeader": HEADER_LINES > 0,
                        "StartFromRow": 1,
                    },
                }
            }
        },
        # CloudFormation takes it, and calls it deprecated: its successor, DataPrepConfiguration, is
        # untried in an account.
        LogicalTableMap={
            "table": {
                "Alias": name,
                "Source": {"PhysicalTableId": "file"},
                "DataTransforms": [*casts, projected],
            }
        },
    )


def _resource(kind: str, name: str, title: str, **properties: Any) -> Json:
    return {
        "Type": f"AWS::QuickSight::{kind}",
        "Properties": {
            "AwsAccountId": {"Ref": "AWS::AccountId"},
            f"{kind}Id": _id_of(name),
            "Name": title,
            **properties,
            "Permissions": _permissions(kind),
        },
    }


def _permissions(kind: str) -> list[Json]:
    owner = {"Principal": {"Ref": "Owner"}, "Actions": _actions(_OWNER[kind])}
    if kind != "Dashboard":
        return [owner]
    readers = {"Principal": {"Ref": "Readers"}, "Actions": _actions(_READER)}
    return [owner, {"Fn::If": ["Shared", readers, {"Ref": "AWS::NoValue"}]}]


def _actions(names: tuple[str, ...]) -> list[str]:
    return [f"quicksight:{name}" for name in names]


def _id_of(name: str) -> Json:
    return {"Fn::Join": ["-", [{"Ref": "Name"}, name]]}


def _logical(kind: str, name: str) -> str:
    """An id within the template: letters and digits. Names of outputs have no capitals."""
    return kind + name.replace("_", "X")


def _used(value: Any) -> set[str]:
    """The data sets that a definition refers to."""
    if isinstance(value, list):
        return {name for item in value for name in _used(item)}
    if not isinstance(value, dict):
        return set()
    found = {name for item in value.values() for name in _used(item)}
    return found | ({value["DataSetIdentifier"]} if "DataSetIdentifier" in value else set())
