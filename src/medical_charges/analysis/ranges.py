"""Work units: new objects split into ranges, and ranges grouped into tasks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from medical_charges.analysis.snapshot import NewObject
from medical_charges.contract import Contract
from medical_charges.kernel.range import Range

TASK_LIMIT = 2_000
"""The largest number of tasks of a run: their results meet on the driver."""

SMALL_TASK_BYTES = 32 * 1024 * 1024
"""Small objects share a task until it holds this many bytes."""


def plan_ranges(objects: Iterable[NewObject], contract: Contract, range_size: int) -> list[Range]:
    """Split objects into ranges that tile them."""
    ranges = []
    for item in objects:
        start, size = item.header.data_start, item.ref.size
        if item.header.gzip or contract.source.multiline:
            ranges.append(Range(item.identity, item.ref, item.header, start, None))
            continue
        # Equal ranges: a short last one would leave a core idle.
        pieces = max(1, -(-(size - start) // range_size))
        edges = [start + (size - start) * i // pieces for i in range(pieces + 1)]
        ranges.extend(
            Range(item.identity, item.ref, item.header, low, high) for low, high in pairwise(edges)
        )
    return ranges


def plan_tasks(ranges: Sequence[Range], range_size: int) -> list[list[Range]]:
    """Group adjacent ranges into tasks, so that small objects share one."""
    total = sum(part.bytes for part in ranges)
    target = max(min(SMALL_TASK_BYTES, range_size), total // TASK_LIMIT)
    tasks: list[list[Range]] = []
    filled = 0
    for part in ranges:
        if not tasks or filled + part.bytes > target:
            tasks.append([])
            filled = 0
        tasks[-1].append(part)
        filled += part.bytes
    return tasks
