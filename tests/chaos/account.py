"""AWS within this process: what it holds, its time, and what comes before an answer."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, partial
from types import SimpleNamespace
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import boto3
import botocore.endpoint
import pytest
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber
from moto.s3.models import s3_backends

import lambdas.settings
import medical_charges.analysis.run
import medical_charges.storage.base
from local_aws.environment import ACCOUNT
from medical_charges.runs.ledger import Ledger
from medical_charges.storage import S3Store
from tests.functions import BUCKET, Held, Pipeline, deploy
from tests.helpers import WITHOUT_CUBES

LEASE_SECONDS = 12_000
PATIENCE_SECONDS = 120


@dataclass(frozen=True)
class Call:
    """A call to AWS, as the fault's table names it."""

    state: str
    operation: str
    what: str

    def __str__(self) -> str:
        return f"{self.state}: {self.operation} {self.what}".rstrip()


class KilledError(BaseException):
    """The end of a process: no handler runs, and whatever calls AWS after it is not there."""


@dataclass
class Invocation:
    """A process that calls AWS: a function or a job."""

    state: str
    ends: float = float("inf")
    """The time at which Lambda ends it."""
    skew: float = 0.0
    """Seconds by which its clock is fast."""
    dead: bool = False
    others: list[Interleaved] = field(default_factory=list)
    """What was begun in the middle of it, and waits for its end."""

    def die(self) -> None:
        """End it here."""
        self.dead = True
        raise KilledError


Answer = Callable[[], Any]
Between = Callable[[Call, str, Answer], Any]
"""What comes between a call and its answer. It gets the id that all attempts of a call share."""


@dataclass
class Account:
    """An account, whose time goes on only if somebody sleeps."""

    pipeline: Pipeline
    between: Between | None = None
    invocation: Invocation = field(default_factory=lambda: Invocation("the state machine"))
    moment: float = field(default_factory=time.time)

    def now(self) -> float:
        """The time, as the process that asks has it."""
        return self.moment + self.invocation.skew

    def sleep(self, seconds: float) -> None:
        """Let time pass; what was begun in the middle of another process first lets that go on."""
        if isinstance(other := threading.current_thread(), Interleaved):
            other.wait()
        self.moment += seconds

    @contextlib.contextmanager
    def invoked(self, invocation: Invocation) -> Iterator[Invocation]:
        """Let a process make the calls."""
        before, self.invocation = self.invocation, invocation
        try:
            yield invocation
        finally:
            self.invocation = before

    def meanwhile(self, work: Callable[[], object], *, goes_on: bool) -> None:
        """Do something in the middle of the process that makes the calls.

        If that goes on, the work waits for its end as soon as it sleeps. If not, time passes until
        the process is out of it.
        """
        here = self.invocation
        other = Interleaved(self, work, goes_on=goes_on)
        here.others.append(other)
        other.begin()
        if self.moment > here.ends:
            here.die()

    def answer(self, stubber: BotocoreStubber, name: str, request: Any) -> Any:
        """Answer a call, or let what is between do it."""
        answer = partial(_original, stubber, name, request)
        if self.invocation.dead:
            raise KilledError
        if self.between is None or self.invocation.state == "the state machine":
            return answer()
        _, service, operation = name.split(".", 2)
        call = Call(self.invocation.state, f"{service} {operation}", _what(request))
        attempt = request.headers.get("amz-sdk-invocation-id", b"")
        return self.between(call, str(attempt), answer)

    # What it holds

    @property
    def ledger(self) -> Ledger:
        return self.pipeline.ledger

    def held(self) -> Held:
        """Return everything that it holds."""
        return self.pipeline.held()

    @contextlib.contextmanager
    def as_it_was(self, held: Held) -> Iterator[None]:
        """Show a list of objects as it was when that was held."""
        bucket = s3_backends[ACCOUNT]["aws"].buckets[BUCKET]
        now = bucket.keys
        bucket.keys = type(now)()
        for key in now:
            if key in held.objects:
                bucket.keys[key] = now[key]
        try:
            yield
        finally:
            bucket.keys = now


def _property_without_lock(self: Any, instance: Any, _: object = None) -> Any:
    """Compute a cached property as Python 3.12 does: the lock of 3.11 is one for all instances."""
    if instance is None:
        return self
    if self.attrname not in instance.__dict__:
        instance.__dict__[self.attrname] = self.func(instance)
    return instance.__dict__[self.attrname]


class Interleaved(threading.Thread):
    """Work in the middle of a process, of which only one runs at a time."""

    def __init__(self, account: Account, work: Callable[[], object], *, goes_on: bool) -> None:
        super().__init__(daemon=True)
        self._account, self._work, self._goes_on = account, work, goes_on
        self._mine = Invocation("the state machine")
        self._theirs = account.invocation
        self._free, self._resumed = threading.Event(), threading.Event()
        self._error: BaseException | None = None

    def begin(self) -> None:
        """Work until it is done, or has to wait."""
        self._account.invocation = self._mine
        self.start()
        if not self._free.wait(PATIENCE_SECONDS):
            raise RuntimeError("what runs in the middle of a call waits for a lock of the caller")
        self._account.invocation = self._theirs

    def run(self) -> None:
        try:
            self._work()
        except BaseException as error:
            self._error = error
        finally:
            self._free.set()

    def wait(self) -> None:
        """Let the process go on to its end, once."""
        if self._goes_on and not self._resumed.is_set():
            self._mine = self._account.invocation
            self._free.set()
            self._resumed.wait()
            self._account.invocation = self._mine

    def finish(self) -> None:
        """Work to the end, as the process has come to its own."""
        self._resumed.set()
        self.join()
        self._account.invocation = self._theirs
        if self._error is not None:
            raise self._error


_original = BotocoreStubber.__call__


def _what(request: Any) -> str:
    """Return the object, the listed folder or the entry that a call is about."""
    url = urlsplit(request.url)
    if ".s3." in url.netloc or url.netloc.startswith("s3"):
        listed = parse_qs(url.query).get("prefix")
        return listed[0] if listed else unquote(url.path).lstrip("/")
    with contextlib.suppress(ValueError, KeyError, TypeError, IndexError):
        asked = json.loads(request.body)
        asked = asked.get("TransactItems", [{}])[-1].get("Put", asked)
        key = asked.get("Key") or asked["Item"]
        return str(key["pk"]["S"])
    return ""


@contextlib.contextmanager
def account(held: Held | None = None, contract: str = WITHOUT_CUBES) -> Iterator[Account]:
    """An account with the pipeline's functions, and with what another one held."""
    with contextlib.ExitStack() as ending:
        patch = ending.enter_context(pytest.MonkeyPatch.context())
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE"):
            patch.delenv(name, raising=False)
        for name, value in (
            ("AWS_DEFAULT_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
        ):
            patch.setenv(name, value)
        patch.setattr(cached_property, "__get__", _property_without_lock)
        # One request after the other: a place is then the same one in every run.
        patch.setattr(medical_charges.storage.base, "REQUESTS_AT_ONCE", 1)
        patch.setattr(medical_charges.analysis.run, "REQUESTS_AT_ONCE", 1)
        ending.enter_context(mock_aws())
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        pipeline = deploy(S3Store(f"s3://{BUCKET}"), b"", patch, contract)
        pipeline.store.delete("MedicalCharges/Input_data/Charges.csv")
        found = Account(pipeline)
        patch.setenv("LEASE_SECONDS", str(LEASE_SECONDS))
        patch.setattr(lambdas.settings, "Ledger", partial(Ledger, now=found.now, sleep=found.sleep))
        # Between two attempts of a call nothing happens.
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=lambda _: None))
        patch.setattr(
            BotocoreStubber,
            "__call__",
            lambda stubber, event_name, request, **_: found.answer(stubber, event_name, request),
        )
        if held:
            pipeline.put(held)
        logging.disable(logging.CRITICAL)
        ending.callback(logging.disable, logging.NOTSET)
        ending.enter_context(contextlib.redirect_stdout(io.StringIO()))
        ending.enter_context(contextlib.redirect_stderr(io.StringIO()))
        yield found
