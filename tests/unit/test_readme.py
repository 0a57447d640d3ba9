"""README.md leads where it says: its commands are run in order, as a newcomer types them."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from random import Random

import pytest

from medical_charges.contract import load_contract
from medical_charges.layout import Layout
from ops import __main__ as ops
from ops.terraform import TerraformError
from tests.helpers import ROOT
from tests.readme import HERE, IN_AN_ACCOUNT, OWN_DATA, called_by, commands, make, variables_of
from tests.unit.draft.files import dates

README = (ROOT / "README.md").read_text()


def test_every_command_of_the_readme_is_one_that_a_test_knows() -> None:
    assert commands(README) == [HERE, OWN_DATA, IN_AN_ACCOUNT]


@pytest.mark.parametrize("command", [*HERE, *OWN_DATA, *IN_AN_ACCOUNT[1:]])
def test_a_command_takes_what_the_readme_sets(command: str) -> None:
    *_, words = called_by(command)
    ops._parser().parse_args(words)
    for variable, value in variables_of(command).items():
        assert value in words, variable


@pytest.mark.parametrize(("given", "unknown"), [("input=my.csv", True), ("INPUT=my.csv", False)])
def test_a_variable_that_is_spelled_wrong_is_refused(given: str, unknown: bool) -> None:
    command = [*make("make check", ROOT), "--dry-run", given]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert bool(done.returncode) is unknown
    assert ("there is no variable input; those that there are: INPUT " in done.stderr) is unknown


def test_every_variable_that_the_targets_name_may_be_given() -> None:
    described = re.findall(r"^[a-z_-]+:.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = {name for text in described for name in re.findall(r"\b[A-Z_]{3,}\b(?==)", text)}
    assert {"MEASURE", "RUN_A", "JSON"} <= names
    called_by("make check", **dict.fromkeys(names, 1))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """What Git has of this tree, with this environment."""
    known = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    for name in filter(None, known.split("\0")):
        if (ROOT / name).is_file():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    return tmp_path


def test_a_newcomer_s_file_gets_a_contract_a_check_and_a_run(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing() -> str:
        raise TerraformError("there is no Terraform")

    monkeypatch.setattr("ops.terraform.find_or_fetch", missing)
    monkeypatch.chdir(tree)
    dates(tree, Random(5)).rename("my.csv")
    first, *others = OWN_DATA
    # The others would each take seconds more for the same imports.
    subprocess.run(make(first, tree), check=True, capture_output=True)
    for command in others:
        (words,) = called_by(command)
        assert ops.main(words) == 0, command
    printed = capsys.readouterr().out
    page = Path("my_out", Layout(load_contract("my.yaml").prefix).dashboard)
    assert f"{others[1].rpartition(' ')[0]}  #" in printed, "a check leads to the run"
    assert "rows read 300" in printed
    assert f"dashboard: {page}" in printed
    assert page.is_file()


def test_an_account_s_variables_come_with_an_example(tree: Path) -> None:
    subprocess.run(IN_AN_ACCOUNT[0], shell=True, cwd=tree, check=True)  # noqa: S602 - as typed
    made = (tree / "terraform" / "terraform.tfvars").read_text()
    (named,) = re.findall(r"# set (\w+):", README)
    assert f"\n{named} " in f"\n{made}"
