"""Partials are stored under the kernel's version, so a changed kernel needs a new version."""

from __future__ import annotations

import ast
import hashlib
from importlib.metadata import version
from pathlib import Path

from medical_charges.aggregates.partial import identity_of
from medical_charges.aggregates.version import KERNEL_VERSION
from medical_charges.contract import parse_contract
from medical_charges.contract.model import MULTILINE_VERSION
from medical_charges.storage import ObjectRef

LIBRARY = Path(__file__).resolve().parents[3] / "src" / "medical_charges"

# If this test fails: would the kernel make another partial of some object than before? Then
# raise KERNEL_VERSION, or MULTILINE_VERSION where only contracts with `multiline: true` can be
# concerned. In any case write down what the test finds.
RECORDED = (1, 2, "cd9bc4caf71bcacb")

MADE_UP = """
dataset: made_up
prefix: MadeUp
source:
  format: csv
  columns: { g: { type: integer }, m: { type: integer } }
measure: m
analyses: { a: { group_by: [g], statistics: [patients] } }
"""


def meaning(source: str) -> str:
    """A module without comments, docstrings and layout."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            node.body = [  # type: ignore[attr-defined]
                statement
                for statement in body
                if not (
                    isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                )
            ]
    return ast.dump(tree)


def test_a_change_of_the_kernel_is_a_decision_about_its_version() -> None:
    summed = [LIBRARY / "aggregates" / name for name in ("buckets.py", "cube.py")]
    modules = [*sorted((LIBRARY / "kernel").rglob("*.py")), *summed]
    parts = [meaning(module.read_text()) for module in modules] + [version("polars")]
    found = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    assert (KERNEL_VERSION, MULTILINE_VERSION, found) == RECORDED


def test_partials_that_earlier_versions_stored_are_known() -> None:
    assert parse_contract(MADE_UP).schema_hash == "b5e6ade79529fb6c6f1b4cda04ac8f14"
    ref = ObjectRef("MadeUp/Input_data/a.csv", "etag", 7)
    assert identity_of(ref, "shape") == "5dfe5fb7c811176fb1a192a65e47bca2"


def test_partials_of_records_that_were_cut_at_any_quote_are_made_again() -> None:
    multiline = MADE_UP.replace("format: csv", "format: csv\n  multiline: true")
    assert parse_contract(multiline).schema_hash != "f4fad77cbf7ac33bd8f05ee1b197c05d"
