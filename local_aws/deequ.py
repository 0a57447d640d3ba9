"""Deequ's evaluator of DQDL for Spark on a laptop, where Glue's own is not available.

Two jars, downloaded once. Everything else that they need comes with Spark.
"""

from __future__ import annotations

import os
from pathlib import Path

from local_aws.download import DownloadError
from local_aws.maven import Jar, fetched

CACHE = Path(__file__).resolve().parent.parent / ".build" / "cache" / "deequ"

WITHOUT_EVALUATOR = "spark.medicalcharges.withoutEvaluator"
"""The setting in which validation looks for the reason why there is no evaluator."""


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
    return os.pathsep.join(str(_fetched(jar, cache)) for jar in JARS)


def _fetched(jar: Jar, cache: Path) -> Path:
    try:
        return fetched(jar, cache)
    except DownloadError as error:
        raise NoDeequError(
            f"{jar.file} is not in {cache} and cannot be downloaded: {error}"
        ) from error
