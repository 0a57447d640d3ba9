"""Wheels of the library and of its dependencies, for their target platform."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from medical_charges.errors import MedicalChargesError

# Amazon Linux 2023, which Glue 5 and EMR 7 run on, has glibc 2.34.
_NODES = ("manylinux_2_28_x86_64", "manylinux_2_27_x86_64", "manylinux_2_17_x86_64")
_NODE = "x86_64-manylinux_2_28"
# Lambda's Python 3.11 runs on Amazon Linux 2, which has glibc 2.26.
_LAMBDA = "x86_64-manylinux_2_17"
# 2020-01-01: a wheel's bytes must not tell when it was built. ZIP knows no time before 1980.
_EPOCH = "1577836800"


class BuildError(MedicalChargesError):
    """A tool of the build failed; the message holds its output."""


def library_wheel(root: Path, folder: Path) -> Path:
    """Build the library's wheel, with the backend that is installed here."""
    environment = os.environ | {"SOURCE_DATE_EPOCH": _EPOCH}
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    _call(command, root, environment)
    return next(folder.glob("*.whl"))


def download(requirements: str, folder: Path) -> None:
    """Download wheels for the nodes of EMR and Glue, checking their hashes."""
    listed = folder / "requirements.txt"
    listed.write_text(requirements)
    platforms = [word for name in _NODES for word in ("--platform", name)]
    _call(
        [
            *(sys.executable, "-m", "pip", "download", "--quiet"),
            *("--disable-pip-version-check", "--no-deps", "--only-binary", ":all:"),
            *("--require-hashes", "--python-version", "3.11", "--implementation", "cp"),
            *("--abi", "cp311", "--abi", "abi3", "--abi", "none", *platforms),
            *("--dest", str(folder), "--requirement", str(listed)),
        ],
        folder,
    )


def install(requirements: str, folder: Path, *, for_lambda: bool) -> None:
    """Install packages for Lambda, or for its local replacement."""
    listed = folder / ".requirements.txt"
    listed.write_text(requirements)
    platform = ("--python-platform", _LAMBDA) if for_lambda else ()
    _call(
        [
            *(_uv(), "pip", "install", "--quiet", "--no-deps", "--only-binary", ":all:"),
            *("--require-hashes", "--python", sys.executable, "--python-version", "3.11"),
            *(*platform, "--target", str(folder), "--requirement", str(listed)),
        ],
        folder,
    )


def unpack(house: Path, folder: Path) -> None:
    """Install downloaded wheels for the nodes, checking their hashes once more."""
    _call(
        [
            *(_uv(), "pip", "install", "--quiet", "--no-deps", "--no-index", "--require-hashes"),
            *("--find-links", str(house), "--python", sys.executable, "--python-version", "3.11"),
            *("--python-platform", _NODE, "--target", str(folder)),
            *("--requirement", str(house / "requirements.txt")),
        ],
        folder,
    )


def _uv() -> str:
    installed = Path(sys.prefix) / "uv/bin/uv"
    found = shutil.which("uv") or (str(installed) if installed.exists() else None)
    if found is None:
        raise BuildError("uv is not on the PATH; `make setup` makes an environment with it")
    return found


def _call(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        tool = next(word for word in reversed(command[:3]) if not word.startswith("-"))
        raise BuildError(f"{tool} failed:\n{done.stderr or done.stdout}")
