"""The configuration of the cluster: one folder for clients, and one for each daemon."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from tests.cluster.hadoop.daemons import DAEMONS, DATANODES, HOST_NAMES, HOSTS, NODEMANAGERS
from tests.cluster.ports import LOOPBACK
from tests.cluster.processes import DATA, LOGS

Properties = Mapping[str, str | float]

CLIENT = "client"
LARGEST_CONTAINER_MB = 4096
VCORES = 4
QUEUES = ("default", "small")

# Each daemon writes what it logs to its own file, by its own output.
LOG4J = """\
log4j.rootLogger=INFO,console
log4j.appender.console=org.apache.log4j.ConsoleAppender
log4j.appender.console.target=System.err
log4j.appender.console.layout=org.apache.log4j.PatternLayout
log4j.appender.console.layout.ConversionPattern=%d{ISO8601} %p %c{2}: %m%n
log4j.logger.org.apache.hadoop.util.NativeCodeLoader=ERROR
"""


@dataclass(frozen=True)
class Plan:
    """Where a cluster listens and writes, and the memory that each of its nodes gives away."""

    state: Path
    ports: Mapping[str, int]
    node_memory_mb: int

    def address(self, name: str, host: str = LOOPBACK) -> str:
        """Host and port of what listens under a name."""
        return f"{host}:{self.ports[name]}"

    @property
    def hdfs_uri(self) -> str:
        """The root of the cluster's file system."""
        return f"hdfs://{self.address('namenode rpc')}"

    @property
    def data(self) -> Path:
        """The folder of all blocks, of the file system's own state and of what containers work on."""
        return self.state / DATA

    @property
    def logs(self) -> Path:
        """The folder of all logs."""
        return self.state / LOGS

    def conf(self, name: str) -> Path:
        """The folder that a daemon, or the client, is configured by."""
        return self.state / "conf" / name


def write_configuration(plan: Plan) -> None:
    """Write the folders of the clients and of every daemon."""
    _write_sites(plan.conf(CLIENT), plan, {})
    for daemon in DAEMONS:
        folder = plan.conf(daemon.name)
        _write_sites(folder, plan, _own(plan, daemon.name))
        (folder / "log4j.properties").write_text(LOG4J)
        for pages in ("hdfs", "datanode"):  # the jars have no web pages, and without the folders nothing starts
            (folder / "webapps" / pages).mkdir(parents=True)


def _write_sites(folder: Path, plan: Plan, own: Properties) -> None:
    sites = {
        "core-site.xml": _core(plan),
        "hdfs-site.xml": {**_hdfs(plan), **own},
        "yarn-site.xml": {**_yarn(plan), **own},
        "capacity-scheduler.xml": _queues(),
    }
    folder.mkdir(parents=True)
    for name, properties in sites.items():
        (folder / name).write_text(_xml(properties))


def _xml(properties: Properties) -> str:
    lines = (
        f"  <property><name>{escape(name)}</name><value>{escape(str(value))}</value></property>\n"
        for name, value in properties.items()
    )
    return f"<configuration>\n{''.join(lines)}</configuration>\n"


def _core(plan: Plan) -> Properties:
    return {"fs.defaultFS": plan.hdfs_uri, "hadoop.tmp.dir": f"{plan.data}/tmp"}


def _hdfs(plan: Plan) -> Properties:
    return {
        "dfs.namenode.name.dir": f"file://{plan.data}/namenode",
        "dfs.namenode.http-address": plan.address("namenode http"),
        "dfs.namenode.datanode.registration.ip-hostname-check": "false",  # loopback needs no name server
        "dfs.namenode.safemode.extension": 0,
        "dfs.replication": 2,
        # A datanode that was killed is forgotten some 20 s later, not after ten minutes.
        "dfs.heartbeat.interval": 1,
        "dfs.namenode.heartbeat.recheck-interval": 3000,
        # With two datanodes there is none to take the place of one that is gone: go on with the other.
        "dfs.client.block.write.replace-datanode-on-failure.enable": "false",
    }


def _yarn(plan: Plan) -> Properties:
    manager = "yarn.resourcemanager"
    return {
        f"{manager}.hostname": LOOPBACK,
        f"{manager}.address": plan.address("resourcemanager rpc"),
        f"{manager}.scheduler.address": plan.address("resourcemanager scheduler"),
        f"{manager}.resource-tracker.address": plan.address("resourcemanager tracker"),
        f"{manager}.admin.address": plan.address("resourcemanager admin"),
        f"{manager}.webapp.address": plan.address("resourcemanager http"),
        f"{manager}.am.max-attempts": 2,
        f"{manager}.nodemanagers.heartbeat-interval-ms": 250,  # containers are given away on a heartbeat
        "yarn.nm.liveness-monitor.expiry-interval-ms": 20_000,
        "yarn.scheduler.minimum-allocation-mb": 256,
        "yarn.scheduler.maximum-allocation-mb": LARGEST_CONTAINER_MB,
        "yarn.scheduler.maximum-allocation-vcores": VCORES,
        "yarn.log-aggregation-enable": "true",
        "yarn.nodemanager.remote-app-log-dir": "/yarn-logs",
        "yarn.log-aggregation.retain-seconds": 86_400,
    }


def _queues() -> Properties:
    root = "yarn.scheduler.capacity.root"
    return {
        f"{root}.queues": ",".join(QUEUES),
        f"{root}.default.capacity": 80,
        f"{root}.default.maximum-capacity": 100,
        f"{root}.small.capacity": 20,
        f"{root}.small.maximum-capacity": 20,
        f"{root}.small.maximum-allocation-mb": 1024,
        # By default a tenth: on a cluster this small a second application would wait for ever.
        "yarn.scheduler.capacity.maximum-am-resource-percent": 0.8,
        "yarn.scheduler.capacity.resource-calculator": (
            "org.apache.hadoop.yarn.util.resource.DefaultResourceCalculator"
        ),
    }


def _own(plan: Plan, name: str) -> Properties:
    """What a daemon is configured by that no other is."""
    if name in DATANODES:
        return _datanode(plan, name, HOST_NAMES[DATANODES.index(name)])
    if name in NODEMANAGERS:
        return _nodemanager(plan, name, HOSTS[NODEMANAGERS.index(name)])
    return {}


def _datanode(plan: Plan, name: str, host_name: str) -> Properties:
    return {
        "dfs.datanode.data.dir": f"file://{plan.data}/{name}",
        "dfs.datanode.hostname": host_name,
        "dfs.datanode.address": plan.address(f"{name} data"),
        "dfs.datanode.http.address": plan.address(f"{name} http"),
        "dfs.datanode.ipc.address": plan.address(f"{name} ipc"),
    }


def _nodemanager(plan: Plan, name: str, host: str) -> Properties:
    node = "yarn.nodemanager"
    return {
        f"{node}.hostname": host,
        f"{node}.address": plan.address(f"{name} rpc", host),
        f"{node}.localizer.address": plan.address(f"{name} localizer", host),
        f"{node}.webapp.address": plan.address(f"{name} http", host),
        f"{node}.local-dirs": f"{plan.data}/{name}",
        f"{node}.log-dirs": f"{plan.logs}/containers/{name}",
        f"{node}.resource.memory-mb": plan.node_memory_mb,
        f"{node}.resource.cpu-vcores": VCORES,
        f"{node}.pmem-check-enabled": "true",
        # By default control groups are trusted to do it: without them no container would ever be killed.
        f"{node}.resource.memory.enforced": "false",
        f"{node}.vmem-check-enabled": "false",
        f"{node}.container-monitor.interval-ms": 1000,
        f"{node}.disk-health-checker.max-disk-utilization-per-disk-percentage": 99,
    }
