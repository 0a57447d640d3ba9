"""Small tasks are scanned in this process, and larger ones by Spark."""

from __future__ import annotations

import gc
import gzip
import sys
import zipfile
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from zipimport import zipimporter

import pytest

from medical_charges.analysis.engine import Results, in_this_process, on_spark, small_here
from medical_charges.contract import Contract, parse_contract
from medical_charges.kernel.range import Range
from medical_charges.kernel.work import Worker
from medical_charges.storage import LocalStore
from tests.helpers import WITHOUT_CUBES, run, staged, upload

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@pytest.fixture(scope="module")
def contract() -> Contract:
    return parse_contract(WITHOUT_CUBES)


class Elsewhere:
    """Another place, which remembers how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        self.asked += 1
        return in_this_process(worker, tasks)


def no_session() -> SparkSession:
    raise AssertionError("a session was asked for")


@pytest.mark.parametrize(("spare", "asked"), [(0, 0), (-1, 1)])
def test_tasks_within_the_limit_are_scanned_in_this_process(
    spare: int, asked: int, store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    elsewhere, rows = Elsewhere(), len(real_file) - real_file.index(b"\n") - 1
    upload(store, contract, {"a.csv": real_file})
    run(store, contract, engine=small_here(elsewhere, rows + spare))
    assert elsewhere.asked == asked


def test_a_compressed_object_counts_for_more_than_its_size(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    elsewhere, zipped = Elsewhere(), gzip.compress(real_file)
    upload(store, contract, {"a.csv.gz": zipped})
    run(store, contract, engine=small_here(elsewhere, 2 * len(zipped)))
    assert elsewhere.asked == 1


def test_small_work_asks_for_no_session(
    store: LocalStore, contract: Contract, real_file: bytes
) -> None:
    upload(store, contract, {"a.csv": real_file})
    assert run(store, contract, engine=small_here(on_spark(no_session))).counted == 1338


@pytest.mark.spark
def test_spark_and_this_process_stage_the_same_bytes(
    store: LocalStore, contract: Contract, real_file: bytes, spark: SparkSession
) -> None:
    upload(store, contract, {"a.csv": real_file})
    run(store, contract, "here", engine=small_here(on_spark(no_session)))
    for ref in list(store.list(f"{contract.prefix}/Cube_data")):
        store.delete(ref.key)
    run(store, contract, "spark", engine=small_here(on_spark(lambda: spark), limit=0))
    assert staged(store, contract, "spark") == staged(store, contract, "here")


class OneWorker:
    """A Spark context that runs tasks in this process."""

    def parallelize(self, tasks: Sequence[Any], partitions: int) -> OneWorker:
        self._results = iter(tasks)
        return self

    def mapPartitions(self, function: Any) -> OneWorker:  # noqa: N802 - Spark's name
        self._results = function(self._results)
        return self

    def collect(self) -> list[Any]:
        return list(self._results)


def test_a_worker_leaves_the_next_task_no_archive_to_read_and_little_garbage(
    store: LocalStore,
    contract: Contract,
    real_file: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = tmp_path / "spark-core.jar"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("org/apache/spark/Task.class", b"")
    monkeypatch.syspath_prepend(archive)
    assert find_spec("no_module_is_called_this") is None
    assert isinstance(sys.path_importer_cache[str(archive)], zipimporter)
    upload(store, contract, {"a.csv": real_file})
    session: Any = SimpleNamespace(sparkContext=OneWorker())
    gc.unfreeze()
    run(store, contract, engine=on_spark(lambda: session))
    assert staged(store, contract)
    assert str(archive) not in sys.path_importer_cache
    assert gc.get_freeze_count() > 0
    gc.unfreeze()
