"""The labels and views of `asof`, and what its programs must agree on; the peers read this too, with no Aurify."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from benchmarks.meter import Meter

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

VIEWS, FEATURES = 3, ("count", "sum", "last")
LABELS_OF_ENTITY, FACTS_OF_ENTITY, DAYS, TTL = 20, 10, 180, timedelta(days=30)


def make(spark: SparkSession, meter: Meter, source: str, labels: int, heavy: int) -> None:
    """Labels and views as Parquet. A view has no two facts of an entity at one moment, and all features are whole.

    Facts lie on even seconds, labels on odd ones, but for each seventh, which is at the moment of a possible fact.
    """
    from pyspark.sql import functions as F

    entities = max(2, labels // LABELS_OF_ENTITY)

    def drawn(number: int) -> Column:
        return F.pmod(F.xxhash64("id", F.lit(number)), F.lit(1 << 40))

    def with_entity(rows: DataFrame, number: int) -> DataFrame:
        is_heavy = drawn(number) % 100 < heavy
        return rows.withColumn(
            "entity", F.when(is_heavy, "e0").otherwise(F.concat(F.lit("e"), drawn(number + 1) % entities))
        )

    def moment(seconds: Column) -> Column:
        return F.timestamp_seconds(F.lit(1_700_000_000) + seconds)

    half = DAYS * 43_200
    rows = with_entity(spark.range(labels), 1)
    seconds = 2 * (drawn(3) % half) + (F.col("id") % 7 != 0).cast("int")
    asked = rows.select(F.col("id").alias("label_id"), "entity", moment(seconds).alias("event_timestamp"))
    asked.write.parquet(f"{source}/labels")
    for view in range(VIEWS):
        facts = with_entity(spark.range(entities * FACTS_OF_ENTITY), 10 * view + 11)
        features = [(drawn(10 * view + 14 + i) % 1_000_000).alias(f"v{view}_{name}") for i, name in enumerate(FEATURES)]
        timed = facts.select("entity", moment(2 * (drawn(10 * view + 13) % half)).alias("event_timestamp"), *features)
        taken = [F.max(f"v{view}_{name}").alias(f"v{view}_{name}") for name in FEATURES]
        timed.groupBy("entity", "event_timestamp").agg(*taken).write.parquet(f"{source}/view_{view}")


def checksum(made: DataFrame) -> str:
    """Rows, features that are there, and a sum over a hash of each label with its features."""
    from pyspark.sql import functions as F

    names = [f"v{view}_{name}" for view in range(VIEWS) for name in FEATURES]
    there = sum((F.col(name).isNotNull().cast("bigint") for name in names), F.lit(0))
    text = F.concat_ws(" ", "label_id", *(F.coalesce(F.col(name).cast("string"), F.lit("-")) for name in names))
    hashed = F.sum(F.xxhash64(text).cast("decimal(20,0)"))
    row = made.agg(F.count(F.lit(1)).alias("rows"), F.sum(there).alias("there"), hashed.alias("hashes")).collect()[0]
    return f"{row['rows']} rows, {row['there']} features, {row['hashes']}"
