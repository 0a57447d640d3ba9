"""The execution of tasks: on Spark, or in this process."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from zipimport import zipimporter

from medical_charges.errors import MedicalChargesError
from medical_charges.kernel.range import Range
from medical_charges.kernel.work import RangeResult, Worker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Results = Iterator[RangeResult | MedicalChargesError]
Engine = Callable[[Worker, Sequence[Sequence[Range]]], Results]

WAVE_TASKS = 500
"""Maximum number of tasks of one Spark job."""

RANGE_BYTES = 64 * 1024 * 1024
"""Number of bytes that a worker scans at once. Twice as much is no faster and takes twice the
memory."""

HERE_BYTES = 128 * 1024 * 1024
"""Number of bytes that are scanned faster than Spark starts."""

PEAK_BYTES_PER_RANGE = 640 * 1024 * 1024
"""Memory of a process that scans ranges of RANGE_BYTES: measured were 244 MiB for clean rows with
the real file's schema, 260 MiB with a fifth of them rejected. Long records take more."""


EXECUTOR_CORES = 4


def executor_settings() -> dict[str, str]:
    """Return Spark settings for executors whose cores each scan in a process of their own.

    The memory is outside the JVM, which itself has little to do; 384 MiB of it are the minimum that
    YARN adds for the JVM's own overhead.
    """
    overhead = EXECUTOR_CORES * PEAK_BYTES_PER_RANGE // 2**20 + 384
    return {
        "spark.executor.cores": str(EXECUTOR_CORES),
        # More where workers have more at least, as those of EMR Serverless have.
        "spark.executor.memory": os.environ.get("EXECUTOR_MEMORY", "1g"),
        "spark.executor.memoryOverhead": f"{overhead}m",
        # Results are cubes, whose size the contract's groups bound, not the input's.
        "spark.driver.maxResultSize": "0",
        # One thread for each range: the ranges are what keeps the cores busy.
        "spark.executorEnv.POLARS_MAX_THREADS": "1",
        # A range's bytes are put where the last range's were: new memory costs more than reading.
        # Not by a threshold for mapping, which glibc before 2.35, as on EMR, caps below a range.
        "spark.executorEnv.MALLOC_MMAP_MAX_": "0",
        "spark.executorEnv.MALLOC_TRIM_THRESHOLD_": str(8 * RANGE_BYTES),
    }


def in_this_process(worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
    """Scan one task after another in this process."""
    for task in tasks:
        yield from worker.scan(task)


def small_here(elsewhere: Engine, limit: int = HERE_BYTES) -> Engine:
    """Scan tasks of up to `limit` bytes in this process, and others elsewhere."""

    def run(worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        size = sum(part.scanned_bytes for task in tasks for part in task)
        return (in_this_process if size <= limit else elsewhere)(worker, tasks)

    return run


def on_spark(session: Callable[[], SparkSession]) -> Engine:
    """Scan the tasks as a Spark job. The session is made only if there are any."""

    def run(worker: Worker, tasks: Sequence[Sequence[Range]]) -> Results:
        if tasks:
            context = session().sparkContext
            # Wave by wave: what a wave found is kept, whatever happens to the next.
            for start in range(0, len(tasks), WAVE_TASKS):
                wave = tasks[start : start + WAVE_TASKS]
                scanned = context.parallelize(wave, len(wave)).mapPartitions(_Scanning(worker))
                yield from scanned.collect()

    return run


@dataclass(frozen=True)
class _Scanning:
    """The scan of tasks by a Python worker of Spark."""

    worker: Worker

    def __call__(self, tasks: Iterable[Sequence[Range]]) -> Results:
        for task in tasks:
            yield from self.worker.scan(task)
        _forget_archives()
        _freeze_what_stays()


def _forget_archives() -> None:
    """Drop the cached importers of Spark's archives, so that the next task does not read them.

    PySpark invalidates the caches of imports before each task. Python then reads the directory of
    every archive in which it has searched a module, thousands of entries in Spark's own jar, which
    took 80 ms a task: as long as scanning 16 MiB. An archive is found again when needed.
    """
    for place, finder in list(sys.path_importer_cache.items()):
        if isinstance(finder, zipimporter):
            del sys.path_importer_cache[place]


def _freeze_what_stays() -> None:
    """Limit the garbage collection that PySpark requests after each task to that task's objects.

    Otherwise everything that was imported for the first task would be traversed each time.
    """
    if not gc.get_freeze_count():
        gc.collect()
        gc.freeze()
