"""The process that runs one Lambda function's package. Standard library only.

Requests arrive on one pipe and results leave on another, one JSON document a line, so that
everything that a handler prints is log.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any


class Context:
    """The context, a handler's second argument."""

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["request_id"]
        self.function_name: str = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version: str = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb: str = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name: str = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name: str = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self.invoked_function_arn: str = request["arn"]
        self.identity = None
        self.client_context = None
        self._deadline: float = request["deadline"]

    def get_remaining_time_in_millis(self) -> int:
        """Return the milliseconds until Lambda would end the invocation."""
        return max(0, int((self._deadline - time.time()) * 1000))


def describe(error: BaseException) -> dict[str, Any]:
    """Return an error in Lambda's format."""
    # The first frame is this file's.
    frames = traceback.extract_tb(error.__traceback__)[1:]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "stackTrace": traceback.format_list(frames),
    }


def main(requests: int, results: int, handler: str) -> None:
    """Import the handler once, then answer until the pipe closes."""
    module, _, name = handler.rpartition(".")
    handle: Any = None
    with os.fdopen(requests) as incoming, os.fdopen(results, "w") as outgoing:
        for line in incoming:
            request = json.loads(line)
            answer: dict[str, Any]
            try:
                handle = handle or getattr(importlib.import_module(module.replace("/", ".")), name)
                result = handle(request["event"], Context(request))
                answer = {"result": json.dumps(result), "error": False}
            except BaseException as error:  # a handler's sys.exit is an error like any other
                described = describe(error)
                sys.stderr.write(
                    f"[ERROR] {described['errorType']}: {described['errorMessage']}\n"
                    + "".join(traceback.format_exception(error))
                )
                answer = {"result": json.dumps(described), "error": True}
            sys.stdout.flush()
            sys.stderr.flush()
            outgoing.write(json.dumps(answer) + "\n")
            outgoing.flush()


if __name__ == "__main__":
    # Isolated mode: no site-packages, no folder of this file; the package, then what
    # Lambda's runtime brings.
    sys.path[:0] = [os.environ["LAMBDA_TASK_ROOT"], os.environ["LAMBDA_RUNTIME_DIR"]]
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3])
