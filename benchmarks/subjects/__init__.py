"""The subjects: this project and its peers, each written as an experienced user of it would.

A subject's `start(cores)` prepares it and returns a function that computes all answers once, from
the source (a CSV; for this project a folder laid out as the bucket) to the folder for the answers.
Called again, it computes everything again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

Run = Callable[[Path, Path], None]


@dataclass(frozen=True)
class Subject:
    """A measured subject."""

    title: str
    module: str
    function: str = "start"

    def start(self, cores: int) -> Run:
        """Prepare the subject; its tool is imported only now."""
        starter: Callable[[int], Run] = getattr(
            import_module(f"benchmarks.subjects.{self.module}"), self.function
        )
        return starter(cores)


OURS = "this_project"

SUBJECTS = {
    OURS: Subject("this project", "this_project"),
    "spark_plain": Subject("PySpark, five group-bys, inferred schema", "spark", "start_plain"),
    "spark_scan": Subject("PySpark, one scan", "spark", "start_scan"),
    "duckdb_five": Subject("DuckDB, five queries", "duck", "start_five"),
    "duckdb_cube": Subject("DuckDB, one cube query", "duck", "start_cube"),
    "polars_five": Subject("Polars, five queries, streaming", "polar", "start_five"),
    "polars_cube": Subject("Polars, one cube query, streaming", "polar", "start_cube"),
    "pandas": Subject("pandas", "panda"),
}
