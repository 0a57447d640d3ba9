"""Print what the attacks on the real file and on generated runs came to."""

from __future__ import annotations

import argparse
import tempfile

from medical_charges.contract import load_contract
from medical_charges.storage import LocalStore
from tests.attack.cases import case
from tests.attack.test_attack import attacked, names_of, narrow, of_commit_8b91517, published
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, outputs_of

TANGENTS = 25
"""More than in the tests, which must be done sooner."""


def main() -> None:
    """Attack, and print a line for each publication."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=50, help="how many generated runs")
    cases = parser.parse_args().cases
    contract = load_contract(CONTRACT_FILE)
    with tempfile.TemporaryDirectory() as folder:
        files = {CHARGES_FILE.name: CHARGES_FILE.read_bytes()}
        now = outputs_of(LocalStore(folder), contract, files)
    for name, columns in contract.cubes.items():
        for when, publication in (("8b91517", of_commit_8b91517()), ("now", now)):
            found = attacked(publication, contract, frozenset(columns), TANGENTS)
            print(f"{name}, {when}: {len(narrow(found))} of {len(found)}", flush=True)  # noqa: T201
    hidden = confined = 0
    for seed in range(cases):
        generated, people = case(seed)
        found = attacked(published(people, generated), generated, names_of(generated))
        hidden, confined = hidden + len(found), confined + len(narrow(found))
    print(f"{cases} generated runs: {confined} of {hidden}")  # noqa: T201


if __name__ == "__main__":
    main()
