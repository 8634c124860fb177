"""Starting the daemons as processes of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aurify.session.java import Java
from tests.cluster.hadoop.configuration import Plan
from tests.cluster.hadoop.daemons import NAMENODE, Daemon
from tests.cluster.processes import dead, log_file, start

FORMATS = ("-format", "-nonInteractive", "-clusterId", "aurify")
FORMATS_WITHIN_S = 120

# A daemon starts faster with one compiler, and is small with one collector.
JVM = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData", "-Djava.net.preferIPv4Stack=true")
# The web pages of YARN's daemons are put together by a library that looks into Java itself.
OPENED = "--add-opens=java.base/java.lang=ALL-UNNAMED"
# What of the tests' environment a daemon, and so every container, gets to see.
KEPT = ("PATH", "HOME", "USER", "LANG", "TZ")


@dataclass(frozen=True)
class Launcher:
    """What every daemon of a cluster is started with."""

    java: Java
    jars: tuple[Path, ...]
    plan: Plan

    def format(self) -> None:
        """Make an empty file system, where none was."""
        log = self.log("format")
        with log.open("wb") as output:
            ran = subprocess.run(
                [*self._command(NAMENODE), *FORMATS],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._env(),
                check=False,
                timeout=FORMATS_WITHIN_S,
            )
        if ran.returncode:
            raise dead("formatting HDFS", ran.returncode, log)

    def start(self, daemon: Daemon) -> subprocess.Popen[bytes]:
        """Start a daemon in a process group of its own, and write down that it runs."""
        return start(self.plan.state, daemon.name, self._command(daemon), self._env(), self.plan.logs)

    def log(self, name: str) -> Path:
        """Where a daemon logs."""
        return log_file(self.plan.state, name)

    def _command(self, daemon: Daemon) -> list[str]:
        """The command line of a daemon; its own configuration comes before the jars."""
        classes = os.pathsep.join([str(self.plan.conf(daemon.name)), *map(str, self.jars)])
        opened = (OPENED,) if self.java.version > 11 else ()
        scratch = f"-Djava.io.tmpdir={self.plan.data / 'tmp'}"
        java = str(self.java.home / "bin" / "java")
        return [java, f"-Xmx{daemon.heap_mb}m", *JVM, *opened, scratch, "-cp", classes, daemon.main]

    def _env(self) -> Mapping[str, str]:
        """Nodemanagers hand JAVA_HOME on to containers."""
        return {name: os.environ[name] for name in KEPT if name in os.environ} | {"JAVA_HOME": str(self.java.home)}
