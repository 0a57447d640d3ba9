"""The QuickSight template by the schemas that CloudFormation publishes of its resources."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cfnlint.api import ManualArgs, lint

from medical_charges.contract import parse_contract
from medical_charges.dashboard.quicksight.template import template
from tests.helpers import CONTRACT_FILE, VISITS_CONTRACT_FILE

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]


def made(contract: Path) -> Json:
    return template(parse_contract(contract.read_text()))


def problems(document: Json) -> list[str]:
    found = lint(json.dumps(document), config=ManualArgs(regions=["us-east-1"]))
    return [f"{it.rule.id} {it.message}" for it in found]


@pytest.mark.parametrize("contract", [CONTRACT_FILE, VISITS_CONTRACT_FILE])
def test_the_schemas_accept_the_template(contract: Path) -> None:
    assert problems(made(contract)) == []


def first(document: Json, kind: str) -> Json:
    found: Json = next(
        it["Properties"]
        for it in document["Resources"].values()
        if it["Type"] == f"AWS::QuickSight::{kind}"
    )
    return found


def test_what_the_schemas_forbid_is_found() -> None:
    document = made(CONTRACT_FILE)
    first(document, "DataSet").update(ImportMode="SPICY")
    first(document, "DataSource").update(Sort="S3", Name=["a", "list"])
    first(document, "Dashboard").update(Name={"Ref": "Nobody"})
    found = {it.partition(" ")[0] for it in problems(document)}
    assert found == {"E1020", "E3002", "E3012", "E3030"}
