"""The ledger: one holder at a time, and word that is never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, cast

import boto3
import pytest

from medical_charges.errors import LeaseLostError
from medical_charges.runs.ledger import DELETE_AFTER, Ledger, LiveRun
from tests.helpers import ROOT

SECONDS = 600
ORCHESTRATION = ROOT / "terraform/modules/orchestration/main.tf"


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1_800_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(aws: None, clock: Clock) -> Ledger:
    """An empty ledger whose leases last ten minutes."""
    table = boto3.resource("dynamodb").create_table(
        TableName="ledger",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return Ledger(table, SECONDS, clock)


def test_the_first_to_come_takes_the_lease(ledger: Ledger, clock: Clock) -> None:
    assert ledger.take("first", "run-1")
    lease = ledger.lease()
    assert lease is not None
    assert (lease.holder, lease.run_id, lease.pending) == ("first", "run-1", False)
    assert lease.expires == clock.seconds + SECONDS


def test_an_execution_that_has_ended_does_not_take_the_lease(ledger: Ledger) -> None:
    ledger.end("first")
    with pytest.raises(LeaseLostError, match="execution first has ended"):
        ledger.take("first", "run-1")
    assert ledger.lease() is None
    assert ledger.take("second", "run-2")


def test_a_lease_whose_holder_has_ended_can_still_be_freed(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    ledger.end("first")
    assert ledger.renew("first", "run-1")
    assert not ledger.abandon("first")
    assert ledger.lease() is None


CONFLICTS: tuple[Any, ...] = (
    {"Error": {"Code": "TransactionConflictException"}},
    {
        "Error": {"Code": "TransactionCanceledException"},
        "CancellationReasons": [{"Code": "None"}, {"Code": "TransactionConflict"}],
    },
)


def test_a_write_that_meets_a_transaction_is_repeated(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, errors = ledger.table.meta.client, ledger.table.meta.client.exceptions
    kinds = errors.TransactionConflictException, errors.TransactionCanceledException
    met = []

    def once(owner: Any, name: str, transacts: bool) -> None:
        real = getattr(owner, name)
        answers = iter([kinds[transacts](CONFLICTS[transacts], name)])

        def call(**arguments: Any) -> Any:
            for error in answers:
                met.append(name)
                raise error
            return real(**arguments)

        monkeypatch.setattr(owner, name, call)

    ledger.sleep = lambda _: None
    for owner, name in (
        (client, "transact_write_items"),
        (ledger.table, "put_item"),
        (ledger.table, "delete_item"),
    ):
        once(owner, name, owner is client)
    assert ledger.take("first", "run-1")
    once(client, "transact_write_items", True)
    with ledger.writing("first", "run-1", 1) as fence:
        ledger.set_live(LiveRun("run-1", "snapshot", "contract", "code", "files"), fence)
    assert ledger.live()
    assert not ledger.abandon("first")
    assert ledger.lease() is None
    assert met == ["transact_write_items", "put_item", "transact_write_items", "delete_item"]


def test_a_second_execution_sets_pending(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    assert ledger.take("second", "run-2") is None
    lease = ledger.lease()
    assert lease is not None
    assert (lease.holder, lease.run_id, lease.pending) == ("first", "run-1", True)


def test_pending_keeps_the_holder_from_freeing_the_lease_until_it_has_planned_again(
    ledger: Ledger,
) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2")
    assert not ledger.release("first")
    assert ledger.take("first", "run-3")
    assert ledger.release("first")
    assert ledger.lease() is None


def test_freeing_twice_does_no_harm(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    assert ledger.release("first")
    ledger.take("second", "run-2")
    assert ledger.release("first")
    lease = ledger.lease()
    assert lease is not None
    assert lease.holder == "second"


def test_an_expired_lease_is_anybodys(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    clock.seconds += SECONDS
    assert ledger.take("second", "run-2") is None
    clock.seconds += 1
    assert ledger.take("second", "run-2")


def test_a_holder_that_lost_the_lease_learns_it_before_it_publishes(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1")
    clock.seconds += SECONDS + 1
    ledger.take("second", "run-2")
    with pytest.raises(LeaseLostError, match=r"run-1 no longer holds the lease"):
        ledger.renew("first", "run-1")


def test_renewing_restarts_the_time_and_keeps_pending(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2")
    clock.seconds += SECONDS - 1
    ledger.renew("first", "run-1")
    clock.seconds += SECONDS - 1
    assert ledger.take("third", "run-3") is None
    assert not ledger.release("first")


def test_abandoning_frees_the_lease_and_returns_whether_an_execution_is_pending(
    ledger: Ledger,
) -> None:
    ledger.take("first", "run-1")
    assert not ledger.abandon("first")
    ledger.take("second", "run-2")
    ledger.take("third", "run-3")
    assert ledger.abandon("second")
    assert ledger.abandon("second"), "asked again after an interruption, it still says so"
    assert ledger.take("fourth", "run-4")
    assert not ledger.abandon("second"), "the lease is another's now"
    lease = ledger.lease()
    assert lease is not None
    assert lease.holder == "fourth"


def test_a_lease_that_was_abandoned_is_not_renewed(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2")
    ledger.abandon("first")
    with pytest.raises(LeaseLostError, match="run-1"):
        ledger.renew("first", "run-1")
    assert ledger.take("third", "run-3")


def test_of_many_that_come_at_once_one_holds_the_lease(ledger: Ledger) -> None:
    taken: list[str] = []

    def come(name: str) -> None:
        if ledger.take(name, f"run-{name}"):
            taken.append(name)

    at_once(*(lambda name=f"{n}": come(name) for n in range(8)))
    assert len(taken) == 1
    assert not ledger.release(taken[0])


def at_once(*calls: Callable[[], None]) -> None:
    threads = [threading.Thread(target=call) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_a_runs_entry_grows_and_keeps_what_it_had(ledger: Ledger) -> None:
    ledger.record("run-1", status="planned", execution="first", reason=None)
    ledger.record("run-1", status="failed", reason="a sentence")
    entry = ledger.run("run-1")
    assert (entry["status"], entry["execution"], entry["reason"]) == (
        "failed",
        "first",
        "a sentence",
    )
    assert ledger.run("run-2") == {}


def test_dynamodb_deletes_entries_after_more_than_a_year_and_the_lease_never(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1")
    ledger.record("run-1", status="planned")
    assert ledger.run("run-1")[DELETE_AFTER] > clock.seconds + 366 * 24 * 3600
    lease = ledger.table.get_item(Key={"pk": "lease"})["Item"]
    assert DELETE_AFTER not in lease
    assert f'attribute_name = "{DELETE_AFTER}"' in ORCHESTRATION.read_text()


# --- asking for more than a run


RECHECK = frozenset({"recheck"})


def test_the_next_holder_inherits_the_requests_of_those_who_found_the_lease_taken(
    ledger: Ledger,
) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2", RECHECK)
    ledger.take("third", "run-3")
    assert ledger.abandon("first")
    lease = ledger.take("fourth", "run-4")
    assert lease is not None
    assert lease.options == RECHECK
    assert ledger.release("fourth")
    again = ledger.take("fifth", "run-5")
    assert again is not None
    assert not again.options


def test_what_the_holder_did_is_not_asked_for_again(ledger: Ledger) -> None:
    ledger.take("first", "run-1", RECHECK)
    ledger.take("second", "run-2")
    ledger.abandon("first")
    lease = ledger.take("third", "run-3")
    assert lease is not None
    assert not lease.options


def test_what_a_dead_holder_was_asked_for_is_its_followers_to_do(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1", RECHECK)
    clock.seconds += SECONDS + 1
    lease = ledger.take("second", "run-2")
    assert lease is not None
    assert lease.options == RECHECK


# --- runs that lost the lease by its time


def test_the_holder_of_an_expired_lease_knows_the_run_to_roll_back(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1")
    clock.seconds += SECONDS + 1
    lease = ledger.take("second", "run-2")
    assert lease is not None
    assert lease.unfinished == ("run-1",)
    # It is interrupted, plans again, and dies of its time itself.
    again = ledger.take("second", "run-2")
    assert again is not None
    assert again.unfinished == ("run-1",)
    clock.seconds += SECONDS + 1
    third = ledger.take("third", "run-3")
    assert third is not None
    assert third.unfinished == ("run-1", "run-2")
    ledger.rolled_back("third", "run-3", "run-2")
    found = ledger.lease()
    assert found is not None
    assert found.unfinished == ("run-1",)


def test_a_lease_that_was_given_up_leaves_nothing_to_undo(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2")
    ledger.abandon("first")
    lease = ledger.take("third", "run-3")
    assert lease is not None
    assert lease.unfinished == ()


# --- the fence


def test_a_new_writer_ends_the_earlier_one(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    with ledger.writing("first", "run-1", 0) as old:
        old.check()
        ledger.sleep = lambda _: move(ledger)
        with ledger.writing("first", "run-1", 60) as new:
            with pytest.raises(LeaseLostError, match="run-1"):
                old.check()
            with pytest.raises(LeaseLostError, match="run-1"):
                ledger.set_live(SERVED, old)
            assert ledger.live() is None
            new.check()


def move(ledger: Ledger) -> None:
    cast("Clock", ledger.now).seconds += 1


def test_a_new_writer_waits_for_the_earlier_one(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    waits: list[float] = []

    def wait(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 3:
            ending.close()
        clock.seconds += seconds

    ledger.sleep = wait
    with ExitStack() as ending:
        ending.enter_context(ledger.writing("first", "run-1", 300))
        with ledger.writing("first", "run-1", 300):
            assert len(waits) == 3


def test_a_writer_that_died_is_waited_for_no_longer_than_its_function_can_last(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1")
    ledger.sleep = lambda _: move(ledger)
    begun = clock.seconds
    dead = ledger.writing("first", "run-1", 30)
    dead.__enter__()
    with ledger.writing("first", "run-1", 300):
        # In its last second it may still write, and fractions of one are not stored.
        assert clock.seconds - begun == 32


def test_a_lease_lasts_for_as_long_as_its_holder_may_write(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    with ledger.writing("first", "run-1", 10 * SECONDS):
        clock.seconds += 2 * SECONDS
        assert ledger.take("second", "run-2") is None


def test_nobody_writes_under_the_lease_of_another(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    with ledger.writing("first", "run-1", 60) as fence:
        clock.seconds += SECONDS + 1
        ledger.take("second", "run-2")
        with pytest.raises(LeaseLostError):
            fence.check()
        with pytest.raises(LeaseLostError):
            ledger.set_live(SERVED, fence)
    with pytest.raises(LeaseLostError), ledger.writing("first", "run-1", 60):
        pass
    assert ledger.live() is None


SERVED = LiveRun("run-1", "snapshot", "contract", "code", "files")


def test_the_live_run_is_read_back(ledger: Ledger) -> None:
    assert ledger.live() is None
    ledger.take("first", "run-1")
    with ledger.writing("first", "run-1", 60) as fence:
        ledger.set_live(SERVED, fence)
    assert ledger.live() == SERVED
