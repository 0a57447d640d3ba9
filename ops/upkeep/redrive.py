"""Redrive: the input is analyzed again after a failure, and dead letters reach their target.

A run reads the bucket and not the event that started it, and partials are kept. So one execution
does what all failed ones and all lost events would have done. A rollback and a publication of a
held change are the decisions of a person, and are named as commands to type again.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import dropwhile
from typing import Any

from botocore.config import Config

from medical_charges.errors import MedicalChargesError
from ops.pipeline import Pipeline

_PATIENCE_SECONDS = 920
"""Time to wait for end_run's answer: longer than Terraform lets it work."""
_HELD_SECONDS = _PATIENCE_SECONDS + 40
"""Time for which a received letter is not seen by another reader."""
_FAILED = ("FAILED", "TIMED_OUT", "ABORTED")


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
    say: Callable[[str], None]

    @classmethod
    def of(
        cls, pipeline: Pipeline, outputs: Mapping[str, Any], say: Callable[[str], None]
    ) -> Redrive:
        """Return the redrive of a deployment by Terraform's outputs."""
        group = str(outputs["function_log_groups"]["end_run"])
        return cls(pipeline, outputs["dead_letter_queue_url"], group.rpartition("/")[2], say)

    def deliver(self) -> str | None:
        """Bring dead letters to their target and remove them; return the ARN of what this started.

        Events of the input are only counted and removed once an execution was started for them.

        Raises:
            MedicalChargesError: a letter could not be delivered; it stays in the queue.
        """
        left: dict[str, Letter] = {}
        ends = 0
        try:
            for name, letter in self._letters():
                left[name] = letter
                if letter.target == self.end_run:
                    self._clean_up(letter)
                    self._remove(left.pop(name))
                    ends += 1
            if ends:
                self.say(f"ends of executions that were cleaned up after: {ends}")
            events = {n: it for n, it in left.items() if it.target == self.pipeline.machine}
            arn = None
            if events:
                arn = self._start({}, f"events of the input that had started none: {len(events)}")
                for name in events:
                    self._remove(left.pop(name))
            if left:
                self.say(f"letters of nothing known here, which stay in {self.queue}: {len(left)}")
            return arn
        finally:
            for letter in left.values():
                self._show(letter)

    def repeat(self) -> str | None:
        """Start an execution if the last one failed, and return its ARN.

        One that is under way, or that succeeded since, reads all that the failed ones would have.
        Failed rollbacks are passed over: what is live is as if they had not been.
        """
        states = self.pipeline.client("stepfunctions")
        latest = (
            states.describe_execution(executionArn=arn)
            for arn in reversed(self.pipeline.executions())
        )
        for last in dropwhile(self._is_failed_rollback, latest):
            if last["status"] not in _FAILED:
                break
            asked = _asked(last["input"])
            arn = self._start({"recheck": True} if _is_true(asked, "recheck") else {}, _named(last))
            if _is_true(asked, "publish_held"):
                self.say("not asked again: `make execute PUBLISH_HELD=1`, if it still shall be")
            return arn
        return None

    def _is_failed_rollback(self, execution: Mapping[str, Any]) -> bool:
        run = _asked(execution["input"]).get("rollback")
        if run is None or execution["status"] not in _FAILED:
            return False
        command = f"make rollback RUN={shlex.quote(str(run))}"
        self.say(f"{_named(execution)}: not asked again: `{command}`, if it still shall be")
        return True

    def _start(self, asked: dict[str, Any], why: str) -> str:
        arn = self.pipeline.execute(**asked)
        options = f" with {json.dumps(asked)}" if asked else ""
        self.say(f"{why}: execution {arn.rpartition(':')[2]} is started{options}")
        return arn

    def _letters(self) -> Iterator[tuple[str, Letter]]:
        """Receive all letters with their ids, one by one, until all are held or removed.

        A letter whose time has run out meanwhile comes again, with the receipt that now counts.
        """
        while message := self._receive():
            attributes = message.get("MessageAttributes", {})
            target = attributes.get("TARGET_ARN", {}).get("StringValue", "")
            if target.rpartition(":")[2] == self.end_run or "RequestID" in attributes:
                # Lambda itself names no target: one function alone has this queue.
                target = self.end_run
            yield message["MessageId"], Letter(message["Body"], message["ReceiptHandle"], target)

    def _receive(self) -> dict[str, Any]:
        answer = self.pipeline.client("sqs").receive_message(
            QueueUrl=self.queue,
            MaxNumberOfMessages=1,
            MessageAttributeNames=["All"],
            VisibilityTimeout=_HELD_SECONDS,
            WaitTimeSeconds=1,
        )
        return next(iter(answer.get("Messages", [])), {})

    def _clean_up(self, letter: Letter) -> None:
        config = Config(
            read_timeout=_PATIENCE_SECONDS, retries={"total_max_attempts": 1}, tcp_keepalive=True
        )
        answer = self.pipeline.client("lambda", config).invoke(
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

    def _show(self, letter: Letter) -> None:
        self.pipeline.client("sqs").change_message_visibility(
            QueueUrl=self.queue, ReceiptHandle=letter.receipt, VisibilityTimeout=0
        )


def _named(execution: Mapping[str, Any]) -> str:
    return f"{execution['name']} {execution['status'].lower().replace('_', ' ')}"


def _asked(given: str) -> dict[str, Any]:
    """Return the input of an execution as the state machine reads it."""
    found = json.loads(given)
    return found if isinstance(found, dict) else {}


def _is_true(asked: Mapping[str, Any], option: str) -> bool:
    return asked.get(option) in (True, "true")
