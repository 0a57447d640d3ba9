"""The command `medical-charges` prints and writes what an analysis gives."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import polars as pl
import pytest

from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT, WITHOUT_CUBES
from tests.readme import called_by

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"


def call(*arguments: str | Path) -> int:
    """Call what `pip install` makes the command of."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    entry = EntryPoint("medical-charges", project["scripts"]["medical-charges"], "console_scripts")
    return int(entry.load()([str(argument) for argument in arguments]))


def test_analyze_prints_the_outputs_and_the_summary(capsys: pytest.CaptureFixture[str]) -> None:
    assert call("analyze", CHARGES_FILE, "--contract", CONTRACT_FILE) == 0
    printed = capsys.readouterr().out
    assert "charges_by_region\nregion     patients  mean_charges" in printed
    assert "\nnortheast       324  13406.384516" in printed
    assert "rows read 1338, counted 1338, rejected 0" in printed
    assert "cube_" not in printed


def test_analyze_writes_outputs_and_rejected_rows(tmp_path: Path) -> None:
    file, out, rejected = tmp_path / "x.csv", tmp_path / "out", tmp_path / "rejected.parquet"
    file.write_bytes(HEADER + GOOD * 40 + GOOD.replace(b"19", b"190"))
    arguments = ("--contract", CONTRACT_FILE, "--out", out, "--rejected", rejected)
    assert call("analyze", file, *arguments) == 0
    assert (out / "smokers_by_region.csv").read_text() == (
        "region,smoker,patients,share\nsouthwest,yes,40,1\n"
    )
    assert pl.read_parquet(rejected)["rule"].to_list() == ["age.maximum"]


def test_check_counts_rejected_and_suppressed_rows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    contract, file = tmp_path / "contract.yaml", tmp_path / "x.csv"
    contract.write_text(WITHOUT_CUBES)
    file.write_bytes(HEADER + GOOD * 40 + GOOD.replace(b"yes", b"no") * 2)
    assert call("check", file, "--contract", contract) == 0
    printed = capsys.readouterr().out
    assert "rows read 42, counted 42, rejected 0" in printed
    assert "smokers_by_region 2" in printed


@pytest.mark.parametrize("target", ["run", "dashboard", "deploy"])
def test_what_needs_the_repository_is_left_to_make(
    target: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(target, CHARGES_FILE) == 1
    printed = capsys.readouterr().err
    assert f"`make {target}` in a clone of the repository does that" in printed
    assert called_by(f"make {target}"), "there is such a target"


def test_a_file_that_cannot_be_written_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").touch()
    out = tmp_path / "file" / "out"
    assert call("analyze", CHARGES_FILE, "--contract", CONTRACT_FILE, "--out", out) == 1
    assert capsys.readouterr().err == f"error: {out}: Not a directory\n"


def test_a_failure_is_a_sentence_with_examples_and_an_exit_code(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.csv"
    file.write_bytes(HEADER + GOOD.replace(b"yes", b"\x1b[31m") * 30)
    assert call("check", file, "--contract", CONTRACT_FILE) == 4
    printed = capsys.readouterr()
    assert "smoker.allowed, such as '\\x1b[31m'" in printed.out
    assert printed.err.startswith("error: MedicalCharges/Input_data/x.csv: 30 of 30 rows break")
    assert "\x1b" not in printed.out + printed.err
