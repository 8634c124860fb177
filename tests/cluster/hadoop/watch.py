"""`python -m tests.cluster.hadoop.watch STATE`: end a cluster when the process that started it is gone."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.cluster.hadoop.containers import end_containers
from tests.cluster.processes import DATA, end_daemons


def end_cluster(state: Path) -> None:
    """Kill every daemon that the state folder records, and then every container."""
    end_daemons(state, first="nodemanager")
    end_containers(state / DATA)


if __name__ == "__main__":
    # The input ends with the process that holds it, however that one ends.
    sys.stdin.buffer.read()
    end_cluster(Path(sys.argv[1]))
