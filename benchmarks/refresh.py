"""`refresh`: generated till lines through bronze, silver and gold, by Aurify and by hand, each in its own process."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import program, results
from benchmarks.equality import differences

ROWS_PER_DAY = 20_000
SIZES = {"1m": (50, 3), "5m": (250, 1)}  # days, runs of each program
PROGRAMS = ("aurify", "hand_written")


def measure(scratch: Path) -> None:
    """Both sizes; the programs take turns, and must have made the same tables."""
    rows: dict[str, int] = {}
    ratios: dict[str, dict[str, float]] = {"vs_hand_written": {}}
    measured: dict[str, Any] = {}
    for size, (days, runs) in SIZES.items():
        sources = str(scratch / f"sources-{size}")
        made = program.run("benchmarks.work:generate", out=sources, days=days, rows_per_day=ROWS_PER_DAY)
        rows[size] = made["returned"]
        found = _turns(scratch, sources, size, runs)
        measured[size] = found
        for unit in ("cpu_s", "wall_s"):
            for start, kind in (("work", ""), ("with_start", "_with_start")):
                mine, theirs = (median(run[start][unit] for run in found[p]) for p in PROGRAMS)
                ratios["vs_hand_written"][f"{unit[:-2]}_{size}{kind}"] = results.ratio(mine, theirs)
    results.write("refresh", rows, ratios, measured)


def _turns(scratch: Path, sources: str, size: str, runs: int) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in PROGRAMS}
    for turn in range(runs):
        warehouses = {name: str(scratch / f"{name}-{size}-{turn}") for name in PROGRAMS}
        for name in PROGRAMS if turn % 2 == 0 else PROGRAMS[::-1]:
            run = program.run(f"benchmarks.work:{name}", sources=sources, warehouse=warehouses[name])
            found[name].append({"work": run["costs"][name][0], "with_start": run["since_birth"]})
        made = program.run("benchmarks.equality:fingerprints", warehouses=warehouses)["returned"]
        if unequal := differences(made):
            raise SystemExit("the programs made different tables:\n" + "\n".join(unequal))
    return found
