"""Card payments drawn by a hash of their number: some features, a fraud that depends on them, a weight."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

if TYPE_CHECKING:
    import pandas as pd

FEATURES = ["amount", "hour", "is_abroad", "shop", "distance", "attempts"]


def drawn(number: int) -> Column:
    """From 0 to 1, by the row's id."""
    return F.pmod(F.xxhash64("id", F.lit(number)), F.lit(1_000_000)) / 1_000_000


def payments(spark: SparkSession, rows: int = 6_000) -> DataFrame:
    made = spark.range(rows).select(
        "id",
        F.exp(drawn(1) * 5).alias("amount"),
        F.floor(drawn(2) * 24).cast("int").alias("hour"),
        (drawn(3) < 0.2).alias("is_abroad"),
        F.floor(drawn(4) * 8).cast("int").alias("shop"),
        F.when(drawn(5) > 0.1, drawn(6) * 100).alias("distance"),
        F.floor(drawn(7) * drawn(8) * 6).cast("int").alias("attempts"),
        (1 + drawn(9)).alias("weight"),
        (drawn(10) < 0.25).alias("is_later"),
    )
    odds = F.log("amount") + F.col("attempts") + 2 * F.col("is_abroad").cast("int") - F.col("shop") % 3 - 3
    return made.withColumn("is_fraud", (drawn(11) < 1 / (1 + F.exp(-odds))).cast("int"))


def in_memory(rows: DataFrame, condition: str = "true") -> pd.DataFrame:
    """Those of the rows, in the order of their number."""
    there: pd.DataFrame = rows.where(condition).toPandas()
    return there.sort_values("id", ignore_index=True)
