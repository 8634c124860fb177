"""What a stretch of work costs: wall and CPU time, memory and bytes of Python and its JVM, Spark jobs and files."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MB = 1 << 20
_COLLECTED = re.compile(r"Pause .*?(\d+)M->(\d+)M\(")
_FILES = {"number of files read": "files_read", "number of written files": "files_written"}


@dataclass(frozen=True)
class Cost:
    """One stretch of work. CPU is user and system time of the process tree; bytes are those of all system calls.

    `log_jobs` are those of the jobs that only read a Delta log or choose files by it. `jvm_heap_mb` is the most that
    a garbage collection left behind: what was really held, in the heap that Java had.
    """

    wall_s: float
    cpu_s: float
    cpu_python_s: float
    cpu_jvm_s: float
    peak_python_mb: float
    peak_jvm_mb: float
    jvm_heap_mb: float
    jobs: int
    log_jobs: int
    read_mb: float
    written_mb: float
    files_read: int
    files_written: int

    def as_dict(self) -> dict[str, float]:
        """For JSON, in thousandths."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


class Meter:
    """Reads the meters of this process and its JVM."""

    def __init__(self, spark: SparkSession, gc_log: Path) -> None:
        self._spark = spark
        self._gc_log = gc_log
        self._python = psutil.Process()
        self._java = next(p for p in self._python.children(recursive=True) if "java" in p.name())
        self.costs: dict[str, list[Cost]] = {}

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """Measure what is done inside; a name may be measured again and again."""
        for process in (self._python, self._java):
            Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
        collected = self._gc_log.stat().st_size if self._gc_log.exists() else 0
        executions, jobs = self._executions(), self._jobs()
        began, cpu, moved = time.monotonic(), self._cpu(), self._bytes()
        yield
        ended, cpu_after, moved_after = time.monotonic(), self._cpu(), self._bytes()
        python, java = (after - before for before, after in zip(cpu, cpu_after, strict=True))
        files = self._files_since(executions)
        cost = Cost(
            wall_s=ended - began,
            cpu_s=python + java,
            cpu_python_s=python,
            cpu_jvm_s=java,
            peak_python_mb=_peak_mb(self._python),
            peak_jvm_mb=_peak_mb(self._java),
            jvm_heap_mb=self._most_held(collected),
            jobs=self._jobs() - jobs,
            log_jobs=self._log_jobs_since(jobs),
            read_mb=(moved_after[0] - moved[0]) / _MB,
            written_mb=(moved_after[1] - moved[1]) / _MB,
            **files,
        )
        self.costs.setdefault(name, []).append(cost)

    def since_birth(self) -> dict[str, float]:
        """Wall and CPU time since this process was started, the start of Python and Java included."""
        return {"wall_s": time.time() - self._python.create_time(), "cpu_s": sum(self._cpu())}

    def _cpu(self) -> tuple[float, float]:
        """Of Python, the workers that Spark starts among it, and of Java."""
        workers = sum(_cpu_s(process) for process in self._java.children(recursive=True))
        return _cpu_s(self._python) + workers, _cpu_s(self._java)

    def _bytes(self) -> tuple[int, int]:
        counters = [p.io_counters() for p in (self._python, self._java)]
        return sum(c.read_chars for c in counters), sum(c.write_chars for c in counters)

    def _jobs(self) -> int:
        return int(self._spark.sparkContext._jsc.sc().dagScheduler().numTotalJobs())

    def _log_jobs_since(self, first: int) -> int:
        """Of the jobs from that one on, those that Delta runs over its own log; it names all of its jobs."""
        self._spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
        jobs = self._spark.sparkContext._jsc.sc().statusStore().jobsList(None)
        recent = [jobs.apply(i) for i in range(jobs.size())]
        told = [
            str(job.description().get()) for job in recent if job.jobId() >= first and job.description().isDefined()
        ]
        return sum(text.startswith("Delta:") and " operation - " not in text for text in told)

    def _executions(self) -> int:
        """The newest id that Spark gave to an execution."""
        store = self._spark._jsparkSession.sharedState().statusStore()
        total = int(store.executionsCount())
        newest = store.executionsList(max(0, total - 1), 1)
        return int(newest.apply(0).executionId()) if newest.size() else -1

    def _files_since(self, execution: int) -> dict[str, int]:
        """How many data files the executions after that one read and wrote, by Spark's own metrics."""
        found = dict.fromkeys(_FILES.values(), 0)
        store = self._spark._jsparkSession.sharedState().statusStore()
        self._spark.sparkContext._jsc.sc().listenerBus().waitUntilEmpty()
        total = int(store.executionsCount())
        recent = store.executionsList(0, max(1, total))
        for i in range(recent.size()):
            number = recent.apply(i).executionId()
            if number <= execution:
                continue
            values = store.executionMetrics(number)
            metrics = recent.apply(i).metrics()
            for k in range(metrics.size()):
                name = _FILES.get(metrics.apply(k).name())
                value = values.get(metrics.apply(k).accumulatorId()) if name else None
                if name and value is not None and value.isDefined():
                    found[name] += int(value.get().replace(",", ""))
        return found

    def _most_held(self, offset: int) -> float:
        if not self._gc_log.exists():
            return 0.0
        with self._gc_log.open(encoding="utf-8", errors="replace") as log:
            log.seek(offset)
            return max((float(m.group(2)) for m in _COLLECTED.finditer(log.read())), default=0.0)


def _cpu_s(process: psutil.Process) -> float:
    """Of the process and of those that it has waited for; nothing once it is gone."""
    with suppress(psutil.NoSuchProcess):
        used = process.cpu_times()
        return float(used.user + used.system + used.children_user + used.children_system)
    return 0.0


def _peak_mb(process: psutil.Process) -> float:
    """The most memory that the process had since its peak was last reset."""
    status: Mapping[str, Any] = dict(
        line.split(":", 1) for line in Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8").splitlines()
    )
    return float(status["VmHWM"].split()[0]) / 1024
