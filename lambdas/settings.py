"""The settings of the functions, from their environment, and the adapters made from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Protocol

import boto3

from medical_charges.contract import Contract
from medical_charges.contract.uri import read_contract
from medical_charges.runs.ledger import Ledger
from medical_charges.runs.lifecycle import Turn
from medical_charges.storage import Store, open_store


class Context(Protocol):
    """The used attributes of Lambda's context."""

    function_name: str

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda ends the invocation."""


def seconds_left(context: Context) -> float:
    """Return the seconds for which the function can still work."""
    return context.get_remaining_time_in_millis() / 1000


def turn(event: dict[str, Any], context: Context) -> Turn:
    """Return the run of an event {execution, run_id}."""
    return Turn(event["execution"], event["run_id"], seconds_left(context))


@dataclass(frozen=True)
class Settings:
    """The environment that all functions share."""

    bucket: str
    contract_uri: str
    code_version: str
    ledger_table: str
    lease_seconds: int
    topic_arn: str
    state_machine_arn: str
    application_id: str
    """The EMR Serverless application; empty without one."""

    @classmethod
    def read(cls) -> Settings:
        """Read the environment."""
        return cls(
            bucket=os.environ["BUCKET"],
            contract_uri=os.environ["CONTRACT_URI"],
            code_version=os.environ["CODE_VERSION"],
            ledger_table=os.environ["LEDGER_TABLE"],
            lease_seconds=int(os.environ["LEASE_SECONDS"]),
            topic_arn=os.environ["TOPIC_ARN"],
            state_machine_arn=os.environ["STATE_MACHINE_ARN"],
            application_id=os.environ.get("SERVERLESS_APPLICATION_ID", ""),
        )

    def store(self) -> Store:
        """Return the data bucket as a store."""
        return open_store(f"s3://{self.bucket}")

    def ledger(self) -> Ledger:
        """Return the ledger."""
        table = boto3.resource("dynamodb").Table(self.ledger_table)
        return Ledger(table, self.lease_seconds)

    def contract(self) -> Contract:
        """Read the uploaded contract."""
        return read_contract(self.contract_uri)
