"""Executors, cores and memory for an amount of input, each with the reason that it follows from.

The rules of thumb are those of Spark's tuning guide: a partition of 128 MB, a few waves of tasks, at most five cores an
executor, a heap whose working part holds the partitions that are worked on at once.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aurify.deploy.memory import LEAST_OVERHEAD_MB, OVERHEAD_SHARE, overhead_mb

MB = 1024**2
PARTITION_MB = 128
WAVES = 3
MOST_CORES = 4
# What a byte of Parquet takes in memory: dictionaries and packed numbers are spread out.
UNPACKED = 5
# The part of a heap that Spark works in, less what it keeps for itself (spark.memory.fraction).
WORKING_SHARE, RESERVED_MB = 0.6, 300


@dataclass(frozen=True)
class Node:
    """What a machine of the cluster gives to containers."""

    memory_mb: int
    cores: int


@dataclass(frozen=True)
class Sizing:
    """What is proposed, as settings of Spark, and why."""

    executors: int
    cores: int
    memory_mb: int
    conf: Mapping[str, str]
    reasons: Sequence[str]


def proposed(
    input_bytes: int, nodes: Sequence[Node], largest_mb: int, driver_mb: int, *, trains: bool,
    share: float = OVERHEAD_SHARE,
) -> Sizing:  # fmt: skip
    """Executors for the input, on nodes that also hold the driver, with containers of `largest_mb` at most.

    `share` of a heap is what the cluster adds to it. A training gets executors that stay, which hold all of its rows;
    other work such that come and go.
    """
    partitions = max(1, math.ceil(input_bytes / MB / PARTITION_MB))
    wanted = math.ceil(partitions / WAVES)
    cores = max(1, min(MOST_CORES, wanted, max((node.cores for node in nodes), default=1)))
    executors = math.ceil(wanted / cores)
    parts = f"{input_bytes / MB:,.0f} MB of input are {partitions} partitions of {PARTITION_MB} MB"
    reasons = [f"{parts}; in {WAVES} waves they take {wanted} cores: {executors} executors of {cores}"]
    if trains and executors < 2 <= len(nodes):
        executors, cores = 2, 1
        reasons.append("a training is spread over two executors at least, of one core")
    needed, why = _memory_mb(input_bytes, executors, cores, trains)
    reasons.append(why)
    fits = max(min(largest_mb - LEAST_OVERHEAD_MB, int(largest_mb / (1 + share))), 1)
    memory = min(needed, fits)
    if needed > fits:
        grown = math.ceil(executors * needed / fits) if trains else executors
        more = f", so {grown} executors instead of {executors}" if grown > executors else ""
        reasons.append(f"the largest container of {largest_mb} MB holds a heap of {fits} MB{more}")
        executors = grown
    room = _room(nodes, memory + overhead_mb(memory, share), driver_mb)
    if executors > room:
        short = ", which do not hold all rows: learn from fewer, or on more nodes" if trains else ""
        reasons.append(f"the cluster has room for {room} of them beside a driver of {driver_mb} MB{short}")
        executors = max(room, 1)
    return Sizing(executors, cores, memory, _conf(executors, cores, memory, trains), reasons)


def _memory_mb(input_bytes: int, executors: int, cores: int, trains: bool) -> tuple[int, str]:
    """The heap of an executor and its reason, rounded up to 256 MB."""
    if trains:
        held = input_bytes / MB * UNPACKED / executors
        why = f"each holds {held:,.0f} MB of rows, unpacked {UNPACKED}-fold, in the {WORKING_SHARE:.0%} of its heap"
    else:
        held = PARTITION_MB * UNPACKED * cores
        why = f"each works on {cores} partitions of {PARTITION_MB} MB, unpacked {UNPACKED}-fold, in {WORKING_SHARE:.0%}"
    heap = math.ceil((held / WORKING_SHARE + RESERVED_MB) / 256) * 256
    return heap, f"{why}: a heap of {heap} MB"


def _room(nodes: Sequence[Node], container: int, driver_mb: int) -> int:
    """How many containers fit on the nodes, the driver on the roomiest."""
    left = sorted((node.memory_mb for node in nodes), reverse=True)
    if left:
        left[0] -= driver_mb
    return sum(max(memory, 0) // container for memory in left)


def _conf(executors: int, cores: int, memory: int, trains: bool) -> dict[str, str]:
    fixed = {"spark.executor.cores": str(cores), "spark.executor.memory": f"{memory}m"}
    if trains:
        return {**fixed, "spark.dynamicAllocation.enabled": "false", "spark.executor.instances": str(executors)}
    return {
        **fixed,
        "spark.dynamicAllocation.enabled": "true",
        "spark.dynamicAllocation.shuffleTracking.enabled": "true",
        "spark.dynamicAllocation.minExecutors": "1",
        "spark.dynamicAllocation.maxExecutors": str(executors),
        "spark.executor.instances": "1",
    }
