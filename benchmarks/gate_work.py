"""The work of the benchmark `gate`, as it runs in the process of `program.run`: data with planted faults, programs."""

from __future__ import annotations

import os
import sys
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gate_shapes import PROJECT, SHAPES, Shape, wide_project
from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake

WARM_ROWS = 20_000


def make(
    spark: SparkSession,
    meter: Meter,
    sources: str,
    rows: int,
    bad_percent: int,
    shape: str = "orders",
    with_key: bool = False,
) -> dict[str, Any]:
    """A table as Parquet in `sources`; of each hundred rows, `bad_percent` have one fault; gives what a gate finds.

    `with_key` adds a second folder, of the same rows and their number: for programs that need a unique column.
    """
    for name, count in (("warm", WARM_ROWS), ("measured", rows)):
        table = made(spark, SHAPES[shape], count, bad_percent)
        table.drop("id").write.parquet(f"{sources}/{name}/orders")
        if with_key:
            table.write.parquet(f"{sources}/{name}/with_key")
    return planted(SHAPES[shape], rows, bad_percent)


def made(spark: SparkSession, shape: Shape, rows: int, bad_percent: int) -> DataFrame:
    """The rows, made from their number `id` alone."""
    from pyspark.sql import functions as F

    is_bad = f"pmod(id, 100) < {bad_percent}"
    fault = f"pmod(div(id, 100) + id, {len(shape.faults)})"
    columns = []
    for name, good in shape.good.items():
        whens = [
            f"WHEN {is_bad} AND {fault} = {n} THEN {value}"
            for n, (of, value, _) in enumerate(shape.faults)
            if of == name
        ]
        kind = shape.types.get(name, "")
        expression = f"CASE {' '.join(whens)} ELSE {good} END" if whens else good
        columns.append(F.expr(f"cast({expression} AS {kind})" if kind else expression).alias(name))
    return spark.range(0, rows, 1, 8).select("id", *columns)


def planted(shape: Shape, rows: int, bad_percent: int) -> dict[str, Any]:
    """Good rows, bad rows, and how many each rule finds, counted in plain Python."""
    found: dict[str, int] = {}
    bad = 0
    for number in range(rows):
        if number % 100 < bad_percent:
            bad += 1
            for rule in shape.faults[(number // 100 + number) % len(shape.faults)][2]:
                found[rule] = found.get(rule, 0) + 1
    return {"good": rows - bad, "bad": bad, "rules": found}


def aurify(spark: SparkSession, meter: Meter, sources: str, warehouse: str, shape: str = "orders") -> dict[str, Any]:
    """A refresh of the gated table, after one of a small lake; bronze lies there already."""
    project = PROJECT if shape == "orders" else wide_project(Path(f"{warehouse}-project"))
    for name in ("warm", "measured"):
        lake = _lake(spark, project, f"{sources}/{name}", f"{warehouse}/{name}")
        _refresh(lake, "bronze.orders")
        if name == "warm":
            _refresh(lake, "silver.orders")
            continue
        with meter.section("work"):
            _refresh(lake, "silver.orders")
    balance = lake.batches_ledger.rows()
    mine = next(row for row in balance if row["table"] == "silver.orders")
    told = [r for r in lake.rules_ledger.rows() if r["table"] == "silver.orders" and r["failed"]]
    rules = {r["rule"]: r["failed"] for r in told if "(" not in r["rule"]}  # without the engine's own, on the key
    return {"good": mine["inserted"], "bad": mine["quarantined"], "rules": rules}


def _lake(spark: SparkSession, project: Path, sources: str, warehouse: str) -> Lake:
    from aurify import connect

    sys.path.insert(0, str(project / "platform"))
    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    return connect("local", project=project, spark=spark)


def _refresh(lake: Lake, table: str) -> None:
    report = lake.refresh(table)
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")


def ungated(spark: SparkSession, meter: Meter, sources: str, warehouse: str, shape: str = "orders") -> dict[str, Any]:
    """The same rows appended to one Delta table, no rules at all."""
    for name in ("warm", "measured"):
        source = _landed(spark, SHAPES[shape], f"{sources}/{name}", f"{warehouse}/{name}")
        target = f"{warehouse}/{name}/silver"
        if name == "warm":
            source.write.format("delta").mode("append").save(target)
            continue
        with meter.section("work"):
            source.write.format("delta").mode("append").save(target)
    return {"good": spark.read.format("delta").load(target).count(), "bad": 0, "rules": {}}


def split_by_hand(
    spark: SparkSession, meter: Meter, sources: str, warehouse: str, shape: str = "orders", cached: bool = False
) -> dict[str, Any]:
    """The same rows, and two filtered Delta writes; with `cached`, the marked rows are kept in memory between them."""
    judged = SHAPES[shape]
    for name in ("warm", "measured"):
        source = _landed(spark, judged, f"{sources}/{name}", f"{warehouse}/{name}")
        good, bad = f"{warehouse}/{name}/silver", f"{warehouse}/{name}/quarantine"
        if name == "warm":
            _split(source, judged, good, bad, cached)
            continue
        with meter.section("work"):
            _split(source, judged, good, bad, cached)
    rows = spark.read.format("delta").load(bad)
    found = rows.selectExpr("explode(_failed) AS rule").groupBy("rule").count().collect()
    return {
        "good": spark.read.format("delta").load(good).count(),
        "bad": rows.count(),
        "rules": {row["rule"]: row["count"] for row in found},
    }


def split_cached(
    spark: SparkSession, meter: Meter, sources: str, warehouse: str, shape: str = "orders"
) -> dict[str, Any]:
    """As by hand, with the marked rows cached."""
    return split_by_hand(spark, meter, sources, warehouse, shape, cached=True)


def _split(source: DataFrame, shape: Shape, good: str, bad: str, cached: bool) -> None:
    from pyspark.sql import functions as F

    rules = {name: F.coalesce(fails, F.lit(False)) for name, fails in shape.rules().items()}
    failed = F.array_compact(F.array(*(F.when(fails, F.lit(name)) for name, fails in rules.items())))
    marked = source.withColumn("_bad", reduce(or_, rules.values()))
    if cached:
        marked = marked.persist()
    marked.where(~F.col("_bad")).drop("_bad").write.format("delta").mode("append").save(good)
    told = marked.where("_bad").drop("_bad").withColumn("_failed", failed)
    told.write.format("delta").mode("append").save(bad)
    if cached:
        marked.unpersist()


def _landed(spark: SparkSession, shape: Shape, sources: str, warehouse: str) -> DataFrame:
    """The source as a Delta table, as Aurify's bronze is one."""
    path = f"{warehouse}/bronze"
    if not Path(path).exists():
        spark.read.parquet(f"{sources}/orders").write.format("delta").save(path)
    return spark.read.format("delta").load(path).select(*shape.good)
