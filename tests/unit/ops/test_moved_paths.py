"""Paths of version 0.1.0 are answered with the new ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from ops.__main__ import main
from tests.helpers import CHARGES_FILE, CONTRACT_FILE


@pytest.mark.parametrize(
    ("words", "code", "now"),
    [
        (
            ("run", "--input", str(CHARGES_FILE), "--contract", "contracts/medical_charges.yaml"),
            2,
            "datasets/medical_charges/contract.yaml",
        ),
        (
            ("run", "--input", "data", "--contract", str(CONTRACT_FILE)),
            3,
            "datasets/medical_charges",
        ),
        (
            ("upload", "--file", "data/Charges.csv", "--contract", str(CONTRACT_FILE)),
            3,
            "datasets/medical_charges/Charges.csv",
        ),
    ],
)
def test_an_old_path_is_answered_with_the_new_one(
    words: tuple[str, ...],
    code: int,
    now: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    out = ("--out", str(tmp_path / "out")) if words[0] == "run" else ()
    assert main([*words, *out]) == code
    assert f"has moved: it is {now} now" in capsys.readouterr().err


def test_an_old_path_that_exists_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "contracts").mkdir()
    (tmp_path / "contracts" / "medical_charges.yaml").write_text("dataset: 7")
    words = ("run", "--input", str(CHARGES_FILE), "--contract", "contracts/medical_charges.yaml")
    assert main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "has moved" not in capsys.readouterr().err
