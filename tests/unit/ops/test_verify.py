"""`make verify`: what it makes is a deployment of its own, and is removed whatever happens."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from medical_charges.contract import load_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from ops.checks import verify as module
from ops.checks.findings import Finding
from ops.checks.verify import expected_of, verify
from ops.pipeline import Ended
from ops.show import PlainConsole
from ops.terraform import TerraformError
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT

GIVEN = {"project": "medical-charges", "bucket_name": "charges", "emr_cluster": "transient"}


@dataclass
class World:
    """Terraform and the pipeline, and what was done with them."""

    status: str = "SUCCEEDED"
    held: str = ""
    dashboard: str = "off"
    stuck: bool = False
    """True if it cannot be removed."""
    deaf: int = 0
    """The number of uploads that start no execution."""
    folder: Path = Path("folder")
    directory: Path = Path("directory")
    finding: Finding = field(default_factory=lambda: Finding("outputs", "ok", "fine"))
    did: list[str] = field(default_factory=list)
    root: Path = Path()

    # As Terraform
    environment: Mapping[str, str] = field(default_factory=dict)

    def init(self) -> None:
        self.did.append("init")

    def apply(self, variables: Mapping[str, str]) -> None:
        self.did.append(" ".join(["apply", *variables]))

    def destroy(self, variables: Mapping[str, str]) -> None:
        self.did.append("destroy")
        if self.stuck:
            raise TerraformError("DependencyViolation")

    def outputs(self) -> dict[str, Any]:
        return {"quicksight_state": self.dashboard}

    # As the pipeline
    def executions(self) -> list[str]:
        return []

    def upload(self, file: Path) -> None:
        self.did.append(f"upload {file.name}")

    def await_execution(self, *_: object) -> str | None:
        self.deaf -= 1
        return "arn" if self.deaf < 0 else None

    def run_of(self, _: str) -> str:
        return "run"


@pytest.fixture
def verified(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[..., tuple[int, list[str]]]:
    """Verifies in a world."""

    def run(
        world: World,
        *,
        agreed: bool = True,
        contract: Path = CONTRACT_FILE,
        shown: Console | None = None,
        as_json: bool = False,
    ) -> tuple[int, list[str]]:
        def terraform(_: str, __: Path, ___: object, root: Path, ____: object) -> World:
            world.root = root
            return world

        monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
        monkeypatch.setattr(module, "SCRATCH", tmp_path)
        monkeypatch.setattr(module, "_account", lambda _: "123456789012-us-east-1")
        monkeypatch.setattr(module, "variables_of", lambda *_: GIVEN)
        monkeypatch.setattr("ops.checks.verify.Build.run", lambda _: {})
        monkeypatch.setattr(module, "Terraform", terraform)
        monkeypatch.setattr(module, "Pipeline", lambda *_: world)
        monkeypatch.setattr(
            module, "follow", lambda *_: Ended("arn", world.status, "", "no", world.held)
        )
        monkeypatch.setattr(module, "expected_of", lambda *_: {})
        monkeypatch.setattr(module, "inspect", lambda _: [world.finding])
        shown = shown or Console(quiet=True)
        code = verify("terraform", contract, CHARGES_FILE, shown, as_json=as_json, agreed=agreed)
        return code, world.did

    return run


ONCE = ["init", "apply", "upload Charges.csv"]


def test_a_deployment_that_is_in_order_passes_and_is_removed(
    verified: Callable[..., tuple[int, list[str]]],
) -> None:
    assert verified(World()) == (0, [*ONCE, "destroy"])


def test_a_finding_fails_and_the_deployment_is_removed(
    verified: Callable[..., tuple[int, list[str]]],
) -> None:
    assert verified(World(finding=Finding("logs", "fail", "none", "look"))) == (
        1,
        [*ONCE, "destroy"],
    )


def test_a_dashboard_is_applied_after_the_run(
    verified: Callable[..., tuple[int, list[str]]],
) -> None:
    done = [*ONCE, "apply quicksight_ready", "destroy"]
    assert verified(World(dashboard="waiting")) == (0, done)


def test_a_bucket_that_sends_no_events_yet_is_given_the_file_again(
    verified: Callable[..., tuple[int, list[str]]],
) -> None:
    uploads = ["upload Charges.csv"] * 4
    assert verified(World(deaf=3)) == (0, ["init", "apply", *uploads, "destroy"])
    world = World(deaf=4)
    with pytest.raises(MedicalChargesError, match="4 uploads started no execution"):
        verified(world)
    assert world.did == ["init", "apply", *uploads, "destroy"]


@pytest.mark.parametrize("world", [World(status="FAILED"), World(held="too close")], ids=repr)
def test_a_run_that_publishes_nothing_is_an_error_and_the_deployment_is_removed(
    world: World, verified: Callable[..., tuple[int, list[str]]]
) -> None:
    with pytest.raises(MedicalChargesError):
        verified(world)
    assert world.did == [*ONCE, "destroy"]


def test_what_is_not_removed_is_a_finding_next_to_the_others(
    verified: Callable[..., tuple[int, list[str]]], capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(stuck=True, finding=Finding("logs", "warn", "few", "look"))
    assert verified(world, shown=PlainConsole(), as_json=True)[0] == 1
    printed = capsys.readouterr()
    findings = json.loads(printed.out)
    assert [it["check"] for it in findings] == ["logs", "removal"]
    assert "DependencyViolation" in findings[1]["found"]
    assert "destroy -state=folder/terraform.tfstate" in findings[1]["mend"]
    assert "removing medical-charges-verify" in printed.err


@pytest.mark.parametrize("line", ["dataset: medical_charges # ours", "dataset: 'medical_charges'"])
def test_a_dataset_however_written_is_renamed(
    line: str, verified: Callable[..., tuple[int, list[str]]], tmp_path: Path
) -> None:
    contract = tmp_path / "own.yaml"
    contract.write_text(CONTRACT_FILE.read_text().replace("dataset: medical_charges", line))
    world = World()
    verified(world, contract=contract)
    assert load_contract(world.root.parent / "contract.yaml").dataset == "medical_charges_verify"


def test_it_has_names_of_its_own(verified: Callable[..., tuple[int, list[str]]]) -> None:
    world = World()
    verified(world)
    [own] = world.root.glob("*.auto.tfvars.json")
    variables = json.loads(own.read_text())
    assert variables["project"] == "medical-charges-verify"
    assert variables["bucket_name"] == "charges-verify"
    assert variables["force_destroy"] is True
    contract, original = load_contract(world.root.parent / "contract.yaml"), CONTRACT_FILE
    assert contract.dataset == "medical_charges_verify"
    assert contract.analyses == load_contract(original).analyses


def test_nothing_is_made_without_agreement(
    verified: Callable[..., tuple[int, list[str]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World()
    with pytest.raises(MedicalChargesError, match="YES=1"):
        verified(world, agreed=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda _: "")
    with pytest.raises(MedicalChargesError, match="nothing was made"):
        verified(world, agreed=False)
    assert world.did == []
    monkeypatch.setattr("builtins.input", lambda _: "y")
    assert verified(world, agreed=False)[0] == 0


def test_what_is_expected_is_what_a_run_publishes(capsys: pytest.CaptureFixture[str]) -> None:
    contract = load_contract(CONTRACT_FILE)
    expected = expected_of(contract, CHARGES_FILE)
    assert capsys.readouterr().err == "", "no log lines in front of a person"
    assert expected.keys() == contract.outputs.keys()
    assert b"southeast,364," in expected["charges_by_region"]
    assert Layout(contract.prefix).output == "MedicalCharges/Output_data"
    assert not (ROOT / "MedicalCharges").exists()
