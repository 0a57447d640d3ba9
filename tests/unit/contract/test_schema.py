"""The JSON Schema that editors check a contract with."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from medical_charges.contract.schema import main as schema_main
from tests.helpers import ROOT
from tests.unit.contract.texts import TEXT, changed

SCHEMA: dict[str, Any] = json.loads((ROOT / "datasets" / "schema.json").read_text())


def test_the_schema_in_the_repository_is_that_of_the_types(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert schema_main(["--check", str(ROOT / "datasets" / "schema.json")]) == 0
    stale = tmp_path / "schema.json"
    stale.write_text("{}\n")
    assert schema_main(["--check", str(stale)]) == 1
    assert "make format" in capsys.readouterr().err
    assert schema_main([str(stale)]) == 0
    assert json.loads(stale.read_text()) == SCHEMA


def test_the_schema_accepts_the_contract() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert not list(Draft202012Validator(SCHEMA).iter_errors(yaml.safe_load(TEXT)))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("measure: charges\n", ""),
        ("measure:", "nonsense: 1\nmeasure:"),
        ('"yes", "no"', "true, 0"),
        ("patients, mean, ci95", "patients, mode, ci95"),
        ("type: integer, minimum", "type: int, minimum"),
        ("maximum: 120", "maximum: 1.5"),
        ("decimals: 6", "decimals: 10"),
        ("[age]", "[]"),
        ("0.05", "1.5"),
        ("extremes: publish", "extremes: hide"),
        ("dataset: medical_charges", "dataset: Medical"),
        ("normal: 25", "normal: wide"),
    ],
)
def test_the_schema_refuses_mistakes_that_an_editor_can_find(old: str, new: str) -> None:
    broken = yaml.safe_load(changed(old, new))
    assert list(Draft202012Validator(SCHEMA).iter_errors(broken))
