"""Jars of the public Maven repository, whose releases never change."""

from __future__ import annotations

import hashlib
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local_aws.download import DownloadError, download


@dataclass(frozen=True)
class Jar:
    """A release that never changes."""

    organization: str
    module: str
    revision: str
    sha256: str
    platform: str = ""
    """The platform that it is for, if there is one for each."""

    @property
    def file(self) -> str:
        """Its name in the repository, and in a folder."""
        parts = (self.module, self.revision, self.platform)
        return f"{'-'.join(part for part in parts if part)}.jar"

    @property
    def path(self) -> str:
        """Its place in a repository of Maven's layout."""
        return f"{self.organization.replace('.', '/')}/{self.module}/{self.revision}/{self.file}"


def fetched(jar: Jar, folder: Path) -> Path:
    """Return a jar in a folder; download it if it is not there, or not whole.

    Raises:
        DownloadError: it is missing and cannot be downloaded.
    """
    path = folder / jar.file
    if not _is_whole(path, jar):
        content = download(_repository() + jar.path, jar.sha256)
        folder.mkdir(parents=True, exist_ok=True)
        # A rename, so that a jar appears there at once and whole.
        with tempfile.TemporaryDirectory(dir=folder, prefix=".fetching-") as name:
            partial = Path(name, jar.file)
            partial.write_bytes(content)
            partial.replace(path)
    return path


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _repository() -> str:
    """Return the address of the public repository: Ivy's default, as PySpark ships it."""
    import pyspark  # noqa: PLC0415 - only needed once

    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    with zipfile.ZipFile(ivy) as archive:
        resolver = archive.read("org/apache/ivy/plugins/resolver/IBiblioResolver.class")
    found = re.search(rb"https://[\w./-]+/maven2/", resolver)
    if found is None:
        raise DownloadError(f"{ivy.name} names no public repository")
    return found.group().decode()
