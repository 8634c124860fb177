"""YARN before a submission: it answers, the queue takes work, what is asked fits, clocks agree."""

from __future__ import annotations

import time
from collections.abc import Mapping

from aurify.deploy.memory import Container, driver_container, executor_container
from aurify.deploy.preflight.clock import clock
from aurify.deploy.preflight.finding import Finding, bad
from aurify.deploy.yarn import Yarn
from aurify.errors import did_you_mean

NEARLY_FULL = 95.0
DEFAULT_QUEUE, QUEUE = "default", "spark.yarn.queue"


def resource_manager(yarn: Yarn) -> list[Finding]:
    """The ResourceManager, its version, and how far its clock is from this one."""
    info = yarn.ask("/ws/v1/cluster/info")["clusterInfo"]
    told = f"Hadoop {info['hadoopVersion']}, {info['state']}"
    found = [Finding("ResourceManager", told)]
    if info["state"] != "STARTED":
        found = [bad("ResourceManager", told, "STARTED")]
    return [*found, clock(abs(yarn.clock() - time.time()), "the ResourceManager")]


def queue(yarn: Yarn, conf: Mapping[str, str]) -> list[Finding]:
    """The queue exists, takes applications, and has room."""
    name, queues = _queue_name(conf), yarn.queues()
    if not queues:
        return [Finding("queue", f"{name}, not looked at: the scheduler is no CapacityScheduler")]
    if name not in queues:
        hint = f"{QUEUE} in spark.conf; {did_you_mean(name, queues)}"
        return [bad("queue", f"no queue '{name}'", f"one of {', '.join(sorted(queues))}", hint, is_setting=True)]
    there = queues[name]
    told = f"{name}, {there.state}, {there.used_percent:.0f} % of its largest share in use"
    if there.state != "RUNNING":
        return [bad("queue", told, "a queue that is RUNNING", "ask its administrator, or name another")]
    if there.used_percent >= NEARLY_FULL:
        hint = f"wait, end an application (aurify apps list), or name another {QUEUE}"
        return [Finding("queue", told, "warning", "room for this application", hint)]
    return [Finding("queue", told)]


def _queue_name(conf: Mapping[str, str]) -> str:
    """The leaf that applications go to."""
    return conf.get(QUEUE, DEFAULT_QUEUE).rpartition(".")[2]


def memory(yarn: Yarn, conf: Mapping[str, str], mode: str) -> list[Finding]:
    """What driver and executors ask for fits the largest container of cluster, queue and nodes."""
    limits = limits_of(yarn, conf)
    step = int(yarn.setting("yarn.scheduler.minimum-allocation-mb") or 1)
    try:
        asked = (driver_container(conf, mode), executor_container(conf))
    except ValueError as error:
        return [bad("memory", f"{error} in a setting of memory", "a size, like 2g or 1500m", is_setting=True)]
    return [_fits(container, step, limits) for container in asked]


def _fits(asked: Container, step_mb: int, limits: Mapping[str, int]) -> Finding:
    granted = min([asked.rounded_mb(step_mb), *limits.values()])
    what = f"memory of the {asked.who}"
    told = asked.told()
    least = min(limits, key=lambda name: limits[name], default=None)
    if least is None or asked.total_mb <= limits[least]:
        return Finding(what, f"{told}, granted as {granted} MB")
    room = max(limits[least] - (asked.total_mb - asked.heap_mb), 0)
    hint = f"{asked.key} of {room}m at most, less if its overhead is a share of it; or raise {least}"
    return bad(what, told, f"{limits[least]} MB at most: {least}", hint, is_setting=True)


def limits_of(yarn: Yarn, conf: Mapping[str, str]) -> dict[str, int]:
    """The largest container by what limits it, in MB."""
    limits, queue = {}, yarn.queues().get(_queue_name(conf))
    cluster = yarn.setting("yarn.scheduler.maximum-allocation-mb")
    if cluster:
        limits["yarn.scheduler.maximum-allocation-mb of the cluster"] = int(cluster)
    if queue is not None:
        own = yarn.setting(f"yarn.scheduler.capacity.root.{queue.name}.maximum-allocation-mb")
        largest = [value for value in (queue.largest_mb, int(own) if own else None) if value]
        if largest:
            limits[f"maximum-allocation-mb of the queue {queue.name}"] = min(largest)
    nodes = yarn.nodes()
    if nodes:
        limits["yarn.nodemanager.resource.memory-mb of the largest node"] = max(node.memory_mb for node in nodes)
    return limits
