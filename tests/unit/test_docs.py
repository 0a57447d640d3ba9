"""Documents name files, make targets, states and symbols that exist."""

from __future__ import annotations

import ast
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest
import yaml

from tests.helpers import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").rglob("*.md")),
    ROOT / "terraform" / "README.md",
    ROOT / "glue_jobs" / "golden" / "README.md",
    ROOT / "datasets" / "medical_charges" / "README.md",
]
HOME = re.compile(
    r"(?:benchmarks|datasets|docs|glue_jobs|lambdas|local_aws|ops|requirements|src|state_machine"
    r"|terraform|tests)/[\w./-]*"
)
MADE = {"terraform/terraform.tfvars", "backend.tf", "my.yaml", ".terraform.lock.hcl"}
SOURCE = re.compile(r"[\w./-]+\.(?:css|js|py|sh|tf|yaml|yml|hcl)")
NAME = re.compile(r"[A-Za-z_]\w*(?:\.\w+)*")
NOT_OURS = {
    *("BucketAlreadyExists", "DependencyViolation", "IAMAllowedPrincipals", "PERMISSION_DENIED"),
    *("mapInArrow", "insurance.csv", "statsmodels.datasets.randhie.COPYRIGHT"),
}
# Parts of names, patterns of names, and what Java raises.
PARTS = re.compile(r"_age_decade|\w+_MEASURE|\w+Exception")

PAST = {ROOT / "CHANGELOG.md"}


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT))


documents = pytest.mark.parametrize("document", DOCUMENTS, ids=_name)
documents_of_today = pytest.mark.parametrize(
    "document", [it for it in DOCUMENTS if it not in PAST], ids=_name
)


def code_in(text: str) -> list[str]:
    """Return the text in backticks outside code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


@cache
def tracked() -> list[Path]:
    """The files that Git knows and that are there."""
    known = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)
    return [path for it in known.split("\0") if it and (path := ROOT / it).is_file()]


@cache
def words_of_the_code() -> set[str]:
    """Every word of a text file that is no document."""
    files = [
        path
        for path in tracked()
        if path.suffix not in {".csv", ".gz", ".md", ".webp"}
        and "requirements" not in path.parts
        and path != Path(__file__)
    ]
    return {word for path in files for word in re.findall(r"\w+", path.read_text())}


@cache
def members() -> dict[str, set[str]]:
    """What each class of the repository defines or assigns to itself."""
    found: dict[str, set[str]] = {}
    for path in tracked():
        if path.suffix == ".py" and "tests" not in path.parts:
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.ClassDef):
                    inner = list(ast.walk(node))
                    found.setdefault(node.name, set()).update(
                        *([it.name] for it in inner if isinstance(it, ast.FunctionDef)),
                        *([it.id] for it in inner if isinstance(it, ast.Name)),
                        *([it.attr] for it in inner if isinstance(it, ast.Attribute)),
                    )
    return found


def anchors_of(document: Path) -> set[str]:
    """The anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


def table_below(document: Path, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its header."""
    section = document.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
    rows = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@documents
def test_every_link_reaches_a_file_and_a_heading(document: Path) -> None:
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text()):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        file = (document.parent / name).resolve() if name else document
        assert file.is_file(), target
        assert not anchor or anchor in anchors_of(file), target


@documents_of_today
def test_every_path_in_the_repository_exists(document: Path) -> None:
    for code in code_in(document.read_text()):
        if HOME.fullmatch(code) and code not in MADE:
            assert (ROOT / code).exists(), code


@documents_of_today
def test_every_source_file_exists(document: Path) -> None:
    files = [f"/{path.relative_to(ROOT)}" for path in tracked()]
    for code in code_in(document.read_text()):
        if SOURCE.fullmatch(code) and code not in MADE:
            assert any(file.endswith(f"/{code}") for file in files), code


@documents_of_today
def test_every_name_stands_in_the_code(document: Path) -> None:
    known = NOT_OURS | {path.name for path in tracked()}
    for code in code_in(document.read_text()):
        if NAME.fullmatch(code) and code not in known and not PARTS.fullmatch(code):
            assert set(code.split(".")) <= words_of_the_code(), code


@documents_of_today
def test_every_attribute_is_its_class_s_own(document: Path) -> None:
    for code in code_in(document.read_text()):
        owner, _, attribute = code.partition(".")
        if owner in members() and NAME.fullmatch(code) and attribute:
            assert attribute in members()[owner], code


@documents
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z_-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = re.findall(r"(?:^\$ |`)make ([a-z_-]+)", document.read_text(), re.MULTILINE)
    assert set(used) <= targets


def test_no_file_stops_a_listed_make_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    listed = set(re.findall(r"^([a-z_-]+):.*## ", makefile, re.MULTILINE))
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    assert listed == set(phony.split())


def test_every_list_of_changes_is_one_list() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert re.findall(r"^- .*\n\n- .*", text, re.MULTILINE) == []


def test_every_state_in_the_flow_is_a_state_of_the_machine() -> None:
    machine = yaml.safe_load((ROOT / "state_machine" / "pipeline.asl.yaml").read_text())
    states = set(machine["States"])
    for branch in machine["States"]["Validate"]["Branches"]:
        states |= set(branch["States"])
    rows = table_below(ROOT / "docs" / "architecture.md", "Flow")
    named = {state for row in rows for state in row[0].split(", ")}
    assert named
    assert named <= states


def test_every_place_to_change_something_has_the_symbols_that_are_named() -> None:
    rows = table_below(ROOT / "docs" / "architecture.md", "Where to change what")
    assert len(rows) > 5
    for change, file, symbols, _ in rows:
        (path,) = code_in(file)
        text = (ROOT / path).read_text()
        for symbol in code_in(symbols):
            assert re.search(rf"(?<![\w-]){re.escape(symbol)}(?![\w-])", text), (change, symbol)
