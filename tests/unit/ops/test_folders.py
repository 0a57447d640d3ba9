"""`make run` on folders alone: what it prints, and what it leaves of other people's files."""

from __future__ import annotations

import json
import random
import shlex
import subprocess
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest

from glue_jobs import analyze
from medical_charges.contract import parse_contract
from medical_charges.contract.uri import read_contract
from medical_charges.layout import Layout
from medical_charges.report.printable import printable
from medical_charges.storage import LocalStore, S3Store, open_store
from ops import __main__ as ops
from ops.pipeline import Ended, Pipeline
from ops.terraform import TerraformError
from tests.helpers import ROOT, page_data

CONTRACT = """
dataset: clinics
prefix: Clinics
source:
  format: csv
  columns:
    clinic: { type: string }
    cost: { type: double, decimals: 2 }
measure: cost
analyses:
  cost_by_clinic:
    group_by: [clinic]
    statistics: [patients, share, mean, minimum, maximum, stddev, ci95]
disclosure: { minimum_cell: 1, extremes: publish }
"""


def clinics(*names: str, header: str = "clinic,cost", more: str = "") -> bytes:
    """Fifteen rows of made costs for each clinic."""
    made = random.Random(7)
    rows = [f"{name},{made.uniform(10, 1e5):.2f}{more}" for name in names for _ in range(15)]
    return "\n".join([header, *rows, ""]).encode()


@dataclass
class Laptop:
    """A machine without Terraform, with the job in this process."""

    folder: Path
    capture: pytest.CaptureFixture[str]

    def run(
        self,
        data: bytes,
        *,
        name: str = "input.csv",
        out: str = "out",
        contract: str = CONTRACT,
        source: str = "source",
    ) -> tuple[int, str]:
        """Analyze one file; return the exit code and all that was printed."""
        folder = self.folder / source
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
        described = self.folder / "contract.yaml"
        described.write_text(contract)
        self.capture.readouterr()
        arguments = ["--input", str(folder), "--out", str(self.folder / out)]
        code = ops.main(["run", *arguments, "--contract", str(described)])
        return code, "".join(self.capture.readouterr())


@pytest.fixture
def laptop(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Laptop:
    from ops import folders

    def in_this_process(out: Path, contract: Path, run_id: str) -> int:
        command, _ = folders.analysis_command(out, contract, run_id)
        return analyze.main(command[2:])

    def missing() -> str:
        raise TerraformError("there is no Terraform")

    monkeypatch.setattr("ops.terraform.find_or_fetch", missing)
    monkeypatch.setattr("ops.folders.run_analysis", in_this_process)
    monkeypatch.setenv("COLUMNS", "80")
    return Laptop(tmp_path, capsys)


# --- one publication after another

PROTECTED = CONTRACT.replace("minimum_cell: 1,", "minimum_cell: 11,")


def output(laptop: Laptop, out: str = "out") -> bytes:
    file = laptop.folder / out / "Clinics/Output_data/cost_by_clinic/cost_by_clinic.csv"
    return file.read_bytes()


def test_a_change_of_few_people_is_held_and_what_is_published_stays(laptop: Laptop) -> None:
    laptop.run(clinics("a", "b"), contract=PROTECTED)
    before = output(laptop)
    code, printed = laptop.run(clinics("a", "b") + b"a,5000\n", contract=PROTECTED)
    assert code == 0
    assert "held, and nothing of it is published" in printed
    assert "choose another OUT" in " ".join(printed.split())
    assert output(laptop) == before


def test_another_out_is_for_other_readers(laptop: Laptop) -> None:
    laptop.run(clinics("a", "b"), contract=PROTECTED)
    laptop.run(clinics("a", "b") + b"a,5000\n", contract=PROTECTED, out="other")
    assert output(laptop, "other") != output(laptop)


def test_a_file_that_lacks_most_people_replaces_nothing(laptop: Laptop) -> None:
    laptop.run(clinics("a", "b", "c"), contract=PROTECTED)
    before = output(laptop)
    code, printed = laptop.run(clinics("a"), contract=PROTECTED)
    assert code == 0
    assert "this run has over 50% fewer people than the live run" in printed
    assert output(laptop) == before
    laptop.run(clinics("a", "b"), contract=PROTECTED)
    assert output(laptop) != before


def test_a_run_that_a_new_stack_holds_takes_nothing_away(
    laptop: Laptop, bucket: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    laptop.run(clinics("a", "b", "c"))
    out, source = laptop.folder / "out", laptop.folder / "source"
    before = published_files(out)

    class Held(Pipeline):
        """A pipeline of a stack that is empty, and that holds what is uploaded."""

        def put(self, files: Mapping[str, Path]) -> list[str]:
            return ["old.csv", *super().put(files)]

        def executions(self, *, running: bool = False) -> list[str]:
            return []

        def await_execution(self, known: Collection[str], patience: float) -> str:
            return "arn"

        def follow(self, arn: str, report: object) -> Ended:
            return Ended(arn, "SUCCEEDED", "", "", held="for a reason")

        def continuing(self, arn: str) -> list[str]:
            return []

        def run_of(self, arn: str) -> str:
            return "held"

    found = {"bucket_name": "medicalcharges", "state_machine_arn": "m", "ledger_table": "t"}
    pipeline = Held({"AWS_REGION": "us-east-1"}, found, Layout("Clinics"))

    @contextmanager
    def deployed(*_: object) -> Iterator[SimpleNamespace]:
        yield SimpleNamespace(
            pipeline=pipeline, contract=parse_contract(CONTRACT), settle=lambda: None
        )

    monkeypatch.setattr("ops.stack.deployed", deployed)
    monkeypatch.setattr("ops.stack.STATE", laptop.folder / "state")
    monkeypatch.setattr("ops.terraform.find_or_fetch", lambda: "terraform")
    laptop.capture.readouterr()
    paths = ["--contract", str(laptop.folder / "contract.yaml"), "--out", str(out)]
    assert ops.main(["run", "--input", str(source), *paths]) == 0
    printed = laptop.capture.readouterr().out
    assert "nothing of it is published: for a reason" in printed
    assert "uploaded input.csv; removed old.csv; EventBridge" in printed
    assert published_files(out) == before


def published_files(out: Path) -> dict[Path, bytes]:
    folder = out / "Clinics"
    return {it: it.read_bytes() for it in (folder / "Output_data").rglob("*.csv")} | {
        folder / "Dashboard/index.html": (folder / "Dashboard/index.html").read_bytes()
    }


def test_a_change_of_enough_people_is_published(laptop: Laptop) -> None:
    laptop.run(clinics("a", "b"), contract=PROTECTED)
    laptop.run(clinics("a", "b", "c"), contract=PROTECTED)
    assert b"\nc,15," in output(laptop)


# --- what is printed


def test_a_run_says_what_may_be_passed_on(laptop: Laptop) -> None:
    """Every folder that it has left is either named, or holds what readers must not have."""
    _, printed = laptop.run(clinics("a", "b"))
    (line,) = [line for line in printed.splitlines() if line.startswith("to pass on: ")]
    named = line.removeprefix("to pass on: ").partition(";")[0].split(", ")
    assert named == ["Output_data", "Manifest_data", "Dashboard", "tables.xlsx"]
    left = {path.name for path in (laptop.folder / "out" / "Clinics").iterdir()}
    assert left - set(named) == {"Input_data", "Cube_data", "Run_data", ".gitignore"}


def test_a_folder_in_a_repository_is_not_added_to_it(laptop: Laptop) -> None:
    laptop.run(clinics("a", "b"))
    repository = ["git", "-C", str(laptop.folder / "out")]
    subprocess.run([*repository, "init", "--quiet"], check=True)
    status = [*repository, "status", "--porcelain", "--untracked-files=all"]
    found = subprocess.run(status, check=True, capture_output=True, text=True).stdout
    assert "Clinics/" not in found
    assert "Input_data" not in found


def test_the_next_commands_name_the_same_contract_and_folder(laptop: Laptop) -> None:
    _, printed = laptop.run(clinics("a", "b"), out="it's $87")
    lines = [line.strip() for line in printed.partition("next:\n")[2].splitlines()]
    commands = [line.partition("  #")[0] for line in lines if line.startswith("make ")]
    assert [command.split()[1] for command in commands] == ["dashboard", "export", "compare"]
    for command in commands:
        # Make and a shell have read it, and it was not carried out.
        said = subprocess.run(
            ["bash", "-c", f"{command} --dry-run"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        words = shlex.split(said.splitlines()[-1])
        assert words[words.index("--out") + 1] == str(laptop.folder / "it's $87")
        assert words[words.index("--contract") + 1] == str(laptop.folder / "contract.yaml")


@pytest.mark.parametrize("name", ["Ward [/a]", "Ward [b]", "[null]", "[bold]", "North :smile:"])
def test_a_group_is_printed_as_it_is_called(laptop: Laptop, name: str) -> None:
    code, printed = laptop.run(clinics(name, "South"))
    assert code == 0
    assert any(line.strip().startswith(f"{name}  ") for line in printed.split("\n"))


@pytest.mark.parametrize("column", ["dose [/day]", "weight [kg]"])
def test_a_warning_names_a_column_as_its_header_does(laptop: Laptop, column: str) -> None:
    code, printed = laptop.run(clinics("North", header=f"clinic,cost,{column}", more=",1"))
    assert code == 0
    assert f"'{column}'" in printed


@pytest.mark.parametrize("name", ["2024.csv.bz2", "part-00000", "below/2025.txt"])
def test_a_file_that_is_not_read_is_named(laptop: Laptop, name: str) -> None:
    other = laptop.folder / "source" / name
    other.parent.mkdir(parents=True)
    other.write_bytes(clinics("South"))
    (laptop.folder / "source" / "_SUCCESS").write_bytes(b"")
    code, printed = laptop.run(clinics("North"))
    assert code == 0
    source = str(laptop.folder / "source")
    sentence = (
        f"warning: only .csv, .csv.gz and .parquet files of {source!r} are read, not 1 other file "
        f"({name})"
    )
    assert sentence in printed


def test_a_folder_of_other_files_alone_is_refused_with_their_names(laptop: Laptop) -> None:
    code, printed = laptop.run(clinics("North"), name="2024.xlsx")
    assert code == 3
    assert "holds no .csv, .csv.gz or .parquet file, but 1 other file (2024.xlsx)" in printed


@pytest.mark.parametrize(
    ("name", "shown"),
    [("charges [final].csv",) * 2, ("charges \x1b[31m.csv", "charges \\x1b[31m.csv")],
)
def test_an_error_names_a_file_as_it_is_called(laptop: Laptop, name: str, shown: str) -> None:
    code, printed = laptop.run(b"clinic,price\nNorth,1\n", name=name)
    assert code == 3
    assert shown in printed
    assert "\x1b" not in printed


@pytest.mark.parametrize(
    ("character", "shown"),
    [("\x1b", "\\x1b"), ("\x9b", "\\x9b"), ("\u202e", "\\u202e"), ("\u2028", "\\u2028")],
)
def test_control_characters_are_printed_as_escapes(
    laptop: Laptop, character: str, shown: str
) -> None:
    header = f"clinic,cost,a{character}b"
    code, printed = laptop.run(clinics("North", header=header, more=",1"))
    assert code == 0
    assert character not in printed
    assert f"a{shown}b" in printed.replace("\\\\", "\\")


def test_figures_are_complete_in_a_narrow_terminal(laptop: Laptop) -> None:
    code, printed = laptop.run(clinics("x" * 120, "South"))
    assert code == 0
    published = (
        laptop.folder / "out/Clinics/Output_data/cost_by_clinic/cost_by_clinic.csv"
    ).read_text()
    rows = [line.split(",") for line in published.rstrip("\n").split("\n")]
    assert all(field in printed for row in rows for field in row)
    assert "\u2026" not in printed


# --- groups that look like something else


@pytest.mark.parametrize("character", ["\u2028", "\u2029", "\x85"])
def test_a_group_with_a_line_separator_is_one_group(laptop: Laptop, character: str) -> None:
    name = f"North{character}Wing"
    code, printed = laptop.run(clinics(name, "South"))
    assert code == 0
    assert f"{printable(name)}  " in printed
    page = (laptop.folder / "out/Clinics/Dashboard/index.html").read_text()
    assert json.loads(page_data(page))["tables"]["cost_by_clinic"]["values"][0] == [name, "South"]


# --- names of folders and files

ODD_NAMES = [
    "my out",
    "a+b",
    "f(1)",
    "50%",
    "a%20b",
    "no#1",
    "caf\u00e9",
    "it's",
    'a "b"',
    "q?x=1&y",
]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_input_and_output_may_have_any_name(laptop: Laptop, name: str) -> None:
    code, _ = laptop.run(clinics("North"), name=f"{name}.csv", out=name, source=f"{name} in")
    assert code == 0
    assert (laptop.folder / name / "Clinics/Dashboard/index.html").is_file()
    made = {path.name for path in laptop.folder.iterdir()}
    assert made == {name, f"{name} in", "contract.yaml"}


@pytest.mark.parametrize("name", ODD_NAMES)
def test_a_store_is_opened_again_by_its_uri(tmp_path: Path, name: str) -> None:
    LocalStore(tmp_path / name).write("key", b"value")
    uri = LocalStore(tmp_path / name).uri
    assert open_store(uri).read("key") == b"value"
    (tmp_path / name / "contract.yaml").write_text(CONTRACT)
    assert read_contract(f"{uri}/contract.yaml").prefix == "Clinics"


@pytest.mark.parametrize("name", ODD_NAMES)
def test_make_hands_names_on_as_they_are(name: str) -> None:
    wanted = {"INPUT": f"{name}/in.csv", "OUT": name, "CONTRACT": f"{name}.yaml"}
    command = ["make", "--dry-run", "--old-file", ".venv/laptop", "run"]
    command += [f"{variable}={value}" for variable, value in wanted.items()]
    shown = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    (line,) = [line for line in shown.split("\n") if "-m ops run" in line]
    words = shlex.split(line)
    assert [words[words.index(f"--{variable.lower()}") + 1] for variable in wanted] == [
        *wanted.values()
    ]


# --- files of other people


OTHERS = ("notes.txt", "Output_data/notes.txt", "Run_data/notes.txt")


def test_files_that_no_run_wrote_stay_where_they_are(laptop: Laptop) -> None:
    mine = [laptop.folder / f"Clinics/{name}" for name in OTHERS]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    assert laptop.run(clinics("North"), out=".")[0] == 0
    assert laptop.run(clinics("North", "South"), out=".")[0] == 0
    assert [path.read_text() for path in mine] == ["mine"] * len(OTHERS)


def test_a_file_among_the_manifests_that_no_run_wrote_is_named_and_stays(laptop: Laptop) -> None:
    mine = laptop.folder / "out/Clinics/Manifest_data/notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    code, printed = laptop.run(clinics("North"))
    assert code == 1
    assert "notes.txt" in printed
    assert mine.read_text() == "mine"


def test_input_that_is_no_longer_given_is_removed(laptop: Laptop) -> None:
    laptop.run(clinics("North"), name="old.csv")
    (laptop.folder / "source/old.csv").unlink()
    code, printed = laptop.run(clinics("South"), name="new.csv")
    assert code == 0
    assert "rows read 15," in printed
    held = (laptop.folder / "out/Clinics/Input_data").iterdir()
    assert [path.name for path in held] == ["new.csv"]


@pytest.mark.parametrize("name", ["mine.csv", "notes.txt"])
def test_a_file_in_the_input_folder_that_no_run_put_there_is_refused(
    laptop: Laptop, name: str
) -> None:
    laptop.run(clinics("North"))
    mine = laptop.folder / "out/Clinics/Input_data" / name
    mine.write_bytes(clinics("East"))
    code, printed = laptop.run(clinics("South"))
    assert code == 3
    assert f"{name} was put there by no run" in printed
    assert mine.read_bytes() == clinics("East")
