"""Every mutant fits the function that it is meant for."""

from __future__ import annotations

import pytest

from tests.faults.table import FAULTS, Fault
from tests.helpers import ROOT
from tests.mutants.table import MUTANTS, Mutant
from tests.mutation import mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_fits_its_function_and_has_tests(mutant: Mutant) -> None:
    assert all((ROOT / file).is_file() for file in mutant.tests)
    with mutated(mutant.target, mutant.change):
        pass


@pytest.mark.parametrize(
    "fault", [fault for fault in FAULTS if fault.where is None], ids=lambda fault: fault.name
)
def test_a_fault_in_the_code_fits_its_function(fault: Fault) -> None:
    with fault.inject():
        pass


def test_mutants_have_names_of_their_own() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS) >= 40
