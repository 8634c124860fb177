"""Isolation forests in a session that has SynapseML's jar, which that of the tests lacks; prints what it found as JSON.

It ends with 3 where the jar can't be had.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from aurify.config.settings import SparkSettings
from aurify.errors import ConfigurationError, EnvironmentFailure
from aurify.models.fitted import FittedModel
from aurify.models.isolation_forest import COORDINATES, IsolationForest
from aurify.session import open_session
from tests.integration.card_payments import drawn
from tests.integration.loans import area, in_memory, learning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

FEATURES = ("income", "age", "debts")
ROWS = 1_500
FOREST = IsolationForest(trees=20, sample=128)


def people(spark: SparkSession, rows: int) -> DataFrame:
    """Rows around the middle; one in a hundred has `is_bad` and lies far out in one feature."""
    from pyspark.sql import functions as F

    made = spark.range(rows).withColumn("is_bad", (F.col("id") % 100 == 7).cast("int"))
    for place, name in enumerate(FEATURES):
        middle = drawn(3 * place) + drawn(3 * place + 1) + drawn(3 * place + 2)
        made = made.withColumn(
            name, middle + F.when((F.col("is_bad") == 1) & (F.col("id") % 3 == place), 8).otherwise(0)
        )
    return made


def scores_of_synapse(rows: DataFrame, seed: int) -> list[float]:
    """By SynapseML's own Python classes, on the rows in the order that the forest says it gives them."""
    from pyspark.ml.feature import VectorAssembler
    from pyspark.sql import functions as F

    numbers = rows.select("id", *(F.col(name).cast("float").alias(name) for name in FEATURES))
    assembled = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(numbers)
    by_hash = assembled.orderBy(F.xxhash64(F.lit(seed), "id"), "id").coalesce(1)
    theirs = import_module("synapse.ml.isolationforest").IsolationForest
    model = theirs(numEstimators=20, maxSamples=128.0, randomSeed=seed + 1).fit(by_hash)
    return [row["outlierScore"] for row in model.transform(assembled).orderBy("id").collect()]


def measured(spark: SparkSession) -> dict[str, Any]:
    rows = people(spark, ROWS)
    many = people(spark, 6_000)  # more than all trees need
    columns = in_memory(rows)
    learned = FOREST.fit(learning(rows, "", FEATURES, seed=5))
    model = FittedModel.of_files(FittedModel(dict.fromkeys(FEATURES, "double"), (), learned).files())
    in_spark = [row["score"] for row in model.scored(rows).orderBy("id").collect()]
    of_many = [FOREST.fit(learning(given, "", FEATURES)).files() for given in (many, many.repartition(5))]
    few = IsolationForest(trees=5, sample=256).fit(learning(rows.limit(50), "", FEATURES))
    return {
        "ours": list(learned.predict(columns)),
        "theirs": scores_of_synapse(rows, seed=5),
        "in_spark": in_spark,
        "labels": list(columns["is_bad"]),
        "values": [list(columns[name]) for name in FEATURES],
        "same": of_many[0] == of_many[1],
        "other_seed_same": of_many[0] == FOREST.fit(learning(many, "", FEATURES, seed=1)).files(),
        "trees": len(learned.trees.roots),
        "of_few": few.sample,
        "of_many": area(in_memory(many)["is_bad"], FOREST.fit(learning(many, "", FEATURES)).predict(in_memory(many))),
        "of_missing": float(
            learned.predict({name: np.array([np.nan if name == "age" else 1.0]) for name in FEATURES})[0]
        ),
        "refused": refused(rows),
    }


def refused(rows: DataFrame) -> str:
    """What is told of rows that lack values, and of too few features."""
    told = []
    holed = rows.selectExpr("*", "IF(id < 3, NULL, age) AS holed")
    for forest, features in ((FOREST, ("income", "holed")), (IsolationForest(feature_share=0.3), ("income",))):
        try:
            forest.fit(learning(holed, "", features))
        except ConfigurationError as error:
            told.append(str(error))
    return "\n".join(told)


if __name__ == "__main__":
    conf = {"spark.sql.shuffle.partitions": "2", "spark.jars.packages": COORDINATES}
    conf["spark.driver.extraJavaOptions"] = "-XX:TieredStopAtLevel=1"
    try:
        session = open_session(SparkSettings(master="local[2]", driver_memory="1g", conf=conf), "forests", sys.argv[1])
    except EnvironmentFailure as error:
        sys.exit(f"{error}")
    print(json.dumps(measured(session)))
    session.stop()
