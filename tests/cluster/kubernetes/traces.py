"""What there is of a cluster on this machine: nothing, once it has ended."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from tests.cluster.kubernetes.cgroups import ROOT
from tests.cluster.kubernetes.plan import Plan

# Where programs of containers and of Kubernetes like to keep things.
FIXED = (
    Path("/run/containerd"),
    Path("/run/netns"),
    Path("/var/lib/cni"),
    Path("/var/lib/kubelet"),
    Path("/var/log/containers"),
    Path("/var/log/pods"),
)


def traces(plan: Plan, node_namespace: str) -> list[str]:
    """Processes, links, routes, mounts, groups and data that a cluster has, and folders that it may have made."""
    routes = Path("/proc/net/route").read_text().splitlines()
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    return [
        *_processes(plan, node_namespace),
        *(name for name in os.listdir("/sys/class/net") if name == plan.node),
        *(route for route in routes if route.split()[0] == plan.node),
        *(mount for mount in mounts if str(plan.state) in mount),
        *map(str, ROOT.glob(f"*/{plan.node}")),
        *(str(folder) for folder in (plan.data, *FIXED) if folder.exists()),
    ]


def namespace(pid: int) -> str:
    """The namespace of processes that a process is in."""
    return os.readlink(f"/proc/{pid}/ns/pid")


def _processes(plan: Plan, node_namespace: str) -> Iterator[str]:
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").replace("\0", " ")
            if namespace(int(pid)) == node_namespace or str(plan.state) in words:
                yield f"{pid} {words}"
        except OSError:  # it has ended
            continue
