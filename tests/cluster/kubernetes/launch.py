"""Starting the node, the way to its API server, and the registry of images."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import yaml

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.kubernetes.programs import SYSTEM_PATH
from tests.cluster.processes import REPOSITORY, record, start

SEPARATE = ("--fork", "--kill-child", "--pid", "--mount-proc", "--mount", "--net", "--uts", "--ipc")
STARTS_WITHIN_S = 20


def start_node(plan: Plan) -> tuple[subprocess.Popen[bytes], int]:
    """Start the process that holds the node, and tell the pid of the node's first."""
    process = start(plan.state, "node-holder", ["unshare", *SEPARATE, *_module("node", plan)], _env(), REPOSITORY)
    pid = _child(process)
    record(plan.state, "node", pid)
    return process, pid


def start_relay(plan: Plan) -> subprocess.Popen[bytes]:
    """Lead the claimed port of loopback to the API server."""
    return start(plan.state, "relay", _module("relay", plan), _env(), REPOSITORY)


def start_registry(plan: Plan) -> subprocess.Popen[bytes]:
    """Serve images to the node, and take them from this machine."""
    file = plan.conf / "registry.yml"
    file.write_text(
        yaml.safe_dump(
            {
                "version": 0.1,
                "storage": {"filesystem": {"rootdirectory": str(registry_storage(plan))}},
                "http": {"addr": plan.registry},
            }
        )
    )
    return start(plan.state, "registry", [str(plan.programs / "registry"), "serve", str(file)], _env(), REPOSITORY)


def registry_storage(plan: Plan) -> Path:
    """The folder of all images."""
    return plan.data / "registry"


def _module(name: str, plan: Plan) -> list[str]:
    return [sys.executable, "-m", f"tests.cluster.kubernetes.{name}", *plan.words]


def _env() -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "PYTHONPATH") if name in os.environ}
    return {**kept, "PATH": SYSTEM_PATH, "OTEL_TRACES_EXPORTER": "none"}


def _child(process: subprocess.Popen[bytes]) -> int:
    """The one process that a process has started."""
    file = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    until = time.monotonic() + STARTS_WITHIN_S
    while process.poll() is None and time.monotonic() < until:
        children = file.read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.02)
    raise EnvironmentFailure.of("the node", "it did not start", "namespaces of its own", "only root may make them")
