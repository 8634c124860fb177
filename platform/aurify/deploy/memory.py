"""The memory that Spark asks a cluster for: the heap, what Python and Java need beside it, rounded as the cluster does.

Rules of Spark 3.5: https://spark.apache.org/docs/3.5.6/running-on-yarn.html (memoryOverhead).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

LEAST_OVERHEAD_MB, OVERHEAD_SHARE = 384, 0.1
_SIZE = re.compile(r"(\d+)\s*(?:([kmgt])b?|(b))?", re.IGNORECASE)
_IN_MB = {"b": 1 / 1024**2, "k": 1 / 1024, "m": 1.0, "g": 1024.0, "t": 1024.0**2}


@dataclass(frozen=True)
class Container:
    """What is asked of the cluster for one process, in MB, and the setting that its heap comes from."""

    who: str
    key: str
    heap_mb: int
    overhead_mb: int
    python_mb: int = 0
    off_heap_mb: int = 0

    @property
    def total_mb(self) -> int:
        """All of it."""
        return self.heap_mb + self.overhead_mb + self.python_mb + self.off_heap_mb

    def rounded_mb(self, step_mb: int) -> int:
        """What is granted: a multiple of the cluster's smallest container."""
        return math.ceil(self.total_mb / step_mb) * step_mb

    def told(self) -> str:
        """The sum, with its terms."""
        parts = {"": self.heap_mb, "overhead": self.overhead_mb, "Python": self.python_mb, "off heap": self.off_heap_mb}
        terms = " + ".join(f"{value} {name}".strip() for name, value in parts.items() if value)
        return f"{self.total_mb} MB ({terms})"


def size_mb(text: str, unit: str = "m") -> int:
    """A size as Spark writes it, in MB; without a letter it is in `unit`. ValueError where it is none."""
    found = _SIZE.fullmatch(text.strip())
    if found is None:
        raise ValueError(text)
    return math.ceil(int(found[1]) * _IN_MB[(found[2] or found[3] or unit).lower()])


def overhead_mb(heap_mb: int, share: float = OVERHEAD_SHARE) -> int:
    """What is asked for beside a heap if nobody says."""
    return max(LEAST_OVERHEAD_MB, int(heap_mb * share))


def executor_container(conf: Mapping[str, str], factor: float = OVERHEAD_SHARE) -> Container:
    """What each executor asks for."""
    heap = size_mb(conf.get("spark.executor.memory", "1g"))
    off_heap = 0
    if conf.get("spark.memory.offHeap.enabled", "false").lower() == "true":
        off_heap = size_mb(conf.get("spark.memory.offHeap.size", "0"), "b")
    python = size_mb(conf.get("spark.executor.pyspark.memory", "0"))
    overhead = _overhead(conf, "spark.executor", heap, factor)
    return Container("executor", "spark.executor.memory", heap, overhead, python, off_heap)


def driver_container(conf: Mapping[str, str], mode: str, factor: float = OVERHEAD_SHARE) -> Container:
    """What the driver asks for; in client mode the small application master, as the driver is not on the cluster."""
    if mode == "client":
        heap = size_mb(conf.get("spark.yarn.am.memory", "512m"))
        text = conf.get("spark.yarn.am.memoryOverhead")
        overhead = size_mb(text) if text else overhead_mb(heap, factor)
        return Container("application master", "spark.yarn.am.memory", heap, overhead)
    heap = size_mb(conf.get("spark.driver.memory", "1g"))
    return Container("driver", "spark.driver_memory", heap, _overhead(conf, "spark.driver", heap, factor))


def _overhead(conf: Mapping[str, str], of: str, heap: int, factor: float) -> int:
    """Memory beside the heap: as set, else a share of the heap."""
    text = conf.get(f"{of}.memoryOverhead")
    if text:
        return size_mb(text)
    return overhead_mb(heap, float(conf.get(f"{of}.memoryOverheadFactor", factor)))
