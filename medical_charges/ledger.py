"""The lease that keeps runs one at a time, and the record of what they came to.

One DynamoDB table holds it all, by its key `pk`: `lease`, `served`, and `run#RUN_ID` for every
run. Every change that others may race for is one conditional write.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from medical_charges.errors import LeaseLostError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.service_resource import Table

RUNS_KEPT_SECONDS = 400 * 24 * 3600

_LEASE = {"pk": "lease"}
_SERVED = {"pk": "served"}
_ABANDONED = 0


@dataclass(frozen=True)
class Lease:
    """Who may run now."""

    holder: str
    """The execution's ARN."""
    run_id: str
    expires: int
    pending: bool
    """Whether somebody else came meanwhile, so that the holder must plan again."""

    @property
    def abandoned(self) -> bool:
        """Whether its holder gave it up, and it stays for the word that was left with it."""
        return self.expires == _ABANDONED


@dataclass(frozen=True)
class Served:
    """What is served now: a run that finds all of it unchanged has nothing to do."""

    run_id: str
    snapshot: str
    """The identity of the state that the outputs were read off."""
    contract: str
    """The whole contract's fingerprint."""
    code: str
    files: str
    """A hash of the published outputs and manifests as they were listed."""


class Ledger:
    """A lease and a ledger of runs in one table. `now` gives seconds."""

    def __init__(
        self, table: Table, lease_seconds: int = 0, now: Callable[[], float] = time.time
    ) -> None:
        self._table = table
        self._lease_seconds = lease_seconds
        self._now = now

    def take(self, holder: str, run_id: str) -> bool:
        """Take the lease, or leave word with whoever has it. The holder may take it again."""
        while not self._put_lease(holder, run_id):
            if self._leave_word():
                return False
            # It was freed between the two writes.
        return True

    def lease(self) -> Lease | None:
        """The lease as it was last taken, expired or not."""
        item = self._table.get_item(Key=_LEASE, ConsistentRead=True).get("Item")
        return None if item is None else _lease(item)

    def renew(self, holder: str, run_id: str) -> None:
        """Begin the lease's time anew, even if it was over, unless it was abandoned.

        Raises:
            LeaseLostError: another run has it, or may have it any moment; what this one does
                next would undo that one's work.
        """
        if not self._when(
            "holder = :holder AND run_id = :run AND expires <> :abandoned",
            "SET expires = :expires",
            {
                ":holder": holder,
                ":run": run_id,
                ":expires": self._expiry(),
                ":abandoned": _ABANDONED,
            },
        ):
            raise LeaseLostError(
                f"run {run_id} no longer holds the lease: it was given up, or another run has it"
            )

    def release(self, holder: str) -> bool:
        """Free the lease unless somebody left word; say whether this holder is done with it."""
        freed = self._try(
            lambda: self._table.delete_item(
                Key=_LEASE,
                ConditionExpression="holder = :holder AND pending = :no",
                ExpressionAttributeValues={":holder": holder, ":no": False},
            )
        )
        lease = None if freed else self.lease()
        return lease is None or lease.holder != holder

    def abandon(self, holder: str) -> bool:
        """Free the lease whatever happens; say whether somebody left word.

        The word stays until the next run takes the lease, so that it is not lost if whoever
        abandons is interrupted and has to do it again.
        """
        if self.release(holder):
            return False
        return self._when(
            "holder = :holder",
            "SET expires = :abandoned",
            {":holder": holder, ":abandoned": _ABANDONED},
        )

    def record(self, run_id: str, **fields: Any) -> None:
        """Write fields into a run's entry; None leaves a field as it is."""
        known = {name: value for name, value in fields.items() if value is not None}
        known |= {"run_id": run_id, "expires": int(self._now()) + RUNS_KEPT_SECONDS}
        self._table.update_item(
            Key={"pk": f"run#{run_id}"},
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in known),
            ExpressionAttributeNames={f"#{name}": name for name in known},
            ExpressionAttributeValues={f":{name}": value for name, value in known.items()},
        )

    def run(self, run_id: str) -> dict[str, Any]:
        """A run's entry, empty if there is none."""
        found = self._table.get_item(Key={"pk": f"run#{run_id}"}, ConsistentRead=True)
        return dict(found.get("Item", {}))

    def serve(self, served: Served) -> None:
        """Record what is served from now on."""
        self._table.put_item(Item={**_SERVED, **asdict(served)})

    def served(self) -> Served | None:
        """What is served now, if anything is."""
        item = self._table.get_item(Key=_SERVED, ConsistentRead=True).get("Item")
        if item is None:
            return None
        return Served(**{name: str(item[name]) for name in Served.__dataclass_fields__})

    def _put_lease(self, holder: str, run_id: str) -> bool:
        return self._try(
            lambda: self._table.put_item(
                Item={
                    **_LEASE,
                    "holder": holder,
                    "run_id": run_id,
                    "expires": self._expiry(),
                    "pending": False,
                },
                ConditionExpression=(
                    "attribute_not_exists(pk) OR expires < :now OR holder = :holder"
                ),
                ExpressionAttributeValues={":now": int(self._now()), ":holder": holder},
            )
        )

    def _leave_word(self) -> bool:
        return self._when(
            "attribute_exists(pk) AND expires >= :now",
            "SET pending = :yes",
            {":now": int(self._now()), ":yes": True},
        )

    def _when(self, condition: str, update: str, values: dict[str, Any]) -> bool:
        return self._try(
            lambda: self._table.update_item(
                Key=_LEASE,
                ConditionExpression=condition,
                UpdateExpression=update,
                ExpressionAttributeValues=values,
            )
        )

    def _try(self, write: Callable[[], object]) -> bool:
        try:
            write()
        except self._table.meta.client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _expiry(self) -> int:
        return int(self._now()) + self._lease_seconds


def _lease(item: dict[str, Any]) -> Lease:
    return Lease(
        str(item["holder"]), str(item["run_id"]), int(item["expires"]), bool(item["pending"])
    )
