"""Draw faults by a seed, run each, and print a table of what came of them."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator

from tests.chaos.bursts import burst
from tests.chaos.cases import NOT_REACHED, WRONG, Outcome, draw, tried
from tests.chaos.stack import struck

COLUMNS = ("what happens", "place", "fault", "what the run said", "then", "verdict")
WIDTH = 160
UNREACHED_SHARE = 0.1
"""The share of the faults that may meet no call, before the rest says too little."""


def main() -> int:
    """Print the table; return 1 if something was wrong, or too many faults were not reached."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=7, help="draws the faults")
    parser.add_argument("--faults", type=int, default=200, help="how many faults")
    parser.add_argument("--first", type=int, default=0, help="the number of the first of them")
    parser.add_argument("--bursts", type=int, default=5, help="how many bursts of uploads")
    parser.add_argument("--stack", type=int, default=0, help="how many faults of the whole stack")
    options = parser.parse_args()
    verdicts = Counter[str]()
    _print("#", COLUMNS)
    for number, outcome in _outcomes(options):
        _print(number, outcome.row())
        verdicts[outcome.verdict] += 1
    for verdict, times in verdicts.most_common():
        _print(str(times), (verdict,))
    return 1 if _fails(verdicts) else 0


def _fails(verdicts: Counter[str]) -> bool:
    unreached = verdicts[NOT_REACHED] > UNREACHED_SHARE * verdicts.total()
    return bool(verdicts[WRONG]) or unreached


def _outcomes(options: argparse.Namespace) -> Iterator[tuple[str, Outcome]]:
    numbers = range(options.first, options.first + options.faults)
    for number in numbers:
        yield f"{options.seed}/{number}", tried(draw(options.seed, number))
    for number in range(options.bursts):
        yield f"{options.seed}/burst {number}", burst(options.seed, number)
    for number, outcome in enumerate(struck(options.stack) if options.stack else ()):
        yield f"stack {number}", outcome


def _print(number: str, row: tuple[str, ...]) -> None:
    cells = (" ".join(cell.split())[:WIDTH] for cell in row)
    sys.stdout.write(f"{number} | {' | '.join(cells)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
