"""Estimators made of estimators: their parts are what they would be alone, put together as the papers say."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, Problem, TrainingStopped
from aurify.models import barrier_lightgbm
from aurify.models.bagging import Bagging, resampled
from aurify.models.blend import Blend
from aurify.models.blending import Blending
from aurify.models.booster import Booster
from aurify.models.by_group import ByGroup
from aurify.models.estimator import Learning
from aurify.models.fitted import FittedModel
from aurify.models.on_driver import OnDriver
from aurify.models.python_model import PythonModel
from aurify.models.python_reference import Python
from aurify.models.stacking import Stack, Stacking, fold
from tests.integration.card_payments import drawn, in_memory

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

linear_model = pytest.importorskip("sklearn.linear_model")
tree = pytest.importorskip("sklearn.tree")
pytest.importorskip("lightgbm")

FEATURES = ("amount", "hour")
LOGISTIC = OnDriver(Python("sklearn.linear_model:LogisticRegression", {"C": 0.5}))
TREE = OnDriver(Python("sklearn.tree:DecisionTreeClassifier", {"max_depth": 4}))
DUMMY = OnDriver(Python("sklearn.dummy:DummyClassifier", {"strategy": "prior"}))


@dataclass(frozen=True)
class FewTrees:
    """LightGBM of a few rounds."""

    rounds: int = 3

    def problems(self, where: str) -> list[Problem]:
        return []

    def fit(self, learning: Learning) -> Booster:
        made = barrier_lightgbm.fit(
            learning.rows, features=learning.features, label=learning.label, order_by=learning.order_by, workers=1,
            parameters={"objective": "binary", "num_leaves": 4, "seed": learning.seed}, rounds=self.rounds,
            time_limit=learning.time_limit,
        )  # fmt: skip
        return Booster(made.model_text, learning.features)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    made = spark.range(2_400).select(
        "id",
        F.concat(F.lit("s"), F.floor(drawn(6) * 3).cast("string")).alias("shop"),
        (drawn(1) * 5).alias("amount"),
        F.floor(drawn(2) * 24).cast("int").alias("hour"),
        (1 + drawn(3)).alias("weight"),
    )
    odds = 2 * F.col("amount") - 6 + 2 * (F.col("hour") < 6).cast("int")
    made = made.withColumn("is_fraud", (drawn(5) < 1 / (1 + F.exp(-odds))).cast("int")).cache()
    yield made
    made.unpersist()


@pytest.fixture
def learning(rows: DataFrame, tmp_path: Path) -> Learning:
    training, validation = rows.where("id % 3 > 0"), rows.where("id % 3 = 0")
    return Learning(training, validation, FEATURES, "is_fraud", ("id",), str(tmp_path), seed=5)


def columns(rows: pd.DataFrame) -> dict[str, Any]:
    return {name: rows[name].to_numpy(np.float64) for name in FEATURES} | {"shop": rows["shop"].to_numpy(object)}


def moved(learning: Learning) -> Learning:
    """The same rows, lying otherwise, with another scratch."""
    assert learning.validation is not None
    turned = learning.rows.repartition(5).orderBy(F.desc("amount"))
    return replace(learning, rows=turned, validation=learning.validation.repartition(3), scratch=learning.scratch + "x")


def test_a_bag_scores_the_mean_of_models_of_resampled_rows(learning: Learning) -> None:
    made = Bagging(TREE, models=3, share=0.8).fit(learning)
    there = in_memory(learning.rows)
    direct = []
    for number in range(3):
        own = in_memory(resampled(learning, number, 0.8))
        fitted = tree.DecisionTreeClassifier(max_depth=4, random_state=5 + number)
        fitted.fit(own[list(FEATURES)].to_numpy(np.float64), own["is_fraud"].to_numpy())
        direct.append(fitted.predict_proba(there[list(FEATURES)].to_numpy(np.float64))[:, 1])
    assert made.predict(columns(there)) == pytest.approx(np.mean(direct, axis=0))
    assert np.ptp(direct, axis=0).max() > 0.1


def test_each_model_of_a_bag_has_a_bootstrap_sample(learning: Learning) -> None:
    samples = [in_memory(resampled(learning, number, 1.0))["id"].value_counts() for number in range(2)]
    count = learning.rows.count()
    for sample in samples:
        assert sample.sum() == pytest.approx(count, rel=0.08)
        often = [count - len(sample), *(int((sample == times).sum()) for times in (1, 2, 3))]
        assert np.array(often) / count == pytest.approx([0.368, 0.368, 0.184, 0.061], abs=0.04)
    both = len(samples[0].index.intersection(samples[1].index))
    assert both / count == pytest.approx(0.632**2, abs=0.04)
    again = in_memory(resampled(moved(learning), 0, 1.0))["id"].value_counts()
    assert again.to_dict() == samples[0].to_dict()


def test_a_bag_of_boosters_is_the_same_however_the_rows_lie(learning: Learning) -> None:
    made = Bagging(FewTrees(), models=2).fit(learning)
    assert Bagging(FewTrees(), models=2).fit(moved(learning)).files() == made.files()
    assert len({part.files()["model.txt"] for part in made.parts}) == 2


def test_blending_finds_the_weights_of_the_smallest_log_loss(learning: Learning) -> None:
    estimators = (LOGISTIC, FewTrees(20), DUMMY)
    made = Blending(estimators).fit(learning)
    alone = tuple(estimator.fit(learning) for estimator in estimators)
    assert [part.files() for part in made.parts] == [part.files() for part in alone]
    assert learning.validation is not None
    there = in_memory(learning.validation)
    labels = there["is_fraud"].to_numpy()
    scores = np.column_stack([part.predict(columns(there)) for part in alone])

    def loss(weights: Any) -> float:
        found = scores @ np.asarray(weights)
        return float(-np.mean(labels * np.log(found) + (1 - labels) * np.log(1 - found)))

    steps = np.linspace(0, 1, 41)
    grid = [(a, b, 1 - a - b) for a in steps for b in steps if a + b <= 1]
    assert loss(made.weights) <= min(map(loss, grid)) + 1e-6
    assert min(made.weights) >= 0
    assert sum(made.weights) == pytest.approx(1)
    assert made.predict(columns(there)) == pytest.approx(scores @ np.array(made.weights))


def test_blending_by_a_sample_comes_near_and_does_not_hang_on_how_rows_lie(learning: Learning) -> None:
    whole, some = Blending((LOGISTIC, TREE)).fit(learning), Blending((LOGISTIC, TREE), most_rows=400)
    sampled = some.fit(learning)
    assert sampled.weights != whole.weights
    assert sampled.weights == pytest.approx(whole.weights, abs=0.2)
    assert some.fit(moved(learning)).files() == sampled.files()


def test_blending_needs_validation_rows_of_both_classes_and_probabilities(learning: Learning) -> None:
    blending = Blending((LOGISTIC, TREE))
    with pytest.raises(ConfigurationError, match=r"no validation rows(.|\n)*Stacking"):
        blending.fit(replace(learning, validation=None))
    with pytest.raises(ConfigurationError, match="0 validation rows with 1"):
        blending.fit(replace(learning, validation=learning.rows.where("is_fraud = 0")))
    line = OnDriver(Python("sklearn.linear_model:LinearRegression"))
    with pytest.raises(ConfigurationError, match=r"estimators\[1\]: found \d+ validation scores that are none"):
        Blending((LOGISTIC, line)).fit(learning)


def test_a_stacks_final_model_learns_from_scores_out_of_fold(learning: Learning) -> None:
    made = Stacking((LOGISTIC, TREE), LOGISTIC, folds=3).fit(replace(learning, weight="weight"))
    there = in_memory(learning.rows.withColumn("fold", fold(learning, 3)))
    features, labels, weights = (
        there[list(FEATURES)].to_numpy(np.float64),
        there["is_fraud"].to_numpy(),
        there["weight"],
    )
    models = (
        linear_model.LogisticRegression(C=0.5, random_state=5),
        tree.DecisionTreeClassifier(max_depth=4, random_state=5),
    )
    scores = np.empty((len(there), 2))
    for number in range(3):
        is_in = (there["fold"] == number).to_numpy()
        assert 400 < is_in.sum() < 660
        for place, model in enumerate(models):
            model.fit(features[~is_in], labels[~is_in], weights[~is_in])
            scores[is_in, place] = model.predict_proba(features[is_in])[:, 1]
    final = linear_model.LogisticRegression(C=0.5, random_state=5).fit(scores, labels, weights)
    assert isinstance(made.final, PythonModel)
    assert made.final.estimator.coef_ == pytest.approx(final.coef_, rel=1e-6)
    refitted = [model.fit(features, labels, weights).predict_proba(features)[:, 1] for model in models]
    expected = final.predict_proba(np.column_stack(refitted))[:, 1]
    assert made.predict(columns(there)) == pytest.approx(expected, rel=1e-6)


def test_a_stack_is_the_same_however_the_rows_lie(learning: Learning) -> None:
    stacking = Stacking((TREE,), LOGISTIC, folds=2)
    assert stacking.fit(moved(learning)).files() == stacking.fit(learning).files()


def test_a_stacks_final_estimator_is_given_validation_scores(learning: Learning) -> None:
    seen: list[Learning] = []

    @dataclass(frozen=True)
    class Watching:
        def problems(self, where: str) -> list[Problem]:
            return []

        def fit(self, learning: Learning) -> PythonModel:
            seen.append(learning)
            return DUMMY.fit(learning)

    made = Stacking((TREE,), Watching(), folds=2).fit(learning)
    (told,) = seen
    assert told.validation is not None
    assert learning.validation is not None
    there, scored = in_memory(learning.validation), in_memory(told.validation)
    assert scored["_score_of_0"].to_numpy() == pytest.approx(made.parts[0].predict(columns(there)))
    assert told.features == ("_score_of_0",)
    assert told.scratch != learning.scratch


def test_ensembles_nest_and_score_on_spark_as_from_their_files(learning: Learning, tmp_path: Path) -> None:
    inner = Blending((ByGroup("shop", TREE.estimator, fewest=20), LOGISTIC))
    stacking = Stacking((inner, FewTrees()), Bagging(LOGISTIC, models=2), folds=2)
    assert stacking.problems("model") == []
    made = stacking.fit(learning)
    model = FittedModel({"amount": "double", "hour": "int", "shop": "string"}, (), made)
    model.save(tmp_path / "kept")
    read = FittedModel.load(tmp_path / "kept")
    assert read == model
    assert isinstance(read.learned, Stack)
    assert isinstance(read.learned.parts[0], Blend)
    scored = in_memory(read.scored(learning.rows.where("id < 300")))
    assert scored["score"].to_numpy() == pytest.approx(made.predict(columns(scored)))


def test_the_time_limit_is_that_of_all_parts_together(learning: Learning) -> None:
    over = replace(learning, time_limit=timedelta(microseconds=1))
    with pytest.raises(TrainingStopped, match="0 of 2 fits were done"):
        Bagging(TREE, models=2).fit(over)
    limits: list[timedelta] = []

    @dataclass(frozen=True)
    class Slow:
        def problems(self, where: str) -> list[Problem]:
            return []

        def fit(self, learning: Learning) -> PythonModel:
            assert learning.time_limit is not None
            limits.append(learning.time_limit)
            return DUMMY.fit(learning)

    Bagging(Slow(), models=2).fit(replace(learning, time_limit=timedelta(minutes=10)))
    assert timedelta(minutes=10) > limits[0] > limits[1] > timedelta(minutes=5)
