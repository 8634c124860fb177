"""`training`: LightGBM by SynapseML and in barrier tasks, against the same LightGBM in one process."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from importlib.metadata import version
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from aurify.models.synapse_lightgbm import COORDINATES
from benchmarks import program, results

SIZES = {"100k": 100_000, "1.4m": 1_400_000, "5m": 5_000_000}
RUNS = {"100k": 5, "1.4m": 3, "5m": 2}
PROGRAMS = {"native": "", "barrier": "", "synapse": COORDINATES}
# Rows, bins and a shuffle of 5M rows x 15 doubles, 600 MB, in one Java; the same for all.
DRIVER_MEMORY = "6g"
MEMORY, PARQUET, ONE_ROUND = "memory", "parquet", "one_round"
LARGEST_TEST = 200_000


def measure(scratch: Path) -> None:
    """All sizes, the programs in a process of their own each, medians of the runs after a first tiny fit."""
    measured = {size: compared(scratch / size, rows, RUNS[size]) for size, rows in SIZES.items()}
    packages = {name: version(name) for name in ("lightgbm", "synapseml")}
    told = {"driver_memory": DRIVER_MEMORY, "packages": packages, **measured}
    results.write("training", SIZES, ratios(measured), told)


def compared(scratch: Path, rows: int, runs: int) -> dict[str, dict[str, Any]]:
    """What each program told of rows of this number, and what it cost."""
    folder = str(scratch)
    held_out = min(LARGEST_TEST, rows // 4)
    program.run("benchmarks.training_work:make", rows=rows, test_rows=held_out, folder=folder)
    found = {}
    for name, packages in PROGRAMS.items():
        run = program.run(f"benchmarks.training_work:{name}", DRIVER_MEMORY, packages, folder=folder, runs=runs)
        found[name] = {**run["returned"], "costs": run["costs"]}
        print(f"{rows} rows, {name}: AUC {found[name]['auc']:.5f}, {_told(run['costs'])}", flush=True)
    shutil.rmtree(scratch)
    return found


def ratios(measured: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, float]]:
    """Of each size, wall and CPU time by native's; `_rounds` is the fit without one of a single round."""
    found: dict[str, dict[str, float]] = {"synapse_vs_native": {}, "barrier_vs_native": {}, "auc_difference": {}}
    for size, name in product(measured, ("synapse", "barrier")):
        mine, native = (measured[size][program] for program in (name, "native"))
        for unit, part in product(("wall", "cpu"), (MEMORY, PARQUET, "rounds")):
            times = [_seconds(told["costs"], part, unit) for told in (mine, native)]
            found[f"{name}_vs_native"][f"{unit}_{size}_{part}"] = results.ratio(*times)
        found["auc_difference"][f"{name}_{size}"] = round(mine["auc"] - native["auc"], 5)
    return found


def _seconds(costs: Mapping[str, Any], part: str, unit: str) -> float:
    if part == "rounds":
        return _seconds(costs, PARQUET, unit) - _seconds(costs, ONE_ROUND, unit)
    return float(median(cost[f"{unit}_s"] for cost in costs[part]))


def _told(costs: Mapping[str, Any]) -> str:
    return ", ".join(f"{part} {_seconds(costs, part, 'wall'):.2f} s" for part in (MEMORY, PARQUET, ONE_ROUND))
