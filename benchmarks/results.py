"""Measurements in a file, one line each, so that an interrupted run can be resumed."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """One subject, measured once."""

    scenario: str
    """`steady`, `whole` or another scenario."""
    subject: str
    rows: int
    round: int
    seconds: float
    peak_bytes: int | None = None


class Results:
    """A file of measurements."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.all: list[Measurement] = []
        if path.exists():
            self.all = [Measurement(**json.loads(line)) for line in path.read_text().splitlines()]

    def add(self, measurement: Measurement) -> None:
        """Keep a measurement."""
        self.all.append(measurement)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("a") as file:
            file.write(json.dumps(asdict(measurement)) + "\n")

    def seconds(self, scenario: str, subject: str, rows: int | None = None) -> list[float]:
        """Return all times of a subject in a scenario."""
        return [m.seconds for m in self.of(scenario, subject, rows)]

    def of(self, scenario: str, subject: str, rows: int | None = None) -> list[Measurement]:
        """Return all measurements of a subject in a scenario."""
        return [
            m
            for m in self.all
            if (m.scenario, m.subject) == (scenario, subject) and rows in {None, m.rows}
        ]

    def median(self, scenario: str, subject: str, rows: int | None = None) -> float | None:
        """Return the median time, if there is one."""
        found = self.seconds(scenario, subject, rows)
        return statistics.median(found) if found else None

    def peak(self, scenario: str, subject: str, rows: int | None = None) -> int | None:
        """Return the highest memory of a subject."""
        found = [m.peak_bytes for m in self.of(scenario, subject, rows) if m.peak_bytes]
        return max(found, default=None)

    def rounds(self, scenario: str, subject: str, rows: int) -> int:
        """Return the number of measurements of a subject."""
        return len(self.of(scenario, subject, rows))


def spread(seconds: Sequence[float]) -> str:
    """Return the lowest and the highest time."""
    return f"{min(seconds):.2f}-{max(seconds):.2f}" if seconds else ""
