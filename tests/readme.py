"""The commands of README.md, as a newcomer types them."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.helpers import ROOT

HERE = ("make run", "make dashboard")
"""The commands for the file that comes with the tree."""

OWN_DATA = (
    "make contract INPUT=my.csv",
    "make check INPUT=my.csv CONTRACT=my.yaml",
    "make run INPUT=my.csv CONTRACT=my.yaml OUT=my_out",
    "make dashboard CONTRACT=my.yaml OUT=my_out",
)

IN_AN_ACCOUNT = (
    "cp terraform/terraform.tfvars.example terraform/terraform.tfvars",
    "make doctor",
    "make plan",
    "make deploy",
    "make upload FILE=datasets/medical_charges/Charges.csv",
)


def commands(text: str) -> list[tuple[str, ...]]:
    """Return the commands of a document's console blocks, block by block."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    lines = [re.findall(r"^\$ (.*?)(?: +#.*)?$", block, re.MULTILINE) for block in blocks]
    return [tuple(map(str.strip, found)) for found in lines]


def make(command: str, folder: Path, **variables: object) -> list[str]:
    """Return the arguments of a command of make, whose environment is taken for set up."""
    program, *words = shlex.split(command)
    given = [f"{name}={value}" for name, value in variables.items()]
    setup = [f"--old-file=.venv/{name}" for name in ("laptop", "dev")]
    return [program, f"--directory={folder}", *setup, *words, *given]


def called_by(command: str, **variables: object) -> list[list[str]]:
    """Return the arguments that a command of make calls `python -m ops` with."""
    line, *more = make(command, ROOT, **variables)
    shown = subprocess.run([line, "--dry-run", *more], check=True, capture_output=True, text=True)
    lines = [shlex.split(it) for it in shown.stdout.splitlines() if " -m ops " in it]
    return [words[words.index("ops") + 1 :] for words in lines]


def variables_of(command: str) -> Mapping[str, str]:
    """Return the variables that a command of make sets."""
    pairs = (word.partition("=") for word in shlex.split(command)[2:])
    return {name: value for name, _, value in pairs}
