"""Python estimators by group and on the driver: scikit-learn fitted directly on the same rows is the oracle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, TrainingStopped
from aurify.models.by_group import ByGroup
from aurify.models.estimator import Learning
from aurify.models.fitted import FittedModel
from aurify.models.group_models import GroupModels
from aurify.models.on_driver import OnDriver
from aurify.models.python_reference import Python
from tests.integration.card_payments import drawn, in_memory

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

linear_model = pytest.importorskip("sklearn.linear_model")
tree = pytest.importorskip("sklearn.tree")

LOGISTIC = Python("sklearn.linear_model:LogisticRegression", {"C": 0.5})
TREE = Python("sklearn.tree:DecisionTreeClassifier", {"max_depth": 3, "max_features": 1})
FEATURES = ("amount", "hour")
GROUPS = 100


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    """A hundred shops of fifty rows; `s7` has fraud alone, `s8` misses an amount, `s9` has few rows, some have none."""
    made = spark.range(5_000).select(
        "id",
        F.concat(F.lit("s"), (F.col("id") % GROUPS).cast("string")).alias("shop"),
        (drawn(1) * 5).alias("amount"),
        F.floor(drawn(2) * 24).cast("int").alias("hour"),
        (1 + drawn(3)).alias("weight"),
        (drawn(4) < drawn(5)).alias("is_fraud"),
    )
    made = made.withColumn("is_fraud", (F.col("is_fraud") != (F.col("amount") > 3)) | (F.col("shop") == "s7"))
    made = made.withColumn("amount", F.when(F.col("id") != 408, F.col("amount")))
    made = made.where("shop != 's9' OR id < 1000")
    made = made.withColumn("shop", F.when(F.col("id") != 11, F.col("shop"))).cache()
    yield made
    made.unpersist()


def learning(rows: DataFrame, **others: Any) -> Learning:
    asked: dict[str, Any] = {"features": ("shop", *FEATURES), "label": "is_fraud", "order_by": ("id",)}
    return Learning(rows, None, **{**asked, "scratch": "unused", "seed": 5, **others})


@pytest.fixture(scope="module")
def by_shop(rows: DataFrame) -> GroupModels:
    return ByGroup("shop", TREE, fewest=20, fallback_rows=400).fit(learning(rows.where("id != 408")))


def columns(rows: pd.DataFrame) -> dict[str, Any]:
    numbers = {name: rows[name].to_numpy(np.float64) for name in FEATURES}
    return {**numbers, "shop": rows["shop"].to_numpy(object)}


def matrix(rows: pd.DataFrame) -> Any:
    return rows[list(FEATURES)].to_numpy(np.float64)


def test_each_group_has_the_model_that_scikit_learn_fits_on_its_rows(rows: DataFrame, by_shop: GroupModels) -> None:
    there = in_memory(rows.where("id != 408 AND shop IS NOT NULL"))
    found = by_shop.predict(columns(there))
    for shop, own in there.groupby("shop"):
        if shop not in ("s7", "s9"):
            direct = tree.DecisionTreeClassifier(max_depth=3, max_features=1, random_state=5)
            direct.fit(matrix(own), own["is_fraud"].to_numpy().astype(int))
            assert found[own.index] == pytest.approx(direct.predict_proba(matrix(own))[:, 1])
    assert len(by_shop.models) == GROUPS - 2


def test_a_group_that_fails_is_told_with_its_reason_and_the_rest_is_fine(rows: DataFrame) -> None:
    made = ByGroup("shop", LOGISTIC, fewest=20, fallback_rows=0).fit(learning(rows))
    told = {fit.group: (fit.rows, fit.trouble) for fit in made.fits if fit.trouble}
    assert told["s7"] == (50, "ValueError: the label is 1 in all 50 rows")
    assert told["s9"] == (10, "fewer than 20 rows")
    assert told["s8"][0] == 50
    assert "ValueError: Input X contains NaN" in str(told["s8"][1])
    assert told.keys() == {"s7", "s8", "s9"}
    assert made.models.keys() == {f"s{number}" for number in range(GROUPS)} - told.keys()
    assert made.report().startswith("97 of 100 groups of shop have a model; others are scored NaN\n")


def test_groups_without_a_model_are_scored_by_one_of_all_groups(rows: DataFrame, by_shop: GroupModels) -> None:
    there = in_memory(rows.where("shop IN ('s1', 's7', 's9') OR shop IS NULL"))
    there.loc[there["id"] == there["id"].max(), "shop"] = "never seen"
    assert by_shop.fallback is not None
    found, of_all = by_shop.predict(columns(there)), by_shop.fallback.predict(columns(there))
    has_own = (there["shop"] == "s1").to_numpy()
    assert (found[~has_own] == of_all[~has_own]).all()
    assert (found[has_own] != of_all[has_own]).any()
    nodes = by_shop.fallback.estimator.tree_.n_node_samples[0]
    assert 320 < nodes < 480


def test_the_same_rows_give_the_same_files_however_they_lie(rows: DataFrame, by_shop: GroupModels) -> None:
    turned = rows.where("id != 408").repartition(5).orderBy(F.desc("amount"))
    again = ByGroup("shop", TREE, fewest=20, fallback_rows=400).fit(learning(turned))
    assert again.files() == by_shop.files()
    read = GroupModels.of_files(by_shop.files())
    assert read == by_shop


def test_spark_scores_like_one_process(rows: DataFrame, by_shop: GroupModels) -> None:
    inputs = {"shop": "string", "amount": "double", "hour": "int"}
    scored = in_memory(FittedModel(inputs, (), by_shop).scored(rows.where("id < 700 AND id != 408")))
    assert scored["score"].to_numpy() == pytest.approx(by_shop.predict(columns(scored)))


def test_groups_can_be_numbers(rows: DataFrame) -> None:
    numbered = rows.where("id % 100 < 3 AND id != 408").withColumn("shop", (F.col("id") % 100).cast("int"))
    made = ByGroup("shop", TREE, fewest=20, fallback_rows=0).fit(learning(numbered))
    assert list(made.models) == [0.0, 1.0, 2.0]
    scored = in_memory(FittedModel({"shop": "int", "amount": "double", "hour": "int"}, (), made).scored(numbered))
    assert scored["score"].to_numpy() == pytest.approx(made.predict({**columns(scored), "shop": scored["shop"] * 1.0}))
    assert not scored["score"].isna().any()


def test_lightgbm_can_be_the_estimator_of_each_group(rows: DataFrame) -> None:
    lightgbm = pytest.importorskip("lightgbm")
    parameters = {"n_estimators": 3, "min_child_samples": 5, "n_jobs": 1, "verbosity": -1}
    few = rows.where("shop IN ('s1', 's2')")
    made = ByGroup("shop", Python("lightgbm:LGBMClassifier", parameters), 20, 0).fit(learning(few))
    there = in_memory(few.where("shop = 's2'"))
    direct = lightgbm.LGBMClassifier(**parameters, random_state=5)
    direct.fit(matrix(there), there["is_fraud"].to_numpy().astype(int))
    read = GroupModels.of_files(made.files()).models["s2"].estimator
    assert read.booster_.predict(matrix(there)) == pytest.approx(direct.booster_.predict(matrix(there)))


def test_a_time_that_is_over_stops_the_fits_to_come(rows: DataFrame) -> None:
    with pytest.raises(TrainingStopped, match=r"0 of \d+ fits were begun after 0:00:00\.000001"):
        ByGroup("shop", TREE).fit(learning(rows, time_limit=timedelta(microseconds=1)))
    with pytest.raises(TrainingStopped, match="rows read after"):
        OnDriver(TREE).fit(learning(rows, features=FEATURES, time_limit=timedelta(microseconds=1)))


def test_what_leaves_no_model_is_refused(rows: DataFrame) -> None:
    with pytest.raises(ConfigurationError, match=r"ByGroup: s\d+: found fewer than 100 rows"):
        ByGroup("shop", TREE, fewest=100).fit(learning(rows))
    with pytest.raises(ConfigurationError, match=r"all groups: found ValueError: Input X contains NaN"):
        ByGroup("shop", LOGISTIC).fit(learning(rows))
    with pytest.raises(ConfigurationError, match=r"more than 20 values of shop(.|\n)*20 groups at most"):
        ByGroup("shop", TREE, most_groups=20).fit(learning(rows))


def test_columns_that_do_not_fit_are_told_at_once(rows: DataFrame) -> None:
    asked = learning(rows, features=("amout", "shop"), label="fraud", order_by=())
    with pytest.raises(ConfigurationError) as told:
        ByGroup("store", TREE).fit(asked)
    for part in ("did you mean 'amount'?", "no column 'fraud'", "shop is string", "no column 'store'", "no order_by"):
        assert part in str(told.value), part


def test_on_the_driver_the_model_is_scikit_learns(rows: DataFrame) -> None:
    some = rows.where("id < 1000 AND id != 408")
    made = OnDriver(LOGISTIC).fit(learning(some, features=FEATURES, weight="weight"))
    there = in_memory(some)
    direct = linear_model.LogisticRegression(C=0.5, random_state=5)
    direct.fit(matrix(there), there["is_fraud"].to_numpy().astype(int), there["weight"].to_numpy())
    assert made.predict(columns(there)) == pytest.approx(direct.predict_proba(matrix(there))[:, 1], abs=1e-12)
    turned = learning(some.repartition(3), features=FEATURES, weight="weight")
    assert OnDriver(LOGISTIC).fit(turned).files() == made.files()


def test_on_the_driver_a_regression_learns(rows: DataFrame) -> None:
    doubled = rows.withColumn("doubled", F.col("weight") * 2)
    asked = replace(learning(doubled, features=("doubled",)), label="weight")
    made = OnDriver(Python("sklearn.linear_model:LinearRegression")).fit(asked)
    assert made.predict({"doubled": np.array([2.0, 3.0])}) == pytest.approx([1.0, 1.5])


def test_too_many_rows_for_the_driver_are_refused_with_both_numbers(rows: DataFrame) -> None:
    with pytest.raises(ConfigurationError, match=r"4,960 rows(.|\n)*1,000 at most"):
        OnDriver(TREE, most_rows=1_000).fit(learning(rows, features=FEATURES))
    with pytest.raises(ConfigurationError, match=r"Input X contains NaN(.|\n)*LogisticRegression learns from"):
        OnDriver(LOGISTIC).fit(learning(rows, features=FEATURES))
