"""`python -m tests.cluster.kubernetes.node PLAN`: the first process of the node, with which all others end.

It is started in namespaces of its own for processes, mounts, network and names, and gives these what the daemons need.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from pathlib import Path

from aurify.errors import EnvironmentFailure
from tests.cluster.kubernetes.certificates import ADMIN
from tests.cluster.kubernetes.configuration import CONTAINERD_SOCKET
from tests.cluster.kubernetes.daemons import Daemon, first_daemons, other_daemons
from tests.cluster.kubernetes.kubeconfig import inner_kubeconfig
from tests.cluster.kubernetes.kubectl import Kubectl
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.kubernetes.programs import SYSTEM_PATH
from tests.cluster.processes import dead, log_file

CABLE_END = "eth0"
# What the daemons keep at fixed places lies below the cluster's folder, and goes with it.
BOUND = (Path("/var/lib"), Path("/var/log"))


class Node:
    """All daemons of a node."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def run(self) -> None:
        """Start them in their order, and wait for one to end: none should."""
        self._mount()
        self._connect()
        for daemon in first_daemons(self.plan):
            self._start(daemon)
        while not (CONTAINERD_SOCKET.exists() and self._api_answers()):
            self._look_for_dead()
            time.sleep(0.1)
        for daemon in other_daemons(self.plan):
            self._start(daemon)
        while True:
            self._reap()

    def _mount(self) -> None:
        socket.sethostname(self.plan.node)
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", "/run"], check=True)
        for folder in (CONTAINERD_SOCKET.parent, Path("/run/netns")):
            folder.mkdir()
        for place in BOUND:
            kept = self.plan.data / "node" / place.name
            kept.mkdir(parents=True)
            subprocess.run(["mount", "--bind", str(kept), str(place)], check=True)

    def _connect(self) -> None:
        while CABLE_END not in [name for _, name in socket.if_nameindex()]:
            time.sleep(0.02)
        for words in (
            "link set lo up",
            f"addr add {self.plan.node_address}/30 dev {CABLE_END}",
            f"link set {CABLE_END} up",
            f"route add default via {self.plan.host_address}",
        ):
            subprocess.run(["ip", *words.split()], check=True)
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
        Path("/proc/sys/net/bridge/bridge-nf-call-iptables").write_text("1")

    def _start(self, daemon: Daemon) -> None:
        with self._log(daemon.name).open("ab") as output:
            self._running[daemon.name] = subprocess.Popen(
                daemon.command,
                cwd=self.plan.data,
                env={"PATH": SYSTEM_PATH, "HOME": "/root"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def _api_answers(self) -> bool:
        kubectl = Kubectl(self.plan.programs / "kubectl", inner_kubeconfig(self.plan, ADMIN))
        try:
            return kubectl("get", "--raw", "/readyz") == "ok"
        except EnvironmentFailure:
            return False

    def _look_for_dead(self) -> None:
        for name, process in self._running.items():
            ended = process.poll()
            if ended is not None:
                raise dead(name, ended, self._log(name))

    def _reap(self) -> None:
        """Wait for whatever ends: a daemon, or what a daemon has left behind."""
        pid, status = os.wait()
        for name, process in self._running.items():
            if process.pid == pid:
                raise dead(name, os.waitstatus_to_exitcode(status), self._log(name))

    def _log(self, name: str) -> Path:
        return log_file(self.plan.state, name)


if __name__ == "__main__":
    Node(Plan.of_words(sys.argv[1:])).run()
