"""The processes of YARN's containers: all of them, or the JVMs of an application."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from tests.cluster.processes import Process, working_below

Role = Literal["driver", "executor"]

# The driver's is that of cluster mode; in client mode the driver is no container.
MAIN: dict[Role, str] = {
    "driver": "org.apache.spark.deploy.yarn.ApplicationMaster",
    "executor": "org.apache.spark.executor.YarnCoarseGrainedExecutorBackend",
}


def jvms(data: Path, application: str, role: Role) -> list[Process]:
    """The JVMs of an application in a role."""
    return [
        process
        for process, at, words in working_below(data)
        if application in at.parts and Path(words[0]).name == "java" and MAIN[role] in words
    ]


def end_containers(data: Path) -> None:
    """Kill whatever containers still run; called when no daemon is left that starts others."""
    while left := [process for process, _, _ in working_below(data)]:
        for process in left:
            process.kill()
