"""The work of the benchmark `gate`, as it runs in the process of `program.run`: data with planted faults, programs."""

from __future__ import annotations

import os
import sys
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.meter import Meter
from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from aurify.workflows.lake import Lake

PROJECT = ROOT / "benchmarks" / "gate_project"
COLUMNS = ("order_id", "customer_id", "country", "status", "amount", "quantity", "email", "ordered_at")
WARM_ROWS = 20_000
# One fault, the column that it replaces, and the rules that find it.
FAULTS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("order_id", "NULL", ("order_id_there",)),
    ("order_id", "'X1'", ("order_id_shape",)),
    ("customer_id", "NULL", ("customer_there",)),
    ("country", "'ATL'", ("country_length", "country_known")),
    ("country", "'XX'", ("country_known",)),
    ("status", "'lost'", ("status_known",)),
    ("amount", "99999.99", ("amount_range",)),
    ("amount", "NULL", ("amount_there",)),
    ("quantity", "5000", ("quantity_range",)),
    ("amount", "0.50", ("amount_covers",)),
    ("email", "'nobody at home'", ("email_shape",)),
    ("ordered_at", "TIMESTAMP'1999-01-01 00:00:00'", ("ordered_range",)),
)


def make(spark: SparkSession, meter: Meter, sources: str, rows: int, bad_percent: int) -> dict[str, Any]:
    """Orders as Parquet in `sources`; of each hundred, `bad_percent` have one fault; gives what a gate has to find."""
    for name, count in (("warm", WARM_ROWS), ("measured", rows)):
        orders(spark, count, bad_percent).write.parquet(f"{sources}/{name}/orders")
    return planted(rows, bad_percent)


def orders(spark: SparkSession, rows: int, bad_percent: int) -> DataFrame:
    """The rows, made from their number alone."""
    from pyspark.sql import functions as F

    good = {
        "order_id": "concat('O', lpad(cast(id AS string), 9, '0'))",
        "customer_id": "cast(pmod(xxhash64(id), 50000) AS int)",
        "country": "split('DE FR NL GB ES IT PL SE', ' ')[cast(pmod(xxhash64(id, 1), 8) AS int)]",
        "status": "split('new paid sent back', ' ')[cast(pmod(xxhash64(id, 2), 4) AS int)]",
        "amount": "cast(1000 + pmod(xxhash64(id, 3), 800000) / 100 AS decimal(12,2))",
        "quantity": "cast(1 + pmod(xxhash64(id, 4), 900) AS int)",
        "email": "concat('user', cast(pmod(xxhash64(id, 5), 90000) AS string), '@example.com')",
        "ordered_at": "timestamp_seconds(1704067200 + pmod(xxhash64(id, 6), 31536000))",
    }
    is_bad = f"pmod(id, 100) < {bad_percent}"
    fault = f"pmod(div(id, 100) + id, {len(FAULTS)})"
    columns = []
    for name, made in good.items():
        whens = [
            f"WHEN {is_bad} AND {fault} = {n} THEN {value}" for n, (of, value, _) in enumerate(FAULTS) if of == name
        ]
        kind = {"amount": "decimal(12,2)", "customer_id": "int", "quantity": "int"}.get(name, "")
        expression = f"CASE {' '.join(whens)} ELSE {made} END" if whens else made
        columns.append(F.expr(f"cast({expression} AS {kind})" if kind else expression).alias(name))
    return spark.range(0, rows, 1, 8).select(*columns)


def planted(rows: int, bad_percent: int) -> dict[str, Any]:
    """Good rows, bad rows, and how many each rule finds, counted in plain Python."""
    found: dict[str, int] = {}
    bad = 0
    for number in range(rows):
        if number % 100 < bad_percent:
            bad += 1
            for rule in FAULTS[(number // 100 + number) % len(FAULTS)][2]:
                found[rule] = found.get(rule, 0) + 1
    return {"good": rows - bad, "bad": bad, "rules": found}


def aurify(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """A refresh of the gated table, after one of a small lake; bronze lies there already."""
    for name in ("warm", "measured"):
        lake = _lake(spark, f"{sources}/{name}", f"{warehouse}/{name}")
        _refresh(lake, "bronze.orders")
        if name == "warm":
            _refresh(lake, "silver.orders")
            continue
        with meter.section("work"):
            _refresh(lake, "silver.orders")
    balance = lake.batches_ledger.rows()
    mine = next(row for row in balance if row["table"] == "silver.orders")
    rules = {r["rule"]: r["failed"] for r in lake.rules_ledger.rows() if r["table"] == "silver.orders" and r["failed"]}
    return {"good": mine["inserted"], "bad": mine["quarantined"], "rules": rules}


def _lake(spark: SparkSession, sources: str, warehouse: str) -> Lake:
    from aurify import connect

    sys.path.insert(0, str(PROJECT / "platform"))
    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    return connect("local", project=PROJECT, spark=spark)


def _refresh(lake: Lake, table: str) -> None:
    report = lake.refresh(table)
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")


def ungated(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """The same rows appended to one Delta table, no rules at all."""
    for name in ("warm", "measured"):
        source = _landed(spark, f"{sources}/{name}", f"{warehouse}/{name}")
        target = f"{warehouse}/{name}/silver"
        if name == "warm":
            source.write.format("delta").mode("append").save(target)
            continue
        with meter.section("work"):
            source.write.format("delta").mode("append").save(target)
    return {"good": spark.read.format("delta").load(target).count(), "bad": 0, "rules": {}}


def split_by_hand(
    spark: SparkSession, meter: Meter, sources: str, warehouse: str, cached: bool = False
) -> dict[str, Any]:
    """The same rules, and two filtered Delta writes; with `cached`, the marked rows are kept in memory between them."""
    for name in ("warm", "measured"):
        source = _landed(spark, f"{sources}/{name}", f"{warehouse}/{name}")
        good, bad = f"{warehouse}/{name}/silver", f"{warehouse}/{name}/quarantine"
        if name == "warm":
            _split(source, good, bad, cached)
            continue
        with meter.section("work"):
            _split(source, good, bad, cached)
    rows = spark.read.format("delta").load(bad)
    found = rows.selectExpr("explode(_failed) AS rule").groupBy("rule").count().collect()
    return {
        "good": spark.read.format("delta").load(good).count(),
        "bad": rows.count(),
        "rules": {row["rule"]: row["count"] for row in found},
    }


def split_cached(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, Any]:
    """As by hand, with the marked rows cached."""
    return split_by_hand(spark, meter, sources, warehouse, cached=True)


def _split(source: DataFrame, good: str, bad: str, cached: bool) -> None:
    from pyspark.sql import functions as F

    rules = {name: F.coalesce(fails, F.lit(False)) for name, fails in _rules().items()}
    failed = F.array_compact(F.array(*(F.when(fails, F.lit(name)) for name, fails in rules.items())))
    marked = source.withColumn("_bad", reduce(or_, rules.values()))
    if cached:
        marked = marked.persist()
    marked.where(~F.col("_bad")).drop("_bad").write.format("delta").mode("append").save(good)
    told = marked.where("_bad").drop("_bad").withColumn("_failed", failed)
    told.write.format("delta").mode("append").save(bad)
    if cached:
        marked.unpersist()


def _rules() -> dict[str, Column]:
    """The twelve rules as a person writes them: TRUE where a row fails."""
    from pyspark.sql import functions as F

    return {
        "order_id_there": F.col("order_id").isNull(),
        "order_id_shape": ~F.col("order_id").rlike(r"^O\d{9}$"),
        "customer_there": F.col("customer_id").isNull(),
        "country_length": F.length("country") != 2,
        "country_known": ~F.col("country").isin("DE", "FR", "NL", "GB", "ES", "IT", "PL", "SE"),
        "status_known": ~F.col("status").isin("new", "paid", "sent", "back"),
        "amount_range": ~F.col("amount").between(0, 10000),
        "amount_there": F.col("amount").isNull(),
        "quantity_range": ~F.col("quantity").between(1, 1000),
        "amount_covers": F.col("amount") < F.col("quantity"),
        "email_shape": ~F.col("email").rlike(r"^[^@ ]+@[^@ ]+\.[a-z]{2,}$"),
        "ordered_range": ~F.expr(
            "ordered_at BETWEEN TIMESTAMP'2020-01-01 00:00:00' AND TIMESTAMP'2030-01-01 00:00:00'"
        ),
    }


def _landed(spark: SparkSession, sources: str, warehouse: str) -> DataFrame:
    """The source as a Delta table, as Aurify's bronze is one."""
    path = f"{warehouse}/bronze"
    if not Path(path).exists():
        spark.read.parquet(f"{sources}/orders").write.format("delta").save(path)
    return spark.read.format("delta").load(path).select(*COLUMNS)
