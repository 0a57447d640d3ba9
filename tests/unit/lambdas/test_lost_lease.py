"""A run that has lost its lease leaves all to the one that took it."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from lambdas.settings import Settings
from medical_charges.errors import (
    LeaseLostError,
)
from medical_charges.runs.ledger import Lease, Ledger
from medical_charges.runs.manifests import validate_manifests
from medical_charges.storage import S3Store
from tests.functions import Pipeline, execution
from tests.unit.lambdas.changes import a_cluster, new_data, state_of


def expire(pipeline: Pipeline) -> None:
    """Let the lease's time be over."""
    boto3.resource("dynamodb").Table("ledger").update_item(
        Key={"pk": "lease"},
        UpdateExpression="SET expires = :long_ago",
        ExpressionAttributeValues={":long_ago": 1},
    )


def test_a_run_that_lost_the_lease_leaves_the_manifests_alone(pipeline: Pipeline) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    expire(pipeline)
    pipeline.plan("two")
    with pytest.raises(LeaseLostError):
        pipeline.manifests("one", run_id)
    assert not list(pipeline.store.list("MedicalCharges/Manifest_data"))


def test_an_expired_lease_that_nobody_took_is_renewed_to_roll_back(
    pipeline: Pipeline,
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    assert pipeline.served() == good
    assert pipeline.ledger.lease() is None
    assert "The previous outputs are live again." in pipeline.notices()[0][1]


def test_a_lease_taken_while_a_failed_run_looks_at_it_keeps_that_run_from_restoring(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    looked = Ledger.lease

    def look_just_before_another_takes_it(ledger: Ledger) -> Lease | None:
        found = looked(ledger)
        monkeypatch.setattr(Ledger, "lease", looked)
        pipeline.plan("three")
        return found

    monkeypatch.setattr(Ledger, "lease", look_just_before_another_takes_it)
    pipeline.fail("two", "PublishOutputs", second, Error="X", Cause="{}")
    # By the one that took it, before it planned.
    assert pipeline.served() == good
    assert pipeline.ledger.run(second)["status"] == "failed"
    assert "It did not hold the lease" in pipeline.notices()[0][1]


def test_the_next_holder_rolls_back_what_an_expired_one_had_half_published(
    pipeline: Pipeline,
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    pipeline.publish("two", second)
    expire(pipeline)
    third = pipeline.plan("three")["run_id"]
    assert pipeline.served() == good
    entry = pipeline.ledger.run(second)
    assert entry["status"] == "failed"
    assert entry["reason"] == (
        f"its lease expired, and run {third} followed it. The previous outputs are live again."
    )
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.unfinished == ()


def test_the_live_run_of_a_dead_holder_stays_and_dashboards_are_refreshed(
    pipeline: Pipeline,
) -> None:
    first = pipeline.run("one")
    good = pipeline.served()
    expire(pipeline)
    assert pipeline.plan("two")["decision"] == "go"
    assert pipeline.served() == good
    assert pipeline.ledger.run(first)["reason"].endswith("stays live.")


class Stopped(S3Store):
    """A bucket in which a run is stopped, and cleaned up behind, at one of its writes."""

    stop: Callable[[], object]

    def write(self, key: str, data: bytes) -> None:
        super().write(key, data)
        if key.endswith("charges_by_age.csv") and "Output_data" in key:
            self.stop()


def test_a_function_that_outlives_its_execution_writes_nothing_more(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.finish("one", pipeline.run("one"))
    good, second = pipeline.served(), new_data(pipeline, "two")
    clean_up = threading.Thread(target=lambda: pipeline.ended("two"))
    begun = pipeline.ledger.lease()
    assert begun is not None

    def stop() -> None:
        if not clean_up.ident:
            clean_up.start()
            while (lease := pipeline.ledger.lease()) and lease.attempt == begun.attempt + 1:
                time.sleep(0.01)

    store = Stopped("s3://medicalcharges")
    store.stop = stop
    monkeypatch.setattr(Settings, "store", lambda _: store)
    with pytest.raises(LeaseLostError):
        pipeline.publish("two", second)
    clean_up.join()
    assert pipeline.served() == good
    assert pipeline.ledger.lease() is None
    assert pipeline.ledger.run(second)["status"] == "failed"


def test_a_run_does_not_go_live_once_another_writes(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = pipeline.staged("one")
    pipeline.publish("one", run_id)
    pipeline.manifests("one", run_id)

    def check_while_it_is_stopped(*arguments: Any) -> None:
        validate_manifests(*arguments)
        expire(pipeline)
        pipeline.plan("two")

    monkeypatch.setattr(
        "medical_charges.runs.lifecycle.validate_manifests", check_while_it_is_stopped
    )
    now = soon()
    table = pipeline.ledger.table
    monkeypatch.setattr(Settings, "ledger", lambda _: Ledger(table, 600, now, lambda _: None))
    with pytest.raises(LeaseLostError):
        pipeline.serve("one", run_id)
    assert pipeline.ledger.live() is None


def soon() -> Callable[[], float]:
    """A clock on which every look takes a minute."""
    looks, begun = itertools.count(), time.time()
    return lambda: begun + 60 * next(looks)


def test_a_run_that_lost_its_lease_fails_under_its_own_name(pipeline: Pipeline) -> None:
    run_id = pipeline.plan("one")["run_id"]
    cluster = a_cluster(run_id)
    expire(pipeline)
    pipeline.plan("two")
    pipeline.fail("one", "Analyze", run_id, Error="X", Cause="{}")
    entry = pipeline.ledger.run(run_id)
    assert (entry["status"], entry["failed_state"]) == ("failed", "Analyze")
    assert state_of(cluster).startswith("TERMINAT")
    ((subject, text),) = pipeline.notices()
    assert subject == f"medical-charges: run {run_id} failed in Analyze"
    assert "It did not hold the lease, so what is published was not looked at." in text
    assert "served before" not in text
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.holder == execution("two")


def test_a_lease_that_was_given_up_is_not_taken_back_by_the_event_of_the_end(
    pipeline: Pipeline,
) -> None:
    run_id = pipeline.plan("one")["run_id"]
    pipeline.plan("two")
    pipeline.fail("one", run_id=run_id, Error="X", Cause="{}")
    before = pipeline.ledger.run(run_id)
    pipeline.notices()
    pipeline.ended("one", "FAILED")
    lease = pipeline.ledger.lease()
    assert lease is not None
    assert lease.expires == 0
    assert pipeline.ledger.run(run_id) == before
    assert pipeline.notices() == []
