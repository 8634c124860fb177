"""Whether two programs made the same tables: rows and a hash of all values, order and files not counted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

TABLES = ("bronze", "silver", "gold")
PLACES = {
    "aurify": {
        "bronze": "bronze/pos_lines",
        "silver": "silver/pos_lines",
        "gold": "gold/daily_sales",
        "bronze_quarantine": "quarantine/bronze_pos_lines",
        "silver_quarantine": "quarantine/silver_pos_lines",
        "gold_quarantine": "quarantine/gold_daily_sales",
    },
    "hand_written": {name: name for t in TABLES for name in (t, f"{t}_quarantine")},
}
_BATCH = ("_generation", "_batch", "_attempt")


def fingerprints(spark: SparkSession, meter: Meter, warehouses: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Rows and hash of every table of every program, by program and table."""
    return {
        program: {table: _fingerprint(spark, f"{warehouse}/{path}") for table, path in PLACES[program].items()}
        for program, warehouse in warehouses.items()
    }


def differences(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """The tables that are not the same in both programs."""
    (first, one), (second, other) = found.items()
    return [f"{t}: {first} {one[t]}, {second} {other[t]}" for t in one if one[t] != other[t]]


def _fingerprint(spark: SparkSession, path: str) -> list[str]:
    from delta.tables import DeltaTable
    from pyspark.sql import functions as F

    if not DeltaTable.isDeltaTable(spark, path):
        return ["0 rows"]
    rows = comparable(spark.read.format("delta").load(path))
    names = sorted(rows.columns)
    # a hash passes over NULLs, so that the places of NULLs are hashed too
    values = [part for name in names for part in (F.col(name).isNull(), F.col(name))]
    sums = [F.sum(F.xxhash64(F.lit(seed), *values).cast("decimal(20,0)")) for seed in (1, 2)]
    found = rows.agg(F.count("*"), *sums).first()
    assert found is not None
    return ["0 rows"] if not found[0] else [f"{found[0]} rows", *(str(value) for value in found[1:]), ", ".join(names)]


def comparable(rows: DataFrame) -> DataFrame:
    """What a reader sees of a table; of quarantine the rows, the ids of the rules, and where the rows came from."""
    from pyspark.sql import functions as F

    if "_deleted" in rows.columns:
        return rows.where(~F.coalesce(F.col("_deleted"), F.lit(False))).drop("_deleted")
    if "_failed" not in rows.columns:
        return rows
    ids = F.col("_failed.id") if "struct" in rows.schema["_failed"].dataType.simpleString() else F.col("_failed")
    told = rows.withColumn("_failed", F.concat_ws("; ", F.array_sort(ids)))
    told = told.withColumn("_raw", F.to_json(F.array_sort(F.map_entries("_raw"))))
    if "_pointers" in rows.columns:
        own = [c for c in ("_source_file", "_source_row", "_delivery") if c not in rows.columns]
        told = told.select("*", *(_pointer(name).alias(name) for name in own)).drop("_pointers")
    for name in ("_source_row", "_delivery"):
        told = told.withColumn(name, F.col(name).cast("bigint")) if name in told.columns else told
    return told.drop(*_BATCH)


def _pointer(name: str) -> Column:
    from pyspark.sql import functions as F

    return F.element_at("_pointers", name)
