"""The node's control groups, below which those of all pods are."""

from __future__ import annotations

import os
import time
from pathlib import Path

from aurify.errors import EnvironmentFailure

ROOT = Path("/sys/fs/cgroup")
REMOVED_WITHIN_S = 10
# A group of processor sets takes no process before it is told these.
INHERITED = ("cpuset.cpus", "cpuset.mems")


def make_groups(name: str) -> None:
    """Make the node's group in every hierarchy."""
    hierarchies = [folder for folder in ROOT.iterdir() if (folder / "cgroup.procs").exists()]
    if not (ROOT / "memory" / "cgroup.procs").exists():
        hint = "boot the machine with systemd.unified_cgroup_hierarchy=0"
        raise EnvironmentFailure.of(str(ROOT), "no hierarchy `memory`", "control groups of version 1", hint)
    for hierarchy in hierarchies:
        (hierarchy / name).mkdir(exist_ok=True)
        for file in INHERITED:
            if (hierarchy / file).exists():
                (hierarchy / name / file).write_text((hierarchy / file).read_text())


def remove_groups(name: str) -> None:
    """Remove the node's groups, of which all processes have ended; the system may take a moment to see that."""
    until = time.monotonic() + REMOVED_WITHIN_S
    for group in ROOT.glob(f"*/{name}"):
        for folder, _, _ in os.walk(group, topdown=False):
            _remove(Path(folder), until)


def _remove(folder: Path, until: float) -> None:
    while folder.exists():
        try:
            folder.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
