"""What large inputs would take on AWS: reckoned from what was measured here, second by second.

A cluster starts, its first nodes begin to scan, managed scaling adds others, the driver merges.
A node scans as fast as its cores or its network let it, whichever is less. Nothing of this was
run in an account: the prices are lists', the moments of start-up assumptions, both named below.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from medical_charges.engine import RANGE_BYTES
from medical_charges.plan import TASK_LIMIT

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
    """A first run over `size` bytes on a transient cluster."""
    node, left, second, node_seconds = cluster.node, float(size), 0, 0
    # More nodes than there are ranges for are not asked for.
    useful = max(cluster.minimum, min(cluster.maximum, -(-size // (RANGE_BYTES * node.vcpus))))
    while left > 0:
        nodes = cluster.minimum if second < NODES_JOIN_SECONDS else useful
        left -= nodes * node.bytes_second(speed.core)
        node_seconds += nodes
        second += 1
    merge = merge_seconds(size, speed)
    nodes = cluster.minimum if second < NODES_JOIN_SECONDS else useful
    node_seconds += int(cluster.minimum * CLUSTER_STARTS_SECONDS + nodes * merge)
    total = CLUSTER_STARTS_SECONDS + second + merge
    dollars = (node_seconds * node.dollars_hour + total * PRIMARY.dollars_hour) / 3600
    scan = "cores" if node.vcpus * speed.core < node.network else "network"
    longest = max((CLUSTER_STARTS_SECONDS, "start-up"), (second, scan), (merge, "driver"))
    return Reckoned(total / 60, dollars, longest[1])


def on_serverless(size: int, vcpus: int, speed: Speed) -> Reckoned:
    """The same on EMR Serverless with up to so many vCPUs, if its network keeps up."""
    used = max(1, min(vcpus, -(-size // RANGE_BYTES)))
    scan, merge = size / (used * speed.core), merge_seconds(size, speed)
    total = SERVERLESS_STARTS_SECONDS + scan + merge
    vcpu_hour = SERVERLESS_VCPU_HOUR + SERVERLESS_GB_PER_VCPU * SERVERLESS_GB_HOUR
    # Workers are billed for a minute at the least, and the driver is one throughout.
    seconds = used * max(60, scan + merge) + DRIVER_VCPUS * total
    dollars = vcpu_hour * seconds / 3600
    longest = max((SERVERLESS_STARTS_SECONDS, "start-up"), (scan, "cores"), (merge, "driver"))
    return Reckoned(total / 60, dollars, longest[1])


def merge_seconds(size: int, speed: Speed) -> float:
    """What the driver needs for the tasks' cubes, of which each may hold every group.

    That is of few large objects; of many small ones each is a cube.
    """
    return min(-(-size // RANGE_BYTES), TASK_LIMIT) * speed.groups / speed.merged


def validated_dollars(size: int, speed: Speed) -> float:
    """What ValidateOutputs costs on Glue, on however many workers."""
    return size / speed.checked / 3600 / GLUE_DPU_CORES * GLUE_DPU_HOUR


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
        f"us-east-1; networks at their baseline."
    )
    yield ""
    yield "| a first run over | on | minutes | dollars | longest wait |"
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
    small = SIZES[0]
    transient = on_cluster(small, CLUSTERS[0], speed).dollars
    serverless = on_serverless(small, 400, speed).dollars
    idle = 2 * M5.dollars_hour * MONTH_HOURS
    yield (
        f"A run over {_size(small)} costs {transient:.3f} on a transient cluster, nearly all of it "
        f"start-up, and would cost {serverless:.3f} on EMR Serverless. A persistent cluster of two "
        f"{M5.name} costs {idle:.0f} a month, so it pays from {idle / transient:,.0f} runs a month "
        f"on, or where {CLUSTER_STARTS_SECONDS // 60} minutes are too long to wait."
    )
    yield ""
    large = SIZES[-1]
    yield (
        f"Validation reads new rows a second time, in plain Python: "
        f"{validated_dollars(large, speed):,.0f} dollars of Glue for {_size(large)}, "
        f"{validated_dollars(small, speed):.4f} for {_size(small)}."
    )


def _size(size: int) -> str:
    return f"{size // 10**12} TB" if size >= 10**12 else f"{size // 10**9} GB"
