"""The two Glue jobs: the golden sample, and outputs held against their input."""

from __future__ import annotations

import json
import runpy
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from glue_jobs import test_analysis as golden_job
from glue_jobs import validate_outputs as outputs_job
from medical_charges.analysis.engine import in_this_process, on_spark
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import OutputsRefusedError
from medical_charges.layout import Layout
from medical_charges.storage import LocalStore, S3Store
from medical_charges.validation import validate_outputs
from medical_charges.validation.dqdl import Evaluator, rulesets
from medical_charges.validation.glue_arguments import glue_arguments
from medical_charges.validation.golden import check_golden
from tests.helpers import CONTRACT_FILE, ROOT, analyze_golden, run
from tests.unit.validation.helpers import without_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

GOLDEN = ROOT / "glue_jobs" / "golden"


@pytest.fixture
def golden(tmp_path: Path) -> Path:
    """A copy of the golden folder that may be damaged."""
    return Path(shutil.copytree(GOLDEN, tmp_path / "golden"))


# --- arguments


def test_arguments_are_found_among_all_that_glue_passes() -> None:
    argv = ["job.py", "--JOB_ID", "j", "--run_id", "r-1", "--TempDir", "s3://x/", "--bucket", "b"]
    assert glue_arguments(argv, "bucket", "run_id") == {"bucket": "b", "run_id": "r-1"}


def test_a_missing_argument_is_named() -> None:
    with pytest.raises(Exception, match="run_id"):
        glue_arguments(["job.py", "--bucket", "b"], "bucket", "run_id")


# --- the golden sample


def test_the_golden_outputs_are_those_of_the_independent_script(golden: Path) -> None:
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
    check_golden(LocalStore(GOLDEN), work, analyze_golden())
    summary = json.loads(work.read("Golden/Run_data/guarded/summary.json"))
    european = json.loads(work.read("Golden/Run_data/european/summary.json"))
    assert (european["rejected"], len(european["rules"])) == (9, 7)
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
    found = check_golden(
        LocalStore(GOLDEN), LocalStore(tmp_path), analyze_golden(on_spark(lambda: spark))
    )
    counts = {case: len(outputs) for case, outputs in found.items()}
    assert counts == {"european": 5, "guarded": 5, "open": 9}


def test_the_same_rows_in_another_dialect_have_the_same_figures() -> None:
    for path in (GOLDEN / "european").glob("charges_*.csv"):
        assert path.read_bytes() == (GOLDEN / "open" / path.name).read_bytes()


def test_a_wrong_figure_is_named_with_its_line(golden: Path, tmp_path: Path) -> None:
    path = golden / "open" / "charges_by_region.csv"
    path.write_text(path.read_text().replace("northwest,24,", "northwest,25,"))
    with pytest.raises(OutputsRefusedError, match=r"open/charges_by_region, line 3: found 'north"):
        check_golden(
            LocalStore(golden),
            LocalStore(tmp_path / "work"),
            analyze_golden(),
        )


def test_a_missing_row_is_named(golden: Path, tmp_path: Path) -> None:
    path = golden / "open" / "charges_by_region.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:-1]))
    with pytest.raises(OutputsRefusedError, match=r"charges_by_region: 5 lines instead of 4"):
        check_golden(
            LocalStore(golden),
            LocalStore(tmp_path / "work"),
            analyze_golden(),
        )


def test_a_golden_folder_without_cases_passes_nothing(tmp_path: Path) -> None:
    (tmp_path / "golden").mkdir()
    with pytest.raises(OutputsRefusedError, match="there is no golden case"):
        check_golden(
            LocalStore(tmp_path / "golden"),
            LocalStore(tmp_path),
            analyze_golden(),
        )


def test_the_golden_job_reads_the_uploaded_code_and_writes_its_result(
    bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in sorted(GOLDEN.rglob("*")):
        if path.is_file():
            bucket.write(f"artefacts/golden/{path.relative_to(GOLDEN)}", path.read_bytes())
    contract = CONTRACT_FILE.read_bytes()
    bucket.write("artefacts/contract.yaml", contract)
    # Spark's workers are other processes, which do not see this one's AWS.
    monkeypatch.setattr(golden_job, "on_spark", lambda session: in_this_process)
    golden_job.main(arguments())
    result = json.loads(bucket.read("MedicalCharges/Run_data/r-1/validation/golden.json"))
    assert result["passed"]
    assert set(result["cases"]) == {"european", "open", "guarded"}


def arguments() -> list[str]:
    return [
        "job.py",
        *("--bucket", "medicalcharges"),
        *("--contract", "s3://medicalcharges/artefacts/contract.yaml"),
        *("--run_id", "r-1"),
        *("--recheck", "no"),
    ]


# --- a run's outputs


@pytest.mark.spark
def test_the_outputs_job_writes_its_report_and_fails_on_a_problem(
    bucket: S3Store,
    contract: Contract,
    real_file: bytes,
    evaluator: Evaluator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bucket.write(
        "artefacts/contract.yaml",
        CONTRACT_FILE.read_bytes(),
    )
    bucket.write("MedicalCharges/Input_data/Charges.csv", real_file)
    run(bucket, contract, "r-1")
    outputs_job.main(arguments())
    report = "MedicalCharges/Run_data/r-1/validation/outputs.json"
    passed = json.loads(bucket.read(report))
    assert passed["passed"]
    rules = {f"{r.name}: rule {it.name}" for r in rulesets(contract) for it in r.rules}
    assert rules == {check["name"] for check in passed["checks"] if ": rule " in check["name"]}
    assert {c["outcome"] for c in passed["checks"] if c["name"] in rules} == {"pass"}
    monkeypatch.setattr(outputs_job, "FRAME_CHECKS", ())
    key = Layout(contract.prefix).staged("r-1", "charges_by_region")
    bucket.write(key, bucket.read(key).replace(b"324", b"323", 1))
    with pytest.raises(
        OutputsRefusedError,
        match=r"charges_by_region: figures: northeast: patients is not the figure of the rows",
    ):
        outputs_job.main(arguments())
    assert not json.loads(bucket.read(report))["passed"]


OWN_RULES = """
quality:
  rules:
    cheap: { rule: 'ColumnValues "charges" <= 20000' }
    on_average: { rule: 'Mean "charges" > 20000', severity: warn }
    regions: { rule: RowCount = 5, output: charges_by_region, category: completeness }
"""


@pytest.mark.spark
def test_a_run_whose_rows_break_quality_rules_is_refused_with_their_number(
    bucket: S3Store, real_file: bytes, evaluator: Evaluator
) -> None:
    raw = yaml.safe_load(CONTRACT_FILE.read_text())
    few = {key: raw[key] for key in ("dataset", "prefix", "source", "measure")}
    few["analyses"] = {"charges_by_region": raw["analyses"]["charges_by_region"]}
    text = yaml.safe_dump(few, sort_keys=False)
    bucket.write("artefacts/contract.yaml", f"{text}{OWN_RULES}".encode())
    bucket.write("MedicalCharges/Input_data/Charges.csv", real_file)
    # The rows have been read, and found right, before there were such rules.
    run(bucket, parse_contract(text), "r-0")
    validate_outputs(without_spark, bucket, parse_contract(text), "r-0")
    run(bucket, parse_contract(f"{text}{OWN_RULES}"), "r-1")
    with pytest.raises(OutputsRefusedError) as refused:
        outputs_job.main(arguments())
    assert str(refused.value).splitlines() == [
        "input: rule rules.cheap: 273 of 1338 rows break it",
        "charges_by_region: rule rules.regions: RowCount is 4, of 4 rows",
    ]
    report = json.loads(bucket.read("MedicalCharges/Run_data/r-1/validation/outputs.json"))
    warned = next(c for c in report["checks"] if c["name"] == "input: rule rules.on_average")
    assert (warned["outcome"], warned["severity"]) == ("fail", "warn")
    assert warned["found"] == "it does not hold, of 1338 rows"
