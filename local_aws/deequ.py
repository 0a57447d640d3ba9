"""Deequ's evaluator of DQDL for Spark on a laptop, where Glue's own is not available.

Two jars, downloaded once. Everything else that they need comes with Spark.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from local_aws.download import DownloadError, download

CACHE = Path(__file__).resolve().parent.parent / ".build" / "cache" / "deequ"

WITHOUT_EVALUATOR = "spark.medicalcharges.withoutEvaluator"
"""The setting in which validation looks for the reason why there is no evaluator."""


@dataclass(frozen=True)
class Jar:
    """A release that never changes."""

    organization: str
    module: str
    revision: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.module}-{self.revision}.jar"

    @property
    def path(self) -> str:
        """Its place in a repository of Maven's layout."""
        return f"{self.organization.replace('.', '/')}/{self.module}/{self.revision}/{self.file}"


JARS = (
    Jar(
        "com.amazon.deequ",
        "deequ",
        "2.1.0-spark-3.5",
        "ab902814dec56dc39ff16d1c5c80e7101a5dff8c1aa380fdafce522da1cd1546",
    ),
    Jar(
        "software.amazon.glue",
        "dqdl",
        "1.0.0",
        "8382887bd34e23a426e3824520e69ba59e9666f567a4f7bad2a6b40348cdaa6e",
    ),
)


class NoDeequError(Exception):
    """The reason why there is no evaluator."""


def settings(cache: Path = CACHE) -> dict[str, str]:
    """Return Spark's settings: where the evaluator is, or the reason why there is none."""
    try:
        return {"spark.driver.extraClassPath": class_path(cache)}
    except NoDeequError as error:
        return {WITHOUT_EVALUATOR: f"this laptop has no evaluator of DQDL: {error}"}


def class_path(cache: Path = CACHE) -> str:
    """Return what Spark's driver needs on its class path; download what is missing.

    Raises:
        NoDeequError: a jar is missing and cannot be downloaded.
    """
    for jar in JARS:
        if not _is_whole(cache / jar.file, jar):
            _fetch(jar, cache)
    return os.pathsep.join(str(cache / jar.file) for jar in JARS)


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _fetch(jar: Jar, cache: Path) -> None:
    try:
        content = download(_repository() + jar.path, jar.sha256)
    except DownloadError as error:
        raise NoDeequError(
            f"{jar.file} is not in {cache} and cannot be downloaded: {error}"
        ) from error
    cache.mkdir(parents=True, exist_ok=True)
    # A rename, so that a jar appears there at once and whole.
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as folder:
        partial = Path(folder, jar.file)
        partial.write_bytes(content)
        partial.replace(cache / jar.file)


def _repository() -> str:
    """Return the address of the public repository: Ivy's default, as PySpark ships it."""
    import pyspark  # noqa: PLC0415 - only needed once

    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    with zipfile.ZipFile(ivy) as archive:
        resolver = archive.read("org/apache/ivy/plugins/resolver/IBiblioResolver.class")
    found = re.search(rb"https://[\w./-]+/maven2/", resolver)
    if found is None:
        raise NoDeequError(f"{ivy.name} names no public repository")
    return found.group().decode()
