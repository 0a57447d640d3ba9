"""`make export`: one workbook of all published tables, which says what the CSVs say."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from medical_charges.analysis.summary import Summary
from medical_charges.contract import Contract, parse_contract
from medical_charges.contract.outputs import NULL, Output, read_csv
from medical_charges.dashboard.published import Published
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, MirrorStore
from ops import __main__ as ops
from ops.folders import publish_staged
from ops.published.workbook import HEAD_ROW, NOTHING, WITHHELD, make_workbook, save_workbook
from tests.helpers import CONTRACT_FILE, csv_of, run, upload
from tests.unit.test_reference import reference

RUN = "20261128T101500000Z-abc"
CONTRACT = """
dataset: wards
prefix: Wards
unit: stay
disclosure: { rows_per_person: 1, minimum_cell: 5, extremes: suppress }
source:
  format: csv
  columns:
    ward: { type: string }
    sex: { type: string, allowed: [f, m] }
    los: { type: integer, minimum: -1000 }
measure: los
analyses:
  los_by_ward: { group_by: [ward], statistics: [patients, share, mean, minimum, stddev] }
  los_by_sex: { group_by: [sex], statistics: [patients, mean] }
comparisons:
  sexes: { column: sex, groups: [f, m] }
dashboard:
  title: "=Length of stay"
  source: { origin: "+made", license: CC0 }
  unit: days
  labels: { sex: { f: "@Women" } }
"""


def published(folder: Path, contract: Contract, data: bytes) -> Path:
    store = LocalStore(folder)
    upload(store, contract, {"x.csv": data})
    summary = run(store, contract, RUN)
    publish_staged(MirrorStore(store, "s3://b"), Layout(contract.prefix), summary)
    return folder


def wards(more: Mapping[str, int]) -> bytes:
    """Rows of stays by ward, of both sexes in turn."""
    counts = {"A": 20, "B": 14, **more}
    stays = [(ward, "fm"[i % 2], 3 + i) for ward, count in counts.items() for i in range(count)]
    return csv_of(("ward", "sex", "los"), [tuple(map(str, stay)) for stay in stays])


@pytest.fixture(scope="module")
def real() -> Published:
    """A publication of the real file, under its contract."""
    outputs = {
        path.split("/")[1]: data.decode()
        for path, data in reference("real").items()
        if path.startswith("Output_data/")
    }
    return Published(outputs, Summary("run", "", rows=1338, counted=1338))


@pytest.fixture(scope="module")
def contract() -> Contract:
    """The contract of that publication, which had no medians."""
    return parse_contract(CONTRACT_FILE.read_text().replace(", median]", "]"))


@pytest.fixture(scope="module")
def book(real: Published, contract: Contract) -> Workbook:
    return load_workbook(io.BytesIO(make_workbook(real, contract)))


def opened(folder: Path, contract: Contract) -> Workbook:
    return load_workbook(save_workbook(folder, contract))


def body(sheet: Worksheet) -> Iterator[tuple[Any, ...]]:
    return sheet.iter_rows(min_row=HEAD_ROW + 2, values_only=True)


def test_every_figure_is_that_of_the_csv(
    real: Published, contract: Contract, book: Workbook
) -> None:
    assert len(book.sheetnames) == 2 + len(contract.outputs)
    compared = 0
    for sheet, output in zip(book.worksheets[2:], contract.outputs.values(), strict=True):
        columns, rows = read_csv(real.tables[output.name])
        for row, texts in zip(body(sheet), rows, strict=True):
            fields = dict(zip(columns, texts, strict=True))
            for cell, column in zip(row, output.columns, strict=True):
                text = fields[column.name]
                if column.role == "label":
                    continue
                if text == NULL:
                    assert cell in {WITHHELD, NOTHING}
                else:
                    assert cell == pytest.approx(float(text), rel=1e-15, abs=0)
                    compared += 1
    assert compared > 700


def test_groups_are_called_as_on_the_dashboard(book: Workbook, contract: Contract) -> None:
    assert [row[:2] for row in body(book["charges_by_sex_and_smoker"])] == [
        ("Women", "Non-smokers"),
        ("Women", "Smokers"),
        ("Men", "Non-smokers"),
        ("Men", "Smokers"),
    ]
    assert [row[0] for row in body(book["charges_by_age"])][:2] == [18, 19]


def test_the_first_sheet_says_what_the_tables_are_and_where_they_are_from(
    book: Workbook, contract: Contract
) -> None:
    sheet = book.worksheets[0]
    rows = [[cell or "" for cell in row] for row in sheet.iter_rows(values_only=True)]
    facts = {str(row[0]): str(row[1]) for row in rows}
    assert rows[0][0] == "Medical charges"
    assert facts["Source"].startswith("Medical cost personal data")
    assert facts["License"].startswith("public domain")
    assert facts["Rows read"] == "1,338"
    assert "fewer than 11 people" in facts["Withheld"]
    listed = next(row for row in rows if row[0] == "charges_by_bmi_category")
    assert listed[1:] == ["People by BMI category", 4, "USD", "run"]
    links = {cell.hyperlink.location for (cell, *_) in sheet.iter_rows() if cell.hyperlink}
    assert "'charges_by_region'!A1" in links


def test_every_column_is_described(book: Workbook, contract: Contract) -> None:
    found = list(book["Columns"].iter_rows(min_row=2, values_only=True))
    assert len(found) == sum(len(output.columns) for output in contract.outputs.values())
    mean = next(row for row in found if row[0] == "charges_by_region" and row[2] == "mean_charges")
    assert mean[1:5] == ("Mean charges", "mean_charges", "USD", "Mean of charges")


def test_numbers_are_shown_with_unit_and_decimals(book: Workbook, tmp_path: Path) -> None:
    money = book["charges_by_bmi_category"]
    row = [cell.number_format for cell in money[HEAD_ROW + 2]]
    assert row[1:4] == ["#,##0", "0.0%", "[$USD] #,##0.00"]
    contract = parse_contract(CONTRACT)
    days = opened(published(tmp_path, contract, wards({})), contract)["los_by_sex"]
    assert days.cell(HEAD_ROW + 1, 3).value == "Mean los (days)"
    assert days.cell(HEAD_ROW + 2, 3).number_format == "#,##0.0"


def test_withheld_cells_say_so_and_look_so(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT)
    book = opened(published(tmp_path, contract, wards({"C": 3})), contract)
    sheet = book["los_by_ward"]
    found = {row[0].value: row for row in sheet.iter_rows(min_row=HEAD_ROW + 2)}
    assert [cell.value for cell in found["C"][1:]] == [WITHHELD] * 5
    assert found["C"][1].fill.fgColor.rgb == "FFEDEDED"
    assert found["A"][1].value == 20
    assert found["A"][1].fill.fgColor.rgb != "FFEDEDED"
    # The contract withholds the minimum of every group.
    assert found["A"][4].value == WITHHELD
    assert "fewer than 5 stays" in sheet["A2"].value


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (("1", "1", "3", "", ""), [1, 1, 3, WITHHELD, NOTHING]),
        (("1", "1", "", "", ""), [1, 1, WITHHELD, WITHHELD, NOTHING]),
        (("9", "1", "", "", ""), [9, 1, WITHHELD, WITHHELD, WITHHELD]),
        (("", "", "", "", ""), [WITHHELD] * 5),
    ],
    ids=["one", "one counted", "counted", "suppressed"],
)
def test_a_figure_that_does_not_exist_is_not_called_withheld(
    fields: tuple[str, ...], expected: list[Any], tmp_path: Path
) -> None:
    contract = parse_contract(CONTRACT)
    replace(published(tmp_path, contract, wards({})), contract, "los_by_ward", ("A", *fields))
    (row,) = body(opened(tmp_path, contract)["los_by_ward"])
    assert list(row[1:]) == expected


def test_a_median_with_too_few_on_a_side_is_called_withheld(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT.replace("minimum, stddev]", "median]"))
    book = opened(published(tmp_path, contract, wards({"C": 10})), contract)
    # Of 20 stays of 3 to 22 days nine are below the median, of ten four.
    assert [row[4] for row in body(book["los_by_ward"])] == [12, 9, WITHHELD]
    described = {cells[2].value: cells[5].value for cells in book["Columns"].iter_rows()}
    assert described["median_los"] == "and where too few are on a side of it"


@pytest.mark.parametrize(
    ("counts", "difference"), [(("0", "9"), NOTHING), (("1", "9"), WITHHELD), (("", ""), WITHHELD)]
)
def test_a_difference_from_nobody_does_not_exist(
    counts: tuple[str, str], difference: str, tmp_path: Path
) -> None:
    contract = parse_contract(CONTRACT)
    row = ("sexes", "all", "f", "m", *counts, *[""] * 7)
    replace(published(tmp_path, contract, wards({})), contract, "comparisons", row)
    (found,) = body(opened(tmp_path, contract)["comparisons"])
    assert found[6] == difference


def replace(folder: Path, contract: Contract, name: str, *rows: tuple[str, ...]) -> None:
    """Put rows in the place of those of a published output."""
    output: Output = contract.outputs[name]
    LocalStore(folder).write(Layout(contract.prefix).published(name), csv_of(output.header, rows))


def test_text_that_could_be_a_formula_is_text(tmp_path: Path) -> None:
    """Outputs of version 0.1.0 may have such groups."""
    contract = parse_contract(CONTRACT)
    published(tmp_path, contract, wards({}))
    names = ("=1+1", "+1", "-1", "@SUM(A1)", "=HYPERLINK('x')")
    rows = ((name, "12", "0.2", "5", "", "1") for name in (*names, "A"))
    replace(tmp_path, contract, "los_by_ward", *rows)
    book = opened(tmp_path, contract)
    cells = {cell.value: cell for (cell, *_) in book["los_by_ward"].iter_rows(min_row=HEAD_ROW + 2)}
    for name in names:
        assert cells[name].data_type == "s"
        assert cells[name].quotePrefix
    assert not cells["A"].quotePrefix
    texts = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    assert not [cell.value for cell in texts if cell.data_type == "f"]
    assert book["Outputs"]["A1"].value == "=Length of stay"
    assert [row[0] for row in body(book["los_by_sex"])] == ["@Women", "m"]


def test_an_output_that_waits_names_the_run_that_made_it(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT)
    published(tmp_path, contract, wards({}))
    key = Layout("Wards").summary(RUN)
    summary = json.loads((tmp_path / key).read_text()) | {"waiting": {"los_by_sex": "before"}}
    (tmp_path / key).write_text(json.dumps(summary))
    book = opened(tmp_path, contract)
    runs = {row[0]: row[4] for row in book["Outputs"].iter_rows(values_only=True)}
    assert (runs["los_by_sex"], runs["los_by_ward"]) == ("before", RUN)
    assert "As run before published it" in book["los_by_sex"]["A2"].value


def test_long_names_that_begin_alike_get_sheets_of_their_own(tmp_path: Path) -> None:
    long = "los_by_ward_of_the_hospital_and_more"
    text = CONTRACT.replace("los_by_ward:", f"{long}_1:").replace("los_by_sex:", f"{long}_2:")
    contract = parse_contract(
        text.replace(
            "analyses:\n", "analyses:\n  outputs: { group_by: [sex], statistics: [patients] }\n"
        )
    )
    book = opened(published(tmp_path, contract, wards({})), contract)
    names = book.sheetnames
    assert len(names) == 2 + len(contract.outputs)
    assert len({name.lower() for name in names}) == len(names)
    assert [row[0] for row in body(book[names[4]])] == ["@Women", "m"]


def test_the_same_publication_is_the_same_file(tmp_path: Path) -> None:
    contract = parse_contract(CONTRACT)
    published(tmp_path, contract, wards({}))
    first = save_workbook(tmp_path, contract).read_bytes()
    assert save_workbook(tmp_path, contract).read_bytes() == first
    properties = load_workbook(io.BytesIO(first)).properties
    assert str(properties.created).startswith("2026-11-28 10:15:00")


def test_the_command_names_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, out = tmp_path / "contract.yaml", tmp_path / "out"
    file.write_text(CONTRACT)
    published(out, parse_contract(CONTRACT), wards({}))
    assert ops.main(["export", "--out", str(out), "--contract", str(file)]) == 0
    assert f"workbook: {out}/Wards/tables.xlsx" in capsys.readouterr().out
    assert (out / "Wards" / "tables.xlsx").is_file()


def test_without_a_publication_there_is_nothing_to_export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ops.main(["export", "--out", str(tmp_path), "--contract", str(CONTRACT_FILE)]) == 1
    assert "no run has published to" in capsys.readouterr().err
