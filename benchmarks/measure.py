"""Time and memory of processes and their descendants."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from ops.folders import ROOT

_SAMPLE_SECONDS = 0.1


@dataclass(frozen=True)
class Measured:
    """The time and memory of a whole process."""

    seconds: float
    peak_bytes: int | None
    """Highest sum of proportional set sizes (PSS) over the process and its descendants, if it was
    sampled: shared pages are counted once."""


def environment(cores: int) -> dict[str, str]:
    """Return the environment of every subject."""
    return os.environ | {
        "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}",
        "POLARS_MAX_THREADS": str(cores),
    }


def whole(
    command: Sequence[str], environment: Mapping[str, str], log: Path, *, watch: bool
) -> Measured:
    """Run a command from its start to its end.

    Raises:
        CalledProcessError: it failed; the log says why.
    """
    with log.open("ab") as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=errors, stderr=errors)
        with _watched(process.pid if watch else None) as peak:
            code = process.wait()
        seconds = time.perf_counter() - start
    if code:
        raise subprocess.CalledProcessError(code, list(command))
    return Measured(seconds, peak[0] if watch else None)


class Warm:
    """A subject in a process that is reused."""

    def __init__(self, subject: str, cores: int, log: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.worker", subject, str(cores)],
            env=environment(cores),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log.open("ab"),
            text=True,
        )

    def run(self, source: Path, out: Path) -> float:
        """Compute everything, and return the seconds.

        Raises:
            RuntimeError: the process has ended; the log says why.
        """
        assert self._process.stdin  # noqa: S101 - for the types
        assert self._process.stdout  # noqa: S101 - as above
        self._process.stdin.write(f"{source}\t{out}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError(f"the subject ended with {self._process.wait()}")
        return float(answer)

    def close(self) -> None:
        """End the process and its descendants."""
        below = psutil.Process(self._process.pid).children(recursive=True)
        assert self._process.stdin  # noqa: S101 - as above
        self._process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(20)
        for process in below:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        self._process.kill()
        self._process.wait()


@contextmanager
def _watched(pid: int | None) -> Iterator[list[int]]:
    """Sample the memory of a process tree while the block runs, and keep the peak."""
    peak, done = [0], threading.Event()

    def sample() -> None:
        while not done.wait(_SAMPLE_SECONDS):
            peak[0] = max(peak[0], _tree_bytes(pid))

    watcher = threading.Thread(target=sample, daemon=True)
    if pid is not None:
        watcher.start()
    try:
        yield peak
    finally:
        done.set()
        if pid is not None:
            watcher.join()


def _tree_bytes(pid: int | None) -> int:
    total = 0
    with suppress(psutil.NoSuchProcess):
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                total += process.memory_full_info().pss
    return total
