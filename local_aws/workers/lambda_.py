"""Lambda functions: the uploaded package, run in an isolated process.

A process is kept for the next invocation of the same function, as Lambda does.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import io
import json
import os
import select
import sys
import threading
import time
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from local_aws import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_aws.processes import Child, Processes

_RUNTIME = Path(__file__).with_name("lambda_runtime.py")
# What Lambda's Python runtime has on board besides the standard library.
_BROUGHT_BY_LAMBDA = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six", "urllib3")
_WARM_PER_FUNCTION = 2


@dataclass(frozen=True)
class Function:
    """The configuration of a function."""

    arn: str
    name: str
    version: str
    handler: str
    package: bytes
    timeout: float
    memory: int
    log_group: str
    variables: Mapping[str, str]
    credentials: Mapping[str, str]

    def configuration_hash(self) -> str:
        """Return a hash that changes if a kept process must be replaced."""
        text = json.dumps(
            [
                self.arn,
                self.handler,
                self.version,
                self.memory,
                dict(self.variables),
                dict(self.credentials),
            ],
            sort_keys=True,
        )
        return hashlib.sha256(text.encode() + self.package).hexdigest()


@dataclass(frozen=True)
class Answer:
    """The result of an invocation."""

    payload: str
    failed: bool
    log: str


class _Sandbox:
    """A process that handles one invocation at a time."""

    def __init__(self, child: Child, requests: int, results: int, log: Path) -> None:
        self.child = child
        self._requests = os.fdopen(requests, "w")
        self._results = os.fdopen(results, "rb", buffering=0)
        self._log = log
        self._read = 0

    def ask(self, request: Mapping[str, object], timeout: float) -> bytes | None:
        """Return the answer: None on a timeout, empty if the process ended."""
        with contextlib.suppress(BrokenPipeError):
            self._requests.write(json.dumps(request) + "\n")
            self._requests.flush()
        deadline = time.monotonic() + timeout
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._results], [], [], left)[0]:
                return None
            chunk = self._results.read(1 << 16)
            if not chunk:
                return b""
            line += chunk
        return line

    def new_log(self) -> str:
        """Return the output since the last call."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        self._read += len(text)
        return text.decode(errors="replace")

    def close(self) -> None:
        """End the process."""
        self.child.end()
        for pipe in (self._requests, self._results):
            with contextlib.suppress(OSError):
                pipe.close()


class LambdaWorker:
    """Invokes functions, several at the same time."""

    def __init__(self, endpoint: str, folder: Path, processes: Processes) -> None:
        self._endpoint = endpoint
        self._folder = folder
        self._processes = processes
        self._warm: dict[str, tuple[str, list[_Sandbox]]] = {}
        self._lock = threading.Lock()

    def invoke(self, function: Function, event: object) -> Answer:
        """Run a function's handler on an event."""
        request_id = str(uuid.uuid4())
        sandbox = self._take(function)
        begun = time.monotonic()
        line = sandbox.ask(
            {
                "event": event,
                "request_id": request_id,
                "arn": function.arn,
                "deadline": time.time() + function.timeout,
            },
            function.timeout,
        )
        seconds = time.monotonic() - begun
        log = sandbox.new_log()
        if line:
            self._give_back(function, sandbox)
            found = json.loads(line)
            payload, failed = found["result"], found["error"]
        else:
            sandbox.close()
            payload, failed = json.dumps(_ended(request_id, function, line)), True
        report = (
            f"START RequestId: {request_id} Version: {function.version}\n{log}"
            f"END RequestId: {request_id}\n"
            f"REPORT RequestId: {request_id} Duration: {seconds * 1000:.2f} ms\n"
        )
        return Answer(payload, failed, report)

    def _take(self, function: Function) -> _Sandbox:
        configuration_hash = function.configuration_hash()
        with self._lock:
            kept, sandboxes = self._warm.get(function.arn, ("", []))
            if kept == configuration_hash and sandboxes:
                return sandboxes.pop()
            stale = sandboxes if kept != configuration_hash else []
            if kept != configuration_hash:
                self._warm[function.arn] = (configuration_hash, [])
        for sandbox in stale:
            sandbox.close()
        return self._start(function)

    def _give_back(self, function: Function, sandbox: _Sandbox) -> None:
        with self._lock:
            kept, sandboxes = self._warm.get(function.arn, ("", []))
            if kept == function.configuration_hash() and len(sandboxes) < _WARM_PER_FUNCTION:
                sandboxes.append(sandbox)
                return
        sandbox.close()

    def _start(self, function: Function) -> _Sandbox:
        root = self._unpack(function)
        stream = uuid.uuid4().hex
        log = self._folder / "logs" / f"{function.name}-{stream}"
        log.parent.mkdir(parents=True, exist_ok=True)
        request_end, requests = os.pipe()
        results, result_end = os.pipe()
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "TZ") if name in os.environ}
        variables = (
            kept
            | environment.aws(self._endpoint)
            | dict(function.credentials)
            | {
                "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
                "AWS_LAMBDA_FUNCTION_NAME": function.name,
                "AWS_LAMBDA_FUNCTION_VERSION": function.version,
                "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
                "AWS_LAMBDA_LOG_GROUP_NAME": function.log_group,
                "AWS_LAMBDA_LOG_STREAM_NAME": stream,
                "LAMBDA_TASK_ROOT": str(root),
                "LAMBDA_RUNTIME_DIR": str(self._runtime()),
                "_HANDLER": function.handler,
            }
            | dict(function.variables)
        )
        with log.open("wb") as output:
            child = self._processes.start(
                [
                    sys.executable, "-I", "-S", "-B", str(_RUNTIME),
                    str(request_end), str(result_end), function.handler,
                ],
                environment=variables,
                folder=root,
                stdout=output,
                stderr=output,
                pass_fds=(request_end, result_end),
            )  # fmt: skip
        os.close(request_end)
        os.close(result_end)
        return _Sandbox(child, requests, results, log)

    def _unpack(self, function: Function) -> Path:
        package_hash = hashlib.sha256(function.package).hexdigest()[:16]
        root = self._folder / "packages" / f"{function.name}-{package_hash}"
        with self._lock:
            if not root.exists():
                partial = root.with_suffix(".partial")
                with zipfile.ZipFile(io.BytesIO(function.package)) as archive:
                    archive.extractall(partial)
                partial.rename(root)
        return root

    def _runtime(self) -> Path:
        """Return a folder with only the packages that Lambda includes."""
        folder = self._folder / "runtime"
        with self._lock:
            if not folder.exists():
                partial = folder.with_suffix(".partial")
                partial.mkdir(parents=True, exist_ok=True)
                for name in _BROUGHT_BY_LAMBDA:
                    found = importlib.util.find_spec(name)
                    if found and found.origin:
                        origin = Path(found.origin)
                        source = origin.parent if origin.name == "__init__.py" else origin
                        target = partial / source.name
                        target.unlink(missing_ok=True)
                        target.symlink_to(source)
                partial.rename(folder)
        return folder


def _ended(request_id: str, function: Function, line: bytes | None) -> dict[str, str]:
    """Return Lambda's error for an invocation without an answer."""
    if line is None:
        return {
            "errorType": "Sandbox.Timedout",
            "errorMessage": f"RequestId: {request_id} Error: Task timed out after "
            f"{function.timeout:.2f} seconds",
        }
    return {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: {request_id} Error: Runtime exited",
    }
