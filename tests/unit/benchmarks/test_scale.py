"""What large inputs would take, against numbers worked out by hand."""

from __future__ import annotations

import pytest

from benchmarks.scale import Cluster, Node, Speed, on_cluster, on_serverless, validated

NODE = Node("n", vcpus=4, gigabits=8.0, dollars_hour=0.36)
SPEED = Speed(core=100e6, merged=1e6, groups=1_000, checked=20e6)
"""Four cores scan 400 MB a second, of which the network brings all."""


def test_a_small_input_waits_for_the_cluster_alone() -> None:
    found = on_cluster(64 * 2**20, Cluster(NODE, 1, 4), SPEED)
    # One task of 0.671 s, one cube of 1,000 groups: 480 s + 0.671 s + 0.001 s.
    assert found.minutes == pytest.approx(480.672 / 60, rel=1e-4)
    # The node 0.36 and the primary node 0.24 an hour for all of it, but for a thousandth.
    assert found.dollars == pytest.approx(480.672 * 0.60 / 3600, rel=1e-3)
    assert found.limit == "start-up"


def test_a_large_input_goes_in_four_waves_with_a_wait_after_each() -> None:
    found = on_cluster(10**12, Cluster(NODE, 30, 30), SPEED)
    # 2,000 tasks of 500 MB take 5 s each; a wave of 500 is five rounds on 120 cores, not 4.2.
    assert found.minutes == pytest.approx((480 + 4 * 5 * 5 + 2_000 * 1_000 / 1e6) / 60)


def test_a_slow_network_is_what_a_node_waits_for() -> None:
    slow = Node("n", vcpus=4, gigabits=0.8, dollars_hour=0.36)
    found = on_cluster(10**12, Cluster(slow, 30, 30), SPEED)
    # 100 MB a second for four cores: 20 s a task.
    assert found.minutes == pytest.approx((480 + 4 * 5 * 20 + 2) / 60)
    assert on_cluster(10**13, Cluster(slow, 30, 30), SPEED).limit == "network"


def test_no_more_is_asked_for_than_there_are_tasks() -> None:
    few = on_serverless(64 * 2**20, 400, SPEED)
    # A worker's vCPU for the shortest bill of a minute, the driver's four throughout.
    vcpu_seconds = 60 + 4 * (120 + 0.671 + 0.001)
    assert few.dollars == pytest.approx(vcpu_seconds * (0.052624 + 2 * 0.0057785) / 3600, rel=1e-4)


def test_validation_reads_every_row_twice_on_all_workers_but_the_drivers() -> None:
    found = validated(10**12, 11, SPEED)
    assert found.minutes == pytest.approx(2 * 10**12 / 20e6 / 40 / 60)
    assert found.dollars == pytest.approx(2 * 10**12 / 20e6 / 40 / 3600 * 11 * 0.44)
