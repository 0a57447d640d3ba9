"""Log lines of counts and decisions, as JSON on stderr. No value of a row can be logged.

    log("scan", run_id="20261101T120000000Z-0a1b2c3d4e5f", seconds=1.5, objects=3)

The environment's POWERTOOLS_LOG_LEVEL is the lowest level that is written; by default INFO.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Literal

from aws_lambda_powertools.logging import Logger

Phase = Literal[
    "PlanRun",
    "Analyze",
    "plan",
    "scan",
    "merge",
    "tables",
    "TestAnalysis",
    "ValidateOutputs",
    "CompareRuns",
    "PublishOutputs",
    "GenerateManifests",
    "ValidateManifests",
    "WritePage",
    "EndRun",
]
"""A state of the state machine, or a part of Analyze."""

Decision = Literal["go", "hold", "skip", "pending", "rollback", "done", "live", "failed"]


class _Stderr(logging.Handler):
    """The stderr of the moment, which a program may replace."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except OSError:
            self.handleError(record)


_LOGGER = Logger(
    "medical_charges",
    logger_handler=_Stderr(),
    location=None,
    use_rfc3339=True,
    utc=True,
)


def log(
    phase: Phase,
    *,
    run_id: str = "",
    decision: Decision | None = None,
    seconds: float | None = None,
    **counts: int,
) -> None:
    """Write a line that says how a phase of a run ended.

    What is None is left out.
    """
    fields = {"phase": phase, "run_id": run_id, "decision": decision, "seconds": seconds}
    _LOGGER.info(f"{phase} ended", extra={**fields, **counts})


@contextmanager
def quiet() -> Iterator[None]:
    """Write no line of what happens in front of a person, who reads its result."""
    level = _LOGGER.log_level
    _LOGGER.setLevel("WARNING")
    try:
        yield
    finally:
        _LOGGER.setLevel(level)


Handler = Callable[[dict[str, Any], Any], dict[str, Any]]


def with_context(handler: Handler) -> Handler:
    """Add the function's name and the request's id to the lines of a Lambda function."""
    # Never the event, whatever the environment asks for: the cause of a failure may quote data.
    return _LOGGER.inject_lambda_context(handler, log_event=False)
