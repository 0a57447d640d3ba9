"""Faults that come from outside: of AWS's answers, of processes, of executions, of time."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError
from moto.core.botocore_stubber import MockRawResponse

from tests.chaos.account import LEASE_SECONDS, Account, Answer, Call
from tests.chaos.machine import ABORTED, TIMED_OUT, Machine
from tests.functions import Held

ONCE, CALL, PROCESS, EXECUTION = (
    "once",
    "all attempts",
    "until the state ends",
    "until it is repaired",
)

_URL = "https://aws.example"
_RUN = re.compile(r"\d{8}T\d{9}Z-[0-9a-f]{12}")


def place_of(call: Call) -> str:
    """Return a call's name in every run: without the runs' ids."""
    return _RUN.sub("RUN", str(call))


@dataclass
class Moment:
    """The moment of a fault: what it can change, and the call that it comes upon."""

    machine: Machine
    before: Held
    """What the account held before the execution."""
    name: str
    """The execution."""
    again: Callable[[], object]
    """Starts another execution for the same input, and sees it to its end."""
    call: Call
    answer: Answer

    @property
    def account(self) -> Account:
        return self.machine.account


Effect = Callable[[Moment], Any]


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    name: str
    effect: Effect
    lasts: tuple[str, ...] = (ONCE,)
    fits: Callable[[Call], bool] = lambda _: True


def _refused(status: int, code: str, json_code: str) -> Effect:
    """An answer that is an error, instead of what was asked for."""

    def effect(moment: Moment) -> AWSResponse:
        service = moment.call.operation.partition(" ")[0]
        if service in {"dynamodb", "emr", "sfn"}:
            # The JSON protocols have 400 for all that is not the service's own mistake.
            text = json.dumps({"__type": json_code, "message": "a fault"})
            return _response(status if status == 500 else 400, text)
        error = f"<Code>{code}</Code><Message>a fault</Message>"
        if service == "s3":
            return _response(status, f"<Error>{error}</Error>")
        return _response(status, f"<ErrorResponse><Error>{error}</Error></ErrorResponse>")

    return effect


def _response(status: int, text: str) -> AWSResponse:
    return AWSResponse(_URL, status, {}, MockRawResponse(text))  # type: ignore[arg-type]


def _conflict(moment: Moment) -> AWSResponse:
    """Another's transaction with the same entry is under way."""
    if "Transact" not in moment.call.operation:
        return _response(400, json.dumps({"__type": "TransactionConflictException"}))
    reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
    refused = {"__type": "TransactionCanceledException", "CancellationReasons": reasons}
    return _response(400, json.dumps(refused))


def _unreachable(moment: Moment) -> Any:
    raise EndpointConnectionError(endpoint_url=_URL)


def _answer_lost(moment: Moment) -> Any:
    moment.answer()
    raise ConnectionClosedError(endpoint_url=_URL)


def _answer_late(moment: Moment) -> Any:
    moment.answer()
    moment.account.moment += 60
    raise ReadTimeoutError(endpoint_url=_URL)


def _cut(moment: Moment) -> Any:
    found = moment.answer()
    body = found.raw.getvalue()
    found.raw = MockRawResponse(body[: len(body) // 2])
    return found


def _slow(moment: Moment) -> Any:
    """As long as it takes until Lambda ends the function."""
    here, account = moment.account.invocation, moment.account
    found = moment.answer()
    account.moment += 1_000
    if account.moment > here.ends:
        here.die()
    return found


def _stale(moment: Moment) -> Any:
    with moment.account.as_it_was(moment.before):
        return moment.answer()


def _no_clusters(moment: Moment) -> Any:
    return _response(200, json.dumps({"Clusters": []}))


def _killed_before(moment: Moment) -> Any:
    return moment.account.invocation.die()


def _killed_after(moment: Moment) -> Any:
    moment.answer()
    return moment.account.invocation.die()


def _disk_full(moment: Moment) -> Any:
    raise OSError(errno.ENOSPC, "No space left on device")


def _clock(seconds: float) -> Effect:
    def effect(moment: Moment) -> Any:
        moment.account.invocation.skew = seconds
        return moment.answer()

    return effect


def _ended(status: str, *, goes_on: bool) -> Effect:
    """The execution is ended from outside, while a function or a job of it is at work."""

    def effect(moment: Moment) -> Any:
        work = lambda: moment.machine.stop(moment.name, status)  # noqa: E731 - one line says it
        moment.account.meanwhile(work, goes_on=goes_on)
        return moment.answer()

    return effect


def _followed(status: str) -> Effect:
    """The execution is ended, and the next one runs before what it called has noticed."""

    def effect(moment: Moment) -> Any:
        def work() -> None:
            moment.machine.stop(moment.name, status)
            moment.again()

        moment.account.meanwhile(work, goes_on=False)
        return moment.answer()

    return effect


def _lease_expired(*, goes_on: bool) -> Effect:
    """The process stands still until its lease has expired, and another execution runs."""

    def effect(moment: Moment) -> Any:
        def work() -> None:
            moment.account.moment += LEASE_SECONDS + 1
            moment.again()

        if goes_on:
            # Not the time of the process: it is as if the lease had been shorter than its work.
            moment.account.invocation.ends += LEASE_SECONDS + 1
        moment.account.meanwhile(work, goes_on=goes_on)
        return moment.answer()

    return effect


def _another(moment: Moment) -> Any:
    """The event of the upload comes a second time."""
    moment.account.meanwhile(moment.again, goes_on=True)
    return moment.answer()


def _called_twice(moment: Moment) -> Any:
    """Lambda's answer is lost, the function is called again, and the run goes on to its end."""

    def work() -> None:
        moment.machine.take_over(moment.name, moment.call.state)

    moment.account.meanwhile(work, goes_on=True)
    return moment.answer()


def _late_end(moment: Moment) -> Any:
    """The event of the end of an execution before comes now, once more."""
    work = lambda: moment.machine.tell_end("one", ABORTED)  # noqa: E731 - as above
    moment.account.meanwhile(work, goes_on=True)
    return moment.answer()


def _of(*words: str) -> Callable[[Call], bool]:
    return lambda call: any(word in str(call) for word in words)


def _in_lambda(call: Call) -> bool:
    return call.state not in {"Analyze", "Validate"}


def _of_run(call: Call) -> bool:
    """Tell a call of a state of the machine from one of the cleaning up."""
    return call.state not in {"RecordFailure", "end of execution"}


def _in_lambda_of_run(call: Call) -> bool:
    return _in_lambda(call) and _of_run(call)


_WRITES = tuple(
    f"dynamodb {name} lease" for name in ("PutItem", "DeleteItem", "TransactWriteItems")
)

_LASTING = (ONCE, CALL, PROCESS, EXECUTION)

KINDS: tuple[Kind, ...] = (
    Kind("throttled", _refused(503, "SlowDown", "ThrottlingException"), _LASTING),
    Kind("internal error", _refused(500, "InternalError", "InternalServerError"), _LASTING),
    Kind(
        "access denied", _refused(403, "AccessDenied", "AccessDeniedException"), (CALL, EXECUTION)
    ),
    Kind("conflict of transactions", _conflict, (ONCE,), _of(*_WRITES)),
    Kind("unreachable", _unreachable, (ONCE, PROCESS)),
    Kind("answer lost", _answer_lost, (ONCE, CALL)),
    Kind("answer after a minute", _answer_late, (ONCE, CALL)),
    Kind("body cut", _cut, (ONCE, PROCESS), _of("s3 GetObject")),
    Kind("slow until the function's end", _slow, (ONCE,), _in_lambda),
    Kind("list as it was", _stale, (CALL, EXECUTION), _of("ListObjectsV2")),
    Kind("list without the cluster", _no_clusters, (CALL,), _of("ListClusters")),
    Kind("killed before the call", _killed_before),
    Kind("killed after the call", _killed_after),
    Kind("disk full", _disk_full, (CALL, PROCESS), _of("Analyze:", "Validate:")),
    Kind("clock an hour fast", _clock(3_600)),
    Kind("clock an hour slow", _clock(-3_600)),
    Kind("clock a day fast", _clock(86_400)),
    Kind("stopped, and its function goes on", _ended(ABORTED, goes_on=True), fits=_of_run),
    Kind("stopped, and its function stands still", _ended(ABORTED, goes_on=False), fits=_of_run),
    Kind("timed out, and its function goes on", _ended(TIMED_OUT, goes_on=True), fits=_of_run),
    Kind("stopped, and followed before it noticed", _followed(ABORTED), fits=_of_run),
    Kind("lease expired, and its holder goes on", _lease_expired(goes_on=True), fits=_of_run),
    Kind("lease expired, and its holder ends", _lease_expired(goes_on=False), fits=_of_run),
    Kind("function called twice, the first goes on last", _called_twice, fits=_in_lambda_of_run),
    Kind("event twice", _another),
    Kind("end of an earlier execution late", _late_end),
)


@dataclass
class Fault:
    """A fault, at one call of a run."""

    kind: Kind
    lasts: str
    place: str
    nth: int = 0
    """Which of the calls with that name."""
    gone: bool = False
    struck: int = 0
    _seen: int = 0
    _attempt: str = ""
    _operation: str = ""
    _process: object = None

    def between(self, moment: Callable[[Call, Answer], Moment], account: Account) -> Any:
        """Return what comes between the calls of an account and their answers."""

        def between(call: Call, attempt: str, answer: Answer) -> Any:
            if self.gone or not self._strikes(call, attempt, account.invocation):
                return answer()
            self.struck += 1
            return self.kind.effect(moment(call, answer))

        return between

    def _strikes(self, call: Call, attempt: str, process: object) -> bool:
        if not self.struck:
            if place_of(call) != self.place:
                return False
            self._seen += 1
            if self._seen <= self.nth:
                return False
            self._attempt, self._process = attempt, process
            self._operation = call.operation
            return True
        if self.lasts == CALL:
            return attempt == self._attempt
        same = call.operation == self._operation and self.kind.fits(call)
        if self.lasts == PROCESS:
            return same and process is self._process
        return same and self.lasts == EXECUTION
