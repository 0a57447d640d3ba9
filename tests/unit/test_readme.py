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


def refused(*words: str) -> str:
    """What make says against a target with its variables; nothing if it takes them."""
    command = [*make("make", ROOT), "--dry-run", *words]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("input=my.csv", "INPUT"),
        ("INPUTS=my.csv", "INPUT"),
        ("CONTRACTS=c.yaml", "CONTRACT"),
        ("OUTPUT=mine", "OUT"),
    ],
)
def test_a_variable_that_is_misspelled_is_refused(given: str, meant: str) -> None:
    said = f"there is no variable {given.partition('=')[0]} (is it {meant}?)"
    assert said in refused("check", given)


@pytest.mark.parametrize(
    "words",
    [
        ("check", "INPUT=my.csv"),
        ("deploy", "AWS_PROFILE=p", "AWS_REGION=r", "TF_VAR_environment=test"),
        ("test", "FAULTS=all", "SPARK=glue", "FUZZ_COPIES=9"),
        ("help", "V=1", "O=build", "PIP_INDEX_URL=u", "CI=1"),
    ],
)
def test_a_variable_of_another_program_is_let_through(words: tuple[str, ...]) -> None:
    assert not refused(*words)


@pytest.mark.parametrize("target", ["upload", "verify", "deploy"])
def test_a_target_that_reads_file_refuses_an_input(target: str) -> None:
    said = f"`make {target}` reads FILE, not INPUT: give it FILE=my.csv"
    assert said in refused(target, "INPUT=my.csv")
    assert not refused(target, "FILE=my.csv")


@pytest.mark.parametrize("target", ["run", "check", "contract"])
def test_a_target_that_reads_an_input_refuses_a_file(target: str) -> None:
    said = f"`make {target}` reads INPUT, not FILE: give it INPUT=my.csv"
    assert said in refused(target, "FILE=my.csv")
    assert not refused(target, "INPUT=my.csv")


def test_targets_together_take_the_variables_of_each() -> None:
    assert not refused("check", "upload", "INPUT=one.csv", "FILE=other.csv")
    assert refused("check", "upload", "INPUT=one.csv")


def test_every_variable_that_the_targets_name_may_be_given() -> None:
    described = re.findall(r"^[a-z_-]+:.*## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    names = {name for text in described for name in re.findall(r"\b[A-Z_]{3,}\b(?==)", text)}
    assert {"MEASURE", "RUN_A", "JSON"} <= names
    called_by("make logs", **dict.fromkeys(names, 1))


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
