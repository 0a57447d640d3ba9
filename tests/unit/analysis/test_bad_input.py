"""Bad input gets a clear sentence and an exit code, and nothing is lost or published."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from glue_jobs import analyze
from medical_charges.analysis.engine import on_spark
from medical_charges.contract import Contract, load_contract
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore
from ops import __main__ as ops
from ops.folders import job_arguments
from ops.terraform import TerraformError
from tests.helpers import CHARGES_FILE, ROOT, WITHOUT_CUBES, plan

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"
ALWAYS_ON_SPARK = ("--here-bytes", "0")

pytestmark = pytest.mark.spark


@dataclass
class Outcome:
    """The result of a command."""

    code: int
    out: str
    err: str


@dataclass
class Laptop:
    """`make run` without Terraform, with the job in this process, not in a Spark of its own."""

    folder: Path
    capture: pytest.CaptureFixture[str]
    contract: Path

    def run(self, *files: tuple[str, bytes]) -> Outcome:
        source = self.folder / "source"
        source.mkdir(exist_ok=True)
        for old in source.iterdir():
            old.unlink()
        for name, data in files:
            (source / name).write_bytes(data)
        return self.command("--input", str(source), "--contract", str(self.contract))

    def command(self, *arguments: str) -> Outcome:
        self.capture.readouterr()
        code = ops.main(["run", *arguments, "--out", str(self.folder / "out")])
        captured = self.capture.readouterr()
        return Outcome(code, captured.out, captured.err)

    @property
    def store(self) -> LocalStore:
        return LocalStore(self.folder / "out")

    def published(self) -> dict[str, bytes]:
        found = self.store.list("MedicalCharges/Output_data")
        return {ref.key: self.store.read(ref.key) for ref in found}

    def quarantined(self) -> pl.DataFrame:
        files = sorted((self.folder / "out/MedicalCharges/Quarantine_data").rglob("*.parquet"))
        return pl.concat(pl.read_parquet(file) for file in files)


@pytest.fixture
def cli(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    spark: Any,
) -> Laptop:
    # As the process of the job has it.
    caplog.set_level("WARNING", logger="medical_charges")

    def in_this_process(out: Path, contract: Path, run_id: str) -> int:
        return analyze.main([*job_arguments(out, contract, run_id), *ALWAYS_ON_SPARK])

    def missing() -> str:
        raise TerraformError("there is no Terraform")

    monkeypatch.setattr("ops.terraform.find_or_fetch", missing)
    monkeypatch.setattr("ops.folders.run_analysis", in_this_process)
    contract = tmp_path / "contract.yaml"
    contract.write_text(WITHOUT_CUBES)
    return Laptop(tmp_path, capsys, contract)


def good_rows(n: int = 100) -> bytes:
    return HEADER + GOOD * n


BROKEN_ROWS = {
    "an integer that is none": (b"19.5,female,27.9,0,yes,southwest,1", "age.type"),
    "a number that is none": (b"19,female,heavy,0,yes,southwest,1", "bmi.type"),
    "under the minimum": (b"-1,female,27.9,0,yes,southwest,1", "age.minimum"),
    "over the maximum": (b"121,female,27.9,0,yes,southwest,1", "age.maximum"),
    "a value that is not allowed": (b"19,unknown,27.9,0,yes,southwest,1", "sex.allowed"),
    "another case": (b"19,Female,27.9,0,yes,southwest,1", "sex.allowed"),
    "an empty field": (b"19,female,,0,yes,southwest,1", "bmi.required"),
    "empty fields between quotes": (b'"",,,,,,', "age.required"),
    "not a number": (b"19,female,27.9,0,yes,southwest,NaN", "charges.finite"),
    "infinity": (b"19,female,27.9,0,yes,southwest,-inf", "charges.finite"),
    "infinity by overflow": (b"19,female,27.9,0,yes,southwest,1e999", "charges.finite"),
    "too large to be exact": (b"19,female,27.9,0,yes,southwest,1e10", "charges.magnitude"),
    "too few fields": (b"19,female,27.9,0,yes,southwest", "fields"),
    "too many fields": (b"19,female,27.9,0,yes,southwest,1,2", "fields"),
    "an odd number of quotes": (b'19,"female,27.9,0,yes,southwest,1', "quotes"),
    "text behind a closing quote": (b'19,"female"x,27.9,0,yes,southwest,1', "quotes"),
    "a byte that is not UTF-8": (b"19,fem\xe9le,27.9,0,yes,southwest,1", "sex.encoding"),
    "a lone carriage return": (b"19,female,27.9,0,yes\r,southwest,1", "quotes"),
    "an integer of 100 digits": (b"9" * 100 + b",female,27.9,0,yes,southwest,1", "age.type"),
}


@pytest.mark.parametrize("case", BROKEN_ROWS)
def test_a_row_that_breaks_a_rule_is_quarantined_as_it_was(case: str, cli: Laptop) -> None:
    line, rule = BROKEN_ROWS[case]
    data = good_rows(50) + line + b"\n" + GOOD * 50
    outcome = cli.run(("a.csv", data))
    assert outcome.code == 0
    assert "rows read 101, counted 100, rejected 1" in outcome.out
    assert f"{rule} 1" in outcome.out
    quarantine = cli.quarantined()
    assert quarantine.height == 1
    row = quarantine.row(0, named=True)
    assert (row["object"], row["line"], row["rule"]) == (
        "MedicalCharges/Input_data/a.csv",
        line,
        rule,
    )
    assert data[row["offset"] :].startswith(line)
    assert re.search(r"[a-z]{3}", row["reason"])


def test_a_quoted_line_break_quarantines_both_lines_and_names_the_way_out(cli: Laptop) -> None:
    data = good_rows() + b'19,"fe\nmale",27.9,0,yes,southwest,1\n'
    assert "counted 100, rejected 2" in cli.run(("a.csv", data)).out
    assert cli.quarantined()["reason"].str.contains("multiline: true").all()


def test_with_multiline_a_quoted_line_break_is_read_right(cli: Laptop) -> None:
    text = cli.contract.read_text().replace("format: csv", "format: csv\n  multiline: true")
    cli.contract = cli.folder / "multiline.yaml"
    cli.contract.write_text(text)
    header = HEADER.rstrip() + b",note\n"
    rows = (GOOD.rstrip() + b',"two\nlines, ""quoted"""\n') * 30 + GOOD.rstrip() + b",plain\n"
    outcome = cli.run(("a.csv", header + rows))
    assert "rows read 31, counted 31, rejected 0" in outcome.out


def test_too_many_bad_rows_fail_the_run_and_name_the_worst_rules(cli: Laptop) -> None:
    assert cli.run(("a.csv", good_rows())).code == 0
    before = cli.published()
    bad = b"".join(b"%d,female,27.9,0,yes,southwest,777.123\n" % (200 + i) for i in range(5))
    bad += b"19,alien,27.9,0,yes,southwest,777.123\n"
    bad += b"19,female,27.9,0,yes,southwest,-888.25\n" * 2
    outcome = cli.run(("a.csv", good_rows() + bad))
    assert outcome.code == 4
    assert "a.csv: 8 of 108 rows break a rule" in outcome.err
    assert "(age.maximum 5; charges.minimum 2; sex.allowed 1)" in outcome.err
    reasons = "age is over 120; charges is under 0; sex is none of female, male"
    assert f"7.4%, over 5.0%; {reasons}\n" in outcome.err
    assert "a.csv: age.maximum, such as '200', '201', '202'" in outcome.out
    assert "a.csv: sex.allowed, such as 'alien'" in outcome.out
    assert "7.4%, over 5.0%" in outcome.err
    assert "alien" not in outcome.err, "what is said goes into logs and notices"
    assert "888" not in outcome.out + outcome.err, "a value of the measure"
    assert "203" not in outcome.out, "more than three examples"
    assert cli.published() == before
    assert cli.quarantined().height == 8


def test_exactly_the_tolerated_share_of_bad_rows_is_tolerated(cli: Laptop) -> None:
    """0.29 times 100 is less than 29 in floating point."""
    text = cli.contract.read_text().replace("rejected_share: 0.05", "rejected_share: 0.29")
    cli.contract = cli.folder / "lenient.yaml"
    cli.contract.write_text(text)
    assert cli.run(("a.csv", good_rows(71) + b"not,a,row\n" * 29)).code == 0
    assert cli.run(("a.csv", good_rows(71) + b"not,a,row\n" * 30)).code == 4


def test_a_measure_that_strayed_into_another_column_is_not_shown(cli: Laptop) -> None:
    strayed = b"16884.924,female,16884.924,0,yes,southwest,19\n" * 50
    strayed += b"19,female,16884.924,0,yes,southwest,1\n" * 50
    outcome = cli.run(("a.csv", HEADER + strayed))
    assert outcome.code == 4
    assert "age.type 50" in outcome.err
    assert "bmi.maximum 50" in outcome.err
    assert "16884" not in outcome.err


def test_a_header_in_another_order_with_extra_columns_is_read_right(cli: Laptop) -> None:
    data = b"charges,name,smoker,region,sex,bmi,age,children,id\n" + (
        b'16884.924,"Doe, J.",yes,southwest,female,27.9,19,0,7\n' * 20
    )
    outcome = cli.run(("a.csv", data))
    assert outcome.code == 0
    assert "counted 20, rejected 0" in outcome.out
    assert "the column 'name' is not in the contract and is ignored" in outcome.out
    assert re.search(r"southwest +20 +16884.924", outcome.out)


def test_missing_and_surplus_fields_are_found_if_the_last_columns_are_ignored(
    cli: Laptop,
) -> None:
    header = HEADER.rstrip() + b",note\n"
    rows = (GOOD.rstrip() + b",x\n") * 50 + GOOD + GOOD.rstrip() + b",x,y\n"
    outcome = cli.run(("a.csv", header + rows))
    assert "rows read 52, counted 50, rejected 2" in outcome.out


REFUSED: dict[str, tuple[bytes, str]] = {
    "no header": (GOOD * 3, r"has no header: its first line has 7 fields, none of them a column"),
    "an empty file": (b"", r"is empty: a header and rows were expected"),
    "only line ends": (b"\n\n", r"is empty"),
    "a header alone": (HEADER, r"no row in 1 object\(s\): only headers were found"),
    "a workbook": (b"PK\x03\x04" + bytes(50), r"is not a CSV file: it looks like a ZIP"),
    "Parquet": (b"PAR1" + bytes(50), r"is not a CSV file: it looks like a Parquet file"),
    "a PDF": (b"%PDF-1.7\n", r"is not a CSV file: it looks like a PDF"),
    "UTF-16": ("age,sex\n".encode("utf-16"), r"is not a CSV file: it looks like UTF-16"),
    "binary data": (b"age\0sex\n" + bytes(9), r"is not a CSV file: it holds binary data"),
    "no line ends": (HEADER.replace(b"\n", b"\r") + GOOD, r"is not a CSV|has no line end|lacks"),
    "a missing column": (
        b"age,sex,children,smoker,region,charges\n",
        r"lacks the column bmi, which is in the contract",
    ),
    "a misspelt column": (
        HEADER.replace(b"smoker", b"Smoker"),
        r"lacks the column smoker; its header has 'Smoker' for 'smoker'",
    ),
    "another measure's name": (
        HEADER.replace(b"charges", b"expenses"),
        r"lacks the column charges, which is in the contract",
    ),
    "a column twice": (HEADER.replace(b"age", b"age,age"), r"has the column 'age' 2 times"),
    "semicolons": (HEADER.replace(b",", b";"), r"is separated by semicolons, not by commas"),
    "a damaged gzip": (gzip.compress(good_rows(9999))[:-20], r"is a damaged gzip file"),
    "a gzip in name only": (b"\x1f\x8bnonsense", r"cannot be decompressed"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_object_that_cannot_be_analyzed_is_refused(case: str, cli: Laptop) -> None:
    assert cli.run(("good.csv", good_rows())).code == 0
    before = cli.published()
    data, sentence = REFUSED[case]
    outcome = cli.run(("bad.csv", data))
    assert outcome.code == 3
    assert outcome.err.startswith("error: ")
    assert re.search(sentence, outcome.err)
    assert "Traceback" not in outcome.err
    assert "16884" not in outcome.err, "a row of the object"
    assert cli.published() == before


def test_the_reason_of_a_failure_is_in_the_runs_folder(cli: Laptop) -> None:
    outcome = cli.run(("bad.csv", b""))
    (reason,) = (cli.folder / "out/MedicalCharges/Run_data").rglob("error.json")
    error = json.loads(reason.read_text())
    assert error["error"] == "InputRefusedError"
    assert error["message"] in outcome.err


def test_every_refused_object_is_named_at_once(cli: Laptop) -> None:
    outcome = cli.run(("a.csv", b"\n"), ("b.csv", GOOD), ("c.csv", good_rows()))
    assert outcome.code == 3
    assert "a.csv is empty" in outcome.err
    assert "b.csv has no header" in outcome.err
    assert "c.csv" not in outcome.err


def test_the_same_file_twice_is_counted_twice_with_a_warning(cli: Laptop) -> None:
    outcome = cli.run(("a.csv", good_rows()), ("b.csv", good_rows()))
    assert "counted 200" in outcome.out
    keys = "MedicalCharges/Input_data/a.csv, MedicalCharges/Input_data/b.csv"
    assert f"warning: {keys} hold the same rows; all are counted" in outcome.out


def test_the_same_file_twice_is_refused_if_the_contract_says_so(cli: Laptop) -> None:
    text = cli.contract.read_text().replace("share: 0.05", "share: 0.05, duplicates: refuse")
    cli.contract = cli.folder / "strict.yaml"
    cli.contract.write_text(text)
    outcome = cli.run(("a.csv", good_rows()), ("b.csv", good_rows()))
    assert outcome.code == 3
    assert "hold the same rows, which the contract refuses" in outcome.err


def test_files_without_rows_do_not_count_as_the_same_rows(cli: Laptop) -> None:
    outcome = cli.run(("a.csv", HEADER), ("b.csv", HEADER), ("c.csv", good_rows()))
    assert outcome.code == 0
    assert "hold the same rows" not in outcome.out


def test_a_compressed_file_of_many_members_is_read_right(cli: Laptop) -> None:
    """As parallel compressors write it, here with the first member ending inside the header."""
    data = good_rows()
    members = gzip.compress(data[:7]) + gzip.compress(data[7:90]) + gzip.compress(data[90:])
    assert "counted 100, rejected 0" in cli.run(("a.csv.gz", members)).out


def test_a_group_value_that_a_csv_could_only_quote_is_refused(cli: Laptop) -> None:
    text = cli.contract.read_text()
    cli.contract = cli.folder / "free.yaml"
    allowed = ", allowed: [northeast, northwest, southeast, southwest]"
    cli.contract.write_text(text.replace(allowed, ""))
    outcome = cli.run(("a.csv", good_rows() + b'19,male,27.9,0,yes,"south, west",1\n'))
    assert outcome.code == 3
    assert "a.csv: the column 'region' holds a value with a comma, a quote" in outcome.err
    assert "south, west" not in outcome.err


def test_more_than_100_000_groups_are_refused(cli: Laptop) -> None:
    cli.contract = cli.folder / "many.yaml"
    cli.contract.write_text("""
dataset: many
prefix: Many
source:
  format: csv
  columns: {number: {type: integer}, x: {type: integer}}
measure: x
analyses: {by_number: {group_by: [number], statistics: [patients]}}
""")
    data = b"number,x\n" + b"".join(b"%d,1\n" % i for i in range(100_001))
    outcome = cli.run(("a.csv", data))
    assert outcome.code == 3
    assert "grouping by number gives more than 100,000 groups" in outcome.err


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("--input", "absent.csv"), 3, "there is no file or folder 'absent.csv'"),
        (("--contract", "absent.yaml"), 2, "absent.yaml: cannot be read as a contract"),
        (("--input", str(ROOT / "docs")), 3, "holds no .csv, .csv.gz or .parquet file"),
    ],
)
def test_a_wrong_path_is_answered_with_a_sentence(
    arguments: tuple[str, ...], code: int, sentence: str, cli: Laptop
) -> None:
    defaults = (
        "--input",
        str(CHARGES_FILE),
        "--contract",
        str(cli.contract),
    )
    outcome = cli.command(*defaults, *arguments)
    assert outcome.code == code
    assert sentence in outcome.err


def test_hidden_files_in_the_bucket_are_ignored_with_a_warning(
    cli: Laptop, contract: Contract, spark: Any
) -> None:
    store, folder = cli.store, Layout(contract.prefix).input
    store.write(f"{folder}/a.csv", good_rows())
    store.write(f"{folder}/_SUCCESS", b"")
    plan(store, load_contract(cli.contract), "hidden")
    code = analyze.main(job_arguments(cli.folder / "out", cli.contract, "hidden"))
    summary = json.loads(store.read(Layout(contract.prefix).summary("hidden")))
    assert code == 0
    assert summary["warnings"] == [f"{folder}/_SUCCESS is ignored because of its name"]


Change = Callable[[LocalStore, str], None]


@pytest.mark.parametrize(
    "change",
    [
        lambda store, key: store.write(key, good_rows(7)),
        lambda store, key: store.delete(key),
    ],
)
def test_an_object_that_changes_while_it_is_read_fails_the_run(
    change: Change, cli: Laptop, contract: Contract, spark: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = cli.store
    key = f"{Layout(contract.prefix).input}/a.csv"
    store.write(key, good_rows())

    def late(session: Any) -> Any:
        def engine(worker: Any, tasks: Any) -> Any:
            change(store, key)
            return on_spark(session)(worker, tasks)

        return engine

    monkeypatch.setattr("glue_jobs.analyze.on_spark", late)
    plan(store, load_contract(cli.contract), "late")
    arguments = job_arguments(cli.folder / "out", cli.contract, "late")
    assert analyze.main([*arguments, *ALWAYS_ON_SPARK]) == 5
