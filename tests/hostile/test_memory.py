"""Memory is bounded, whatever is in a file."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers import ROOT
from tests.hostile.peak import CLEAN, GROUPS

TOO_LONG = "a record from byte 84 on is longer than 16,777,216 bytes"
OUTCOMES = {
    CLEAN: "818432 rows",
    "lines of one character.csv": "524289 of 524289 rows break a rule (fields 524289)",
    "every row breaks a rule.csv.gz": "rows break a rule (region.allowed 102304)",
    "every row has an odd quote.csv": "rows break a rule (quotes 99868)",
    "5,000 fields too many.csv": "too many fields: 5007 under a header of 7",
    "5,000 columns.csv": "840 rows",
    "5,000 columns, every row breaks a rule.csv": "840 of 840 rows break a rule (age.type 840)",
    "a bomb of rows.csv.gz": "2455296 rows",
    "a line of 300 MB.csv": TOO_LONG.replace("84", "43"),
    "a line of 300 MB.csv.gz": TOO_LONG,
    "a quoted field of 300 MB of zero bytes.csv.gz": TOO_LONG,
}


def peaks(group: str, folder: Path) -> dict[str, tuple[str, int]]:
    """Each file's outcome, and the peak up to it in MiB."""
    command = [sys.executable, "-m", "tests.hostile.peak", str(folder), group]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    ended = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    lines = map(json.loads, ended.stdout.splitlines())
    return {name: (outcome, peak) for name, outcome, peak in lines}


@pytest.mark.parametrize("group", GROUPS)
def test_a_hostile_file_takes_half_as_much_memory_again_at_most(group: str, tmp_path: Path) -> None:
    found = peaks(group, tmp_path)
    assert found.keys() == GROUPS[group].keys()
    for name, (outcome, peak) in found.items():
        assert OUTCOMES[name] in outcome
        assert peak <= 1.5 * found[CLEAN][1], name
