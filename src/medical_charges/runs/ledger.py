"""The lease, which keeps runs one at a time, and the record of all runs.

One DynamoDB table holds both, by its key `pk`: `lease`, `served` (the live run), `run#RUN_ID` for
every run and, for a day, `ended#ARN` for every execution whose run has ended. The lease is read,
changed in memory and written back on the condition that its `version` is still the one that was
read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from medical_charges.errors import LeaseLostError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

RUNS_KEPT_SECONDS = 400 * 24 * 3600
ENDS_KEPT_SECONDS = 24 * 3600
"""Longer than a function can outlive the execution that called it."""
DELETE_AFTER = "delete_after"
"""Attribute by which DynamoDB deletes entries of old runs. The lease has none: only its holder may
free it."""

_LEASE = {"pk": "lease"}
_LIVE = {"pk": "served"}
_ABANDONED = 0
_UNMET, _CONFLICT = "ConditionalCheckFailed", "TransactionConflict"
"""Reasons for which DynamoDB cancels a transaction."""
_POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Lease:
    """The right to run, and the right of one of its attempts to write."""

    holder: str
    """The ARN of the execution that holds it."""
    run_id: str
    expires: int
    pending: bool = False
    """True if another execution found the lease taken, so that another run must follow."""
    options: frozenset[str] = frozenset()
    """The options with which its holder was started."""
    asked: frozenset[str] = frozenset()
    """The options of the executions that found the lease taken."""
    unfinished: tuple[str, ...] = ()
    """Runs whose lease expired, so that their publications must be rolled back."""
    attempt: int = 1
    """The fencing token: it is raised when an attempt begins to write, and ends earlier
    attempts."""
    writer: int = 0
    """The attempt that may be writing at this moment, if there is one."""
    writing_until: int = 0
    """Time at which that attempt is certainly over, because its function has ended."""
    version: int = 0

    @property
    def abandoned(self) -> bool:
        """True if its holder gave it up while another run is pending."""
        return self.expires == _ABANDONED


@dataclass(frozen=True)
class LiveRun:
    """The live run: a plan that finds all of this unchanged has nothing to do."""

    run_id: str
    snapshot: str
    """The identity of the state from which the outputs were derived."""
    contract: str
    """The contract hash."""
    code: str
    files: str
    """Hash of the published outputs and manifests as they were listed."""


@dataclass
class Ledger:
    """A lease and a ledger of runs in one table. `now` returns seconds."""

    table: Table
    lease_seconds: int = 0
    now: Callable[[], float] = time.time
    sleep: Callable[[float], None] = field(default=time.sleep)

    # The lease

    def lease(self) -> Lease | None:
        """Return the lease as it was last taken, expired or not."""
        item = self.table.get_item(Key=_LEASE, ConsistentRead=True).get("Item")
        return None if item is None else _lease(item)

    def take(
        self,
        holder: str,
        run_id: str,
        asked: frozenset[str] = frozenset(),
        *,
        rollback: bool = False,
    ) -> Lease | None:
        """Take the lease, or set `pending` if another execution holds it and return None.

        The new holder gets all options that were requested and not carried out; a rollback leaves
        them, and what is pending, to the run that follows it. The holder may take the lease again.

        Raises:
            LeaseLostError: the execution has ended, so that nobody would free the lease.
        """
        while True:
            old = self.lease()
            if old is None:
                new = Lease(holder, run_id, self._expiry(), options=asked)
            elif old.holder == holder or old.expires < int(self.now()):
                lost = old.holder != holder and not old.abandoned
                given_up = old.holder != holder and old.abandoned
                open_options = old.asked | (frozenset() if given_up else old.options)
                new = replace(
                    old,
                    holder=holder,
                    run_id=run_id,
                    expires=self._expiry(),
                    pending=rollback and (old.pending or lost),
                    options=frozenset() if rollback else asked | open_options,
                    asked=open_options if rollback else frozenset(),
                    unfinished=(*old.unfinished, old.run_id) if lost else old.unfinished,
                    attempt=old.attempt + 1,
                )
            elif old.pending and asked <= old.asked:
                return None
            else:
                word = replace(old, pending=True, asked=old.asked | asked)
                if self._swap(old, word):
                    return None
                continue
            if self._swap(old, new, taken=True):
                return new

    def end(self, execution: str) -> None:
        """Record that an execution has ended, so that it cannot take the lease any more.

        A function may outlive the execution that called it.
        """
        until = int(self.now()) + ENDS_KEPT_SECONDS
        self.table.put_item(Item={**_end_of(execution), DELETE_AFTER: until})

    def renew(self, holder: str, run_id: str) -> Lease:
        """Restart the lease's time, even if it has expired, unless it was abandoned.

        Raises:
            LeaseLostError: another run has it, or may have it any moment; what this one does
                next would undo that one's work.
        """
        return self._change(holder, run_id, lambda old: replace(old, expires=self._expiry()))

    def release(self, holder: str) -> bool:
        """Free the lease unless another run is pending; return True if the holder is done."""
        while (old := self.lease()) is not None and old.holder == holder:
            if old.pending:
                return False
            if self._swap(old, None):
                break
        return True

    def abandon(self, holder: str) -> bool:
        """Free the lease in any case; return True if another run is pending.

        `pending` is kept until the next run takes the lease, so that it is not lost if the caller
        is interrupted and has to repeat the call.
        """
        while (old := self.lease()) is not None and old.holder == holder:
            if not old.pending:
                if self._swap(old, None):
                    break
            elif self._swap(old, replace(old, expires=_ABANDONED)):
                return True
        return False

    def rolled_back(self, holder: str, run_id: str, dead: str) -> None:
        """Record that nothing remains of the publication of a run that lost the lease.

        Raises:
            LeaseLostError: the lease is another's.
        """

        def without(old: Lease) -> Lease:
            return replace(old, unfinished=tuple(run for run in old.unfinished if run != dead))

        self._change(holder, run_id, without)

    # Writing under the lease

    @contextmanager
    def writing(self, holder: str, run_id: str, seconds: float) -> Iterator[Fence]:
        """Hold the exclusive right to write live outputs, for a maximum number of seconds.

        A function may outlive the execution that called it. So a new writer raises the fencing
        token, which the previous writer notices at its next write, and waits until that one has
        ended.

        Raises:
            LeaseLostError: the lease is another's.
        """
        attempt = self._change(
            holder,
            run_id,
            lambda old: replace(old, expires=self._expiry(), attempt=old.attempt + 1),
        ).attempt
        fence = Fence(self, holder, run_id, attempt)
        while (found := fence.check()).writer and found.writing_until >= int(self.now()):
            self.sleep(_POLL_SECONDS)
        until = int(self.now() + seconds) + 1

        def begun(old: Lease) -> Lease:
            fence.holds(old)
            expires = max(old.expires, until)
            return replace(old, expires=expires, writer=attempt, writing_until=until)

        self._change(holder, run_id, begun)
        try:
            yield fence
        finally:
            while (old := self.lease()) is not None and old.writer == attempt:
                if self._swap(old, replace(old, writer=0)):
                    break

    def set_live(self, live: LiveRun, fence: Fence) -> None:
        """Record the run that is live from now on.

        Raises:
            LeaseLostError: another attempt writes, so that another run may be live.
        """
        condition = "holder = :holder AND run_id = :run AND attempt = :attempt"
        values: dict[str, Any] = {
            ":holder": fence.holder,
            ":run": fence.run_id,
            ":attempt": fence.attempt,
        }
        refused = self._transact(
            {
                "ConditionCheck": {
                    "Key": _LEASE,
                    "ConditionExpression": condition,
                    "ExpressionAttributeValues": values,
                }
            },
            {"Put": {"Item": {**_LIVE, **asdict(live)}}},
        )
        if refused:
            raise _lost(fence.run_id)

    def live(self) -> LiveRun | None:
        """Return the live run, if there is one."""
        item = self.table.get_item(Key=_LIVE, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return LiveRun(**{name: str(item[name]) for name in LiveRun.__dataclass_fields__})

    # Runs

    def record(self, run_id: str, **fields: Any) -> None:
        """Write fields into a run's entry; None leaves a field as it is."""
        known = {name: value for name, value in fields.items() if value is not None}
        known |= {"run_id": run_id, DELETE_AFTER: int(self.now()) + RUNS_KEPT_SECONDS}
        self.table.update_item(
            Key={"pk": f"run#{run_id}"},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in known),
            ExpressionAttributeNames={f"#{name}": name for name in known},
            ExpressionAttributeValues={f":{name}": value for name, value in known.items()},
        )

    def run(self, run_id: str) -> dict[str, Any]:
        """Return a run's entry; empty if there is none."""
        found = self.table.get_item(Key={"pk": f"run#{run_id}"}, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def _change(self, holder: str, run_id: str, change: Callable[[Lease], Lease]) -> Lease:
        """Change the lease that a run holds, and return it."""
        while True:
            old = self.lease()
            if old is None or (old.holder, old.run_id) != (holder, run_id) or old.abandoned:
                raise _lost(run_id)
            new = change(old)
            if self._swap(old, new):
                return new

    def _swap(self, old: Lease | None, new: Lease | None, *, taken: bool = False) -> bool:
        """Replace one lease by another; return False if the first is no longer stored.

        Raises:
            LeaseLostError: the new one is to be taken by an execution that has ended.
        """
        known: dict[str, Any] = (
            {"ConditionExpression": "attribute_not_exists(pk)"}
            if old is None
            else {
                "ConditionExpression": "version = :version",
                "ExpressionAttributeValues": {":version": old.version},
            }
        )
        errors = self.table.meta.client.exceptions
        try:
            if new is None:
                self.table.delete_item(Key=_LEASE, **known)
                return True
            version = 0 if old is None else old.version + 1
            put: dict[str, Any] = {"Item": _item(replace(new, version=version)), **known}
            if taken:
                return self._take(new, put)
            self.table.put_item(**put)
        except (errors.ConditionalCheckFailedException, errors.TransactionConflictException):
            # A conflict is with another's transaction, after which the lease may be another.
            return False
        return True

    def _take(self, new: Lease, put: dict[str, Any]) -> bool:
        """Store a lease unless its holder has ended; return False if the one before has changed."""
        lives = {
            "Key": _end_of(new.holder),
            "ConditionExpression": "attribute_not_exists(pk)",
        }
        refused = self._transact({"ConditionCheck": lives}, {"Put": put})
        if refused and refused[0] == _UNMET:
            raise LeaseLostError(
                f"execution {new.holder} has ended, so run {new.run_id} does not begin; start "
                f"another execution"
            )
        return not refused

    def _transact(self, *items: dict[str, dict[str, Any]]) -> list[str]:
        """Write all items or none; return the reason of each if a condition is not met."""
        client = self.table.meta.client
        named: Any = [
            {action: {"TableName": self.table.name, **item}}
            for one in items
            for action, item in one.items()
        ]
        while True:
            try:
                client.transact_write_items(TransactItems=named)
            except client.exceptions.TransactionCanceledException as error:
                reasons = [
                    reason.get("Code", "") for reason in error.response["CancellationReasons"]
                ]
                if _UNMET in reasons:
                    return reasons
                if _CONFLICT not in reasons:
                    raise
                self.sleep(_POLL_SECONDS)
            else:
                return []

    def _expiry(self) -> int:
        return int(self.now()) + self.lease_seconds


@dataclass(frozen=True)
class Fence:
    """The check that an attempt to write is still the latest one."""

    ledger: Ledger
    holder: str
    run_id: str
    attempt: int

    def check(self) -> Lease:
        """Return the lease, if no other attempt has begun to write since.

        Raises:
            LeaseLostError: somebody has.
        """
        return self.holds(self.ledger.lease())

    def holds(self, lease: Lease | None) -> Lease:
        """Return the lease, if this attempt writes under it.

        Raises:
            LeaseLostError: it is not.
        """
        mine = (self.holder, self.run_id, self.attempt)
        if lease is None or lease.abandoned or (lease.holder, lease.run_id, lease.attempt) != mine:
            raise _lost(self.run_id)
        return lease


def _lost(run_id: str) -> LeaseLostError:
    return LeaseLostError(
        f"run {run_id} no longer holds the lease: it was given up, or somebody else has it"
    )


def _end_of(execution: str) -> dict[str, Any]:
    return {"pk": f"ended#{execution}"}


def _item(lease: Lease) -> dict[str, Any]:
    # DynamoDB has no empty sets.
    lists = {"options": sorted(lease.options), "asked": sorted(lease.asked)}
    return {**_LEASE, **asdict(lease), **lists, "unfinished": list(lease.unfinished)}


def _lease(item: dict[str, Any]) -> Lease:
    return Lease(
        holder=str(item["holder"]),
        run_id=str(item["run_id"]),
        expires=int(item["expires"]),
        pending=bool(item["pending"]),
        options=frozenset(map(str, item["options"])),
        asked=frozenset(map(str, item["asked"])),
        unfinished=tuple(map(str, item["unfinished"])),
        **{name: int(item[name]) for name in ("attempt", "writer", "writing_until", "version")},
    )
