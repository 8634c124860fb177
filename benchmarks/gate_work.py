"""The work of the benchmark `gate`, as it runs in the process of `program.run`: data with planted faults, programs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from operator import or_
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.gate_shapes import PROJECT, SHAPES, Shape, wide_project
from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from aurify.workflows.lake import Lake

WARM_ROWS = 20_000
ONE = ("work",)


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


def aurify(
    spark: SparkSession,
    meter: Meter,
    sources: str,
    warehouse: str,
    shape: str = "orders",
    sections: Sequence[str] = ONE,
) -> dict[str, Any]:
    """Refreshes of the gated table, each in a lake of its own where bronze lies already; the first is a small one."""
    project = PROJECT if shape == "orders" else wide_project(Path(f"{warehouse}-project"))
    for section, source, folder in _turns(sources, warehouse, sections):
        lake = _lake(spark, project, source, folder)
        _refresh(lake, "bronze.orders")
        with _measured(meter, section):
            _refresh(lake, "silver.orders")
    balance = lake.batches_ledger.rows()
    mine = next(row for row in balance if row["table"] == "silver.orders")
    told = [r for r in lake.rules_ledger.rows() if r["table"] == "silver.orders" and r["failed"]]
    rules = {r["rule"]: r["failed"] for r in told if "(" not in r["rule"]}  # without the engine's own, on the key
    return {"good": mine["inserted"], "bad": mine["quarantined"], "rules": rules}


def _turns(sources: str, warehouse: str, sections: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Section, sources and folder of every run: a small one that no section measures, then the measured ones."""
    for number, section in enumerate(("", *sections)):
        folder = Path(warehouse, str(number))
        yield section, f"{sources}/{'measured' if section else 'warm'}", str(folder)
        if number < len(sections):
            shutil.rmtree(folder)


def _measured(meter: Meter, section: str) -> AbstractContextManager[None]:
    return meter.section(section) if section else nullcontext()


def _lake(spark: SparkSession, project: Path, sources: str, warehouse: str) -> Lake:
    from aurify import connect

    sys.path.insert(0, str(project / "platform"))
    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    return connect("local", project=project, spark=spark)


def _refresh(lake: Lake, table: str) -> None:
    report = lake.refresh(table)
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")


def ungated(
    spark: SparkSession,
    meter: Meter,
    sources: str,
    warehouse: str,
    shape: str = "orders",
    sections: Sequence[str] = ONE,
) -> dict[str, Any]:
    """The same rows appended to one Delta table, no rules at all."""
    for section, source, folder in _turns(sources, warehouse, sections):
        rows = _landed(spark, SHAPES[shape], source, folder)
        with _measured(meter, section):
            rows.write.format("delta").mode("append").save(f"{folder}/silver")
    return {"good": spark.read.format("delta").load(f"{folder}/silver").count(), "bad": 0, "rules": {}}


def split_by_hand(
    spark: SparkSession,
    meter: Meter,
    sources: str,
    warehouse: str,
    shape: str = "orders",
    sections: Sequence[str] = ONE,
    split: Callable[[DataFrame, Shape, str, str], None] | None = None,
) -> dict[str, Any]:
    """The same rows, and two filtered Delta writes."""
    for section, source, folder in _turns(sources, warehouse, sections):
        good, bad = f"{folder}/silver", f"{folder}/quarantine"
        rows = _landed(spark, SHAPES[shape], source, folder)
        with _measured(meter, section):
            (split or _split)(rows, SHAPES[shape], good, bad)
    told = spark.read.format("delta").load(bad)
    found = told.selectExpr("explode(_failed) AS rule").groupBy("rule").count().collect()
    return {
        "good": spark.read.format("delta").load(good).count(),
        "bad": told.count(),
        "rules": {row["rule"]: row["count"] for row in found},
    }


def split_cached(spark: SparkSession, meter: Meter, **told: Any) -> dict[str, Any]:
    """As by hand, with the marked rows cached."""
    return split_by_hand(spark, meter, **told, split=_split_cached)


def audited(spark: SparkSession, meter: Meter, **told: Any) -> dict[str, Any]:
    """As by hand, but the quarantine comes first and its write counts what each rule found: known before the good."""
    return split_by_hand(spark, meter, **told, split=_audit)


def _split(source: DataFrame, shape: Shape, good: str, bad: str) -> None:
    marked = _marked(source, shape)
    _append_good(marked, good)
    _append(_told(marked.where("_bad"), shape), bad)


def _split_cached(source: DataFrame, shape: Shape, good: str, bad: str) -> None:
    marked = _marked(source, shape).persist()
    _append_good(marked, good)
    _append(_told(marked.where("_bad"), shape), bad)
    marked.unpersist()


def _audit(source: DataFrame, shape: Shape, good: str, bad: str) -> None:
    from pyspark.sql import Observation
    from pyspark.sql import functions as F

    counts = Observation("audit")
    marked = _marked(source, shape)
    found = {name: F.count(F.when(fails, 1)) for name, fails in shape.rules().items()}
    observed = marked.observe(counts, F.count(F.lit(1)).alias("rows"), *(n.alias(name) for name, n in found.items()))
    _append(_told(observed.where("_bad"), shape), bad)
    if counts.get["rows"]:
        _append_good(marked, good)


def _marked(source: DataFrame, shape: Shape) -> DataFrame:
    return source.withColumn("_bad", reduce(or_, _rules(shape).values()))


def _rules(shape: Shape) -> dict[str, Column]:
    from pyspark.sql import functions as F

    return {name: F.coalesce(fails, F.lit(False)) for name, fails in shape.rules().items()}


def _append_good(marked: DataFrame, path: str) -> None:
    _append(marked.where("NOT _bad").drop("_bad"), path)


def _told(bad: DataFrame, shape: Shape) -> DataFrame:
    """The bad rows with the names of the rules that they break."""
    from pyspark.sql import functions as F

    failed = (F.when(fails, F.lit(name)) for name, fails in _rules(shape).items())
    return bad.drop("_bad").withColumn("_failed", F.array_compact(F.array(*failed)))


def _append(rows: DataFrame, path: str) -> None:
    rows.write.format("delta").mode("append").save(path)


def _landed(spark: SparkSession, shape: Shape, sources: str, warehouse: str) -> DataFrame:
    """The source as a Delta table, as Aurify's bronze is one."""
    path = f"{warehouse}/bronze"
    if not Path(path).exists():
        spark.read.parquet(f"{sources}/orders").write.format("delta").save(path)
    return spark.read.format("delta").load(path).select(*shape.good)
