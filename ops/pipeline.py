"""The pipeline for its users: upload files, follow an execution, download the outputs."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from medical_charges.analysis.earlier import keys_of
from medical_charges.contract import Contract
from medical_charges.contract.outputs import DELIMITER
from medical_charges.errors import MedicalChargesError
from medical_charges.layout import Layout
from medical_charges.runs.ledger import Ledger
from medical_charges.runs.lifecycle import successor_of
from medical_charges.storage import LocalStore
from ops.keys import not_files
from ops.written import Written

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_stepfunctions import SFNClient

_POLL_SECONDS = 0.5
_ENDED = ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")
_FOUND_BY = ("bucket_name", "state_machine_arn", "ledger_table")


def is_there(outputs: Mapping[str, Any]) -> bool:
    """Return True if Terraform's outputs locate a pipeline.

    A first apply that failed half-way leaves some of them.
    """
    return all(name in outputs for name in _FOUND_BY)


@dataclass(frozen=True)
class Step:
    """A state that an execution has left."""

    name: str
    seconds: float


@dataclass(frozen=True)
class Ended:
    """The end of an execution."""

    arn: str
    status: str
    error: str
    cause: str
    held: str = ""
    """The reason why the run was held, if it was."""

    def failed(self) -> bool:
        """True if the execution did not succeed."""
        return self.status != "SUCCEEDED"


class Pipeline:
    """A deployed pipeline."""

    def __init__(self, environment: Mapping[str, str], outputs: Mapping[str, Any], layout: Layout):
        session = boto3.Session(
            aws_access_key_id=environment.get("AWS_ACCESS_KEY_ID"),
            aws_secret_access_key=environment.get("AWS_SECRET_ACCESS_KEY"),
            aws_session_token=environment.get("AWS_SESSION_TOKEN"),
            region_name=environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION"),
        )
        endpoint = environment.get("AWS_ENDPOINT_URL")
        found = session.get_credentials()
        self.temporary = bool(found and found.token)
        """Whether the credentials are those of a session, which ends."""
        self._client = partial(session.client, endpoint_url=endpoint)
        self._s3: S3Client = session.client("s3", endpoint_url=endpoint)
        self._states: SFNClient = session.client("stepfunctions", endpoint_url=endpoint)
        self.bucket: str = outputs["bucket_name"]
        self.machine: str = outputs["state_machine_arn"]
        table = session.resource("dynamodb", endpoint_url=endpoint).Table(outputs["ledger_table"])
        self.ledger = Ledger(table)
        self._layout = layout

    def client(self, service: str, config: Config | None = None) -> Any:
        """Return a client of the pipeline's account and region."""
        return self._client(service, config=config)

    def put(self, files: Mapping[str, Path]) -> list[str]:
        """Make the input hold these files and nothing else; return the names that changed."""
        folder, changed = f"{self._layout.input}/", []
        there = {key.removeprefix(folder): etag for key, etag in self._objects(folder)}
        for name in there.keys() - files.keys():
            self._s3.delete_object(Bucket=self.bucket, Key=folder + name)
            changed.append(name)
        for name, path in files.items():
            if there.get(name) != _etag(path):
                self._s3.upload_file(str(path), self.bucket, folder + name)
                changed.append(name)
        return changed

    def restore(self, out: Path) -> None:
        """Upload what a run is compared with, if it was mirrored and the bucket has none of it.

        A stack that starts empty continues so what an earlier one published to the same folder.
        """
        if self.read(self._layout.history) is None:
            for key in keys_of(LocalStore(out), self._layout):
                if (out / key).is_file():
                    self._s3.upload_file(str(out / key), self.bucket, key)

    def upload(self, path: Path) -> str:
        """Put one file into the input and return its URI."""
        key = f"{self._layout.input}/{path.name}"
        self._s3.upload_file(str(path), self.bucket, key)
        return f"s3://{self.bucket}/{key}"

    def execute(self, **asked: bool | str) -> str:
        """Start an execution as the console does, with `{}`; return its ARN.

        The names of what may be asked of it are in `medical_charges.runs.lifecycle`.
        """
        given = json.dumps({name: value for name, value in asked.items() if value})
        started = self._states.start_execution(stateMachineArn=self.machine, input=given)
        return started["executionArn"]

    def executions(self, *, running: bool = False) -> list[str]:
        """Return the ARNs of the latest executions, or of the running ones, oldest first."""
        arguments = {"statusFilter": "RUNNING"} if running else {}
        found = self._states.list_executions(
            stateMachineArn=self.machine,
            maxResults=100,
            **arguments,  # type: ignore[arg-type]
        )
        return [e["executionArn"] for e in sorted(found["executions"], key=_started)]

    def continuing(self, arn: str) -> list[str]:
        """Return the ARNs of executions that do what an ended one has left: see `follow`.

        These are the holder of the lease, or its successor once it is done, and all that run.
        """
        ours = f"{self.machine.replace(':stateMachine:', ':execution:')}:"
        lease, found = self.ledger.lease(), list[str]()
        if lease and lease.holder.startswith(ours):
            successor = ours + successor_of(lease.run_id, lease.holder)
            found = [successor if lease.abandoned else lease.holder]
        running = self.executions(running=True)
        known = (it for it in found if it in running or self._exists(it))
        return [it for it in dict.fromkeys([*known, *running]) if it != arn]

    def _exists(self, arn: str) -> bool:
        try:
            self._states.describe_execution(executionArn=arn)
        except self._states.exceptions.ExecutionDoesNotExist:
            return False
        return True

    def await_execution(self, known: Collection[str], patience: float) -> str | None:
        """Wait for an execution that is not known; return its ARN, or None if none starts."""
        end = time.monotonic() + patience
        while time.monotonic() < end:
            if new := [arn for arn in self.executions() if arn not in known]:
                return new[0]
            time.sleep(_POLL_SECONDS)
        return None

    def follow(self, arn: str, report: Callable[[Step], None]) -> Ended:
        """Report each state of an execution as it ends, until the execution does."""
        seen = 0
        entered: dict[str, datetime] = {}
        while True:
            status = self._states.describe_execution(executionArn=arn)
            events = list(self._history(arn))
            for event in events[seen:]:
                for step in _steps(event, entered):
                    report(step)
            seen = len(events)
            if status["status"] in _ENDED:
                output = json.loads(status.get("output") or "{}")
                return Ended(
                    arn,
                    status["status"],
                    status.get("error", ""),
                    status.get("cause", ""),
                    output.get("held", ""),
                )
            time.sleep(_POLL_SECONDS)

    def mirror(self, written: Written, *, remove: bool) -> dict[str, str]:
        """Make a folder hold the dataset's objects of the bucket and, if requested, nothing else.

        If asked, what earlier runs wrote there and the bucket does not hold is removed.
        Returns the keys that could not be mirrored, each with the reason.
        """
        objects = dict(self._objects(f"{self._layout.prefix}/"))
        left_out = not_files(objects)
        out = written.folder.parent
        wanted = {out / key: key for key in objects if key not in left_out}
        if remove:
            written.remove(written.folder, but=wanted)
        for path, key in wanted.items():
            if path.is_file() and _etag(path) == objects[key]:
                continue
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._download(key, path)
            except (FileExistsError, IsADirectoryError, NotADirectoryError):
                left_out[key] = "something else is in its place"
        return left_out

    def _download(self, key: str, path: Path) -> None:
        """Write an object to a file, which is there when it is whole."""
        handle, partial = tempfile.mkstemp(prefix=".mirroring-", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                self._s3.download_fileobj(self.bucket, key, file)
            Path(partial).chmod(0o644)
            Path(partial).replace(path)
        finally:
            Path(partial).unlink(missing_ok=True)

    def error_of(self, arn: str) -> str:
        """Return the name of the error that failed an execution, as its cause gives it."""
        failures = (event.get("taskFailedEventDetails", {}) for event in self._history(arn))
        named = [failure["error"] for failure in failures if "error" in failure]
        return str(self.left_error(arn).get("error", named[-1] if named else ""))

    def left_error(self, arn: str) -> dict[str, Any]:
        """Return the error that an execution's run has left, if any."""
        run_id = self.run_of(arn)
        return self._left(run_id) if run_id else {}

    def run_of(self, arn: str) -> str:
        """Return the id of the last run of an execution; a failed PlanRun has none."""
        run_id = ""
        for event in self._history(arn):
            if (exited := event.get("stateExitedEventDetails", {})).get("name") == "PlanRun":
                run_id = json.loads(exited["output"]).get("run_id") or run_id
        return run_id

    def _left(self, run_id: str) -> dict[str, Any]:
        found = self.read(self._layout.error(run_id))
        return {} if found is None else dict(json.loads(found))

    def publishes(self, contract: Contract) -> bool:
        """Return True if everything that a contract's dashboards read is published.

        That is a manifest of every output, and the output with the columns of the contract.
        """
        return all(
            self.read(self._layout.manifest(name)) is not None
            and self._has_header(self._layout.published(name), output.header)
            for name, output in contract.outputs.items()
        )

    def _has_header(self, key: str, columns: Iterable[str]) -> bool:
        return (self.read(key) or b"").startswith(f"{DELIMITER.join(columns)}\n".encode())

    def read(self, key: str) -> bytes | None:
        """Return an object of the bucket, or None if there is none."""
        missing = (self._s3.exceptions.NoSuchKey, self._s3.exceptions.NoSuchBucket)
        try:
            return self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        except missing:
            return None

    def share(self, seconds: int) -> str:
        """Return a link with which anybody can read the dashboard's page for some time.

        Raises:
            MedicalChargesError: no page is published.
        """
        key = self._layout.dashboard
        if self.read(key) is None:
            raise MedicalChargesError(f"there is no page s3://{self.bucket}/{key}: run once")
        # S3 gives an object under a key of KMS to requests of this version only, and a link to a
        # bucket without its region is redirected, which breaks the signature.
        config = Config(signature_version="s3v4", s3={"addressing_style": "virtual"})
        signing = self._client("s3", config=config)
        page = {"Bucket": self.bucket, "Key": key, "ResponseContentType": "text/html"}
        link = signing.generate_presigned_url("get_object", Params=page, ExpiresIn=seconds)
        return str(link)

    def has_input(self) -> bool:
        """Return True if there is anything to analyze."""
        return next(self._objects(f"{self._layout.input}/"), None) is not None

    def live_run(self) -> str:
        """Return the id of the live run, or an empty string."""
        live = self.ledger.live()
        return live.run_id if live else ""

    def runs(self) -> list[dict[str, Any]]:
        """The ledger's entries of all runs, the latest first."""
        found: list[dict[str, Any]] = []
        start: dict[str, Any] = {}
        while True:
            page = self.ledger.table.scan(ConsistentRead=True, **start)
            found += [dict(item) for item in page["Items"] if str(item["pk"]).startswith("run#")]
            if "LastEvaluatedKey" not in page:
                return sorted(found, key=lambda entry: str(entry["run_id"]), reverse=True)
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _objects(self, prefix: str) -> Iterator[tuple[str, str]]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"], item["ETag"].strip('"')

    def _history(self, arn: str) -> Iterator[Mapping[str, Any]]:
        pages = self._states.get_paginator("get_execution_history").paginate(executionArn=arn)
        for page in pages:
            yield from page["events"]


def _started(execution: Any) -> datetime:
    started: datetime = execution["startDate"]
    return started


def _steps(event: Mapping[str, Any], entered: dict[str, datetime]) -> Iterator[Step]:
    if details := event.get("stateEnteredEventDetails"):
        entered[details["name"]] = event["timestamp"]
    elif details := event.get("stateExitedEventDetails"):
        start = entered.pop(details["name"], event["timestamp"])
        yield Step(details["name"], (event["timestamp"] - start).total_seconds())


def _etag(path: Path) -> str:
    """Return the ETag of an object that was put whole. Others differ, and are uploaded again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
