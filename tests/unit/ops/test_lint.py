"""Each tool of `make lint` refuses the breach that it is there for, in a copy of the tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ops.lint.folders import crowded
from ops.lint.subject import fault_of
from ops.lint.words import findings, forbidden

ROOT = Path(__file__).resolve().parents[3]
CODE = ("glue_jobs", "lambdas", "local_aws", "ops", "src")
IMPORTS = ("lint-imports", "--no-logo", "--no-cache")
DEPENDENCIES = (
    *("deptry", "--no-ansi", "src", "lambdas", "glue_jobs"),
    *("--optional-dependencies-dev-groups", "laptop,dev,bench"),
)
WORDS = ("python", "-m", "ops.lint.words")

Lint = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the code and the glossary, which Git knows."""
    for name in CODE:
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "docs/glossary.md", tmp_path / "docs")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    return tmp_path


@pytest.fixture
def lint(tree: Path) -> Lint:
    def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        subprocess.run(["git", "add", "."], cwd=tree, check=True)
        return subprocess.run(
            [str(Path(sys.executable).with_name(program)), *arguments],
            cwd=tree,
            env={**os.environ, "PYTHONPATH": f"{tree}/src:{tree}"},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.mark.parametrize("tool", [IMPORTS, DEPENDENCIES, WORDS], ids=lambda it: it[-1])
def test_the_tree_as_it_is_passes(lint: Lint, tool: tuple[str, ...]) -> None:
    done = lint(*tool)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "line", "tool", "said"),
    [
        (
            "src/medical_charges/storage/base.py",
            "import medical_charges.runs.ledger",
            IMPORTS,
            "medical_charges.storage is not allowed to import medical_charges.runs",
        ),
        (
            "src/medical_charges/validation/golden.py",
            "import medical_charges.kernel.scan",
            IMPORTS,
            "medical_charges.validation is not allowed to import medical_charges.kernel",
        ),
        (
            "glue_jobs/analyze.py",
            "import requests",
            DEPENDENCIES,
            "DEP003 'requests' imported",
        ),
        (
            "src/medical_charges/contract/breach.py",
            '"""The sums are reckoned once."""',
            WORDS,
            "breach.py:2: 'reckoned': write 'compute, count, estimate'",
        ),
    ],
    ids=["an upward import", "the kernel in validation", "an undeclared dependency", "a synonym"],
)
def test_a_breach_is_refused(
    tree: Path, lint: Lint, path: str, line: str, tool: tuple[str, ...], said: str
) -> None:
    with (tree / path).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    done = lint(*tool)
    assert done.returncode == 1
    assert said in " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("subject", "refused"),
    [
        ("fix(kernel): open a quote only at a field's start", False),
        ("docs: add a glossary", False),
        ("fix(kernel): " + "a" * 59, False),
        ("fix(kernel): " + "a" * 60, True),
        ("fix a bug", True),
        ("change(kernel): open a quote", True),
        ("fix(kernel):open a quote", True),
        ("", True),
    ],
)
def test_a_subject_is_a_type_a_scope_and_a_summary_of_72_characters(
    subject: str, refused: bool
) -> None:
    assert (fault_of(subject) is not None) == refused


def test_the_commit_hook_refuses_a_long_subject(lint: Lint, tree: Path) -> None:
    (tree / "message").write_text(
        "fix(kernel): " + "long " * 20 + "\n\nA body.\n", encoding="utf-8"
    )
    done = lint("python", "-m", "ops.lint.subject", "message")
    assert (done.returncode, "shorten it to 72" in done.stderr) == (1, True)


def test_a_forbidden_word_is_found_as_a_word_by_its_beginning_and_in_names() -> None:
    words = forbidden(
        "| term | meaning | not |\n|---|---|---|\n| sum | a total | reckon*, dearer, gives up |\n"
    )
    assert words == {"reckon*": "sum", "dearer": "sum", "gives up": "sum"}
    text = "A Reckoning.\nendearer, dearer\ntest_a_row_gives_up_2"
    found = [(1, "Reckoning", "sum"), (2, "dearer", "sum"), (3, "gives_up", "sum")]
    assert list(findings(text, words)) == found


@pytest.mark.parametrize(
    ("folder", "most", "said"),
    [
        ("docs/howto", 12, "docs/howto has 13 files"),
        ("src/medical_charges", 4, "src/medical_charges has 5 modules"),
    ],
)
def test_a_folder_that_holds_too_much_is_named(folder: str, most: int, said: str) -> None:
    files = [f"{folder}/__init__.py", *(f"{folder}/sub/{i}.py" for i in range(most))]
    files += [f"{folder}/{name}.py" for name in "abcdefghijkl"[: most - (most > 4)]]
    assert list(crowded(files)) == []
    [sentence] = crowded([*files, f"{folder}/one_more.py"])
    assert sentence.startswith(said)
