"""A running stack: where it answers, and how to find it."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import psutil

from local_aws import environment

STATE_FILE = "stack.json"


@dataclass(frozen=True)
class Stack:
    """A running stack."""

    endpoint: str
    state: Path

    def environment(self) -> dict[str, str]:
        """Return this process's environment, pointing at the stack."""
        return dict(os.environ) | environment.aws(self.endpoint) | environment.terraform(self.state)


def running(state: Path) -> Stack | None:
    """Return the stack that runs with this state folder, if there is one."""
    try:
        found = json.loads((state / STATE_FILE).read_text())
        # Another process may have the number by now, but it started at another time.
        if psutil.Process(found["pid"]).create_time() != found["started"]:
            return None
    except (OSError, ValueError, KeyError, psutil.Error):
        return None
    return Stack(found["endpoint"], state)
