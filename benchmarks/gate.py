"""`gate`: twelve rules over orders, 300 over a wide table; good and bad rows into Delta, against plain Spark."""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import program, results

# Size, shape, percentages of bad rows; and how often each program runs.
CASES = (("1m", "orders", 0), ("1m", "orders", 1), ("1m", "orders", 20), ("100k", "orders", 1), ("5m", "orders", 1),
         ("200k", "wide", 1))  # fmt: skip
SIZES = {"100k": 100_000, "200k": 200_000, "1m": 1_000_000, "5m": 5_000_000}
RUNS = {"100k": 3, "200k": 1, "1m": 3, "5m": 1}
PROGRAMS = ("aurify", "ungated", "split_by_hand", "split_cached")


def measure(scratch: Path) -> None:
    """All sizes and shares of bad rows; the programs take turns, and must find what was planted."""
    rows: dict[str, int] = {}
    ratios: dict[str, dict[str, float]] = {f"vs_{name}": {} for name in PROGRAMS[1:]}
    measured: dict[str, Any] = {}
    for size, shape, bad in CASES:
        case = f"{size}_{bad}_percent" if shape == "orders" else f"{shape}_{size}_{bad}_percent"
        rows[size] = SIZES[size]
        found = measured[case] = _turns(scratch / case, shape, SIZES[size], bad, RUNS[size])
        for name in PROGRAMS[1:]:
            for unit in ("cpu_s", "wall_s"):
                mine, theirs = (median(cost[unit] for cost in found[p]) for p in ("aurify", name))
                ratios[f"vs_{name}"][f"{unit[:-2]}_{case}"] = results.ratio(mine, theirs)
        print(f"{case}: { ({name: told[f'cpu_{case}'] for name, told in ratios.items()}) }", flush=True)
        shutil.rmtree(scratch / case)
    results.write("gate", rows, ratios, measured)


def _turns(scratch: Path, shape: str, rows: int, bad: int, runs: int) -> dict[str, list[dict[str, Any]]]:
    sources = str(scratch / "sources")
    make = "benchmarks.gate_work:make"
    planted = program.run(make, sources=sources, rows=rows, bad_percent=bad, shape=shape)["returned"]
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROGRAMS}
    for turn in range(runs):
        for name in PROGRAMS if turn % 2 == 0 else PROGRAMS[::-1]:
            warehouse = scratch / f"{name}-{turn}"
            work = f"benchmarks.gate_work:{name}"
            run = program.run(work, sources=sources, warehouse=str(warehouse), shape=shape)
            _refuse_wrong(name, run["returned"], planted)
            found[name].append(run["costs"]["work"][0])
            shutil.rmtree(warehouse)
    return found


def _refuse_wrong(name: str, found: dict[str, Any], planted: dict[str, Any]) -> None:
    """Stop where a program has not found exactly what was planted; the ungated one finds nothing."""
    expected = {"good": planted["good"] + planted["bad"], "bad": 0, "rules": {}} if name == "ungated" else planted
    if found != expected:
        raise SystemExit(f"{name} found {found}, planted were {expected}")
