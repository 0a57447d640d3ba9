"""What large inputs would take on AWS: reckoned from what was measured here, task by task.

A cluster starts, its first nodes begin to scan, managed scaling adds others, tasks go in waves,
the driver merges.
A node scans as fast as its cores or its network let it, whichever is less. Nothing of this was
run in an account: the prices are lists', the moments of start-up assumptions, both named below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from medical_charges.analysis.engine import RANGE_BYTES, WAVE_TASKS
from medical_charges.analysis.snapshot import TASK_LIMIT

CLUSTER_STARTS_SECONDS = 480
"""From the run's start to the step's: instances, bootstrap action, Spark. An assumption."""
NODES_JOIN_SECONDS = 180
"""From the step's start until nodes that managed scaling asked for scan too. An assumption."""
SERVERLESS_STARTS_SECONDS = 120
"""From a job's start on EMR Serverless to its first task. An assumption."""
SERVERLESS_VCPU_HOUR, SERVERLESS_GB_HOUR = 0.052624, 0.0057785
DRIVER_VCPUS = 4
SERVERLESS_GB_PER_VCPU = 2
"""The least that a worker of 4 vCPU has is 8 GB, which hold its four ranges."""
GLUE_DPU_HOUR = 0.44
GLUE_DPU_CORES = 4
GLUE_WORKERS = (2, 50)
MONTH_HOURS = 730
SIZES = (10**9, 10**11, 10**13)


@dataclass(frozen=True)
class Node:
    """An instance type: on-demand list prices in us-east-1 of 2025, EMR's part included."""

    name: str
    vcpus: int
    gigabits: float
    """Baseline bandwidth, in Gbit/s: what is left when the burst is used up."""
    dollars_hour: float

    def bytes_second(self, core: float) -> float:
        """What a node scans in a second, if a core scans `core`."""
        return min(self.vcpus * core, self.network)

    @property
    def network(self) -> float:
        """Bytes in a second."""
        return self.gigabits * 1e9 / 8


PRIMARY = Node("m5.xlarge", 4, 1.25, 0.240)
M5 = PRIMARY
C5N = Node("c5n.4xlarge", 16, 15.0, 1.080)


@dataclass(frozen=True)
class Cluster:
    """A transient cluster: nodes of one type, between so few and so many of them."""

    node: Node
    minimum: int
    maximum: int

    @property
    def title(self) -> str:
        """How many of which."""
        return f"{self.minimum} to {self.maximum} {self.node.name}"


CLUSTERS = (Cluster(M5, 1, 4), Cluster(M5, 1, 40), Cluster(C5N, 1, 4), Cluster(C5N, 1, 40))


@dataclass(frozen=True)
class Speed:
    """What was measured here."""

    core: float
    """Bytes that a core scans in a second."""
    merged: float
    """Groups that the driver merges in a second."""
    groups: int
    """Groups of the contract's cube."""
    checked: float
    """Bytes that a core of ValidateOutputs reads and sums in a second."""


@dataclass(frozen=True)
class Reckoned:
    """What a run would take."""

    minutes: float
    dollars: float
    limit: str
    """What it waits for most."""


def on_cluster(size: int, cluster: Cluster, speed: Speed) -> Reckoned:
    """Analyze over `size` bytes, none of them known, on a transient cluster."""
    node, tasks = cluster.node, _tasks(size)
    # More nodes than there are tasks for are not asked for.
    useful = max(cluster.minimum, min(cluster.maximum, -(-tasks // node.vcpus)))

    def nodes(second: float) -> int:
        return cluster.minimum if second < NODES_JOIN_SECONDS else useful

    core = node.bytes_second(speed.core) / node.vcpus
    scan, cores = _scan(size, core, lambda second: nodes(second) * node.vcpus)
    merge = merge_seconds(size, speed)
    total = CLUSTER_STARTS_SECONDS + scan + merge
    node_seconds = cores / node.vcpus + cluster.minimum * CLUSTER_STARTS_SECONDS
    node_seconds += nodes(scan) * merge
    dollars = (node_seconds * node.dollars_hour + total * PRIMARY.dollars_hour) / 3600
    limit = "cores" if node.vcpus * speed.core < node.network else "network"
    longest = max((CLUSTER_STARTS_SECONDS, "start-up"), (scan, limit), (merge, "driver"))
    return Reckoned(total / 60, dollars, longest[1])


def on_serverless(size: int, vcpus: int, speed: Speed) -> Reckoned:
    """The same on EMR Serverless with so many vCPUs at the most and a network without limit."""
    used = min(vcpus, _tasks(size))
    scan, _ = _scan(size, speed.core, lambda _: used)
    merge = merge_seconds(size, speed)
    total = SERVERLESS_STARTS_SECONDS + scan + merge
    vcpu_hour = SERVERLESS_VCPU_HOUR + SERVERLESS_GB_PER_VCPU * SERVERLESS_GB_HOUR
    # Workers are billed for a minute at the least, and the driver is one throughout.
    seconds = used * max(60, scan + merge) + DRIVER_VCPUS * total
    dollars = vcpu_hour * seconds / 3600
    longest = max((SERVERLESS_STARTS_SECONDS, "start-up"), (scan, "cores"), (merge, "driver"))
    return Reckoned(total / 60, dollars, longest[1])


def _tasks(size: int) -> int:
    return min(-(-size // RANGE_BYTES), TASK_LIMIT)


def _scan(size: int, core: float, cores: Callable[[float], int]) -> tuple[float, float]:
    """Seconds, and core-seconds that are paid for, of tasks that go in waves.

    Args:
        size: bytes in all.
        core: bytes that a core scans in a second.
        cores: how many there are so many seconds after the start.
    """
    tasks = _tasks(size)
    each, second, paid = size / tasks / core, 0.0, 0.0
    for start in range(0, tasks, WAVE_TASKS):
        waiting = min(WAVE_TASKS, tasks - start)
        while waiting > 0:
            there = cores(second)
            waiting -= there
            second += each
            paid += there * each
    return second, paid


def merge_seconds(size: int, speed: Speed) -> float:
    """What the driver needs for the tasks' cubes, of which each may hold every group.

    That is of few large objects; of many small ones each is a cube.
    """
    return _tasks(size) * speed.groups / speed.merged


def validated(size: int, workers: int, speed: Speed) -> Reckoned:
    """ValidateOutputs over as many new bytes on so many of Glue's workers, one the driver.

    Rows are read twice, for their sums and for the rules; the second is reckoned like the first.
    """
    seconds = max(60, 2 * size / speed.checked / (workers - 1) / GLUE_DPU_CORES)
    return Reckoned(seconds / 60, seconds / 3600 * workers * GLUE_DPU_HOUR, "cores")


def lines(speed: Speed) -> Iterator[str]:
    """All of it as a section of a page."""
    yield (
        f"Measured here: a core scans {speed.core / 1e6:.0f} MB a second, everything of a run "
        f"included; the driver merges {speed.merged / 1e6:.1f} million groups a second, of which "
        f"the contract's cube has {speed.groups:,}; ValidateOutputs reads "
        f"{speed.checked / 1e6:.0f} MB a second and core. Assumed: "
        f"{CLUSTER_STARTS_SECONDS // 60} minutes until a transient cluster runs its step, "
        f"{NODES_JOIN_SECONDS // 60} until nodes join that managed scaling asked for, "
        f"{SERVERLESS_STARTS_SECONDS // 60} until EMR Serverless begins; list prices of 2025 in "
        f"us-east-1; networks of nodes at their baseline, that of EMR Serverless without a limit."
    )
    yield ""
    yield "| Analyze over new | on | minutes | dollars | longest wait |"
    yield "|---|---|---|---|---|"
    for size in SIZES:
        for cluster in CLUSTERS:
            yield _row(size, cluster.title, on_cluster(size, cluster, speed))
        yield _row(size, "EMR Serverless, 400 vCPU", on_serverless(size, 400, speed))
    yield ""
    yield "| a node | its cores could scan, MB/s | its network brings, MB/s |"
    yield "|---|---|---|"
    for node in (M5, C5N):
        yield (
            f"| {node.name} | {node.vcpus * speed.core / 1e6:,.0f} | {node.network / 1e6:,.0f} |"
        )
    yield ""
    yield from _advice(speed)


def _row(size: int, title: str, reckoned: Reckoned) -> str:
    return (
        f"| {_size(size)} | {title} | {reckoned.minutes:,.0f} | {reckoned.dollars:,.3f} | "
        f"{reckoned.limit} |"
    )


def _advice(speed: Speed) -> Iterator[str]:
    yield "| ValidateOutputs over new | `glue_workers` | minutes | dollars |"
    yield "|---|---|---|---|"
    for size in SIZES:
        for workers in GLUE_WORKERS:
            found = validated(size, workers, speed)
            yield f"| {_size(size)} | {workers} | {found.minutes:,.0f} | {found.dollars:,.2f} |"
    yield ""
    small, idle = SIZES[0], 2 * M5.dollars_hour * MONTH_HOURS
    transient = on_cluster(small, CLUSTERS[0], speed).dollars
    serverless = on_serverless(small, 400, speed).dollars
    yield (
        f"Analyze over {_size(small)} costs {transient:.3f} on a transient cluster, nearly all of "
        f"it start-up, and would cost {serverless:.3f} on EMR Serverless. A persistent cluster of "
        f"two {M5.name} costs {idle:.0f} a month whether it works or not: it pays where "
        f"{CLUSTER_STARTS_SECONDS // 60} minutes are too long to wait."
    )


def _size(size: int) -> str:
    return f"{size // 10**12} TB" if size >= 10**12 else f"{size // 10**9} GB"
