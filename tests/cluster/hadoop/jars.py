"""The jars of Hadoop's daemons, resolved and cached as the project's own."""

from __future__ import annotations

from pathlib import Path

from aurify.session.jars import cached_jars
from aurify.session.java import Java

VERSION = "3.3.6"
MODULES = (
    "hadoop-common",
    "hadoop-hdfs",
    "hadoop-yarn-server-resourcemanager",
    "hadoop-yarn-server-nodemanager",
    # The resource manager's web pages load a class of it, and don't ask for it themselves.
    "hadoop-yarn-server-timelineservice",
)
# A second binding of the logging API, beside the one that the daemons log with.
EXCLUDED = ("org.slf4j:slf4j-log4j12", "log4j:log4j")


def daemon_jars(java: Java) -> tuple[Path, ...]:
    """The jars that every daemon is started with."""
    coordinates = [f"org.apache.hadoop:{module}:{VERSION}" for module in MODULES]
    return cached_jars(coordinates, {"spark.jars.excludes": ",".join(EXCLUDED)}, java)
