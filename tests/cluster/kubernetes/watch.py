"""`python -m tests.cluster.kubernetes.watch PLAN`: end a cluster when the process that started it is gone."""

from __future__ import annotations

import shutil
import sys

from tests.cluster.kubernetes.cgroups import remove_groups
from tests.cluster.kubernetes.network import cut_cable
from tests.cluster.kubernetes.plan import Plan
from tests.cluster.processes import end_daemons


def end_cluster(plan: Plan) -> None:
    """Kill the node with all that runs in it, and take away what it had of this machine."""
    end_daemons(plan.state, first="node")
    cut_cable(plan)
    remove_groups(plan.node)
    shutil.rmtree(plan.data, ignore_errors=True)


if __name__ == "__main__":
    # The input ends with the process that holds it, however that one ends.
    sys.stdin.buffer.read()
    end_cluster(Plan.of_words(sys.argv[1:]))
