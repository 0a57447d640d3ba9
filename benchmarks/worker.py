"""A subject in its own process, run once or on each request.

    python -m benchmarks.worker SUBJECT CORES            runs for each line of its input
    python -m benchmarks.worker SUBJECT CORES SOURCE OUT  runs once

A line of the input names source and folder of the answers, separated by a tab; the line that
comes back holds the seconds.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from benchmarks.subjects import SUBJECTS


def main() -> None:
    """Run a subject."""
    # What a tool prints must not look like an answer.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    subject, cores, *once = sys.argv[1:]
    run = SUBJECTS[subject].start(int(cores))
    if once:
        run(Path(once[0]), Path(once[1]))
        return
    for line in sys.stdin:
        source, _, out = line.rstrip("\n").partition("\t")
        start = time.perf_counter()
        run(Path(source), Path(out))
        answers.write(f"{time.perf_counter() - start}\n")
        answers.flush()


if __name__ == "__main__":
    main()
