"""Terraform as a program: found or downloaded, and run on terraform/ with its own state."""

from __future__ import annotations

import io
import json
import os
import platform
import shutil
import signal
import subprocess
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from medical_charges.errors import MedicalChargesError

ROOT = Path(__file__).resolve().parent.parent
DIRECTORY = ROOT / "terraform"
_PATIENCE_SECONDS = 5


class TerraformError(MedicalChargesError):
    """Terraform is missing or failed; the message is for the user."""


Progress = Callable[[int, int], None]
"""Called with the numbers of completed and of all changes."""


class Change:
    """A change that Terraform is making, followed by the events that it prints."""

    def __init__(self, name: str, process: subprocess.Popen[str], progress: Progress | None):
        self._name, self._process, self._progress = name, process, progress
        self._pending = Counter[str]()
        self._done = self._total = 0
        self._problems: list[str] = []

    def wait_for_all_but(self, late: Callable[[str], bool]) -> None:
        """Wait until what is pending are changes of resources whose address is `late`.

        Raises:
            TerraformError: it failed before, and the message has Terraform's reasons.
        """
        for _ in self._events():
            if self._total and all(map(late, self._pending)):
                return
        self.settle()

    def settle(self) -> None:
        """Wait until it has ended.

        Raises:
            TerraformError: it failed, and the message has Terraform's reasons.
        """
        for _ in self._events():
            pass
        if self._process.wait():
            raise TerraformError("\n".join(self._problems) or f"terraform {self._name} failed")

    def _events(self) -> Iterator[None]:
        assert self._process.stdout is not None  # noqa: S101 - narrows for the type checker
        for line in self._process.stdout:
            self._take(json.loads(line))
            yield

    def _take(self, event: Mapping[str, Any]) -> None:
        match event["type"]:
            case "planned_change" if times := _CHANGES.get(event["change"]["action"]):
                self._pending[event["change"]["resource"]["addr"]] += times
            case "change_summary" if event["changes"]["operation"] == "plan":
                self._total = self._pending.total()
            case "apply_complete" if event["hook"]["action"] != "read":
                self._done += 1
                self._pending -= Counter([event["hook"]["resource"]["addr"]])
            case "diagnostic" if event["@level"] == "error":
                self._problems.append(_described(event["diagnostic"]))
        if self._progress is not None:
            self._progress(self._done, self._total)


_CHANGES = {"create": 1, "update": 1, "delete": 1, "replace": 2}
"""How many changes each planned action is completed by."""


@dataclass(frozen=True)
class Terraform:
    """Terraform on the root module, with its own state and environment."""

    program: str
    folder: Path
    """The folder of this deployment's working data and, if local, its state."""
    environment: Mapping[str, str]
    directory: Path = DIRECTORY
    """The root module."""
    patience_seconds: float | None = _PATIENCE_SECONDS
    """The time that an interrupted change has to end in order, or None for all that it takes."""
    own_state: bool = True
    """True if the state is a file in `folder`; otherwise the root's backend decides."""

    def init(self) -> None:
        """Initialize the root module and its provider."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._run("init", "-input=false", "-no-color", "-upgrade=false")

    def apply(self, variables: Mapping[str, str]) -> None:
        """Make what the root module describes.

        Raises:
            TerraformError: it failed, and the message has Terraform's reasons.
        """
        with self.changing("apply", variables):
            pass

    def destroy(self, variables: Mapping[str, str]) -> None:
        """Remove everything that the state holds, without asking.

        Raises:
            TerraformError: it failed, and the message has Terraform's reasons.
        """
        with self.changing("destroy", variables):
            pass

    @contextmanager
    def changing(
        self, name: str, variables: Mapping[str, str], progress: Progress | None = None
    ) -> Iterator[Change]:
        """Apply or destroy while the caller goes on; leaving waits for the end.

        Raises:
            TerraformError: it failed, and the message has Terraform's reasons.
        """
        command = [name, "-input=false", "-auto-approve", "-json", *self._flags(variables)]
        with (
            subprocess.Popen(
                self._command(*command),
                env=self._environment(),
                stdout=subprocess.PIPE,
                text=True,
                # Not ended by a terminal's interrupt, but by what that means here.
                start_new_session=True,
            ) as process,
            _ending(process, self.patience_seconds),
        ):
            change = Change(name, process, progress)
            yield change
            change.settle()

    def call(self, command: str, variables: Mapping[str, str]) -> int:
        """Run an interactive command (plan, apply, destroy), and return its exit code."""
        return subprocess.run(
            self._command(command, *self._flags(variables)), env=self._environment(), check=False
        ).returncode

    def outputs(self) -> dict[str, Any]:
        """Return the root's outputs by name; empty before the first apply."""
        text = self._run("output", "-json", *self._state_flag())
        return {name: output["value"] for name, output in json.loads(text).items()}

    def manages_resources(self) -> bool:
        """Return True if the state holds resources."""
        return "values" in json.loads(self._run("show", "-json"))

    def _run(self, *arguments: str) -> str:
        result = subprocess.run(
            self._command(*arguments),
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            raise TerraformError(f"terraform {arguments[0]}: {result.stderr.strip()}")
        return result.stdout

    def _command(self, *arguments: str) -> list[str]:
        return [self.program, f"-chdir={self.directory}", *arguments]

    def _flags(self, variables: Mapping[str, str]) -> list[str]:
        return [*self._state_flag(), *(f"-var={name}={value}" for name, value in variables.items())]

    def _state_flag(self) -> list[str]:
        return [f"-state={self.folder / 'terraform.tfstate'}"] if self.own_state else []

    def _environment(self) -> dict[str, str]:
        return dict(self.environment) | {"TF_DATA_DIR": str(self.folder / "data")}


@contextmanager
def _ending(process: subprocess.Popen[str], patience: float | None) -> Iterator[None]:
    """Let Terraform end in order on an interrupt, or end it, because its provider would stay."""
    try:
        yield
    except BaseException:
        process.send_signal(signal.SIGINT)
        try:
            with suppress(subprocess.TimeoutExpired):
                process.communicate(timeout=patience)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        raise


def _described(diagnostic: Mapping[str, str]) -> str:
    detail = diagnostic.get("detail", "")
    where = f" ({diagnostic['address']})" if diagnostic.get("address") else ""
    return f"{diagnostic['summary']}{where}: {detail}" if detail else diagnostic["summary"] + where


VERSION = "1.11.4"
_ARCHIVES = {
    ("Linux", "x86_64"): (
        "linux_amd64",
        "1ce994251c00281d6845f0f268637ba50c0005657eb3cf096b92f753b42ef4dc",
    ),
    ("Linux", "aarch64"): (
        "linux_arm64",
        "a43d1d0da9b9bab214a8305a39db0e40869572594ccf50c416a7756499143633",
    ),
    ("Darwin", "arm64"): (
        "darwin_arm64",
        "867e0808fa971217043e25b7a792b10720c79b1546f8a68479b74f138be73e18",
    ),
}
_RELEASES = "https://releases.hashicorp.com/terraform"
_ADVICE = "install Terraform 1.9 or newer and put it on the PATH"


def find_or_fetch() -> str:
    """Return the installed Terraform, or download and verify the pinned release once.

    Raises:
        TerraformError: there is none and it cannot be had.
    """
    if found := shutil.which("terraform"):
        return found
    program = ROOT / ".build" / f"terraform-{VERSION}" / "terraform"
    if not program.exists():
        _fetch(program)
    return str(program)


def _fetch(program: Path) -> None:
    kind = (platform.system(), platform.machine())
    if kind not in _ARCHIVES:
        raise TerraformError(f"there is no Terraform for {' '.join(kind)} to fetch: {_ADVICE}")
    name, expected = _ARCHIVES[kind]
    url = f"{_RELEASES}/{VERSION}/terraform_{VERSION}_{name}.zip"
    from local_aws.download import DownloadError, download  # noqa: PLC0415 - only needed once

    try:
        archive = download(url, expected)
    except DownloadError as error:
        raise TerraformError(f"Terraform cannot be downloaded ({error}): {_ADVICE}") from error
    program.parent.mkdir(parents=True, exist_ok=True)
    partial = program.with_suffix(f".{os.getpid()}")
    partial.write_bytes(zipfile.ZipFile(io.BytesIO(archive)).read("terraform"))
    partial.chmod(0o755)
    partial.rename(program)
