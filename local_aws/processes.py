"""Child processes that never outlive the stack.

Each child leads a new process session, so that its descendants (a JVM, Spark's Python workers) can
be found and ended with it. A small watcher process ends them all if this process dies without
cleaning up.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_GRACE_SECONDS = 2.0


def session_members(session: int) -> set[int]:
    """Return a session's processes: Spark's Python daemon leaves its group, not its session."""
    members = {session}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[3]) == session:
                members.add(int(stat.parent.name))
    return members


def end_session(session: int, *, grace: float = _GRACE_SECONDS) -> None:
    """Terminate every process of a session, then kill those that remain."""
    for number, wait in ((signal.SIGTERM, grace), (signal.SIGKILL, 0.0)):
        members = session_members(session)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(session, number)
        for member in members - {session}:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(member, number)
        deadline = time.monotonic() + wait
        while time.monotonic() < deadline and _alive(session):
            time.sleep(0.02)


def _alive(session: int) -> bool:
    return any(is_running(member) for member in session_members(session))


def is_running(pid: int) -> bool:
    """Return True if a process exists and is no zombie."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


class Child:
    """One process and its descendants."""

    def __init__(self, process: subprocess.Popen[bytes], owner: Processes) -> None:
        self.process = process
        self._owner = owner
        self._ending = threading.Lock()
        self.ended_by_us = False

    @property
    def pid(self) -> int:
        """The id of the process, which is its session's id too."""
        return self.process.pid

    def wait(self, timeout: float | None = None) -> int | None:
        """Return the exit code, or None on a timeout."""
        try:
            code = self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self.end()
        return code

    def end(self) -> None:
        """End the process and its descendants; a second call does nothing."""
        with self._ending:
            if self.process.poll() is None:
                self.ended_by_us = True
                end_session(self.pid)
            else:
                end_session(self.pid, grace=0.0)
            self.process.wait()
        self._owner.forget(self)


class Processes:
    """All children of a stack."""

    def __init__(self, folder: Path) -> None:
        self._children: set[Child] = set()
        self._lock = threading.Lock()
        self._closed = False
        reader, self._lifeline = os.pipe()
        folder.mkdir(parents=True, exist_ok=True)
        self._register = folder
        for stale in folder.iterdir():
            stale.unlink()
        self._watcher = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(folder)],
            stdin=reader,
            start_new_session=True,
        )
        os.close(reader)

    def start(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        folder: Path,
        stdout: IO[bytes] | int = subprocess.DEVNULL,
        stderr: IO[bytes] | int = subprocess.DEVNULL,
        pass_fds: Iterable[int] = (),
    ) -> Child:
        """Start a process in a new session."""
        with self._lock:
            if self._closed:
                raise RuntimeError("the stack is ending: no process is started any more")
            process = subprocess.Popen(
                command,
                env=dict(environment),
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                pass_fds=tuple(pass_fds),
                start_new_session=True,
            )
            child = Child(process, self)
            self._children.add(child)
            (self._register / str(child.pid)).touch()
        return child

    def forget(self, child: Child) -> None:
        """Remove a child that has ended."""
        with self._lock:
            self._children.discard(child)
            (self._register / str(child.pid)).unlink(missing_ok=True)

    def close(self) -> None:
        """End every child; none can be started afterwards."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            children = list(self._children)
        threads = [threading.Thread(target=child.end) for child in children]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        os.close(self._lifeline)
        self._watcher.wait()


def _watch(folder: Path) -> None:
    """Wait until the parent's end of the pipe closes for any reason; then end its children."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    while os.read(0, 1):
        pass
    if folder.is_dir():
        for entry in folder.iterdir():
            end_session(int(entry.name))


if __name__ == "__main__":
    _watch(Path(sys.argv[1]))
