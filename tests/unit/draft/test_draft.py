"""A contract is drafted for files that nobody has described, and runs."""

from __future__ import annotations

import random
import re
import subprocess
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from medical_charges.contract import Contract, load_contract
from medical_charges.contract.parts.dialect import Dialect
from medical_charges.contract.parts.source import DateColumn, IntegerColumn, StringColumn
from medical_charges.draft import draft_contract
from ops import __main__ as ops
from tests.helpers import CHARGES_FILE, ROOT
from tests.unit.draft import files


def draft(source: Path, target: Path, *options: str) -> Contract:
    """Draft a contract by the command, and read it."""
    code = ops.main(["contract", "--input", str(source), "--contract", str(target), *options])
    assert code == 0
    return load_contract(target)


def drafted(make: Callable[[Path, random.Random], Path], folder: Path) -> tuple[Contract, str]:
    """Return the contract of one of the unlike files, and its text."""
    target = folder / "draft.yaml"
    return draft(make(folder, random.Random(7)), target), target.read_text()


@pytest.mark.parametrize("make", files.FILES, ids=lambda make: make.__name__)
def test_a_draft_of_any_file_passes_the_check(
    make: Callable[[Path, random.Random], Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, target = make(tmp_path, random.Random(7)), tmp_path / "draft.yaml"
    draft(source, target)
    preview = capsys.readouterr().out
    assert ops.main(["check", "--input", str(source), "--contract", str(target)]) == 0
    checked = capsys.readouterr().out
    rejected = checked.partition("rejected ")[2].split()[0]
    assert f" sampled rows {rejected} would be rejected" in preview


def test_the_draft_of_the_real_file_says_what_its_contract_says(tmp_path: Path) -> None:
    contract = draft(CHARGES_FILE, tmp_path / "draft.yaml")
    assert contract.measure == "charges"
    columns = contract.source.columns
    assert {name: column.type for name, column in columns.items()} == {
        "age": "integer", "sex": "string", "bmi": "double", "children": "integer",
        "smoker": "string", "region": "string", "charges": "double",
    }  # fmt: skip
    assert contract.groups_listed("smoker") == ("no", "yes")
    assert contract.decimals == 6
    assert list(contract.bands["bmi_group"].below.values()) == [18.5, 25, 30]
    assert len(contract.analyses) == 5
    assert len(contract.comparisons) == 1
    assert contract.dashboard.filters


SPELLED = {
    "flag": ["Y", "N", "1", "0", "TRUE", "n", "False"],
    "sex": ["M", "F", "male", "Female", "f"],
    "ward": ["Surgery", "Surgery", "surgery ", "SURGERY", "Births", "births"],
    "code": ["a", "A", "b", "xy", "XY"],
    "plain": ["Y", "N"],
    "mixed": ["F", "M", "W", "f"],
    "sides": ["J", "N", "Y"],
    "odd": ["yes", "no", "maybe", "Y"],
}


def test_spellings_of_the_same_value_are_one_group(tmp_path: Path) -> None:
    file, target = tmp_path / "x.csv", tmp_path / "draft.yaml"
    chance = random.Random(3)
    rows = [[*map(chance.choice, SPELLED.values()), str(i % 97 + 0.5)] for i in range(900)]
    lines = [",".join(row) for row in [[*SPELLED, "cost"], *rows]]
    file.write_text("\n".join([*lines, ""]))
    contract = draft(file, target)
    columns = {name: contract.source.columns[name] for name in SPELLED}
    spelled = {n: c.spellings for n, c in columns.items() if isinstance(c, StringColumn)}
    assert spelled["flag"] == {"no": ("0", "False", "N", "n"), "yes": ("1", "TRUE", "Y")}
    assert spelled["sex"] == {"female": ("F", "Female", "f"), "male": ("M",)}
    assert spelled["ward"]["Surgery"] == ("SURGERY", "surgery ")
    assert not any(spelled[name] for name in ("code", "plain", "mixed", "sides", "odd"))
    assert contract.groups_listed("flag") == ("no", "yes")
    assert ops.main(["check", "--input", str(file), "--contract", str(target)]) == 0


def test_columns_that_name_people_are_left_out_with_the_reason(tmp_path: Path) -> None:
    contract, text = drafted(files.people, tmp_path)
    assert list(contract.source.columns) == ["sex", "age", "bill"]
    assert "left out: who: names of people" in text
    assert "left out: contact: mail addresses" in text
    assert not [name for name in files.GIVEN.split() if name in text]
    assert contract.disclosure.top_code == {"age": 90}


def test_identifiers_are_left_out_and_repeated_ones_are_mentioned(tmp_path: Path) -> None:
    contract, text = drafted(files.identifiers, tmp_path)
    assert list(contract.source.columns) == ["clinic", "arm", "charge_cents"]
    assert contract.groups_listed("clinic") == tuple(f"0{i}" for i in range(7))
    assert "check: patient_id has" in text
    assert "so a person may have several rows" in text


def test_days_are_banded_by_the_coarsest_periods_of_which_there_are_some(tmp_path: Path) -> None:
    contract, text = drafted(files.dates, tmp_path)
    assert contract.measure == "days"
    assert contract.bands["admitted_year"].labels == tuple(map(str, range(2010, 2026)))
    assert "by: year  # check: or year, quarter, month" in text
    assert contract.analyses["days_by_admitted_year"].group_by == ("admitted_year",)


@pytest.mark.parametrize(
    ("last", "period", "form", "doubt"),
    [
        (date(2024, 12, 1), "quarter", "%d.%m.%Y", ""),
        (date(2024, 3, 1), "month", "%m/%d/%Y", ""),
        # Up to the twelfth of a month, nobody can tell.
        (date(2023, 12, 12), "month", "%d/%m/%Y", "the format of days might also be %m/%d/%Y"),
    ],
)
def test_days_are_read_in_the_format_in_which_all_of_them_are_days(
    tmp_path: Path, last: date, period: str, form: str, doubt: str
) -> None:
    first = date(2023, 11, 1)
    found = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    if doubt:
        found = [day for day in found if day.day <= 12]
    rows = [f"{day.strftime(form)},{number % 3},{number}.5" for number, day in enumerate(found * 6)]
    path = tmp_path / "days.csv"
    path.write_text("\n".join(["seen,arm,cost", *rows, ""]))
    draft = draft_contract({path.name: path}, "days")
    column = draft.contract.source.columns["seen"]
    assert isinstance(column, DateColumn)
    assert (column.format, column.minimum, column.maximum) == (
        form,
        20230101,
        20251231 if last.year == 2024 else 20241231,
    )
    assert f"seen_{period}" in draft.contract.bands
    assert ("might also be" in draft.text) == bool(doubt)
    assert doubt in draft.text


def test_negative_numbers_are_in_the_range(tmp_path: Path) -> None:
    contract, _ = drafted(files.negatives, tmp_path)
    balance = contract.source.columns["balance"]
    assert balance.type == "double"
    assert (balance.minimum or 0) < -50
    assert [*contract.bands] == ["shift_group"]


def test_flags_are_groups_however_they_are_written(tmp_path: Path) -> None:
    contract, _ = drafted(files.booleans, tmp_path)
    listed = {name: contract.groups_listed(name) for name in contract.source.columns}
    assert listed == {
        "a": ("false", "true"), "b": None, "y": ("N", "Y"), "d": None,
        "no": ("no", "null"), "score": None,
    }  # fmt: skip
    assert contract.measure == "score"
    flag = contract.source.columns["d"]
    assert isinstance(flag, IntegerColumn)
    assert flag.decimal_zeros
    assert (flag.minimum, flag.maximum) == (0, 1)


def test_whole_numbers_with_a_point_are_integers_if_they_are_few(tmp_path: Path) -> None:
    rows = [
        f"{i % 50}.0,{i % 51}.0,{i % 9},{i % 7}.{i % 2},{i % 9}.{5 * (i % 100 == 0)},{i}.5"
        for i in range(600)
    ]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["few,many,plain,halves,nearly,cost", *rows]) + "\n")
    columns = draft(file, tmp_path / "draft.yaml").source.columns
    types = {name: column.type for name, column in columns.items()}
    assert types == dict.fromkeys(("few", "plain"), "integer") | dict.fromkeys(
        ("many", "halves", "nearly", "cost"), "double"
    )
    zeros = {n for n, it in columns.items() if isinstance(it, IntegerColumn) and it.decimal_zeros}
    assert zeros == {"few"}


@pytest.mark.parametrize("point", ["", ".0"], ids=["plain", "with a point"])
def test_filters_leave_few_small_groups_however_whole_numbers_are_written(
    point: str, tmp_path: Path
) -> None:
    codes = ((i % 5, i // 5 % 5, i // 25 % 5) for i in range(625))
    rows = [",".join([*(f"{code}{point}" for code in it), f"{i}.25"]) for i, it in enumerate(codes)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["a,b,c,weight", *rows]) + "\n")
    assert len(draft(file, tmp_path / "draft.yaml").dashboard.filters) == 1


def test_money_is_measured_by_the_end_of_its_name(tmp_path: Path) -> None:
    rows = [f"{i % 2},{i % 89 + 0.123456},{i * 7 % 640}.25" for i in range(640)]
    file = tmp_path / "x.csv"
    file.write_text("\n".join(["arm,meddol,xage", *rows]) + "\n")
    assert draft(file, tmp_path / "draft.yaml").measure == "meddol"


def test_a_few_missing_values_are_rejected_and_many_are_allowed(tmp_path: Path) -> None:
    contract, text = drafted(files.missing, tmp_path)
    nullable = {name for name, column in contract.source.columns.items() if column.nullable}
    assert nullable == {"age"}
    assert contract.groups_listed("kind") == ("unknown", "x", "y", "z")
    assert "check: rows without kind are the group unknown" in text
    assert "does each of the spellings" not in text
    assert any("kind" in analysis.group_by for analysis in contract.analyses.values())
    assert "check: 3 of 1000 sampled rows have no area and are rejected" in text
    assert "left out: nothing: always empty" in text
    assert any("area" in analysis.group_by for analysis in contract.analyses.values())


@pytest.mark.parametrize(
    ("rows", "empty", "groups"),
    [
        (300, 10, ("Missing", "x")),
        (300, 11, ("Missing", "x", "")),
        (1000, 19, ("Missing", "x")),
        (1000, 20, ("Missing", "x", "")),
        (300, 200, ("x",)),
    ],
)
def test_empty_fields_are_a_group_if_they_are_enough_and_there_are_others(
    tmp_path: Path, rows: int, empty: int, groups: tuple[str, ...]
) -> None:
    texts = [""] * empty + [
        ["Missing", "x"][i % 2 if "Missing" in groups else 1] for i in range(rows - empty)
    ]
    lines = ["ward,cost", *(f"{text},{i % 89}.5" for i, text in enumerate(texts))]
    (tmp_path / "x.csv").write_text("\n".join(lines) + "\n")
    contract = draft(tmp_path / "x.csv", tmp_path / "draft.yaml")
    column = contract.source.columns["ward"]
    assert isinstance(column, StringColumn)
    assert column.meanings == ({"": "Missing"} if "" in groups else {})
    assert column.allowed == tuple(text for text in groups if text)


def test_names_and_groups_of_any_script_are_kept(tmp_path: Path) -> None:
    contract, _ = drafted(files.unicode, tmp_path)
    assert list(contract.source.columns) == [
        "Geschlecht",
        "地域",
        "Größe (cm)",
        "{x}: y",
        "Kosten €",
    ]
    assert contract.groups_listed("{x}: y") == ("#c", "a: b", "d'e")


def test_texts_of_great_variety_are_no_groups(tmp_path: Path) -> None:
    contract, text = drafted(files.huge_cardinality, tmp_path)
    assert "item" not in contract.source.columns
    assert "too many to be groups" in text


def test_line_breaks_in_quotes_are_seen(tmp_path: Path) -> None:
    contract, _ = drafted(files.line_breaks, tmp_path)
    assert contract.source.multiline


DIALECTS: dict[Callable[[Path, random.Random], Path], dict[str, Any]] = {
    files.european: {
        "delimiter": ";", "decimal": ",", "thousands": ".", "encoding": "cp1252",
        "null_values": ("NA",),
    },
    files.tabs: {"delimiter": "\t", "thousands": ",", "null_values": ("-",)},
    files.quoted_thousands: {"thousands": ","},
    files.missing: {},
    files.worksheet: {
        "delimiter": ";", "decimal": ",", "encoding": "cp1252", "null_values": ("k.A.",),
        "skip_blank_rows": True,
    },
}  # fmt: skip


@pytest.mark.parametrize("make", DIALECTS, ids=lambda make: make.__name__)
def test_the_dialect_is_seen(make: Callable[[Path, random.Random], Path], tmp_path: Path) -> None:
    contract, _ = drafted(make, tmp_path)
    source = contract.source
    found = {key: getattr(source, key) for key in Dialect.model_fields}
    assert found == Dialect(**DIALECTS[make]).model_dump()


def test_numbers_of_another_dialect_are_numbers(tmp_path: Path) -> None:
    contract, _ = drafted(files.european, tmp_path)
    columns = {name: column.type for name, column in contract.source.columns.items()}
    assert columns == {
        "Geschlecht": "string",
        "Alter": "integer",
        "Kosten": "double",
        "BMI": "double",
        "Raucher": "integer",
    }
    assert contract.measure == "Kosten"
    assert contract.groups_listed("Geschlecht") == ("männlich", "weiblich")
    assert contract.decimals == 2


def test_units_around_numbers_are_seen(tmp_path: Path) -> None:
    contract, _ = drafted(files.worksheet, tmp_path)
    units = {name: getattr(it, "unit", None) for name, it in contract.source.columns.items()}
    assert units["Kosten"] == "€"
    assert units["Anteil"] == "%"
    assert not units["Gewicht"], "two units"
    assert contract.measure == "Kosten"


def test_files_with_different_delimiters_are_not_described_together(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("kind,cost\na,1\n")
    (tmp_path / "b.csv").write_text("kind;cost\na;1\n")
    target = str(tmp_path / "draft.yaml")
    assert ops.main(["contract", "--input", str(tmp_path), "--contract", target]) == 3
    assert "are separated by ',' and ';'" in capsys.readouterr().err


def test_columns_that_would_only_reject_rows_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    rows = [f"{'ab'[i % 2]},{'x' if i % 50 == 0 else i % 30 * 1.5},{i}" for i in range(200)]
    file.write_text("\n".join(["arm,dose,cost", *rows[::-1]]) + "\n")
    contract = draft(file, tmp_path / "draft.yaml")
    assert "dose" in contract.source.columns, "banding it costs few rows"
    rows = [f"{'ab'[i % 2]},{'x' if i % 34 == 0 else i % 30 * 1.5},{i}" for i in range(200)]
    file.write_text("\n".join(["arm,dose,cost", *rows[::-1]]) + "\n")
    contract = draft(file, tmp_path / "draft.yaml")
    assert "dose" not in contract.source.columns
    assert "left out: dose: 6 of the sampled values are no numbers" in (
        (tmp_path / "draft.yaml").read_text()
    )


def test_a_large_file_is_looked_at_from_its_start_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("medical_charges.draft.sample.SAMPLE_BYTES", 16_000)
    file = tmp_path / "x.csv"
    lines = [f"{'old' if i < 19_000 else 'new'},{i % 700}.5" for i in range(20_000)]
    file.write_text("\n".join(["kind,cost", *lines]) + "\n")
    contract = draft(file, tmp_path / "draft.yaml")
    assert contract.groups_listed("kind") == ("new", "old")
    about = (tmp_path / "draft.yaml").read_text().splitlines()[1]
    assert re.fullmatch(r"# Drafted from 1,\d{3} of about (19|20),\d{3} rows.", about)
    cost = contract.source.columns["cost"]
    assert cost.type == "double"
    assert (cost.maximum or 0) >= 1400, "further than what was seen"


def test_a_folder_is_described_by_the_columns_that_all_files_have(tmp_path: Path) -> None:
    folder = tmp_path / "input"
    folder.mkdir()
    rows = [f"{'ab'[i % 2]},{i % 90}.25" for i in range(100)]
    (folder / "1.csv").write_text("\n".join(["arm,cost", *rows]) + "\n")
    more = [f"{i % 90}.5,{'cd'[i % 2]},5" for i in range(100)]
    (folder / "2.csv").write_text("\r\n".join(["cost,arm,extra", *more]) + "\r\n")
    contract = draft(folder, tmp_path / "draft.yaml")
    assert contract.groups_listed("arm") == ("a", "b", "c", "d")
    assert "left out: extra: 1.csv has no such column" in (tmp_path / "draft.yaml").read_text()
    assert list(contract.source.columns) == ["arm", "cost"]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"1,2.5,x\n3,4,y\n", "has no header: 2 of the 3 fields of its first line are numbers"),
        (b"a,b\n", "has a header and no row"),
        (b"a,b\n,\n,\n", "has a header and no row"),
        (b"", "is empty"),
        (b"PK\x03\x04rest", "a ZIP archive; `unzip x.csv` unpacks it"),
        ("a,b\n1,2\n".encode("utf-16"), "it looks like UTF-16"),
        (b"a,b\nx,y\nz,w\n", "no column could be the measure"),
    ],
)
def test_a_file_that_no_contract_describes_is_refused_with_the_reason(
    data: bytes, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, target = tmp_path / "x.csv", tmp_path / "draft.yaml"
    file.write_bytes(data)
    assert ops.main(["contract", "--input", str(file), "--contract", str(target)]) == 3
    assert message in capsys.readouterr().err
    assert not target.exists()


def test_an_edited_contract_is_replaced_only_when_that_is_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "draft.yaml"
    draft(CHARGES_FILE, target)
    first = target.read_text()
    draft(CHARGES_FILE, target)
    assert target.read_text() == first, "an unedited draft is replaced, by the same"
    for edited in (first.replace("minimum: 0", "minimum: 1", 1), "dataset: mine\n", first + "\n"):
        target.write_text(edited)
        command = ["contract", "--input", str(CHARGES_FILE), "--contract", str(target)]
        assert ops.main(command) == 2
        assert "FORCE=1" in capsys.readouterr().err
        assert target.read_text() == edited
        draft(CHARGES_FILE, target, "--force")
        assert target.read_text() == first


def test_the_measure_can_be_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "draft.yaml"
    assert draft(CHARGES_FILE, target, "--measure", "bmi").measure == "bmi"
    command = ["contract", "--input", str(CHARGES_FILE), "--contract", str(target)]
    assert ops.main([*command, "--measure", "region"]) == 3
    said = "'region' cannot be the measure: it holds no numbers; those that can: age, bmi"
    assert said in capsys.readouterr().err


COSTS = 500


@pytest.mark.parametrize(("empty", "measure"), [(20, "total_cost"), (21, "days")])
def test_a_cost_that_few_rows_lack_is_the_measure(
    empty: int, measure: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "stays.csv", tmp_path / "draft.yaml"
    rows = [f"{'AB'[i % 2]},{i % 40},{'' if i < empty else 1000 + i}" for i in range(COSTS)]
    source.write_text("\n".join(["ward,days,total_cost", *rows, ""]))
    contract = draft(source, target)
    assert contract.measure == measure
    assert ["ward"] in [list(it.group_by) for it in contract.analyses.values()]
    asked = ["--contract", str(target), "--measure", "total_cost"]
    if measure == "days":
        assert ops.main(["contract", "--input", str(source), *asked]) == 3
        said = "21 of 500 rows have no number in it (4.2%, over 4%); those that can: days"
        assert said in capsys.readouterr().err
    assert ops.main(["check", "--input", str(source), "--contract", str(target)]) == 0


def test_a_file_that_was_cut_off_is_named_by_its_draft(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "cut.csv"
    source.write_bytes(CHARGES_FILE.read_bytes()[:-20])
    draft(source, tmp_path / "draft.yaml")
    assert "warning: " in (printed := capsys.readouterr().out)
    assert "ends in the middle of a row" in printed
    draft(CHARGES_FILE, tmp_path / "whole.yaml")
    assert "warning: " not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("terminal", "options", "asked", "measure"),
    [
        (True, [], 1, "bmi"),
        (True, ["--yes"], 0, "charges"),
        (True, ["--measure", "age"], 0, "age"),
        (False, [], 0, "charges"),
    ],
)
def test_a_person_is_asked_for_the_measure_and_a_pipe_is_not(
    terminal: bool,
    options: list[str],
    asked: int,
    measure: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "2"

    for stream in ("stdin", "stdout"):
        monkeypatch.setattr(f"sys.{stream}.isatty", lambda: terminal)
    monkeypatch.setattr("builtins.input", answer)
    assert draft(CHARGES_FILE, tmp_path / "draft.yaml", *options).measure == measure
    assert len(questions) == asked


def test_a_draft_goes_next_to_the_person_who_asked_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ops.main(["contract", "--input", str(CHARGES_FILE)]) == 0
    assert load_contract("Charges.yaml").measure == "charges"


def test_a_contract_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "missing" / "draft.yaml"
    assert ops.main(["contract", "--input", str(CHARGES_FILE), "--contract", str(target)]) == 1
    assert capsys.readouterr().err == f"error: {target}: No such file or directory\n"


def test_make_passes_on_a_contract_only_if_one_is_named() -> None:
    def command(*arguments: str) -> str:
        line = ["make", "-n", "--old-file=.venv/laptop", "contract", *arguments]
        return subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True).stdout

    assert "--contract" not in command("INPUT=my.csv")
    assert "--contract 'my.yaml'" in command("CONTRACT=my.yaml")
    assert "--force" in command("FORCE=1")


def test_names_that_mean_something_elsewhere_are_no_obstacle(tmp_path: Path) -> None:
    names = ["^x$", "*", "patients", "Sex", "sex", "null", "x" * 101, "a" * 60, "b" * 60, "cost"]
    values = ["1", "1", "{}", "{}", "{}", "{}", "1", "{}", "{}", "{}.5"]
    rows = [",".join(values).format(*(i % m for m in (2, 3, 4, 5, 2, 3, 90))) for i in range(2000)]
    file = tmp_path / "all.csv"
    file.write_text("\n".join([",".join(names), *rows]) + "\n")
    contract = draft(file, tmp_path / "draft.yaml")
    assert list(contract.source.columns) == ["patients", "Sex", "sex", "null", *names[7:]]
    assert all(len(name) <= 63 for name in contract.outputs)


def test_ages_from_ninety_on_are_one_group(tmp_path: Path) -> None:
    file = tmp_path / "x.csv"
    rows = [f"{i % 12 + 85},{i % 50}.5" for i in range(600)]
    file.write_text("\n".join(["age,cost", *rows]) + "\n")
    contract = draft(file, tmp_path / "draft.yaml")
    assert contract.disclosure.top_code == {"age": 90}
    assert all(analysis.group_by != ("age",) for analysis in contract.analyses.values())


def test_digits_like_a_person_s_are_kept_as_amounts_alone(tmp_path: Path) -> None:
    file, target = tmp_path / "x.csv", tmp_path / "draft.yaml"
    chance = random.Random(3)
    rows = [f"{'ab'[i % 2]},{chance.randint(10**7, 10**9)},{i % 40}.5" for i in range(300)]
    file.write_text("\n".join(["arm,billed,cost", *rows]) + "\n")
    contract = draft(file, target)
    assert contract.measure == "cost"
    assert contract.bands["billed_group"].column == "billed"
    assert ops.main(["check", "--input", str(file), "--contract", str(target)]) == 0
    rows = [f"{'ab'[i % 2]},{chance.randint(10**7, 10**9)},{i % 40}.5" for i in range(300)]
    file.write_text("\n".join(["arm,key,cost", *rows]) + "\n")
    assert "key" not in draft(file, target).source.columns
