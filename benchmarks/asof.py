"""`asof`: labels with three views as they were known then, against Feast and windows written by hand.

`python -m benchmarks.asof --labels 20000` measures less.
"""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from benchmarks import peers, program, results
from benchmarks.asof_rows import TTL, VIEWS, checksum
from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LABELS, WARM = 1_000_000, 20_000
HEAVY_PERCENT = (0, 20)  # of the rows of labels and views, that are of one entity
OWN = ("aurify", "hand_written", "hand_written_at_once")
RUNS = 3


def measure(scratch: Path, labels: int = LABELS) -> None:
    """The programs take turns on the same files, Feast runs once; all checksums must be the same."""
    failed: dict[str, str] = {}
    ready = peers.set_up(["feast"], failed, "peers_of_asof")
    told: dict[str, Any] = {"can't be set up": failed}
    ratios: dict[str, dict[str, float]] = {}
    for heavy in HEAVY_PERCENT:
        case, folder = f"{heavy}_percent_in_one_entity", scratch / str(heavy)
        for name, rows in (("warm", min(WARM, labels)), ("measured", labels)):
            program.run("benchmarks.asof_rows:make", source=str(folder / name), labels=rows, heavy=heavy)
        told[case] = _one_case(folder, ready)
        mine = _medians(told[case]["costs"]["aurify"])
        for name, runs in told[case]["costs"].items():
            if name != "aurify":
                versus = ratios.setdefault(f"vs_{name}", {})
                versus |= {f"{unit}_{case}": results.ratio(mine[unit], cost) for unit, cost in _medians(runs).items()}
        shutil.rmtree(folder)
        results.write("asof", {"labels": labels, "views": VIEWS}, ratios, told)


def _one_case(folder: Path, ready: list[peers.Peer]) -> dict[str, Any]:
    costs: dict[str, list[dict[str, Any]]] = {name: [] for name in OWN}
    sums: dict[str, str] = {}
    for turn in range(RUNS):
        for name in OWN if turn % 2 == 0 else OWN[::-1]:
            ran = program.run("benchmarks.asof:own", name=name, sources=str(folder), out=str(folder / "out"))
            costs[name].append(ran["costs"]["work"][0])
            sums[name] = ran["returned"]
            shutil.rmtree(folder / "out")
    failed: dict[str, str] = {}
    for peer in ready:
        try:
            ran = peers.run(peer, sources=str(folder), warehouse=str(folder / peer.name))
            costs[peer.name], sums[peer.name] = [ran["costs"]["work"][0]], ran["found"]
        except peers.PeerFailed as error:
            failed[peer.name] = str(error)
            print(f"asof: {peer.name} failed\n{error}", flush=True)
    if len(set(sums.values())) > 1:
        raise SystemExit(f"the training sets differ: {sums}")
    return {"sums": sums, "costs": costs, "failed": failed}


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {unit[:-2]: median(cost[unit] for cost in runs) for unit in ("cpu_s", "wall_s")}


def own(spark: SparkSession, meter: Meter, name: str, sources: str, out: str) -> str:
    """One of the programs of this file: the small training set first, then the measured one."""
    way = {"aurify": aurify, "hand_written": hand_written, "hand_written_at_once": hand_written_at_once}[name]
    for size, section in (("warm", "warm"), ("measured", "work")):
        read = spark.read.parquet
        with meter.section(section):
            views = [read(f"{sources}/{size}/view_{view}") for view in range(VIEWS)]
            way(read(f"{sources}/{size}/labels"), views).write.parquet(f"{out}/{size}")
    return checksum(spark.read.parquet(f"{out}/measured"))


def aurify(labels: DataFrame, views: list[DataFrame]) -> DataFrame:
    """By `as_of_join`, a view after the other, as a training set is made."""
    from aurify import as_of_join

    for view in views:
        labels = as_of_join(
            labels, view, on="entity", time="event_timestamp", event_time="event_timestamp", tolerance=TTL
        )
    return labels


def hand_written(labels: DataFrame, views: list[DataFrame]) -> DataFrame:
    """As a person writes it: labels and facts sorted together by time, the last fact before each label."""
    for view in views:
        labels = hand_written_at_once(labels, [view])
    return labels


def hand_written_at_once(labels: DataFrame, views: list[DataFrame]) -> DataFrame:
    """The same for all views in one sort: it knows that they have the same entity."""
    from functools import reduce

    from pyspark.sql import DataFrame, Window
    from pyspark.sql import functions as F

    key = ["entity", "event_timestamp"]
    asked = labels.select(*key, F.struct("*").alias("label"))
    facts = [view.select(*key, F.struct("*").alias(f"fact{place}")) for place, view in enumerate(views)]
    both = reduce(lambda one, other: DataFrame.unionByName(one, other, allowMissingColumns=True), facts, asked)
    by = Window.partitionBy("entity").orderBy("event_timestamp", F.col("label").isNotNull())
    so_far = by.rowsBetween(Window.unboundedPreceding, Window.currentRow)
    newest = {f"fact{i}": F.last(f"fact{i}", ignorenulls=True).over(so_far) for i in range(len(views))}
    found = both.withColumns(newest).where("label IS NOT NULL")
    values = [
        F.when(F.col(f"fact{i}.event_timestamp") >= F.col("event_timestamp") - F.expr(f"INTERVAL {TTL.days} DAYS"),
               F.col(f"fact{i}.{name}")).alias(name)
        for i, view in enumerate(views) for name in view.columns if name not in key
    ]  # fmt: skip
    return found.select("label.*", *values)


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.asof", description=__doc__)
    parser.add_argument("--labels", type=int, default=LABELS)
    asked = parser.parse_args()
    with program.scratch_of("asof") as scratch:
        measure(scratch, asked.labels)


if __name__ == "__main__":
    main()
