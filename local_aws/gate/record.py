"""A record of what roles were allowed, to ask which permissions anybody needs."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.gate.iam import Call

FILE = "calls.jsonl"


class Record:
    """A file with a line for each kind of call."""

    def __init__(self) -> None:
        self._file: Path | None = None
        self._lines: set[str] = set()
        self._lock = threading.Lock()

    def begin(self, folder: Path) -> None:
        """Start an empty record, in the folder of a stack."""
        with self._lock:
            self._file = folder / FILE
            self._lines.clear()
            self._file.write_text("")

    def add(self, role: str, call: Call) -> None:
        """Note a call that a role was allowed to make."""
        line = json.dumps([role, call.action, call.resource, dict(call.context)])
        with self._lock:
            if self._file is not None and line not in self._lines:
                self._lines.add(line)
                with self._file.open("a") as file:
                    file.write(line + "\n")


allowed = Record()
