"""Makes the mutant that the environment names, if it names one, for the whole of a test run."""

from __future__ import annotations

import os
from contextlib import ExitStack

import pytest

from tests.mutants.table import MUTANTS
from tests.mutation import mutated


def pytest_configure(config: pytest.Config) -> None:
    if not (name := os.environ["MUTANT"]):
        return
    [mutant] = [mutant for mutant in MUTANTS if mutant.name == name]
    with ExitStack() as stack:
        stack.enter_context(mutated(mutant.target, mutant.change))
        config.add_cleanup(stack.pop_all().close)
