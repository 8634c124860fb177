"""A real HDFS and YARN on loopback: started, watched, broken on purpose, and ended without a trace."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from aurify.errors import EnvironmentFailure
from aurify.session.java import find_java
from tests.cluster.hadoop.configuration import CLIENT, Plan, write_configuration
from tests.cluster.hadoop.containers import Role, jvms
from tests.cluster.hadoop.daemons import DAEMONS
from tests.cluster.hadoop.health import Health, health, whole
from tests.cluster.hadoop.jars import daemon_jars
from tests.cluster.hadoop.launch import Launcher
from tests.cluster.hadoop.resource_manager import ResourceManager
from tests.cluster.hadoop.watch import end_cluster
from tests.cluster.ports import LOOPBACK, ClaimedPorts, claim_ports
from tests.cluster.processes import Process, dead, recorded, watch
from tests.cluster.server import Server

NODE_MEMORY_MB = 5120
PATIENCE_S = 120


class Hadoop(Server):
    """One cluster: a namenode, two datanodes, a resource manager and two nodemanagers, each a process."""

    def __init__(self, state: Path, node_memory_mb: int = NODE_MEMORY_MB) -> None:
        self.state = state.resolve()
        self._node_memory_mb = node_memory_mb
        self._claimed: ClaimedPorts | None = None
        self._watch: subprocess.Popen[bytes] | None = None
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    @property
    def conf_dir(self) -> Path:
        """The configuration of clients."""
        return self._plan.conf(CLIENT)

    @property
    def hdfs_uri(self) -> str:
        """The root of its file system."""
        return self._plan.hdfs_uri

    @property
    def logs(self) -> Path:
        """The folder of the daemons' logs, and of those of containers until they are gathered in HDFS."""
        return self._plan.logs

    @property
    def env(self) -> dict[str, str]:
        """What a process that submits to it needs in its environment."""
        return {
            "HADOOP_CONF_DIR": str(self.conf_dir),
            "YARN_CONF_DIR": str(self.conf_dir),
            "JAVA_HOME": str(self._launcher.java.home),
            "SPARK_LOCAL_IP": LOOPBACK,
        }

    @property
    def yarn(self) -> ResourceManager:
        """What its resource manager tells."""
        return ResourceManager(self._plan.address("resourcemanager http"))

    def health(self) -> Health:
        """What its masters say of their workers."""
        return health(self._plan)

    def kill(self, name: str) -> None:
        """End a daemon by SIGKILL."""
        process = recorded(self.state, name)
        if process is None:
            known = ", ".join(daemon.name for daemon in DAEMONS)
            raise EnvironmentFailure.of(name, "no such daemon that runs", f"one of {known}", "start it again first")
        process.kill()
        self._processes.pop(name).wait()

    def start_again(self, name: str) -> None:
        """Start a daemon that was killed, on what it had written, and wait until the cluster is whole."""
        self._processes[name] = self._launcher.start(next(daemon for daemon in DAEMONS if daemon.name == name))
        self.wait_until_whole()

    def containers(self, application: str, role: Role) -> list[Process]:
        """The JVMs of an application in a role."""
        return jvms(self._plan.data, application, role)

    def wait_until_whole(self) -> None:
        """Wait until all datanodes live, files may be written, and all nodemanagers give memory away."""
        expected = whole(self._plan)
        self.wait_for(lambda now: now == expected, str(expected))

    def wait_for(self, there: Callable[[Health], bool], what: str) -> None:
        """Wait until its masters say so; EnvironmentFailure when a daemon dies meanwhile, or it takes too long."""
        until, found = time.monotonic() + PATIENCE_S, "no answer"
        while True:
            self._look_for_dead()
            try:
                now = self.health()
                if there(now):
                    return
                found = str(now)
            except (OSError, KeyError, IndexError) as error:  # the masters don't answer yet, or not all of it
                found = repr(error)
            if time.monotonic() > until:
                hint = f"the logs of its daemons are in {self.logs}"
                raise EnvironmentFailure.of("Hadoop", f"{found} after {PATIENCE_S} s", what, hint)
            time.sleep(0.1)

    def stop(self) -> None:
        """End all of it, and keep only its configuration and its logs."""
        end_cluster(self.state)
        for process in self._processes.values():
            process.wait()
        self._processes.clear()
        if self._watch is not None:
            self._watch.communicate()
            self._watch = None
        if self._claimed is not None:
            self._claimed.claim.close()
            shutil.rmtree(self._plan.data, ignore_errors=True)

    def _start(self) -> None:
        java = find_java()
        jars = daemon_jars(java)
        self._claimed = claim_ports([name for daemon in DAEMONS for name in daemon.ports])
        self._plan = Plan(self.state, self._claimed.by_name, self._node_memory_mb)
        self._launcher = Launcher(java, jars, self._plan)
        write_configuration(self._plan)
        for folder in (self._plan.logs, self._plan.data / "tmp"):
            folder.mkdir(parents=True)
        self._watch = watch("tests.cluster.hadoop.watch", str(self.state))
        self._launcher.format()
        for daemon in DAEMONS:
            self._processes[daemon.name] = self._launcher.start(daemon)
        self.wait_until_whole()

    def _look_for_dead(self) -> None:
        for name, process in self._processes.items():
            ended = process.poll()
            if ended is not None:
                raise dead(name, ended, self._launcher.log(name))
