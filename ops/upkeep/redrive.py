"""Redrive: what failed is tried again, by a new execution, and dead letters reach their target.

A run reads the bucket and not the event that started it, and partials are kept. So one execution
does what all failed ones and all lost events would have done.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from medical_charges.errors import MedicalChargesError
from ops.pipeline import Pipeline

_HELD_SECONDS = 60
"""Time for which a letter that is being delivered is not seen by another reader."""


@dataclass(frozen=True)
class Letter:
    """A message of the dead-letter queue."""

    body: str
    receipt: str
    target: str
    """The ARN or the name of what it did not reach; empty if it is of nothing known."""


@dataclass(frozen=True)
class Redrive:
    """A pipeline, its dead-letter queue and the function that cleans up after executions."""

    pipeline: Pipeline
    queue: str
    end_run: str

    @classmethod
    def of(cls, pipeline: Pipeline, outputs: Mapping[str, Any]) -> Redrive:
        """Return the redrive of a deployment by Terraform's outputs."""
        group = str(outputs["function_log_groups"]["end_run"])
        return cls(pipeline, outputs["dead_letter_queue_url"], group.rpartition("/")[2])

    def deliver(self) -> Iterator[str]:
        """Bring dead letters to their target and remove them; yield a sentence for each kind.

        Events of the input are only counted and removed once an execution was started for them.

        Raises:
            MedicalChargesError: a letter could not be delivered; it stays in the queue.
        """
        letters = list(self._letters())
        ends = [letter for letter in letters if letter.target == self.end_run]
        events = [letter for letter in letters if letter.target == self.pipeline.machine]
        for letter in ends:
            self._clean_up(letter)
            self._remove(letter)
        if ends:
            yield f"{len(ends)} ends of executions were cleaned up after"
        if events:
            yield f"{len(events)} events of the input had started no execution: {self._start({})}"
            for letter in events:
                self._remove(letter)
        if others := len(letters) - len(ends) - len(events):
            yield f"{others} letters are of nothing known here, and stay in {self.queue}"

    def repeat(self) -> Iterator[str]:
        """Start an execution if the last one failed; yield a sentence that says so.

        One that is under way, or that succeeded since, reads all that the failed ones would have.
        """
        states = self.pipeline.client("stepfunctions")
        found = self.pipeline.executions()
        last = states.describe_execution(executionArn=found[-1]) if found else {}
        if last.get("status") not in {"FAILED", "TIMED_OUT", "ABORTED"}:
            return
        given = _asked(last["input"])
        failed = f"{last['name']} {last['status'].lower().replace('_', ' ')}"
        yield f"{failed}: {self._start(given)}"

    def _start(self, asked: dict[str, Any]) -> str:
        arn = self.pipeline.execute(**asked)
        options = f" with {json.dumps(asked)}" if asked else ""
        return f"execution {arn.rpartition(':')[2]} is started{options}"

    def _letters(self) -> Iterator[Letter]:
        """Receive all letters, each once, even if reading takes longer than they are held."""
        seen: set[str] = set()
        while new := [it for it in self._receive() if it["MessageId"] not in seen]:
            seen |= {message["MessageId"] for message in new}
            for message in new:
                attributes = message.get("MessageAttributes", {})
                target = attributes.get("TARGET_ARN", {}).get("StringValue", "")
                if target.rpartition(":")[2] == self.end_run or "RequestID" in attributes:
                    # Lambda itself names no target: one function alone has this queue.
                    target = self.end_run
                yield Letter(message["Body"], message["ReceiptHandle"], target)

    def _receive(self) -> list[dict[str, Any]]:
        answer = self.pipeline.client("sqs").receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            VisibilityTimeout=_HELD_SECONDS,
            WaitTimeSeconds=1,
        )
        return list(answer.get("Messages", []))

    def _clean_up(self, letter: Letter) -> None:
        answer = self.pipeline.client("lambda").invoke(
            FunctionName=self.end_run, Payload=letter.body.encode()
        )
        if "FunctionError" in answer:
            raise MedicalChargesError(
                f"{self.end_run} failed again on a dead letter, which stays in the queue: its log "
                f"tells more"
            )

    def _remove(self, letter: Letter) -> None:
        self.pipeline.client("sqs").delete_message(
            QueueUrl=self.queue, ReceiptHandle=letter.receipt
        )


def _asked(given: str) -> dict[str, Any]:
    """Return what was asked of an execution; an event of the bucket asks nothing."""
    found = json.loads(given)
    known = ("recheck", "publish_held", "rollback")
    return {name: found[name] for name in known if isinstance(found, dict) and name in found}
