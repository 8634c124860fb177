"""What Spark tells of an application over HTTP, however a cluster leads there: its jobs, and what they wait for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aurify.errors import EnvironmentFailure

DRIVER = "driver"


class SparkAccount:
    """One application; `ask` gives the JSON below its address of Spark's REST, like `jobs`.

    Spark tells nothing before its context is there: `ask` then raises LookupError, ValueError or EnvironmentFailure.
    """

    def __init__(self, ask: Callable[[str], Any]) -> None:
        self._ask = ask

    def _told(self, what: str) -> list[dict[str, Any]]:
        try:
            found: list[dict[str, Any]] = self._ask(what)
        except (LookupError, ValueError, EnvironmentFailure):
            return []
        return found

    def progress(self) -> str:
        """How many of its jobs are done, and how far the running ones are; empty where nobody tells."""
        jobs = self._told("jobs")
        if not jobs:
            return ""
        running = [job for job in jobs if job["status"] == "RUNNING"]
        done = sum(job["status"] == "SUCCEEDED" for job in jobs)
        tasks, whole = (sum(int(job[name]) for job in running) for name in ("numCompletedTasks", "numTasks"))
        told = f"{done} jobs done"
        return f"{told}, {tasks} of {whole} tasks of {len(running)} more" if running else told

    def waiting_tasks(self) -> int:
        """How many tasks wait while no executor is there to run any; 0 where the work goes on."""
        stages = self._told("stages?status=active")
        if not stages or any(int(stage["numActiveTasks"]) for stage in stages):
            return 0
        executors = self._told("executors")
        if not executors or any(one["id"] != DRIVER for one in executors):
            return 0
        return sum(int(stage["numTasks"]) - int(stage["numCompleteTasks"]) for stage in stages)
