"""docs/howto/add_a_statistic.md is right: its blocks are applied to a copy of the repository."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from medical_charges.contract.outputs import STATISTICS
from medical_charges.contract.schema import schema_text
from medical_charges.outputs.statistics import COMPUTED
from tests.helpers import ROOT

PAGE = ROOT / "docs" / "howto" / "add_a_statistic.md"
COPIED = ("src", "glue_jobs", "datasets", "docs")
LIBRARY = {"contract/outputs.py", "outputs/statistics.py", "validation/expected.py"}


def blocks() -> list[tuple[list[str], str, str]]:
    """Each block of the page: its files, what stands there, what is to stand there instead."""
    found = []
    for text in re.findall(r"```diff\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        files, *lines = text.splitlines(keepends=True)
        old, new = ("".join(it[1:] for it in lines if it[0] in kept) for kept in (" -", " +"))
        found.append((files.split(), old, new))
    return found


def python(copy: Path, *arguments: str | Path) -> str:
    """Run Python on the code of a copy."""
    path = os.pathsep.join([str(copy / "src"), str(copy)])
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=copy,
        env=os.environ | {"PYTHONPATH": path},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the page was followed."""
    copy = tmp_path_factory.mktemp("copy")
    for name in COPIED:
        shutil.copytree(
            ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "images")
        )
    for files, old, new in blocks():
        for name in files:
            text = (copy / name).read_text(encoding="utf-8")
            assert text.count(old) == 1, f"{name} has {text.count(old)} times:\n{old}"
            (copy / name).write_text(text.replace(old, new), encoding="utf-8")
    python(copy, "glue_jobs/golden/compute.py")
    python(copy, "-m", "medical_charges.contract.schema", "datasets/schema.json")
    return copy


def outcome(copy: Path, folder: Path) -> dict[str, Any]:
    """Return the results of added_statistic.py in a copy."""
    script = Path(__file__).with_name("added_statistic.py")
    found: dict[str, Any] = json.loads(python(copy, script, folder))
    return found


def test_three_files_of_the_library_change() -> None:
    files = {file for names, _, _ in blocks() for file in names if file.startswith("src/")}
    assert {file.removeprefix("src/medical_charges/") for file in files} == LIBRARY


def test_a_statistic_added_by_the_page_is_right_everywhere(changed: Path, tmp_path: Path) -> None:
    found = outcome(changed, tmp_path)
    assert (found["golden"], found["failed"]) == ("", [])
    for row in csv.DictReader(found["rows"].splitlines()):
        least, most, width = (
            float(row[f"{name}_charges"]) for name in ("minimum", "maximum", "range")
        )
        assert width == pytest.approx(most - least, abs=1e-6)
        assert width > 0
    assert found["catalog"] == [
        {
            "name": "range_charges",
            "type": "double",
            "comment": "Greatest charges less the least",
        }
    ]
    assert found["rules"]["range"] == 'RowCount = 0 where "`range_charges` < 0"'
    assert "(`maximum_charges` IS NULL) <> (`range_charges` IS NULL)" in found["rules"]["figures"]
    assert '"ColumnName": "range_charges", "NewColumnType": "DECIMAL"' in found["quicksight"]
    assert '"Name": "Range", "Expression": "{range_charges}"' in found["quicksight"]
    assert found["page"] == [{"column": "range_charges", "title": "Range", "format": "measure"}]
    assert '"range"' in (changed / "datasets" / "schema.json").read_text()


def test_a_wrong_computation_is_found_by_golden_figures_and_by_the_recount(
    changed: Path, tmp_path: Path
) -> None:
    wrong = Path(shutil.copytree(changed, tmp_path / "wrong"))
    file = wrong / "src/medical_charges/outputs/statistics.py"
    text = file.read_text()
    assert "sums.maximum - sums.minimum" in text
    file.write_text(text.replace("sums.maximum - sums.minimum", "sums.maximum"))
    found = outcome(wrong, tmp_path)
    assert "open/charges_by_region, line 3" in found["golden"]
    assert found["failed"] == ["charges_by_region: figures"]


def test_every_statistic_is_computed_documented_and_in_the_golden_sample() -> None:
    bucketed = {name for name, statistic in STATISTICS.items() if statistic.bucketed}
    assert COMPUTED.keys() == STATISTICS.keys() - bucketed
    documented = (ROOT / "docs" / "contract.md").read_text(encoding="utf-8")
    golden = (ROOT / "glue_jobs" / "golden" / "open" / "contract.yaml").read_text()
    for name, statistic in STATISTICS.items():
        for column in statistic.columns:
            assert f"`{column.name.replace('{measure}', 'MEASURE')}`" in documented
        assert re.search(rf"statistics: \[.*\b{name}\b", golden)
        assert f'"{name}"' in schema_text()
