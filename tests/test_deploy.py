"""`make deploy` with a dashboard: what is applied when, on a stand-in for Terraform."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from ops import account
from ops.pipeline import Ended
from tests.conftest import ROOT

CONTRACT = ROOT / "contracts" / "medical_charges.yaml"


@dataclass
class World:
    """An account, and what was done to it."""

    user: str = "alice"
    deployed: bool = False
    published: bool = False
    input: bool = False
    run: str = "SUCCEEDED"
    did: list[str] = field(default_factory=list)

    # As Terraform
    environment: Mapping[str, str] = field(default_factory=dict)

    def init(self) -> None:
        """Nothing to do."""

    def call(self, command: str, variables: Mapping[str, str]) -> int:
        self.ready = variables.get("quicksight_ready") == "true"
        self.did.append(f"{command} {'with' if self.ready else 'without'}")
        self.deployed = command == "apply"
        return 0

    def outputs(self) -> dict[str, Any]:
        if not self.deployed:
            return {}
        state = "off" if not self.user else "on" if getattr(self, "ready", True) else "waiting"
        return {"quicksight_state": state, "quicksight": "upload a file first"}

    # As the pipeline
    def publishes(self, _: object) -> bool:
        return self.published

    def has_input(self) -> bool:
        return self.input

    def executions(self) -> list[str]:
        return []

    def upload(self, file: Path) -> str:
        self.did.append(f"upload {file.name}")
        return file.name

    def await_execution(self, *_: object) -> str:
        return "arn"

    def execute(self) -> str:
        self.did.append("execute")
        return "arn"

    def left_error(self, _: str) -> dict[str, Any]:
        return {}


def change(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str = "apply", file: Path | None = None
) -> tuple[int, list[str]]:
    monkeypatch.setattr(account, "package", lambda *_: 0)
    monkeypatch.setattr(account, "_account", lambda _: world)
    monkeypatch.setattr(account, "Pipeline", lambda *_: world)
    monkeypatch.setattr(account, "follow", lambda *_: Ended("arn", world.run, "", "no"))
    code = account.change(command, "terraform", CONTRACT, Console(quiet=True), file)
    return code, world.did


def test_a_new_account_is_applied_run_once_and_applied_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = ROOT / "data" / "Charges.csv"
    done = change(World(), monkeypatch, file=file)
    assert done == (0, ["apply without", "upload Charges.csv", "apply with"])


def test_input_that_is_there_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = change(World(deployed=True, input=True), monkeypatch)
    assert done == (0, ["apply without", "execute", "apply with"])


def test_what_is_published_under_this_contract_is_applied_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert change(World(deployed=True, published=True), monkeypatch) == (0, ["apply with"])
    planned = change(World(deployed=True, published=True), monkeypatch, "plan")
    assert planned == (0, ["plan with"])


def test_without_input_the_dashboard_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(World(), monkeypatch) == (0, ["apply without"])


def test_without_a_user_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(World(user="", input=True), monkeypatch) == (0, ["apply without"])


def test_a_run_that_fails_keeps_the_dashboard_from_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = change(World(input=True, run="FAILED"), monkeypatch)
    assert done == (1, ["apply without", "execute"])
