"""Files are analyzed in a program of one's own, to what a run publishes."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

import medical_charges as mc
from medical_charges.contract.outputs import NULL
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT, WITHOUT_CUBES, page_data, rows
from tests.unit.test_reference import as_it_was, reference

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"


@pytest.fixture(scope="module")
def result() -> mc.Result:
    return mc.analyze(CHARGES_FILE, contract=CONTRACT_FILE)


def test_the_files_are_the_published_bytes(result: mc.Result) -> None:
    published = {
        path.split("/")[1]: data
        for path, data in reference("real").items()
        if path.startswith("Output_data/") and "cube_" not in path
    }
    assert len(published) == 6
    found = {name: as_it_was(name, data) for name, data in result.files.items()}
    assert found == published


def test_a_frame_has_every_published_value_in_its_type(result: mc.Result) -> None:
    types = {"bigint": pl.Int64, "double": pl.Float64, "string": pl.String}
    numbers: dict[object, type] = {pl.Int64: int, pl.Float64: float, pl.String: str}
    for name, frame in result.outputs.items():
        columns = result.contract.outputs[name].columns
        assert frame.schema == {column.name: types[column.type] for column in columns}
        expected = [
            {c: None if text == NULL else numbers[frame.schema[c]](text) for c, text in row.items()}
            for row in rows(result.files[name])
        ]
        assert frame.to_dicts() == expected
        assert frame.height


def test_groups_that_are_no_words_stay_as_they_are(tmp_path: Path) -> None:
    contract, file = tmp_path / "contract.yaml", tmp_path / "x.csv"
    contract.write_text(
        "dataset: x\nprefix: X\nsource: { format: csv, columns: { code: { type: string }, "
        "cost: { type: integer } } }\nmeasure: cost\nanalyses: { by_code: { group_by: [code], "
        "statistics: [patients, mean] } }\n"
    )
    groups = ["007", "NULL", "a\u2028b", "nan", "null", "é"]
    file.write_text("code,cost\n" + "".join(f"{group},2\n" * 12 for group in groups))
    frame = mc.analyze(str(file), str(contract)).outputs["by_code"]
    assert frame["code"].to_list() == groups
    assert frame["patients"].to_list() == [12] * 6


def test_suppressed_figures_are_null(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER + GOOD * 30 + GOOD.replace(b"yes", b"no") * 3)
    result = mc.analyze(file, mc.parse_contract(WITHOUT_CUBES))
    row = result.outputs["smokers_by_region"].row(0, named=True)
    assert row == {"region": "southwest", "smoker": "no", "patients": None, "share": None}
    assert result.summary.suppressed["smokers_by_region"] == 2


def test_rejected_rows_are_returned_with_file_and_reason(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a.csv").write_bytes(HEADER + GOOD * 40)
    bad = GOOD.replace(b"19", b"190")
    (tmp_path / "b" / "c.csv").write_bytes(HEADER + GOOD * 20 + bad + GOOD * 20)
    (tmp_path / "notes.txt").write_bytes(b"x")
    result = mc.analyze(tmp_path, CONTRACT_FILE)
    assert result.rejected.to_dicts() == [
        {
            "object": "b/c.csv",
            "offset": len(HEADER + GOOD * 20),
            "line": bad.rstrip(b"\n"),
            "rule": "age.maximum",
            "reason": "age is over 120",
        }
    ]
    assert (result.summary.rows, result.summary.rejected) == (81, 1)
    assert "only .csv, .csv.gz and .parquet files" in result.summary.warnings[-1]


def test_nothing_rejected_is_an_empty_frame_of_the_same_columns(result: mc.Result) -> None:
    assert result.rejected.columns == ["object", "offset", "line", "rule", "reason"]
    assert result.rejected.is_empty()


def test_filter_cubes_are_made_when_they_are_asked_for(tmp_path: Path) -> None:
    contract = mc.parse_contract(WITHOUT_CUBES + "dashboard: { filters: [sex] }\n")
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER + GOOD * 30)
    assert "cube_sex" not in mc.analyze(file, contract).outputs
    result = mc.analyze(file, contract, cubes=True)
    assert result.outputs["cube_sex"]["patients"].to_list() == [30, 30]
    assert result.outputs.keys() == contract.outputs.keys()


@pytest.mark.parametrize("cubes", [False, True], ids=["alone", "with filters"])
def test_a_page_holds_the_outputs_and_no_more(cubes: bool, tmp_path: Path) -> None:
    contract = mc.parse_contract(WITHOUT_CUBES + "dashboard: { filters: [sex] }\n")
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER + GOOD * 30 + GOOD.replace(b"19", b"190"))
    result = mc.analyze(file, contract, cubes=cubes)
    page = result.page(made := datetime(2026, 1, 2, tzinfo=UTC))
    assert page == result.page(made)
    shown = json.loads(page_data(page))
    assert shown["tables"].keys() == result.files.keys()
    patients = shown["tables"]["charges_by_region"]
    assert dict(zip(patients["columns"], patients["values"], strict=True))["patients"] == ["30"]
    assert (shown["run"]["rows"], shown["run"]["rejected"]) == (31, 1)
    assert ('name="filter-sex"' in page) == cubes


def test_a_contract_with_shares_is_analyzed_without_its_filters(tmp_path: Path) -> None:
    assert mc.load_contract(CONTRACT_FILE).dashboard.shares
    without = mc.load_contract(CONTRACT_FILE).without_filters
    assert without.outputs.keys() == {*without.analyses, "comparisons"}
    assert mc.load_contract(CONTRACT_FILE).dashboard.filters, "the contract itself is as it was"


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (HEADER.replace(b"smoker", b"Smoker") + GOOD, mc.InputRefusedError, "'Smoker' for"),
        (HEADER + GOOD.replace(b"19", b"x") * 30, mc.TooManyRejectedError, "30 of 30 rows break"),
        (None, mc.InputRefusedError, "there is no file or folder"),
    ],
    ids=["header", "rows", "missing"],
)
def test_a_wrong_file_raises_an_error_that_says_why(
    data: bytes | None, error: type[Exception], message: str, tmp_path: Path
) -> None:
    file = tmp_path / "x.csv"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(error, match=message):
        mc.analyze(file, mc.parse_contract(WITHOUT_CUBES))


def test_a_uri_is_no_file_of_this_machine() -> None:
    with pytest.raises(mc.InputRefusedError, match=r"'s3://bucket/a/x\.csv' is in a bucket"):
        mc.analyze("s3://bucket/a/x.csv", CONTRACT_FILE)


def test_a_missing_contract_raises_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(mc.ContractError, match="cannot be read as a contract"):
        mc.analyze(CHARGES_FILE, tmp_path / "missing.yaml")


def test_outputs_are_written_to_an_empty_folder_only(result: mc.Result, tmp_path: Path) -> None:
    paths = result.write(tmp_path / "a" / "b")
    assert {path.stem: path.read_bytes() for path in paths} == result.files
    with pytest.raises(mc.MedicalChargesError, match="is not empty"):
        result.write(tmp_path / "a" / "b")


def test_the_package_is_imported_without_polars() -> None:
    code = "import medical_charges, sys; sys.exit('polars' in sys.modules)"
    command = [sys.executable, "-c", code]
    assert subprocess.run(command, cwd=ROOT / "src", check=False).returncode == 0


def test_every_public_name_is_there() -> None:
    assert all(getattr(mc, name) for name in mc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'compute'"):
        mc.compute  # noqa: B018


def test_the_example_of_the_documentation_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "howto" / "use_from_python.md").read_text()
    (example,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    monkeypatch.chdir(ROOT)
    exec(example, {})  # noqa: S102 - what a reader would run
    printed = capsys.readouterr().out
    assert "13406.384516" in printed
    assert "1338 0" in printed
