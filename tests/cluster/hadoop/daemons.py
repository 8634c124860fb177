"""What a cluster is made of: its daemons, what each is started with, and where each listens."""

from __future__ import annotations

from dataclasses import dataclass

HDFS = "org.apache.hadoop.hdfs.server"
YARN = "org.apache.hadoop.yarn.server"

# YARN takes two addresses for two machines; HDFS is told two names for the one address, as it sees only that one.
HOSTS = ("127.0.0.1", "127.0.0.2")
HOST_NAMES = ("localhost", "127.0.0.2")

DATANODES = ("datanode1", "datanode2")
NODEMANAGERS = ("nodemanager1", "nodemanager2")


@dataclass(frozen=True)
class Daemon:
    """One JVM of the cluster, what it runs, and what it listens for."""

    name: str
    main: str
    heap_mb: int
    listens: tuple[str, ...]

    @property
    def ports(self) -> tuple[str, ...]:
        """The names of its ports."""
        return tuple(f"{self.name} {what}" for what in self.listens)


NAMENODE = Daemon("namenode", f"{HDFS}.namenode.NameNode", 512, ("rpc", "http"))
RESOURCEMANAGER = Daemon(
    "resourcemanager",
    f"{YARN}.resourcemanager.ResourceManager",
    512,
    ("rpc", "scheduler", "tracker", "admin", "http"),
)
DAEMONS = (
    NAMENODE,
    RESOURCEMANAGER,
    *(Daemon(name, f"{HDFS}.datanode.DataNode", 384, ("data", "http", "ipc")) for name in DATANODES),
    *(Daemon(name, f"{YARN}.nodemanager.NodeManager", 384, ("rpc", "localizer", "http")) for name in NODEMANAGERS),
)
