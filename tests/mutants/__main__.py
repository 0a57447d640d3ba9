"""Run the tests of every mutant, or of those whose names hold a word, and say which survive."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from tempfile import TemporaryDirectory

from tests.helpers import ROOT
from tests.mutants.table import MUTANTS

PYTHONPATH = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
KILLED, SURVIVED, TIMED_OUT, BROKEN = "killed", "survived", "timed out", "not run"

_OUTCOMES = {0: SURVIVED, 1: KILLED}
"""By pytest's exit code. Any other is neither: the mutant could not be made, say."""


def outcome_of(name: str, tests: Sequence[str], seconds: float) -> str:
    """Run tests with a mutant, or with none, until the first fails or the time is over."""
    pytest = (sys.executable, "-m", "pytest", "-x", "-q", "--hypothesis-seed=0")
    with TemporaryDirectory() as folder:
        # A failing example must not be remembered for other mutants.
        seeds = {"PYTHONHASHSEED": "0", "HYPOTHESIS_STORAGE_DIRECTORY": folder}
        process = subprocess.Popen(
            [*pytest, "-p", "tests.mutants.plugin", *tests],
            cwd=ROOT,
            env={
                **os.environ,
                **seeds,
                "PYTHONPATH": PYTHONPATH,
                "MUTANT": name,
            },
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            return _OUTCOMES.get(process.wait(seconds), BROKEN)
        except subprocess.TimeoutExpired:
            return TIMED_OUT
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def main() -> int:
    """Print an outcome a line, then the score; fail if a mutant survives or could not be tried."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants whose names hold one of these")
    parser.add_argument("--seconds", type=float, default=600, help="at most, for each mutant")
    parser.add_argument("--jobs", type=int, default=2, help="how many are tried at once")
    chosen = parser.parse_args()
    mutants = [m for m in MUTANTS if not chosen.words or any(w in m.name for w in chosen.words)]
    tests = sorted({test for mutant in mutants for test in mutant.tests})
    if outcome_of("", tests, chosen.seconds * chosen.jobs) != SURVIVED:
        print("the tests fail, or take too long, without any mutant")  # noqa: T201
        return 2
    outcomes: list[str] = []
    with ThreadPoolExecutor(chosen.jobs) as pool:
        found = pool.map(lambda it: outcome_of(it.name, it.tests, chosen.seconds), mutants)
        for mutant, outcome in zip(mutants, found, strict=True):
            outcomes.append(outcome)
            print(f"{outcome:10} {mutant.name}", flush=True)  # noqa: T201 - what it is for
    killed = outcomes.count(KILLED)
    print(f"{killed} of {len(mutants)} killed")  # noqa: T201
    return int(killed < len(mutants))


if __name__ == "__main__":
    raise SystemExit(main())
