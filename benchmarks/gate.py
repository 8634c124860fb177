"""`gate`: twelve rules over orders, 300 over a wide table; good and bad rows into Delta, against plain Spark."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import program, results

# Size, shape, percentage of bad rows; and how often a warm program is measured.
CASES = (("1m", "orders", 0), ("1m", "orders", 1), ("1m", "orders", 20), ("100k", "orders", 1), ("5m", "orders", 1),
         ("200k", "wide", 1))  # fmt: skip
SIZES = {"100k": 100_000, "200k": 200_000, "1m": 1_000_000, "5m": 5_000_000}
RUNS = {"100k": 5, "200k": 2, "1m": 4, "5m": 2}
PROGRAMS = ("aurify", "ungated", "split_by_hand", "split_cached", "audited")
FIRST, WARM_UP, WARM = "first", "warm_up", "warm"  # what Java has not compiled yet costs most in the first runs


def measure(scratch: Path) -> None:
    """All sizes and shares of bad rows, each program in a process of its own; it must find what was planted.

    `warm` is the median of the runs after two of full size; `first` is the first of full size, after a small one.
    """
    rows: dict[str, int] = {}
    ratios: dict[str, dict[str, float]] = {f"vs_{name}": {} for name in PROGRAMS[1:]}
    measured: dict[str, Any] = {}
    for size, shape, bad in CASES:
        case = f"{size}_{bad}_percent" if shape == "orders" else f"{shape}_{size}_{bad}_percent"
        rows[size] = SIZES[size]
        found = measured[case] = _programs(scratch / case, shape, SIZES[size], bad, RUNS[size])
        for name, (unit, section) in product(PROGRAMS[1:], product(("cpu", "wall"), (WARM, FIRST))):
            mine, theirs = (median(cost[f"{unit}_s"] for cost in found[p][section]) for p in ("aurify", name))
            ratios[f"vs_{name}"][f"{unit}_{case}_{section}"] = results.ratio(mine, theirs)
        print(f"{case}: { ({name: told[f'cpu_{case}_{WARM}'] for name, told in ratios.items()}) }", flush=True)
        shutil.rmtree(scratch / case)
    results.write("gate", rows, ratios, measured)


def _programs(scratch: Path, shape: str, rows: int, bad: int, runs: int) -> dict[str, dict[str, list[Any]]]:
    sources = str(scratch / "sources")
    make = "benchmarks.gate_work:make"
    planted = program.run(make, sources=sources, rows=rows, bad_percent=bad, shape=shape)["returned"]
    sections = [FIRST, WARM_UP, *[WARM] * runs]
    found: dict[str, dict[str, list[Any]]] = {}
    for name in PROGRAMS:
        warehouse = scratch / name
        told: dict[str, Any] = {"sources": sources, "warehouse": str(warehouse), "shape": shape, "sections": sections}
        run = program.run(f"benchmarks.gate_work:{name}", **told)
        _refuse_wrong(name, run["returned"], planted)
        found[name] = run["costs"]
        shutil.rmtree(warehouse)
    return found


def _refuse_wrong(name: str, found: dict[str, Any], planted: dict[str, Any]) -> None:
    """Stop where a program has not found exactly what was planted; the ungated one finds nothing."""
    expected = {"good": planted["good"] + planted["bad"], "bad": 0, "rules": {}} if name == "ungated" else planted
    if found != expected:
        raise SystemExit(f"{name} found {found}, planted were {expected}")
