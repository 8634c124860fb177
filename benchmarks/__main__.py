"""`python -m benchmarks NAME ...`: run the named benchmarks; those that are slow only if they are named."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from benchmarks import (
    alarms,
    asof,
    command_line,
    days,
    decay,
    drift,
    features,
    fraud,
    gate,
    growth,
    peers,
    refresh,
    scoring,
    submission,
    training,
)
from benchmarks.program import scratch_of

BENCHMARKS: Mapping[str, Callable[[Path], None]] = {
    "refresh": refresh.measure,
    "days": days.measure,
    "gate": gate.measure,
    "features": features.measure,
    "fraud": fraud.measure,
    "growth": growth.measure,
    "training": training.measure,
    "scoring": scoring.measure,
    "cli": command_line.measure,
    "alarms": alarms.measure,
    "decay": decay.measure,
}
# They install other libraries, start a cluster, or are slow.
WHEN_NAMED: Mapping[str, Callable[[Path], None]] = {
    "peers": peers.measure,
    "asof": asof.measure,
    "drift": drift.measure,
    "scoring_large": scoring.measure_large,
    "submission": submission.measure,
}


def main(names: list[str]) -> None:
    """Run them one after the other, each in a scratch folder that is removed afterwards."""
    there = {**BENCHMARKS, **WHEN_NAMED}
    if unknown := [name for name in names if name not in there]:
        sys.exit(f"no benchmark {', '.join(unknown)}; there is {', '.join(there)}")
    for name in names or BENCHMARKS:
        with scratch_of(name) as scratch:
            there[name](scratch)


if __name__ == "__main__":
    main(sys.argv[1:])
