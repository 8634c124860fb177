"""Loans, some of which are not paid back, with what is known of them; every value hangs on the id alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.models.columns import columns_of
from aurify.models.estimator import Learning
from tests.integration.card_payments import drawn

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.models.columns import Numbers

FEATURES = ("income", "age", "debts", "is_new", "noise")


def loans(spark: SparkSession, rows: int = 3_000) -> DataFrame:
    """Loans; `income` is missing for a tenth of them, which are the worst, and filled in as `known_income`."""
    made = spark.range(rows).select(
        "id",
        F.when(drawn(1) > 0.1, F.exp(drawn(2) * 3)).alias("income"),
        (18 + F.floor(drawn(3) * 60)).cast("int").alias("age"),
        F.floor(drawn(4) * drawn(5) * 8).cast("int").alias("debts"),
        (drawn(6) < 0.3).alias("is_new"),
        drawn(7).alias("noise"),
        (1 + F.floor(drawn(8) * 3)).alias("weight"),
        (drawn(9) < 0.3).alias("is_later"),
    )
    risk = F.coalesce(-F.col("income") / 4, F.lit(1.5)) + F.col("debts") * 0.7 - (F.col("age") - 40) / 30
    made = made.withColumn("known_income", F.coalesce("income", F.lit(0.0)))
    return made.withColumn("is_bad", (drawn(10) < 1 / (1 + F.exp(-risk))).cast("int"))


def in_memory(rows: DataFrame) -> dict[str, Numbers]:
    """The columns, ordered by id; numbers with NaN where one is missing."""
    import pyarrow as pa

    found = pa.Table.from_pandas(rows.orderBy("id").toPandas()).combine_chunks().to_batches()[0]
    return {name: np.asarray(values) for name, values in columns_of(found, {n: n for n in rows.columns}).items()}


def area(labels: Numbers, scores: Numbers) -> float:
    """Under the ROC curve."""
    metrics = pytest.importorskip("sklearn.metrics")
    return float(metrics.roc_auc_score(labels, scores))


def learning(rows: DataFrame, scratch: str, features: tuple[str, ...], **others: object) -> Learning:
    """What is learned from loans."""
    asked = {"validation": None, "label": "is_bad", "order_by": ("id",), **others}
    return Learning(rows=rows, features=features, scratch=scratch, **asked)  # type: ignore[arg-type]
