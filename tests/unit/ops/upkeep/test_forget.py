"""`make forget`: nothing in the bucket holds a row of the object any more, in any version."""

from __future__ import annotations

import io
import json
import time
from dataclasses import replace
from pathlib import Path

import boto3
import polars as pl
import pytest

from medical_charges.analysis.run import write_error
from medical_charges.contract import Contract, parse_contract
from medical_charges.errors import MedicalChargesError, TooManyRejectedError
from medical_charges.layout import Layout
from medical_charges.storage import S3Store
from ops import account
from ops.pipeline import Ended
from ops.pipeline import Pipeline as Deployed
from ops.show import PlainConsole
from ops.upkeep.forget import Bucket, Entry, find, remove
from tests.functions import Pipeline, deploy, whereabouts
from tests.helpers import TWO_OUTPUTS

HEADER = b"age,sex,bmi,children,smoker,region,charges\n"
GOOD = b"19,female,27.9,0,yes,southwest,16884.924\n"
MARKED = b"19,Zyxwvut,27.9,0,yes,southwest,16884.924\n"
OURS, OTHER = "MedicalCharges/Input_data/person.csv", "MedicalCharges/Input_data/person.csv.old"


@pytest.fixture
def contract() -> Contract:
    return parse_contract(TWO_OUTPUTS)


@pytest.fixture
def pipeline(bucket: S3Store, monkeypatch: pytest.MonkeyPatch, contract: Contract) -> Pipeline:
    """A bucket after runs with an object that was replaced, refused, deleted and put again."""
    versioning = {"Status": "Enabled"}
    boto3.client("s3").put_bucket_versioning(
        Bucket="medicalcharges",
        VersioningConfiguration=versioning,  # type: ignore[arg-type]
    )
    found = deploy(bucket, HEADER + GOOD * 40, monkeypatch)
    found.upload("person.csv.old", HEADER + GOOD * 60 + b"other,Zyxwvu,row\n")
    found.finish("zero", found.run("zero"))
    found.upload("person.csv", HEADER + GOOD * 30 + MARKED)
    found.finish("one", found.run("one"))
    found.upload("person.csv", HEADER + GOOD * 20 + MARKED * 9)
    run_id = str(found.plan("two")["run_id"])
    with pytest.raises(TooManyRejectedError) as refused:
        found.analyze(run_id)
    write_error(found.store, contract, run_id, refused.value)
    write_error(found.store, contract, run_id, refused.value)
    found.fail("two", "Analyze", run_id, Error="X", Cause="{}")
    bucket.delete(OURS)
    found.upload("person.csv", HEADER + GOOD * 50 + MARKED)
    run_id = str(found.plan("three")["run_id"])
    found.analyze(run_id)
    found.fail("three", "Validate", run_id, Error="X", Cause="{}")
    return found


@pytest.fixture
def versioned(pipeline: Pipeline) -> Bucket:
    return Bucket(boto3.client("s3"), "medicalcharges")


def contents(bucket: Bucket) -> dict[tuple[str, str], str]:
    """The text of every version of everything; of Parquet its lines."""
    found = {}
    for entries in bucket.versions("").values():
        for entry in entries:
            if entry.is_mark:
                continue
            data = bucket.read(entry)
            if entry.key.endswith(".parquet") and data != b"damaged":
                data = b"\n".join(pl.read_parquet(io.BytesIO(data))["line"])
            found[entry.key, entry.version] = data.decode(errors="replace")
    return found


def test_no_version_of_anything_holds_a_field_of_the_object_any_more(
    versioned: Bucket, contract: Contract
) -> None:
    before = contents(versioned)
    holding = {key for (key, _), text in before.items() if "Zyxwvut" in text}
    assert {key.split("/")[1] for key in holding} == {
        "Input_data",
        "Cube_data",
        "Quarantine_data",
        "Run_data",
    }
    layout = Layout(contract.prefix)
    remove(versioned, find(versioned, layout, OURS))
    after = contents(versioned)
    assert [key for key, text in after.items() if "Zyxwvut" in text] == []
    assert not versioned.versions(OURS).get(OURS)
    assert not find(versioned, layout, OURS)
    # Of the other object, whose name only begins as this one's, everything is as it was.
    others = {key: text for key, text in before.items() if "Zyxwvu,row" in text}
    assert others.items() <= after.items()
    assert find(versioned, layout, OTHER)


def test_what_is_published_and_what_it_must_be_compared_with_stays(
    pipeline: Pipeline, versioned: Bucket, contract: Contract
) -> None:
    layout, served = Layout(contract.prefix), pipeline.served()
    live = json.loads(pipeline.store.read(layout.live))
    traces = find(versioned, layout, OURS)
    remove(versioned, traces)
    assert pipeline.served() == served
    assert traces.kept_states == [layout.state(live["snapshot"])]
    assert len(traces.runs) == 3
    states = [ref.key for ref in pipeline.store.list(f"{contract.prefix}/Cube_data/states")]
    assert layout.state(live["snapshot"]) in states
    assert len(states) == 2, "the live run's, and that of before the object was there"
    # The next run reads on from there, without the object.
    run_id = pipeline.plan("next", publish_held=True)["run_id"]
    pipeline.analyze(str(run_id))
    summary = json.loads(pipeline.store.read(layout.summary(str(run_id))))
    assert (summary["objects"], summary["counted"]) == (2, 100)
    assert pipeline.compare("next", str(run_id))["decision"] == "go"


class Commanded:
    """`make forget` on the bucket, and what it printed."""

    def __init__(
        self,
        pipeline: Pipeline,
        monkeypatch: pytest.MonkeyPatch,
        contract: Contract,
        folder: Path,
    ) -> None:
        self.pipeline = pipeline
        self.deployed = Deployed(*whereabouts(contract))
        self.contract = folder / "contract.yaml"
        self.contract.write_text(TWO_OUTPUTS)
        self.followed: list[str] = []
        monkeypatch.setattr(account, "_pipeline", lambda *_: self.deployed)
        monkeypatch.setattr(self.deployed, "executions", lambda **_: [])
        monkeypatch.setattr(account, "follow", self._follow)

    def _follow(self, _: Deployed, arn: str, __: object) -> Ended:
        self.followed.append(arn)
        return Ended(arn, "SUCCEEDED", "", "")

    def forget(self, name: str, *, agreed: bool = True, code: int = 0) -> str:
        text = io.StringIO()
        console = PlainConsole(file=text)
        assert account.forget("terraform", self.contract, console, name, agreed=agreed) == code
        return text.getvalue()


@pytest.fixture
def command(
    pipeline: Pipeline, contract: Contract, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Commanded:
    return Commanded(pipeline, monkeypatch, contract, tmp_path)


def test_the_command_says_what_it_removes_and_what_stays_and_runs_again(
    command: Commanded, versioned: Bucket
) -> None:
    said = command.forget("person.csv")
    assert "object                1 key,       4 versions" in said
    for kind in ("partials", "rejected rows", "states", "examples"):
        assert f"  {kind} " in said
    assert "1 state and MedicalCharges/Run_data/history.json: the exact sums of every group" in said
    assert "held if fewer people left than the threshold, or more than the contract allows" in said
    assert "of 3 runs under" in said
    assert "a rollback to such a run publishes figures that count them" in said
    assert len(command.followed) == 1
    assert command.pipeline.ledger.lease() is None
    again = command.forget(f"s3://medicalcharges/{OURS}")
    assert "nothing any more" in again


def test_nothing_is_removed_unless_somebody_agrees_who_named_an_object(
    command: Commanded, versioned: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(versioned)
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    with pytest.raises(
        MedicalChargesError, match=r"Say `make forget OBJECT=person\.csv YES=1` to agree"
    ):
        command.forget("person.csv", agreed=False)
    for name in ("perso", "person.csv.ol", "nobody.csv"):
        with pytest.raises(MedicalChargesError, match="has never held"):
            command.forget(name)
    with pytest.raises(MedicalChargesError, match="name an object of the input"):
        command.forget("")
    monkeypatch.setattr(command.deployed, "executions", lambda **_: ["running"])
    with pytest.raises(MedicalChargesError, match="an execution is under way"):
        command.forget("person.csv")
    assert contents(versioned) == before
    assert command.followed == []


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_an_execution_that_starts_while_it_asks_keeps_everything(
    command: Commanded, versioned: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(versioned)
    lease = []

    def answer(_: str) -> str:
        command.pipeline.upload("another.csv", HEADER + GOOD)
        command.pipeline.plan("meanwhile")
        lease.append(command.pipeline.ledger.lease())
        return "y"

    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("builtins.input", answer)
    with pytest.raises(MedicalChargesError, match="an execution is under way"):
        command.forget("person.csv", agreed=False)
    assert before.items() <= contents(versioned).items()
    assert command.pipeline.ledger.lease() == lease[0]


def test_an_execution_that_starts_while_it_removes_leaves_the_run_to_it(
    command: Commanded, versioned: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    removing, decided = Bucket.remove, list[str]()

    def remove_meanwhile(bucket: Bucket, entries: list[Entry]) -> None:
        if not decided:
            lease = command.pipeline.ledger.lease()
            assert lease
            assert lease.expires > time.time() + 1800
            decided.append(command.pipeline.plan("meanwhile")["decision"])
        removing(bucket, entries)

    monkeypatch.setattr(Bucket, "remove", remove_meanwhile)
    command.forget("person.csv")
    assert decided == ["pending"]
    assert len(command.followed) == 1
    # The lease is free for the run that was started.
    assert command.pipeline.plan("next")["decision"] == "go"


@pytest.mark.parametrize("came", [True, False])
def test_a_removal_that_fails_frees_the_lease_and_loses_no_run(
    came: bool, command: Commanded, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        if came:
            command.pipeline.plan("meanwhile")
        raise MedicalChargesError("not allowed")

    started = command.pipeline.executions()
    monkeypatch.setattr(Bucket, "remove", fail)
    with pytest.raises(MedicalChargesError, match="not allowed"):
        command.forget("person.csv")
    assert len(command.pipeline.executions()) - len(started) == int(came)
    assert command.pipeline.plan("next")["decision"] == "go"


def test_an_interrupted_removal_can_be_repeated_at_once_and_by_itself_alone(
    command: Commanded,
) -> None:
    ledger = replace(command.pipeline.ledger, lease_seconds=600)
    assert ledger.take(f"forget {OTHER}", "forget")
    with pytest.raises(MedicalChargesError, match="under way, or was not cleaned up after"):
        command.forget("person.csv")
    command.forget("person.csv.old")
    assert command.pipeline.ledger.lease() is None


def test_a_damaged_state_of_a_snapshot_with_the_object_is_removed_unread_unless_it_is_kept(
    versioned: Bucket, contract: Contract
) -> None:
    layout = Layout(contract.prefix)
    before = find(versioned, layout, OURS)
    states = {entry.key for entry in before.removed["states"]} - set(before.kept_states)
    assert states
    for name in (*states, *before.kept_states):
        versioned.client.put_object(Bucket=versioned.name, Key=name, Body=b"damaged")
    traces = find(versioned, layout, OURS)
    assert {entry.key for entry in traces.removed["states"]} == states
    assert traces.unread == traces.kept_states == before.kept_states


def test_what_cannot_be_read_is_named_and_stays(command: Commanded, versioned: Bucket) -> None:
    damaged = [
        f"MedicalCharges/{name}"
        for name in (
            "Cube_data/partials/unknown.json",
            "Cube_data/states/unknown.json",
            "Quarantine_data/unknown/0.parquet",
            "Run_data/unknown/error.json",
            "Run_data/unknown/snapshot.json",
        )
    ]
    for name in damaged:
        command.pipeline.store.write(name, b"damaged")
    with pytest.raises(MedicalChargesError, match=r"never held.*\n.*Cube_data/partials/unknown"):
        command.forget("nobody.csv")
    said = command.forget("person.csv", code=1)
    for name in damaged:
        assert said.count(name) == 2, "before and after the removal"
        assert versioned.versions(name)
    assert [key for (key, _), text in contents(versioned).items() if "Zyxwvut" in text] == []
