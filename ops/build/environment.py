"""The Python environment that a job of EMR Serverless brings with it.

EMR Serverless has Python 3.9, installs nothing and reaches no package index. So an archive has an
interpreter and the packages that a cluster's nodes install; each worker unpacks it.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from local_aws.download import DownloadError
from local_aws.maven import Jar, fetched
from ops.build.wheels import BuildError
from ops.build.zips import tree

ENVIRONMENT = "serverless/environment.tar.gz"
"""Its key among the artifacts."""

# CPython for any place in the file system and for glibc from 2.17 on: its binaries find their
# libraries and its modules relative to themselves.
INTERPRETER = Jar(
    "org.bytedeco",
    "cpython",
    "3.11.3-1.5.9",
    "668b42f6a8b1a9789de7d3ca54a81fefb754cd8e885554b42858bbcbc0dd497c",
    "linux-x86_64",
)
_WITHIN = "org/bytedeco/cpython/linux-x86_64/"
_LIBRARY = "lib/python3.11/"
_PLACES = {
    "bin/python3.11": "bin/python3.11",
    "libpython3.11.so.1.0": "lib/libpython3.11.so.1.0",
    # Next to the module that needs it.
    "libffi.so.6": f"{_LIBRARY}lib-dynload/libffi.so.6",
}
_LEFT_OUT = frozenset(
    {
        "__pycache__", "config-3.11-x86_64-linux-gnu", "ensurepip", "idlelib", "lib2to3",
        "pydoc_data", "site-packages", "test", "tkinter", "turtledemo",
    }
)  # fmt: skip
# Tests, and modules of libraries that a worker does not have.
_MODULES_LEFT_OUT = ("_crypt.", "_ctypes_test.", "_dbm.", "_gdbm.", "_test", "nis.", "xxlimited")
_PACKAGES = f"{_LIBRARY}site-packages/"


def interpreter(folder: Path) -> Path:
    """Return the archive of the interpreter in a folder; download it if it is missing.

    Raises:
        BuildError: it cannot be had.
    """
    try:
        return fetched(INTERPRETER, folder)
    except DownloadError as error:
        raise BuildError(
            f"emr_cluster = serverless needs an interpreter, which cannot be had: {error}"
        ) from error


def write_environment(target: Path, interpreter: Path, packages: Path) -> None:
    """Write the archive: its bytes depend on its content alone."""
    entries: dict[str, bytes | Path] = dict(_standard(interpreter))
    entries |= {_PACKAGES + name: path for name, path in tree(packages)}
    partial = target.with_name(f".{target.name}.writing")
    with partial.open("wb") as file, gzip.GzipFile("", "wb", 1, file, mtime=0) as packed:
        _write(packed, entries)
    partial.replace(target)


def _standard(interpreter: Path) -> Iterator[tuple[str, bytes]]:
    """Return the interpreter and its standard library."""
    with zipfile.ZipFile(interpreter) as archive:
        for info in archive.infolist():
            name = info.filename.removeprefix(_WITHIN)
            place = _PLACES.get(name) or (name if _is_wanted(name) else None)
            if place and not info.is_dir() and info.filename.startswith(_WITHIN):
                yield place, archive.read(info)


def _is_wanted(name: str) -> bool:
    if not name.startswith(_LIBRARY) or _LEFT_OUT & set(name.split("/")):
        return False
    return not name.removeprefix(f"{_LIBRARY}lib-dynload/").startswith(_MODULES_LEFT_OUT)


def _write(packed: gzip.GzipFile, entries: Mapping[str, bytes | Path]) -> None:
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in sorted(entries):
            content = entries[name]
            data = content.read_bytes() if isinstance(content, Path) else content
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            entry.mode = 0o755 if name.startswith("bin/") else 0o644
            archive.addfile(entry, io.BytesIO(data))
        # The name by which AWS's documentation calls it.
        link = tarfile.TarInfo("bin/python")
        link.type, link.linkname = tarfile.SYMTYPE, "python3.11"
        archive.addfile(link)
