"""`growth`: 1M, 5M and 20M lines, each in a process warmed up on a small lake: time a row, and peak memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks import program, results
from benchmarks.refresh import ROWS_PER_DAY
from benchmarks.work import WARM_UP_DAYS, WARM_UP_ROWS

DAYS = {"1m": 50, "5m": 250, "20m": 1000}
# So small that all sizes fill it: a larger one Java would fill with garbage, the more the longer it runs.
DRIVER_MEMORY = "1g"


def measure(scratch: Path) -> None:
    """One refresh of each size; days stay as large, and become more."""
    warm_up = str(scratch / "sources-warm")
    program.run("benchmarks.work:generate", out=warm_up, days=WARM_UP_DAYS, rows_per_day=WARM_UP_ROWS)
    rows: dict[str, int] = {}
    costs: dict[str, dict[str, Any]] = {}
    for size, days in DAYS.items():
        sources, warehouse = str(scratch / f"sources-{size}"), str(scratch / f"aurify-{size}")
        made = program.run("benchmarks.work:generate", out=sources, days=days, rows_per_day=ROWS_PER_DAY)
        rows[size] = made["returned"]
        folders = {"sources": sources, "warehouse": warehouse, "warm_up": warm_up}
        run = program.run("benchmarks.work:aurify", DRIVER_MEMORY, **folders)
        costs[size] = run["costs"]["aurify"][0]
    small, large = costs["1m"], costs["20m"]

    def grown(name: str, by: float = 1.0) -> float:
        return results.ratio(large[name] / by, small[name])

    more = rows["20m"] / rows["1m"]
    ratios = {
        "per_row_20m_vs_1m": {"cpu": grown("cpu_s", more), "wall": grown("wall_s", more)},
        "peak_20m_vs_1m": {
            "jvm": grown("peak_jvm_mb"),
            "python": grown("peak_python_mb"),
            "jvm_held_after_collection": grown("jvm_heap_mb"),
        },
    }
    results.write("growth", rows, ratios, {"driver_memory": DRIVER_MEMORY, **costs})
