"""Stages and estimators fit together into one model, which scores in Spark as on the driver, and is kept as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.models import (
    Bagging,
    ByGroup,
    GradientBoostedTrees,
    Imputed,
    LightGBM,
    OneHot,
    Python,
    ScoreCard,
    TargetMean,
    Uncorrelated,
)
from aurify.models.estimator import Estimator, Learning, Stage
from aurify.models.explain import shap_importance
from aurify.models.fitted import FittedModel
from aurify.models.fitting import fit_model

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 1_500
REGRESSION = Python("sklearn.linear_model:LogisticRegression")
TREES = LightGBM({"objective": "binary", "num_leaves": 7, "min_data_in_leaf": 5}, rounds=5)
CASES: dict[str, tuple[tuple[str, ...], list[Stage], Estimator]] = {
    "boosting of numbers": (("amount", "twin"), [Uncorrelated()], TREES),
    "boosting of categories": (("amount", "shop"), [TargetMean(("shop",))], TREES),
    "trees of Spark": (("amount", "shop"), [OneHot(("shop",)), Imputed(("amount",))], GradientBoostedTrees(rounds=3)),
    "score card": (("amount", "shop"), [OneHot(("shop",))], ScoreCard()),
    "by group": (("amount",), [Imputed(("amount",))], ByGroup("shop", REGRESSION)),
    "bagging": (("amount", "shop"), [OneHot(("shop",))], Bagging(TREES, models=2)),
}


@pytest.fixture(scope="module")
def learning(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Learning:
    """Labels that follow from a number, which may be missing, and from a text."""
    from pyspark.sql import functions as F

    draw = (F.pmod(F.xxhash64("id", F.lit("draw")), F.lit(1_000)) / 1_000).alias("draw")
    shop = F.concat(F.lit("s"), (F.col("id") % 3).cast("string")).alias("shop")
    amount = F.when(F.col("id") % 17 != 0, F.pmod(F.xxhash64("id"), F.lit(100)).cast("double")).alias("amount")
    rows = spark.range(ROWS).select("id", shop, amount, draw)
    chance = 0.1 + F.coalesce(F.col("amount"), F.lit(50)) / 150 + F.when(F.col("shop") == "s1", 0.2).otherwise(0.0)
    labelled = rows.withColumn("y", (F.col("draw") < chance).cast("double")).withColumn("twin", F.col("amount") * 2)
    scratch = str(tmp_path_factory.mktemp("scratch"))
    return Learning(labelled.drop("draw").localCheckpoint(), None, (), "y", ("id",), scratch, seed=3)


@pytest.mark.parametrize("case", CASES)
def test_a_model_scores_the_same_in_spark_in_memory_and_from_its_files(
    case: str, learning: Learning, tmp_path: Path
) -> None:
    features, stages, estimator = CASES[case]
    model = fit_model(case, of(learning, features), stages, estimator)
    scored = model.scored(learning.rows).orderBy("id").collect()
    columns = {name: np.array([row[name] for row in scored], object) for name in model.inputs}
    columns = {name: v if name == "shop" else v.astype(float) for name, v in columns.items()}
    scores = np.array([row.score for row in scored])
    model.save(tmp_path)
    again = FittedModel.load(tmp_path)
    assert again.fingerprint == model.fingerprint
    np.testing.assert_array_equal(model.predict(columns), scores)
    np.testing.assert_array_equal(again.predict(columns), scores)
    labels = np.array([row.y for row in scored])
    assert scores[labels == 1].mean() > scores[labels == 0].mean() + 0.05, "it has learned"


def of(learning: Learning, features: tuple[str, ...]) -> Learning:
    """The same rows with these features."""
    from dataclasses import replace

    return replace(learning, features=features)


def test_a_feature_that_selection_dropped_is_no_input(learning: Learning) -> None:
    model = fit_model("m", of(learning, ("amount", "twin")), [Uncorrelated()], TREES)
    assert len(model.inputs) == 1
    assert model.stages == ()


def test_contributions_see_what_the_stages_made(learning: Learning) -> None:
    model = fit_model("m", of(learning, ("amount", "shop")), [TargetMean(("shop",))], TREES)
    assert shap_importance(model, learning.rows)["shop_mean_y"] > 0


def test_a_text_that_no_stage_reads_is_refused(learning: Learning) -> None:
    with pytest.raises(ConfigurationError, match=r"shop is string[\s\S]*a stage, like OneHot"):
        fit_model("m", of(learning, ("amount", "shop")), [], TREES)


def test_a_version_that_knows_no_such_kind_says_so(learning: Learning, tmp_path: Path) -> None:
    fit_model("m", of(learning, ("amount",)), [], TREES).save(tmp_path)
    text = (tmp_path / "model.json").read_text(encoding="utf-8")
    (tmp_path / "model.json").write_text(text.replace('"lightgbm"', '"magic"'), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="the version of Aurify that wrote it"):
        FittedModel.load(tmp_path)
