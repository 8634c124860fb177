"""Boosted trees and forests of Spark ML: the same scores without Spark, the same trees however the rows lie."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, TrainingStopped
from aurify.models.fitted import FittedModel
from aurify.models.spark_trees import SparkTrees
from aurify.models.tree_estimators import GradientBoostedTrees, RandomForest
from tests.integration.loans import area, in_memory, learning, loans

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

ensemble = pytest.importorskip("sklearn.ensemble")

FEATURES = ("known_income", "age", "debts", "is_new", "noise")
BOOSTED = GradientBoostedTrees(rounds=8, depth=3, row_share=0.8, bins=32)
FOREST = RandomForest(trees=12, depth=5, bins=32)
CLOSE = 1e-12


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    made = loans(spark).cache()
    yield made
    made.unpersist()


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def trees(rows: DataFrame, scratch: str) -> SparkTrees:
    return BOOSTED.fit(learning(rows, scratch, FEATURES, seed=3))


@pytest.fixture(scope="module")
def forest(rows: DataFrame, scratch: str) -> SparkTrees:
    return FOREST.fit(learning(rows, scratch, FEATURES, seed=3, weight="weight"))


def lying(rows: DataFrame) -> DataFrame:
    """The rows as Spark ML's own estimator takes them: vectors in one partition, sorted."""
    from pyspark.ml.feature import VectorAssembler

    numbers = rows.withColumn("is_bad", F.col("is_bad").cast("double")).withColumn(
        "is_new", F.col("is_new").cast("int")
    )
    assembled = VectorAssembler(inputCols=list(FEATURES), outputCol="features").transform(numbers)
    return assembled.repartition(1).sortWithinPartitions("id")


def scores_of_spark(model: Any, rows: DataFrame) -> np.ndarray[Any, Any]:
    told = model.transform(lying(rows)).orderBy("id").select("probability").collect()
    return np.array([row["probability"][1] for row in told])


def test_boosted_trees_score_as_spark_does(rows: DataFrame, trees: SparkTrees) -> None:
    from pyspark.ml.classification import GBTClassifier

    theirs = GBTClassifier(
        labelCol="is_bad", maxIter=8, maxDepth=3, stepSize=0.1, subsamplingRate=0.8, maxBins=32, seed=3
    )  # fmt: skip
    model = theirs.fit(lying(rows))
    expected = scores_of_spark(model, rows)
    assert len(np.unique(expected)) > 100
    assert np.abs(trees.predict(in_memory(rows)) - expected).max() <= CLOSE
    assert list(trees.importance().values()) == pytest.approx(list(model.featureImportances.toArray()), abs=CLOSE)


def test_a_weighted_forest_scores_as_spark_does(rows: DataFrame, forest: SparkTrees) -> None:
    from pyspark.ml.classification import RandomForestClassifier

    theirs = RandomForestClassifier(labelCol="is_bad", weightCol="weight", numTrees=12, maxDepth=5, maxBins=32, seed=3)
    expected = scores_of_spark(theirs.fit(lying(rows)), rows)
    assert len(np.unique(expected)) > 100
    assert np.abs(forest.predict(in_memory(rows)) - expected).max() <= CLOSE


def test_a_weight_changes_the_forest(rows: DataFrame, scratch: str, forest: SparkTrees) -> None:
    alike = FOREST.fit(learning(rows, scratch, FEATURES, seed=3))
    assert alike.files() != forest.files()


def test_the_trees_find_what_was_planted(rows: DataFrame, trees: SparkTrees, forest: SparkTrees) -> None:
    columns = in_memory(rows)
    matrix = np.column_stack([columns[name] for name in FEATURES])
    theirs = ensemble.GradientBoostingClassifier(n_estimators=8, max_depth=3, random_state=0)
    theirs.fit(matrix, columns["is_bad"])
    usual = area(columns["is_bad"], theirs.predict_proba(matrix)[:, 1])
    for learned in (trees, forest):
        assert area(columns["is_bad"], learned.predict(columns)) == pytest.approx(usual, abs=0.03)
        shares = learned.importance()
        assert sum(shares.values()) == pytest.approx(1)
        assert shares["known_income"] > 4 * shares["noise"]


def test_the_same_rows_give_the_same_trees_however_they_lie(
    rows: DataFrame, scratch: str, trees: SparkTrees, forest: SparkTrees
) -> None:
    turned = rows.repartition(5).orderBy(F.desc("noise"))
    assert BOOSTED.fit(learning(turned, scratch, FEATURES, seed=3)).files() == trees.files()
    assert FOREST.fit(learning(turned, scratch, FEATURES, seed=3, weight="weight")).files() == forest.files()


@pytest.mark.parametrize("estimator", [BOOSTED, FOREST])
def test_two_workers_give_the_same_trees_however_the_rows_lie(
    rows: DataFrame, scratch: str, estimator: GradientBoostedTrees | RandomForest
) -> None:
    turned = rows.repartition(5).orderBy(F.desc("noise"))
    first, second = (estimator.fit(learning(given, scratch, FEATURES, workers=2)) for given in (rows, turned))
    assert first.files() == second.files()


def test_boosting_stops_where_validation_does_not_gain(rows: DataFrame, scratch: str) -> None:
    from pyspark.ml.classification import GBTClassifier

    earlier, later = rows.where("NOT is_later"), rows.where("is_later")
    learned = GradientBoostedTrees(rounds=40, depth=3, bins=32, validation_tolerance=0.05).fit(
        learning(earlier, scratch, FEATURES, validation=later)
    )
    theirs = GBTClassifier(
        labelCol="is_bad", maxIter=40, maxDepth=3, maxBins=32, seed=0, validationTol=0.05,
        validationIndicatorCol="is_later",
    )  # fmt: skip
    expected = theirs.fit(lying(rows))
    assert len(learned.trees.roots) == expected.getNumTrees < 40
    assert np.abs(learned.predict(in_memory(rows)) - scores_of_spark(expected, rows)).max() <= CLOSE


def test_what_was_learned_is_kept_and_scores_in_spark(rows: DataFrame, trees: SparkTrees, tmp_path: Path) -> None:
    FittedModel.of(trees, rows).save(tmp_path)
    model = FittedModel.load(tmp_path)
    assert model.fingerprint == FittedModel.of(trees, rows).fingerprint
    holed = rows.withColumn("age", F.when(F.col("id") != 7, F.col("age")))
    scored = {row["id"]: row["score"] for row in model.scored(holed).select("id", "score").collect()}
    expected = trees.predict(in_memory(rows))
    assert np.isnan(scored.pop(7))
    assert all(scored[place] == expected[place] for place in scored)


def test_missing_values_are_told_with_their_columns(rows: DataFrame, scratch: str) -> None:
    holed = rows.withColumn("noise", F.when(F.col("id") > 0, F.col("noise")).otherwise(float("nan")))
    with pytest.raises(ConfigurationError) as told:
        FOREST.fit(learning(holed, scratch, ("income", "age", "noise")))
    missing = rows.where("income IS NULL").count()
    text = str(told.value)
    assert f"RandomForest: income: found missing or infinite in {missing} rows" in text
    assert "RandomForest: noise: found missing or infinite in 1 rows" in text
    assert "RandomForest: age" not in text
    assert "Imputed" in text


def test_all_that_does_not_fit_is_told_at_once(rows: DataFrame, scratch: str) -> None:
    odd = rows.withColumn("age", F.concat(F.lit("a"), "age"))
    with pytest.raises(ConfigurationError) as told:
        BOOSTED.fit(learning(odd, scratch, ("agee", "age", "is_bad"), weight="wait", validation=odd.drop("age")))
    text = str(told.value)
    for part in (
        "no column 'agee'", "did you mean 'age'?", "age is string", "the label 'is_bad'", "no column 'wait'",
        "validation: found no column 'age'",
    ):  # fmt: skip
        assert part in text, part


def test_rows_that_teach_nothing_are_told(rows: DataFrame, scratch: str) -> None:
    good = rows.withColumn("is_bad", F.when(F.col("id") == 5, 2).otherwise(0)).withColumn("weight", F.lit(-1))
    asked = learning(good, scratch, FEATURES, weight="weight", validation=good.limit(0))
    with pytest.raises(ConfigurationError) as told:
        BOOSTED.fit(asked)
    text = str(told.value)
    for part in ("neither 0 nor 1 in 1 rows", "no positives", "0 or more in 3000 rows", "validation: found no rows"):
        assert part in text, part


def test_a_fit_that_takes_too_long_is_stopped(rows: DataFrame, scratch: str) -> None:
    def stuck(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(120)
        yield from batches

    slow = rows.mapInArrow(stuck, rows.schema)
    begun = time.monotonic()
    with pytest.raises(TrainingStopped, match=r"RandomForest: found .* after 0:00:01"):
        FOREST.fit(learning(slow, scratch, FEATURES, time_limit=timedelta(seconds=1)))
    assert time.monotonic() - begun < 60


def test_nothing_is_left_behind(rows: DataFrame, scratch: str) -> None:
    def held() -> set[int]:
        return set(rows.sparkSession.sparkContext._jsc.getPersistentRDDs().keySet())

    before = held()
    FOREST.fit(learning(rows, scratch, FEATURES))
    assert held() <= before
    assert os.listdir(scratch) == []
