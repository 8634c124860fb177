"""Versions of a table as Spark frames, from the files the log names, without a snapshot of Spark's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.publish.target import DELETED, Handle

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

MOST_LITERALS = 1000
Values = Mapping[str, Sequence[Any]]


def read_files(spark: SparkSession, table_path: str, paths: Sequence[str], schema: StructType) -> DataFrame:
    """The rows of some files of a table, by their paths relative to it."""
    if not paths:
        return spark.createDataFrame([], schema)
    return spark.read.schema(schema).parquet(*(f"{table_path}/{path}" for path in paths))


def read_version(spark: SparkSession, handle: Handle, values: Values | None = None) -> DataFrame:
    """All rows of the handle's version, tombstones included, limited to values of some columns if given."""
    if handle.needs_spark or handle.table.metadata().partition_columns:
        rows = spark.read.format("delta").option("versionAsOf", handle.version).load(handle.path)
    else:
        files = [f.path for f in handle.live_files() if overlaps(f, values or {})]
        rows = read_files(spark, handle.path, files, handle.schema)
    for column, wanted in (values or {}).items():
        rows = rows.where(holds(column, wanted))
    return rows


def without_tombstones(rows: DataFrame) -> DataFrame:
    """The rows that readers see."""
    from pyspark.sql import functions as F

    return rows.where(~F.coalesce(F.col(DELETED), F.lit(False))).drop(DELETED) if DELETED in rows.columns else rows


def overlaps(file: Any, values: Values) -> bool:
    """Whether a live file may hold a row with the wanted values in every column."""
    return all(
        (None in wanted and file.statistics.get(f"null_count.{column}") != 0)
        or file.may_hold(column, [v for v in wanted if v is not None])
        for column, wanted in values.items()
    )


def holds(column: str, wanted: Sequence[Any], side: str = "") -> Column:
    """The condition that a column has one of the values, sorted, NULL last; a range where they are very many."""
    from pyspark.sql import functions as F

    name = F.col(f"{side}.{quoted(column)}" if side else quoted(column))
    plain = [v for v in wanted if v is not None]
    few = len(plain) <= MOST_LITERALS
    condition = name.isin(plain) if few else name.between(F.lit(plain[0]), F.lit(plain[-1]))
    return condition | name.isNull() if None in wanted else condition
