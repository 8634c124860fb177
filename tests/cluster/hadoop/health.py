"""How much of a cluster answers."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.cluster.hadoop.configuration import Plan
from tests.cluster.hadoop.daemons import DATANODES, NODEMANAGERS
from tests.cluster.hadoop.resource_manager import ResourceManager
from tests.cluster.rest import get_json

NAMENODE_BEAN = "/jmx?qry=Hadoop:service=NameNode,name=NameNodeInfo"


@dataclass(frozen=True)
class Health:
    """What the two masters say of their workers."""

    datanodes: int
    safe_mode: bool
    nodemanagers: int
    memory_mb: int

    def __str__(self) -> str:
        """As it stands in an error."""
        return (
            f"{self.datanodes} datanodes, safe mode {'on' if self.safe_mode else 'off'}, "
            f"{self.nodemanagers} nodemanagers with {self.memory_mb} MB"
        )


def health(plan: Plan) -> Health:
    """Ask the masters; OSError, KeyError or IndexError while they don't answer, or not yet all."""
    names = get_json(f"http://{plan.address('namenode http')}{NAMENODE_BEAN}")["beans"][0]
    metrics = ResourceManager(plan.address("resourcemanager http")).metrics()
    return Health(_datanodes(names), bool(names["Safemode"]), metrics["activeNodes"], metrics["totalMB"])


def _datanodes(names: dict[str, Any]) -> int:
    """How many writers are sent to, by the room they add up to: the list of live ones forgets a dead one too early."""
    live = json.loads(names["LiveNodes"]).values()
    largest = max((node["capacity"] for node in live), default=0)  # all lie on one disk; 0 before its first report
    return round(names["Total"] / largest) if largest else 0


def whole(plan: Plan) -> Health:
    """What is asked of a cluster whose daemons all run."""
    return Health(len(DATANODES), False, len(NODEMANAGERS), len(NODEMANAGERS) * plan.node_memory_mb)
