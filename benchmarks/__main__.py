"""Measure, and write the results into docs/performance.md.

    make bench ARGS="--rows 40000000 --rounds 5"
    make bench ARGS="--resume --only whole --subjects this_project spark_plain"
    make bench ARGS="--resume --only"      # writes the page again from what is there

Measurements are kept as they come. With --resume what is there stays and only what is missing
is measured.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from benchmarks.report import write_report
from benchmarks.results import Results
from benchmarks.scenarios import Bench
from benchmarks.subjects import SUBJECTS
from ops.folders import ROOT

SCENARIOS = ("steady", "increment", "many", "scaling", "parts", "formats", "whole")


def main(argv: list[str] | None = None) -> None:
    """Run the benchmarks."""
    options = _parse(argv)
    file = options.data / f"results-{options.rows}.jsonl"
    if not options.resume:
        file.unlink(missing_ok=True)
    results = Results(file)
    bench = Bench(
        folder=options.data,
        results=results,
        rows=options.rows,
        rounds=options.rounds,
        cores=options.cores,
        objects=options.objects,
        object_rows=options.object_rows,
        subjects=options.subjects,
    )
    for scenario in options.only:
        getattr(bench, scenario)()
    write_report(results, options.rows, options.cores, options.objects, options.page)


def _parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--objects", type=int, default=10_000, help="how many small objects")
    parser.add_argument("--object-rows", type=int, default=25_000, help="rows of a small object")
    parser.add_argument("--only", nargs="*", choices=SCENARIOS, default=SCENARIOS)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=tuple(SUBJECTS))
    parser.add_argument("--resume", action="store_true", help="measure what is missing")
    parser.add_argument("--data", type=Path, default=ROOT / ".build" / "bench")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "performance.md")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
