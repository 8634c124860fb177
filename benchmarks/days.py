"""`days`: a real year day by day, one more day on top of a long history, a refresh of nothing, a small day by hand."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import program, reference, results
from benchmarks.meter import Meter
from benchmarks.reference import DATA
from benchmarks.work import generate, land, open_lake, refresh

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL_DAY = 2_000
HISTORY_DAYS, HISTORY_ROWS_PER_DAY = 5_000, 2_000  # 10M lines, in days as small as the one on top
ONE_MORE = 6  # measured days on each lake
WARM_UP = 3
TABLES = 3


def measure(scratch: Path) -> None:
    """The four measurements; the first is left out, with a message, where Online Retail is missing."""
    measured: dict[str, Any] = {}
    unlike: list[str] = []
    if DATA.is_dir():
        cuts = {"one by one": 1, "at once": len(_real_days())}
        runs = {
            w: program.run("benchmarks.days:year", scratch=str(scratch / f"year-{n}"), at_once=n)
            for w, n in cuts.items()
        }
        unlike = [text for way, run in runs.items() for text in reference.wrong(way, run["returned"])]
        measured["year"] = _early_and_late(runs["one by one"]["costs"]["day"])
        measured["reference"] = {"figures": runs["one by one"]["returned"], "unlike": unlike}
    else:
        print(f"days: the year is left out, there is no {DATA}")
    small = program.run("benchmarks.days:on_top", scratch=str(scratch / "short"), history=1)["costs"]
    large = program.run("benchmarks.days:on_top", scratch=str(scratch / "long"), history=HISTORY_DAYS)["costs"]
    by_hand = program.run("benchmarks.days:on_top", scratch=str(scratch / "hand"), history=1, by_hand=True)["costs"]
    measured |= {"without_history": small, "with_history": large, "hand_written": by_hand}
    nothing = large["nothing_new"]
    ratios = {
        "with_history_vs_without": {
            name: results.ratio(_median(large["day"], name), _median(small["day"], name))
            for name in ("wall_s", "cpu_s", "read_mb", "written_mb")
        },
        "vs_hand_written_day": {
            name: results.ratio(_median(small["day"], name), _median(by_hand["day"], name))
            for name in ("wall_s", "cpu_s")
        },
    }
    measured["nothing_new"] = {
        "seconds_a_table": round(_median(nothing, "wall_s") / TABLES, 3),
        "jobs": max(cost["jobs"] for cost in nothing),
    }
    results.write("days", {"history": HISTORY_DAYS * HISTORY_ROWS_PER_DAY, "day": SMALL_DAY}, ratios, measured)
    if unlike:
        raise SystemExit("\n".join(unlike))


def year(spark: SparkSession, meter: Meter, scratch: str, at_once: int) -> dict[str, dict[str, object]]:
    """All days of Online Retail, so many landed and refreshed at once; gives the reference figures."""
    lake, files = open_lake(spark, f"{scratch}/sources", f"{scratch}/lake"), _real_days()
    for first in range(0, len(files), at_once):
        for file in files[first : first + at_once]:
            land(Path(scratch, "sources", "pos_lines"), file)
        with meter.section("day"):
            refresh(lake)
    return reference.figures_of(lake)


def _real_days() -> list[Path]:
    return sorted(DATA.glob("*.csv.gz"))


def on_top(spark: SparkSession, meter: Meter, scratch: str, history: int, by_hand: bool = False) -> None:
    """Small days on top of `history` days taken in at once; the first few only warm up."""
    from benchmarks.rivals.hand_written import refresh as refresh_by_hand

    sources, warehouse = f"{scratch}/sources", f"{scratch}/lake"
    lake = open_lake(spark, sources, warehouse)

    def work() -> None:
        if by_hand:
            refresh_by_hand(spark, f"{sources}/pos_lines", warehouse)
        else:
            refresh(lake)

    generate(spark, meter, sources, days=history, rows_per_day=SMALL_DAY)
    work()
    for day in range(history, history + WARM_UP + ONE_MORE):
        generate(spark, meter, sources, days=day + 1, rows_per_day=SMALL_DAY, landed=day)
        with meter.section("warm_up" if day < history + WARM_UP else "day"):
            work()
    for _ in range(ONE_MORE):
        with meter.section("nothing_new"):
            work()


def _early_and_late(costs: list[dict[str, float]]) -> dict[str, Any]:
    """The whole year, and the median day of its first and last month."""
    seconds = [cost["wall_s"] for cost in costs]
    early, late = median(seconds[5:31]), median(seconds[-26:])
    return {"days": len(seconds), "total_s": round(sum(seconds), 1), "early_s": early, "late_s": late}


def _median(costs: list[dict[str, float]], name: str) -> float:
    return median(cost[name] for cost in costs)
