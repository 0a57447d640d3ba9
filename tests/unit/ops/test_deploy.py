"""Deploying with a dashboard: what is applied when, on a stand-in for Terraform; what is told."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from rich.console import Console

from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.runs.manifests import generate_manifests
from medical_charges.storage import S3Store
from ops import account
from ops.__main__ import main
from ops.pipeline import Ended, Pipeline
from ops.show import PlainConsole
from tests.helpers import CHARGES_FILE, CONTRACT_FILE

OUTPUTS = {
    "bucket_name": "medicalcharges",
    "state_machine_arn": "arn:aws:states:us-east-1:123456789012:stateMachine:medical-charges",
    "ledger_table": "ledger",
}


@dataclass
class World:
    """An account, and what was done to it."""

    user: str = "alice"
    deployed: bool = False
    published: bool = False
    input: bool = False
    run: str = "SUCCEEDED"
    held: str = ""
    without: tuple[str, ...] = ()
    """Outputs that Terraform does not know, as an apply failed before it came to them."""
    deaf: bool = False
    """True if an upload starts no execution."""
    did: list[str] = field(default_factory=list)

    # As Terraform
    environment: Mapping[str, str] = field(default_factory=dict)

    def init(self) -> None:
        """Nothing to do."""

    def call(self, command: str, variables: Mapping[str, str]) -> int:
        self.ready = variables.get("quicksight_ready") == "true"
        self.did.append(f"{command} {'with' if self.ready else 'without'}")
        self.deployed = command == "apply"
        if self.deployed:
            self.without = ()
        return 0

    def outputs(self) -> dict[str, Any]:
        if not self.deployed:
            return {}
        state = "off" if not self.user else "on" if getattr(self, "ready", True) else "waiting"
        known = OUTPUTS | {"quicksight_state": state, "quicksight": "upload a file first"}
        return {name: value for name, value in known.items() if name not in self.without}

    # As the pipeline
    def at(self, outputs: Mapping[str, Any]) -> World:
        assert outputs.keys() >= OUTPUTS.keys()
        return self

    def publishes(self, _: object) -> bool:
        if not self.user:
            raise AssertionError("nobody wants a dashboard, so nothing depends on the answer")
        return self.published

    def has_input(self) -> bool:
        return self.input

    def executions(self) -> list[str]:
        return []

    def upload(self, file: Path) -> str:
        self.did.append(f"upload {file.name}")
        return file.name

    def await_execution(self, *_: object) -> str | None:
        return None if self.deaf else "arn"

    def execute(self) -> str:
        self.did.append("execute")
        return "arn"

    def end(self) -> Ended:
        ended = Ended("arn", self.run, "", "no", self.held)
        self.published = self.published or not (ended.failed() or ended.held)
        return ended

    def left_error(self, _: str) -> dict[str, Any]:
        return {}


def change(
    world: World, monkeypatch: pytest.MonkeyPatch, command: str = "apply", file: Path | None = None
) -> tuple[int, list[str]]:
    monkeypatch.setattr(account, "package", lambda *_: 0)
    monkeypatch.setattr(account, "_account", lambda _: world)
    monkeypatch.setattr(account, "Pipeline", lambda _, outputs, __: world.at(outputs))
    monkeypatch.setattr(account, "follow", lambda *_: world.end())
    code = account.change(command, "terraform", CONTRACT_FILE, Console(quiet=True), file)
    return code, world.did


def test_a_new_account_is_applied_run_once_and_applied_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = change(World(), monkeypatch, file=CHARGES_FILE)
    assert done == (0, ["apply without", "upload Charges.csv", "apply with"])


def test_an_upload_that_starts_no_execution_is_followed_by_one_that_is_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = change(World(deaf=True), monkeypatch, file=CHARGES_FILE)
    assert done == (0, ["apply without", "upload Charges.csv", "execute", "apply with"])


def test_input_that_is_there_is_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    done = change(World(deployed=True, input=True), monkeypatch)
    assert done == (0, ["apply without", "execute", "apply with"])


def test_a_dashboard_whose_outputs_are_published_is_applied_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert change(World(deployed=True, published=True), monkeypatch) == (0, ["apply with"])
    planned = change(World(deployed=True, published=True), monkeypatch, "plan")
    assert planned == (0, ["plan with"])


def test_without_input_the_dashboard_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(World(), monkeypatch) == (0, ["apply without"])


def test_without_a_user_nothing_is_run(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(user="", deployed=True, input=True)
    assert change(world, monkeypatch) == (0, ["apply without"])


def test_a_run_that_fails_keeps_the_dashboard_from_being_made(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    done = change(World(input=True, run="FAILED"), monkeypatch)
    assert done == (1, ["apply without", "execute"])


def test_a_run_that_is_held_keeps_the_dashboard_from_being_made_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(input=True, held="both would give them away")
    with pytest.raises(MedicalChargesError, match=r"not published .* why a run is held"):
        change(world, monkeypatch)
    assert world.did == ["apply without", "execute"]


def test_a_dashboard_added_later_shows_the_published_outputs_without_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = World(user="", deployed=True, published=True)
    terraform = world.call

    def call(command: str, variables: Mapping[str, str]) -> int:
        world.user = "alice"
        return terraform(command, variables)

    monkeypatch.setattr(world, "call", call)
    assert change(world, monkeypatch) == (0, ["apply without", "apply with"])


# --- an apply that failed half-way


@pytest.mark.parametrize("missing", OUTPUTS)
def test_a_deployment_with_partial_outputs_is_planned_and_applied_as_none(
    monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    world = World(deployed=True, published=True, without=(missing,))
    assert change(world, monkeypatch, "plan") == (0, ["plan without"])
    world = World(deployed=True, published=True, without=(missing,))
    assert change(world, monkeypatch) == (0, ["apply without", "apply with"])


def test_destroying_makes_no_calls_to_the_pipeline(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World(deployed=True, published=True)
    assert change(world, monkeypatch, "destroy") == (0, ["destroy without"])


# --- whether what a dashboard reads is published


@pytest.fixture
def pipeline(bucket: S3Store, contract: Contract) -> Pipeline:
    """A pipeline that has published the outputs of the contract."""
    layout = Layout(contract.prefix)
    for name, output in contract.outputs.items():
        bucket.write(layout.published(name), f"{','.join(output.header)}\n".encode())
    generate_manifests(bucket, layout, contract.outputs)
    return Pipeline({"AWS_REGION": "us-east-1"}, OUTPUTS, layout)


def test_a_link_to_the_page_is_signed_for_so_many_days_and_shown_as_a_page(
    bucket: S3Store, contract: Contract
) -> None:
    bucket.write(Layout(contract.prefix).dashboard, b"<!DOCTYPE html>")
    pipeline = Pipeline({"AWS_REGION": "eu-central-1"}, OUTPUTS, Layout(contract.prefix))
    link = urlsplit(shared(pipeline, 7)[0])
    # To a bucket's name alone S3 answers with another place, for which the link is not signed.
    assert link.netloc == "medicalcharges.s3.eu-central-1.amazonaws.com"
    assert link.path == "/MedicalCharges/Dashboard/index.html"
    asked = parse_qs(link.query)
    assert asked["X-Amz-Expires"] == ["604800"]
    assert asked["response-content-type"] == ["text/html"]
    # The only one that S3 takes for an object under a key of KMS.
    assert asked["X-Amz-Algorithm"] == ["AWS4-HMAC-SHA256"]


@pytest.mark.parametrize("token", ["", "session"])
def test_a_link_by_temporary_credentials_warns_that_it_ends_with_them(
    pipeline: Pipeline,
    bucket: S3Store,
    contract: Contract,
    monkeypatch: pytest.MonkeyPatch,
    token: str,
) -> None:
    bucket.write(Layout(contract.prefix).dashboard, b"<!DOCTYPE html>")
    given = {"AWS_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    given |= {"AWS_SESSION_TOKEN": token} if token else {}
    said = shared(Pipeline(given, OUTPUTS, Layout(contract.prefix)), 1)
    assert [line for line in said if "temporary" in line] == (
        ["warning: your credentials are temporary, and the link ends when they do"] if token else []
    )


@pytest.mark.parametrize("days", [0, 8, -1])
def test_a_link_for_other_times_than_s3_signs_for_is_refused(pipeline: Pipeline, days: int) -> None:
    with pytest.raises(MedicalChargesError, match=f"DAYS is {days}; S3 signs for 1 to 7 days"):
        shared(pipeline, days)


def test_there_is_no_link_before_there_is_a_page(pipeline: Pipeline) -> None:
    with pytest.raises(MedicalChargesError, match=r"no page s3://.*/index.html: run once"):
        shared(pipeline, 1)


def shared(pipeline: Pipeline, days: int) -> list[str]:
    """What `make share` prints."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(account, "_pipeline", lambda *_: pipeline)
        screen = PlainConsole(file=io.StringIO())
        assert account.share("terraform", CONTRACT_FILE, screen, days) == 0
        return cast("io.StringIO", screen.file).getvalue().splitlines()


def test_a_contract_with_other_labels_reads_the_published_outputs(
    pipeline: Pipeline, contract: Contract
) -> None:
    text = CONTRACT_FILE.read_text()
    other = parse_contract(text.replace("title: Medical charges", "title: Another", 1))
    assert other.contract_hash != contract.contract_hash
    assert pipeline.publishes(contract)
    assert pipeline.publishes(other)


def _no_manifest(bucket: S3Store, layout: Layout) -> None:
    bucket.delete(layout.manifest("charges_by_age"))


def _no_output(bucket: S3Store, layout: Layout) -> None:
    bucket.delete(layout.published("charges_by_age"))


def _another_column(bucket: S3Store, layout: Layout) -> None:
    key = layout.published("charges_by_age")
    bucket.write(key, bucket.read(key).replace(b"\n", b",another\n", 1))


def _no_bucket(bucket: S3Store, layout: Layout) -> None:
    for ref in list(bucket.list(layout.prefix)):
        bucket.delete(ref.key)
    boto3.client("s3").delete_bucket(Bucket=OUTPUTS["bucket_name"])


@pytest.mark.parametrize("spoil", [_no_manifest, _no_output, _another_column, _no_bucket])
def test_an_output_that_the_dashboard_could_not_read_is_not_published(
    bucket: S3Store,
    pipeline: Pipeline,
    contract: Contract,
    spoil: Callable[[S3Store, Layout], None],
) -> None:
    spoil(bucket, Layout(contract.prefix))
    assert not pipeline.publishes(contract)


# --- what a person is told


def told(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: str
) -> str:
    """Return the message of a command that fails, in one line."""
    monkeypatch.setattr("ops.terraform.find_or_fetch", lambda: "terraform")
    monkeypatch.setattr(account, "package", lambda *_: 0)
    monkeypatch.setattr(account, "_account", lambda _: world)
    assert main([*words, "--contract", str(CONTRACT_FILE)]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


@pytest.mark.parametrize(
    "words", [("logs",), ("execute",), ("upload", "--file", str(CHARGES_FILE))]
)
@pytest.mark.parametrize("world", [World(), World(deployed=True, without=("bucket_name",))])
def test_commands_for_a_missing_deployment_say_so(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: tuple[str, ...],
    world: World,
) -> None:
    said = told(world, monkeypatch, capsys, *words)
    assert said.startswith("error: nothing is deployed, or not all of it: `make deploy`")


@pytest.mark.parametrize("command", ["upload", "apply"])
def test_a_missing_file_is_reported_before_any_call(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    said = told(World(), monkeypatch, capsys, command, "--file", "missing.csv")
    assert said == "error: there is no file 'missing.csv'"


@pytest.mark.parametrize(
    "words",
    [("apply",), ("plan",), ("logs",), ("execute",), ("upload", "--file", str(CHARGES_FILE))],
)
@pytest.mark.parametrize(
    ("environment", "reason"),
    [
        ({}, "Unable to locate credentials"),
        ({"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}, "Could not connect"),
    ],
)
def test_aws_that_cannot_be_asked_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    words: tuple[str, ...],
    environment: dict[str, str],
    reason: str,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    # Nobody listens at this port.
    place = {"AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"}
    world = World(deployed=True, environment=place | environment)
    said = told(world, monkeypatch, capsys, *words)
    assert said.startswith("error: AWS cannot be asked, or refused: ")
    assert reason in said
