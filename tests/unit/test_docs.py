"""Documents name files, make targets, states and symbols that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.helpers import ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    ROOT / "terraform" / "README.md",
    ROOT / "glue_jobs" / "golden" / "README.md",
    ROOT / "datasets" / "medical_charges" / "README.md",
]
HOME = re.compile(
    r"(?:benchmarks|datasets|docs|glue_jobs|lambdas|local_aws|ops|requirements|src|state_machine"
    r"|terraform|tests)/[\w./-]*"
)
MADE_BY_USERS = {"terraform/terraform.tfvars"}
MOVED = "CHANGELOG.md"  # It names old paths.

documents = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT))
)


def code_in(text: str) -> list[str]:
    """Return the text in backticks outside code blocks."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))


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
        assert file.exists(), target
        assert not anchor or anchor in anchors_of(file), target


@documents
def test_every_path_in_the_repository_exists(document: Path) -> None:
    if document.name == MOVED:
        return
    for code in code_in(document.read_text()):
        if HOME.fullmatch(code) and code not in MADE_BY_USERS:
            assert (ROOT / code).exists(), code


@documents
def test_every_make_target_exists(document: Path) -> None:
    targets = set(re.findall(r"^([a-z_-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    used = re.findall(r"(?:^\$ |`)make ([a-z_-]+)", document.read_text(), re.MULTILINE)
    assert set(used) <= targets


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
