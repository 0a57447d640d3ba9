"""Print what the attacks on the real file and on generated runs came to."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import astuple

from medical_charges.contract import Contract, load_contract
from medical_charges.storage import LocalStore
from tests.attack.cases import Person, case, nested_case
from tests.attack.sequences import attacked as attacked_sequence
from tests.attack.sequences import story
from tests.attack.test_attack import attacked, names_of, narrow, of_commit_8b91517, published
from tests.attack.test_sequences import LENGTH
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, outputs_of

TANGENTS = 25
"""More than in the tests, which must be done sooner."""


def main() -> None:
    """Attack, and print a line for each publication."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50, help="how many generated runs")
    parser.add_argument("--sequences", type=int, default=20, help="how many sequences of five runs")
    parser.add_argument("--first", type=int, default=0, help="the seed of the first of them")
    options = parser.parse_args()
    _real_file()
    _generated("generated runs", case, options.cases)
    _generated("generated runs of columns that determine each other", nested_case, options.cases)
    for alone in (True, False):
        _sequences(range(options.first, options.first + options.sequences), alone=alone)


def _real_file() -> None:
    contract = load_contract(CONTRACT_FILE)
    with tempfile.TemporaryDirectory() as folder:
        files = {CHARGES_FILE.name: CHARGES_FILE.read_bytes()}
        now = outputs_of(LocalStore(folder), contract, files)
    for name, columns in contract.cubes.items():
        for when, publication in (("8b91517", of_commit_8b91517()), ("now", now)):
            found = attacked(publication, contract, frozenset(columns), TANGENTS)
            print(f"{name}, {when}: {len(narrow(found))} of {len(found)}", flush=True)  # noqa: T201


def _generated(
    called: str, make: Callable[[int], tuple[Contract, list[Person]]], cases: int
) -> None:
    hidden = confined = 0
    for seed in range(cases):
        contract, people = make(seed)
        publication = published(people, contract)
        found = attacked(publication, contract, names_of(contract), people=people)
        hidden, confined = hidden + len(found), confined + len(narrow(found))
    print(f"{cases} {called}: {confined} of {hidden}", flush=True)  # noqa: T201


def _sequences(seeds: range, *, alone: bool) -> None:
    told = [attacked_sequence(story(seed, LENGTH, alone=alone)) for seed in seeds]
    hidden, confined, changes, small, persons = (
        sum(of) for of in zip(*map(astuple, told), strict=True)
    )
    when = "each run by itself" if alone else "now"
    print(  # noqa: T201
        f"{len(seeds)} sequences, {when}: {confined} of {hidden} hidden counts confined; of "
        f"{changes} small changes looked at {small} told, and {persons} with their measure",
        flush=True,
    )


if __name__ == "__main__":
    main()
