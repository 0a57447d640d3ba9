"""The ledger: one holder at a time, and word that is never lost."""

from __future__ import annotations

import threading
from collections.abc import Callable

import boto3
import pytest

from medical_charges.errors import LeaseLostError
from medical_charges.ledger import Ledger, Served

SECONDS = 600


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


def test_whoever_finds_it_taken_leaves_word(ledger: Ledger) -> None:
    ledger.take("first", "run-1")
    assert not ledger.take("second", "run-2")
    lease = ledger.lease()
    assert lease is not None
    assert (lease.holder, lease.run_id, lease.pending) == ("first", "run-1", True)


def test_word_keeps_the_holder_from_freeing_the_lease_until_it_has_planned_again(
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
    assert not ledger.take("second", "run-2")
    clock.seconds += 1
    assert ledger.take("second", "run-2")


def test_a_holder_that_lost_the_lease_is_told_before_it_publishes(
    ledger: Ledger, clock: Clock
) -> None:
    ledger.take("first", "run-1")
    clock.seconds += SECONDS + 1
    ledger.take("second", "run-2")
    with pytest.raises(LeaseLostError, match=r"run-1 no longer holds the lease"):
        ledger.renew("first", "run-1")


def test_renewing_begins_the_time_anew_and_keeps_the_word(ledger: Ledger, clock: Clock) -> None:
    ledger.take("first", "run-1")
    ledger.take("second", "run-2")
    clock.seconds += SECONDS - 1
    ledger.renew("first", "run-1")
    clock.seconds += SECONDS - 1
    assert not ledger.take("third", "run-3")
    assert not ledger.release("first")


def test_abandoning_frees_the_lease_and_says_whether_somebody_left_word(ledger: Ledger) -> None:
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


def test_entries_expire_after_more_than_a_year(ledger: Ledger, clock: Clock) -> None:
    ledger.record("run-1", status="planned")
    assert ledger.run("run-1")["expires"] > clock.seconds + 366 * 24 * 3600


def test_what_is_served_is_read_back(ledger: Ledger) -> None:
    assert ledger.served() is None
    served = Served("run-1", "snapshot", "contract", "code", "files")
    ledger.serve(served)
    assert ledger.served() == served
