"""The workers: EMR steps, Glue jobs and Lambda functions, each in its own processes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from local_aws.workers.emr import EmrWorker
from local_aws.workers.glue import GlueWorker
from local_aws.workers.lambda_ import LambdaWorker
from local_aws.workers.objects import ObjectCache
from local_aws.workers.spark import Spark

if TYPE_CHECKING:
    from pathlib import Path

    from local_aws.processes import Processes

# Two JVMs on two cores take longer together than one after the other.
_JVMS_AT_ONCE = 1


class Workers:
    """The three workers of a stack, and their shared objects."""

    def __init__(self, endpoint: str, state: Path, processes: Processes) -> None:
        self.objects = ObjectCache(endpoint, state / "objects")
        spark = Spark(
            endpoint, state / "spark", processes, threading.BoundedSemaphore(_JVMS_AT_ONCE)
        )
        self.emr = EmrWorker(spark, self.objects)
        self.glue = GlueWorker(spark, self.objects)
        self.functions = LambdaWorker(endpoint, state / "functions", processes)
