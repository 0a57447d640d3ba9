"""Every fault of the table is caught, by the check that it names, before anybody sees it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any
from uuid import uuid4

import boto3
import pytest

from medical_charges.runs.ledger import Ledger
from tests.faults.clean import CLEAN, Clean
from tests.faults.pipeline import Machine
from tests.faults.table import FAULTS, Fault

FAULTS_TRIED, CLEAN_TRIED = 16, 6
"""Numbers of faults and clean runs that are tried; `make faults` tries all."""


def chosen(things: Any, number: int) -> list[Any]:
    if os.environ.get("FAULTS") == "all":
        return list(things)
    return Random("faults").sample(list(things), number)


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[Any]:
    """DynamoDB within this process."""
    from moto import mock_aws

    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        patch.setenv("AWS_DEFAULT_REGION", "us-east-1")
        yield boto3.resource("dynamodb")


@pytest.fixture
def ledger(dynamodb: Any) -> Ledger:
    """A ledger in which nothing is served."""
    return Ledger(
        dynamodb.create_table(
            TableName=uuid4().hex,
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
        )
    )


@pytest.mark.parametrize("fault", chosen(FAULTS, FAULTS_TRIED), ids=lambda fault: fault.name)
def test_a_fault_is_caught_by_its_check(fault: Fault, tmp_path: Path, ledger: Ledger) -> None:
    machine = Machine(tmp_path, fault.contract, ledger)
    machine.upload(fault.files)
    if fault.where is None:
        outcome = machine.run(fault.inject(), golden=True)
    else:
        outcome = machine.run(damage={fault.where: fault.inject})
    assert set(fault.checks) <= outcome.caught_by.keys(), outcome.caught_by
    assert fault.says in "\n".join(outcome.caught_by[check] for check in fault.checks)
    if fault.where not in {"published", "manifests"}:
        assert not outcome.changed_outputs


@pytest.mark.parametrize("clean", chosen(CLEAN, CLEAN_TRIED), ids=lambda clean: clean.name)
def test_correct_but_unusual_runs_pass_every_check(
    clean: Clean, tmp_path: Path, ledger: Ledger
) -> None:
    machine = Machine(tmp_path, clean.contract(), ledger)
    for files in clean.runs:
        machine.upload(files)
        outcome = machine.run(golden=clean.runs[0] is files)
        assert outcome.caught_by == {}
        assert outcome.changed_outputs


def test_the_tables_are_as_long_as_they_are_said_to_be() -> None:
    assert len({fault.name for fault in FAULTS}) == len(FAULTS) >= 30
    assert len({clean.name for clean in CLEAN}) == len(CLEAN) >= 30
