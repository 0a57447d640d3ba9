"""`make simulator`: compare the laptop's evaluation of policies with a simulator of IAM."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

from tests.simulator.cases import Case, case

_HERE = Path(__file__).resolve().parent


def main() -> int:
    """Print how many decisions agree, and each that does not; return 1 if there is one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=3_000, help="how many to generate")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first one")
    options = parser.parse_args()
    seeds = range(options.first, options.first + options.cases)
    cases = {seed: case(seed) for seed in seeds}
    outcomes = _simulated(list(cases.values()))
    found, lines = Counter[str](), list[str]()
    for (seed, it), outcome in zip(cases.items(), outcomes, strict=True):
        decision = it.decided()
        same = outcome.get("allowed") is decision.allowed
        found[f"{'allowed' if decision.allowed else 'denied'}, {'same' if same else 'other'}"] += 1
        if not same:
            lines.append(f"seed {seed}: here {decision}, there {outcome}")
            lines.append(json.dumps(it.simulation(), indent=1))
    lines.append("; ".join(f"{count} {name}" for name, count in sorted(found.items())))
    print("\n".join(lines))  # noqa: T201
    return int(any(name.endswith("other") for name in found))


def _simulated(cases: list[Case]) -> list[dict[str, object]]:
    done = subprocess.run(
        ["node", _HERE / "simulate.mjs"],
        input=json.dumps([it.simulation() for it in cases]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    outcomes: list[dict[str, object]] = json.loads(done.stdout)
    return outcomes


if __name__ == "__main__":
    sys.exit(main())
