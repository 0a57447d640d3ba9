"""The two Glue jobs: the golden sample, and outputs held against their input."""

from __future__ import annotations

import gzip
import json
import runpy
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pytest

from glue_jobs import test_analysis as golden_job
from glue_jobs import validate_outputs as outputs_job
from medical_charges.analysis import Summary
from medical_charges.contract import Contract, parse_contract
from medical_charges.engine import in_this_process, on_spark
from medical_charges.errors import OutputsRefusedError
from medical_charges.glue_arguments import glue_arguments
from medical_charges.golden import check_golden
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, S3Store
from medical_charges.validation import Report, Validation
from tests.conftest import ROOT
from tests.helpers import run, upload

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOLDEN = ROOT / "glue_jobs" / "golden"


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of the golden folder that may be spoilt."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


# --- arguments


def test_arguments_are_found_among_all_that_glue_passes() -> None:
    argv = ["job.py", "--JOB_ID", "j", "--run_id", "r-1", "--TempDir", "s3://x/", "--bucket", "b"]
    assert glue_arguments(argv, "bucket", "run_id") == {"bucket": "b", "run_id": "r-1"}


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(Exception, match="run_id"):
        glue_arguments(["job.py", "--bucket", "b"], "bucket", "run_id")


# --- the golden sample


def test_the_golden_outputs_are_what_the_independent_script_computes(golden: Path) -> None:
    expected = {path.relative_to(GOLDEN): path.read_bytes() for path in GOLDEN.rglob("*.csv")}
    for path in golden.glob("*/*.csv"):
        path.unlink()
    runpy.run_path(str(golden / "compute.py"), run_name="__main__")
    made = {path.relative_to(golden): path.read_bytes() for path in golden.rglob("*.csv")}
    assert made == expected


def test_the_sample_has_groups_of_one_withheld_groups_and_rejected_rows(
    tmp_path: Path,
) -> None:
    work = LocalStore(tmp_path)
    check_golden(LocalStore(GOLDEN), work, in_this_process)
    summary = json.loads(work.read("Golden/Run_data/guarded/summary.json"))
    assert summary["rejected"] >= 10
    assert len(summary["rules"]) >= 10
    assert summary["suppressed"]["charges_by_age"] >= 5
    ages = (GOLDEN / "open" / "charges_by_age.csv").read_text().split()
    alone = [line for line in ages if ",1," in line]
    assert alone
    assert all(line.endswith(",,") for line in alone)


@pytest.mark.spark
def test_the_analysis_passes_the_golden_sample_on_spark(
    spark: SparkSession, tmp_path: Path
) -> None:
    found = check_golden(LocalStore(GOLDEN), LocalStore(tmp_path), on_spark(lambda: spark))
    assert {case: len(outputs) for case, outputs in found.items()} == {"guarded": 5, "open": 8}


def test_a_wrong_figure_is_named_with_its_line(golden: Path, tmp_path: Path) -> None:
    path = golden / "open" / "charges_by_region.csv"
    path.write_text(path.read_text().replace("northwest,24,", "northwest,25,"))
    with pytest.raises(OutputsRefusedError, match=r"open/charges_by_region, line 3: found 'north"):
        check_golden(LocalStore(golden), LocalStore(tmp_path / "work"), in_this_process)


def test_a_missing_row_is_named(golden: Path, tmp_path: Path) -> None:
    path = golden / "open" / "charges_by_region.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(OutputsRefusedError, match=r"charges_by_region: 5 lines instead of 4"):
        check_golden(LocalStore(golden), LocalStore(tmp_path / "work"), in_this_process)


def test_a_golden_folder_without_cases_passes_nothing(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    with pytest.raises(OutputsRefusedError, match="there is no golden case"):
        check_golden(LocalStore(tmp_path / "golden"), LocalStore(tmp_path), in_this_process)


def test_the_golden_job_reads_what_was_uploaded_and_writes_its_result(
    bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(GOLDEN.rglob("*")):
        if path.is_file():
            bucket.write(f"artefacts/golden/{path.relative_to(GOLDEN)}", path.read_bytes())
    contract = (ROOT / "contracts" / "medical_charges.yaml").read_bytes()
    bucket.write("artefacts/contract.yaml", contract)
    # Spark's workers are other processes, which do not see this one's AWS.
    monkeypatch.setattr(golden_job, "on_spark", lambda session: in_this_process)
    golden_job.main(arguments())
    result = json.loads(bucket.read("MedicalCharges/Run_data/r-1/validation/golden.json"))
    assert result["passed"]
    assert set(result["cases"]) == {"open", "guarded"}


def arguments() -> list[str]:
    return [
        "job.py",
        *("--bucket", "medicalcharges"),
        *("--contract", "s3://medicalcharges/artefacts/contract.yaml"),
        *("--run_id", "r-1"),
    ]


# --- a run's outputs


MESSY = b"""\
region,children,note,smoker,sex,age,bmi,charges
northeast,1,"a, quoted \"\"note\"\"",no,male, 30 ,24.95,1000.5
northeast,1,,no,male,+30,25,1e3
northeast,1,,no,male,30.5,25,1000
northeast,1,,no,male,95,25,1000

northeast,1,,no,male,30,NaN,1000
north,1,,no,male,30,25,1000
northeast,1,,no,male,30,25
northeast,1,,no,male,30,25,1000,more
northeast,,,no,male,30,25,1000
"""


@pytest.mark.spark
def test_outputs_of_the_real_file_agree_with_what_spark_computes(
    spark: SparkSession, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    report = Validation(spark, store, contract, "run").run()
    assert report.problems == []
    assert report.recomputed == "from 1 object(s)"
    assert "charges_by_age: figures computed anew" in report.checks


@pytest.mark.spark
def test_spark_accepts_the_rows_that_the_kernel_accepts(
    spark: SparkSession, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    quality = contract.quality.model_copy(update={"maximum_rejected_share": 1})
    tolerant = contract.model_copy(update={"quality": quality})
    messy = {"messy.csv": MESSY.replace(b"\n", b"\r\n"), "marked.csv": b"\xef\xbb\xbf" + MESSY}
    upload(store, tolerant, {"Charges.csv": real_file} | messy)
    summary = run(store, tolerant)
    assert (summary.rejected, summary.counted) == (12, 1338 + 6)
    report = Validation(spark, store, tolerant, "run").run()
    assert report.problems == []
    assert report.recomputed == "from 3 object(s)"


RULES = """
dataset: rules
prefix: Rules
source:
  format: csv
  columns:
    kind:  {type: string, allowed: [a, b]}
    note:  {type: string, identifying: made up}
    whole: {type: integer}
    few:   {type: integer, minimum: 0, maximum: 9}
    ratio: {type: double, minimum: -1, maximum: 1}
    spare: {type: double, nullable: true}
    cost:  {type: double, decimals: 2}
measure: cost
analyses:
  cost_by_kind: {group_by: [kind], statistics: [patients, mean, minimum, maximum, stddev]}
quality:    {maximum_rejected_share: 1.0}
disclosure: {minimum_cell: 1}
"""
GOOD_ROW = b"a,n,1,1,0.5,,10.5"

BROKEN: dict[str, tuple[str, bytes]] = {
    "too few fields": ("fields", b"a,n,1,1,0.5,"),
    "too many fields": ("fields", b"a,n,1,1,0.5,,10.5,"),
    "an odd number of quotes": ("quotes", b'a,"n,1,1,0.5,,10.5'),
    "text behind a quote": ("quotes", b'a,"n"n,1,1,0.5,,10.5'),
    "a carriage return": ("quotes", b"a,n\rn,1,1,0.5,,10.5"),
    "an empty text": ("note.required", b"a,,1,1,0.5,,10.5"),
    "an empty text in quotes": ("note.required", b'a,"",1,1,0.5,,10.5'),
    "an empty number": ("few.required", b"a,n,1,,0.5,,10.5"),
    "a value that is not allowed": ("kind.allowed", b"c,n,1,1,0.5,,10.5"),
    "a Latin-1 letter in any text": ("note.encoding", b"a,caf\xe9,1,1,0.5,,10.5"),
    "a Latin-1 letter in a value": ("kind.encoding", b"\xe9,n,1,1,0.5,,10.5"),
    "a fraction for an integer": ("few.type", b"a,n,1,1.0,0.5,,10.5"),
    "an integer over 64 bits": ("whole.type", b"a,n,9223372036854775808,1,0.5,,10.5"),
    "an integer under 64 bits": ("whole.type", b"a,n,-9223372036854775809,1,0.5,,10.5"),
    "an integer of 50 digits": ("whole.type", b"a,n," + b"9" * 50 + b",1,0.5,,10.5"),
    "a word for a number": ("ratio.type", b"a,n,1,1,half,,10.5"),
    "a number of Java's": ("ratio.type", b"a,n,1,1,0.5d,,10.5"),
    "no number at all": ("ratio.finite", b"a,n,1,1,NaN,,10.5"),
    "an infinity": ("spare.finite", b"a,n,1,1,0.5,-Infinity,10.5"),
    "a number that overflows": ("spare.finite", b"a,n,1,1,0.5,1e400,10.5"),
    "a measure that overflows": ("cost.finite", b"a,n,1,1,0.5,,1e400"),
    "a measure that is too large": ("cost.magnitude", b"a,n,1,1,0.5,,-90071992547409.94"),
    "under the minimum": ("ratio.minimum", b"a,n,1,1,-1.5,,10.5"),
    "over the maximum": ("few.maximum", b"a,n,1,10,0.5,,10.5"),
}
KEPT: dict[str, bytes] = {
    "quotes around anything": b'"b","n","1","1","0.5","","10.5"',
    "a comma and a quote in quotes": b'b,"n, ""n""",1,1,0.5,,10.5',
    "a quote within a text": b'b,n"n"n,1,1,0.5,,10.5',
    "a text in any script": "b,\ufffd \ue000 \U0001f642,1,1,0.5,,10.5".encode(),
    "spaces and tabs around numbers": b"b,n,\t1 , 1\t,\t0.5 ,, \t10.5\t ",
    "signs and exponents": b"b,n,+1,+1,+5e-1,-.5,+1.05e+1",
    "the largest integer": b"b,n,9223372036854775807,1,0.5,,10.5",
    "the smallest integer": b"b,n,-9223372036854775808,1,0.5,,10.5",
    "an integer with zeros before it": b"b,n," + b"0" * 50 + b"1,1,0.5,,10.5",
    "a number below all doubles": b"b,n,1,1,0.5,1e-400,10.5",
    "the largest measure": b"b,n,1,1,0.5,,90071992547409.92",
    "carriage returns at the end": b"b,n,1,1,0.5,,10.5\r\r",
}


def validated(
    spark: SparkSession, store: LocalStore, contract: Contract, files: dict[str, bytes]
) -> tuple[Summary, Report]:
    """A run over files, and what is found of it."""
    upload(store, contract, files)
    summary = run(store, contract)
    return summary, Validation(spark, store, contract, "run").run()


def lines(*rows: bytes) -> bytes:
    return b"\n".join([b"kind,note,whole,few,ratio,spare,cost", *rows, b""])


@pytest.mark.spark
@pytest.mark.parametrize(("rule", "row"), BROKEN.values(), ids=BROKEN)
def test_one_bad_row_is_bad_to_spark_too(
    spark: SparkSession, store: LocalStore, rule: str, row: bytes
) -> None:
    summary, report = validated(
        spark, store, parse_contract(RULES), {"x.csv": lines(GOOD_ROW, row)}
    )
    assert (summary.rules, summary.counted) == ({rule: 1}, 1)
    assert report.problems == []
    assert report.recomputed == "from 1 object(s)"


@pytest.mark.spark
@pytest.mark.parametrize("row", KEPT.values(), ids=KEPT)
def test_an_unusual_good_row_is_good_to_spark_too(
    spark: SparkSession, store: LocalStore, row: bytes
) -> None:
    summary, report = validated(
        spark, store, parse_contract(RULES), {"x.csv": lines(GOOD_ROW, row)}
    )
    assert (summary.rejected, summary.counted) == (0, 2)
    assert report.problems == []
    assert report.recomputed == "from 1 object(s)"


@pytest.mark.spark
def test_an_integer_measure_that_is_too_large_is_bad_to_spark_too(
    spark: SparkSession, store: LocalStore
) -> None:
    contract = parse_contract(RULES.replace("{type: double, decimals: 2}", "{type: integer}"))
    rows = [b"a,n,1,1,0.5,,%d" % cost for cost in (2**53, -(2**53), 2**53 + 1, -(2**53) - 1)]
    summary, report = validated(spark, store, contract, {"x.csv": lines(*rows)})
    assert summary.rules == {"cost.magnitude": 2}
    assert report.problems == []


@pytest.mark.spark
def test_a_measure_in_the_middle_is_rounded_half_to_even_by_spark_too(
    spark: SparkSession, store: LocalStore
) -> None:
    rows = [b"a,n,1,1,0.5,,0.125", b"b,n,1,1,0.5,,0.375"]
    _, report = validated(spark, store, parse_contract(RULES), {"x.csv": lines(*rows)})
    assert report.problems == []


@pytest.mark.spark
def test_large_figures_that_differ_little_are_computed_exactly_by_spark_too(
    spark: SparkSession, store: LocalStore
) -> None:
    rows = [b"a,n,1,1,0.5,,80000000000000.%02d" % (i % 3) for i in range(50)]
    _, report = validated(spark, store, parse_contract(RULES), {"x.csv": lines(*rows)})
    assert report.problems == []


@pytest.mark.spark
def test_hundreds_of_objects_with_a_few_headers_are_read_together(
    spark: SparkSession, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = b"\n".join([b"cost,spare,ratio,few,whole,note,kind,more", b"1,,0,1,1,n,b,x", b""])
    files = {f"{i:03d}.csv": turned if i % 2 else lines(GOOD_ROW) for i in range(200)}
    frames = Mock(wraps=spark.createDataFrame)
    monkeypatch.setattr(spark, "createDataFrame", frames)
    summary, report = validated(spark, store, parse_contract(RULES), files)
    assert summary.counted == 200
    assert report.problems == []
    assert report.recomputed == "from 200 object(s)"
    assert frames.call_count < 10


@pytest.mark.spark
def test_too_many_objects_or_headers_are_not_read_again(
    spark: SparkSession, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned = b"\n".join([b"cost,spare,ratio,few,whole,note,kind", b"1,,0,1,1,n,b", b""])
    files = {"a.csv": lines(GOOD_ROW), "b.csv": turned}
    monkeypatch.setattr("medical_charges.validation.RECOMPUTED_HEADERS", 1)
    _, report = validated(spark, store, parse_contract(RULES), files)
    assert report.recomputed == "no: the objects have more than 1 different headers"
    monkeypatch.setattr("medical_charges.validation.RECOMPUTED_OBJECTS", 1)
    _, report = validated(spark, store, parse_contract(RULES), files)
    assert report.recomputed == "no: the input is many objects, 2"
    assert report.problems == []


@pytest.mark.spark
def test_a_compressed_object_is_as_large_as_what_it_holds(
    spark: SparkSession, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(lines(*[GOOD_ROW] * 5000))
    assert len(packed) < 1000
    contract = parse_contract(RULES)
    _, report = validated(spark, store, contract, {"x.csv.gz": packed})
    assert (report.problems, report.recomputed) == ([], "from 1 object(s)")
    monkeypatch.setattr("medical_charges.validation.RECOMPUTED_BYTES", 20_000)
    report = Validation(spark, store, contract, "run").run()
    assert report.recomputed == "no: the input is large, more than 20000 bytes"


SPARSE: dict[str, tuple[str, str]] = {
    "deviations of groups of one": ("[stddev]", "{minimum_cell: 1}"),
    "extremes that are withheld": (
        "[minimum, maximum]",
        "{minimum_cell: 2, extremes: suppress}",
    ),
    "means without their patients": ("[mean]", "{minimum_cell: 2}"),
}


def sparse(statistics: str, disclosure: str) -> Contract:
    text = RULES.replace("[patients, mean, minimum, maximum, stddev]", statistics)
    return parse_contract(text.replace("{minimum_cell: 1}", disclosure))


@pytest.mark.spark
@pytest.mark.parametrize(("statistics", "disclosure"), SPARSE.values(), ids=SPARSE)
def test_a_figure_that_there_is_none_of_is_not_taken_for_withheld(
    spark: SparkSession, store: LocalStore, statistics: str, disclosure: str
) -> None:
    rows = [GOOD_ROW, GOOD_ROW, GOOD_ROW.replace(b"a", b"b", 1)]
    _, report = validated(spark, store, sparse(statistics, disclosure), {"x.csv": lines(*rows)})
    assert report.problems == []


@pytest.mark.spark
def test_a_deviation_of_a_group_of_one_is_refused(spark: SparkSession, store: LocalStore) -> None:
    contract = sparse("[mean, stddev]", "{minimum_cell: 1}")
    validated(spark, store, contract, {"x.csv": lines(GOOD_ROW)})
    key = Layout(contract.prefix).staged("run", "cost_by_kind")
    store.write(key, store.read(key).replace(b"a,10.5,", b"a,10.5,0"))
    assert Validation(spark, store, contract, "run").run().problems == [
        "cost_by_kind, a: stddev_cost is 0.0; Spark finds nan"
    ]


@pytest.mark.spark
def test_a_small_group_that_shows_is_refused_where_patients_are_not_published(
    spark: SparkSession, store: LocalStore
) -> None:
    contract = sparse("[mean]", "{minimum_cell: 2}")
    rows = [*[GOOD_ROW] * 20, GOOD_ROW.replace(b"a", b"b", 1)]
    validated(spark, store, contract, {"x.csv": lines(*rows)})
    key = Layout(contract.prefix).staged("run", "cost_by_kind")
    store.write(key, store.read(key).replace(b"b,\n", b"b,10.5\n"))
    assert Validation(spark, store, contract, "run").run().problems == [
        "cost_by_kind withholds 1 rows; the summary says 2",
        "cost_by_kind shows a group of fewer than 2 patients",
    ]


def _replace(old: str, new: str) -> Callable[[bytes], bytes]:
    def edit(data: bytes) -> bytes:
        assert old.encode() in data
        return data.replace(old.encode(), new.encode(), 1)

    return edit


def _without_last_row(data: bytes) -> bytes:
    return b"".join(data.splitlines(keepends=True)[:-1])


WRONG: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a column renamed": (
        "charges_by_region",
        _replace("mean_charges", "avg_charges"),
        "charges_by_region has the header 'region,patients,avg_charges",
    ),
    "columns in another order": (
        "smokers_by_region",
        _replace("region,smoker", "smoker,region"),
        "smokers_by_region has the header 'smoker,region",
    ),
    "a row too few": (
        "charges_by_region",
        _without_last_row,
        "charges_by_region shows 1013 patients in all; 1338 were counted",
    ),
    "a group twice": (
        "charges_by_region",
        _replace("southwest", "southeast"),
        "charges_by_region has a group twice",
    ),
    "patients moved": (
        "charges_by_region",
        _replace("northeast,324", "northeast,325"),
        "charges_by_region shows 1339 patients in all; 1338 were counted",
    ),
    "a figure off": (
        "charges_by_region",
        _replace("13406.384516", "13406.38"),
        "charges_by_region, northeast: mean_charges is 13406.38; Spark finds 13406.3845",
    ),
    "a figure withheld in silence": (
        "charges_by_bmi_category",
        lambda data: b"\n".join(
            b"underweight,,,," if line.startswith(b"underweight") else line
            for line in data.split(b"\n")
        ),
        "charges_by_bmi_category withholds 1 rows; the summary says 0",
    ),
    "a group's name that is none": (
        "charges_by_region",
        _replace("southwest", "southmost"),
        "charges_by_region has 4 groups; Spark finds 4, or others",
    ),
}


@pytest.mark.spark
def test_a_wrong_output_is_refused_with_its_own_sentence(
    spark: SparkSession, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    for name, damage, sentence in WRONG.values():
        key = Layout(contract.prefix).staged("run", name)
        good = store.read(key)
        store.write(key, damage(good))
        problems = Validation(spark, store, contract, "run").run().problems
        assert any(problem.startswith(sentence) for problem in problems), (sentence, problems)
        store.write(key, good)
    assert Validation(spark, store, contract, "run").run().problems == []


@pytest.mark.spark
def test_an_account_that_does_not_add_up_is_refused(
    spark: SparkSession, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    key = Layout(contract.prefix).summary("run")
    summary = json.loads(store.read(key))
    store.write(key, json.dumps(summary | {"rows": 1340}).encode())
    problems = Validation(spark, store, contract, "run").run().problems
    assert "1340 rows in, but 1338 counted and 0 rejected" in problems
    store.write(key, json.dumps(summary | {"rows": 1339, "rejected": 1}).encode())
    problems = Validation(spark, store, contract, "run").run().problems
    assert problems[0] == (
        "the objects have 1338 rows, 0 of them rejected; the summary says 1339 and 1"
    )


@pytest.mark.spark
def test_a_small_group_that_shows_is_refused(
    spark: SparkSession, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    stricter = contract.model_copy(
        update={"disclosure": contract.disclosure.model_copy(update={"minimum_cell": 21})}
    )
    problems = Validation(spark, store, stricter, "run").run().problems
    assert "charges_by_bmi_category shows a group of fewer than 21 patients" in problems


@pytest.mark.spark
def test_large_or_ambiguous_input_is_not_read_again_and_the_report_says_so(
    spark: SparkSession,
    store: LocalStore,
    contract: Contract,
    real_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    upload(store, contract, {"Charges.csv": real_file})
    run(store, contract)
    monkeypatch.setattr("medical_charges.validation.RECOMPUTED_BYTES", 1000)
    report = Validation(spark, store, contract, "run").run()
    assert report.problems == []
    assert report.recomputed == f"no: the input is large, {len(real_file)} bytes"


@pytest.mark.spark
def test_the_outputs_job_writes_its_report_and_fails_on_a_problem(
    spark: SparkSession, bucket: S3Store, contract: Contract, real_file: bytes
) -> None:
    bucket.write(
        "artefacts/contract.yaml", (ROOT / "contracts" / "medical_charges.yaml").read_bytes()
    )
    bucket.write("MedicalCharges/Input_data/Charges.csv", real_file)
    run(bucket, contract, "r-1")  # type: ignore[arg-type]
    outputs_job.main(arguments())
    report = "MedicalCharges/Run_data/r-1/validation/outputs.json"
    assert json.loads(bucket.read(report))["passed"]
    key = Layout(contract.prefix).staged("r-1", "charges_by_region")
    bucket.write(key, bucket.read(key).replace(b"324", b"323", 1))
    with pytest.raises(OutputsRefusedError, match="1337 patients"):
        outputs_job.main(arguments())
    assert not json.loads(bucket.read(report))["passed"]
