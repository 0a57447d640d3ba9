"""The Catalog's tables follow from the contract."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from medical_charges.contract import Contract
from medical_charges.outputs.catalog import main, tables
from tests.helpers import CONTRACT_FILE


def test_there_is_a_table_for_every_output_over_its_own_folder(contract: Contract) -> None:
    found = {table["name"]: table["location"] for table in tables(contract)}
    assert found == {
        name: f"MedicalCharges/Output_data/{name}/"
        for name in (
            "charges_by_region",
            "charges_by_bmi_category",
            "charges_by_age",
            "smokers_by_region",
            "charges_by_sex_and_smoker",
            "comparisons",
            "cube_region_sex_smoker",
            "cube_region_sex_smoker_bmi_category",
            "cube_region_sex_smoker_age_decade",
        )
    }


def test_columns_are_those_of_the_csv_with_the_types_of_their_figures(contract: Contract) -> None:
    for table in tables(contract):
        names = tuple(column["name"] for column in table["columns"])
        assert names == contract.outputs[table["name"]].header
    age = next(table for table in tables(contract) if table["name"] == "charges_by_age")
    assert [(column["name"], column["type"]) for column in age["columns"]] == [
        ("age", "bigint"),
        ("patients", "bigint"),
        ("mean_charges", "double"),
        ("ci95_low", "double"),
        ("ci95_high", "double"),
        ("median_charges", "double"),
    ]
    band = next(table for table in tables(contract) if table["name"] == "charges_by_bmi_category")
    assert band["columns"][0]["type"] == "string"


def test_every_column_has_a_comment(contract: Contract) -> None:
    comments = [column["comment"] for table in tables(contract) for column in table["columns"]]
    assert all(comments)
    assert "Sample standard deviation of charges" in comments


def test_the_header_is_skipped_and_an_empty_figure_is_none(contract: Contract) -> None:
    for table in tables(contract):
        assert table["parameters"]["skip.header.line.count"] == "1"
        assert table["serde_parameters"]["serialization.null.format"] == ""


def test_the_command_writes_the_tables_for_terraform(tmp_path: Path, contract: Contract) -> None:
    source = CONTRACT_FILE
    assert main(["--contract", str(source), str(tmp_path / "catalog.json")]) == 0
    assert json.loads((tmp_path / "catalog.json").read_text()) == tables(contract)


def test_a_wrong_contract_is_refused_and_nothing_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("dataset: 7\n")
    assert main(["--contract", str(wrong), str(tmp_path / "catalog.json")]) == 2
    assert "wrong.yaml" in capsys.readouterr().err
    assert not (tmp_path / "catalog.json").exists()
