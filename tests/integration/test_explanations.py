"""Explanations of a fitted model: LightGBM's own numbers, NumPy's where it has none, planted causes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.models.barrier_lightgbm import fit
from aurify.models.booster import Booster
from aurify.models.columns import Columns, Numbers
from aurify.models.explain import (
    contribution_sample,
    contributions,
    decision_path,
    dependence,
    permutation_importance,
    reason_codes,
    shap_importance,
)
from aurify.models.fitted import FittedModel
from tests.integration.card_payments import drawn
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

lightgbm = pytest.importorskip("lightgbm")
sk = pytest.importorskip("sklearn.metrics")

CLOSE = 1e-9
ROWS = 3_000
SHOPS = ("bakery", "cinema", "garage", "hotel", "museum")
FEATURES = ("amount", "noise", "is_abroad", "shop", "distance")
INPUTS = {"amount": "double", "noise": "double", "is_abroad": "boolean", "shop": "int", "distance": "double"}


@dataclass(frozen=True)
class ShopCode:
    """A stage: the place of a shop in the list, NaN for one that is not there."""

    kind: ClassVar[str] = "shop_code"
    reads: tuple[str, ...] = ("the shop.",)
    outputs: tuple[str, ...] = ("shop",)
    categorical: tuple[str, ...] = ("shop",)

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        places = {name: float(place) for place, name in enumerate(SHOPS)}
        return {"shop": np.array([places.get(name, np.nan) for name in columns["the shop."]], np.float64)}

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        return self.applied(columns)

    def as_dict(self) -> dict[str, object]:
        return {}

    @classmethod
    def of_dict(cls, values: Mapping[str, object]) -> ShopCode:
        return cls()


@dataclass(frozen=True)
class Other:
    """A model of another kind."""

    features: tuple[str, ...] = ("amount", "noise")
    kind: ClassVar[str] = "other"

    def predict(self, columns: Columns) -> Numbers:
        return np.asarray(columns["amount"] / 200, np.float64)

    def importance(self) -> Mapping[str, float]:
        return {}

    def files(self) -> dict[str, bytes]:
        return {}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Other:
        return cls()


OTHER = FittedModel({"amount": "double", "noise": "double"}, (), Other())


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    names = F.array(*map(F.lit, SHOPS))
    made = spark.range(ROWS).select(
        "id",
        F.exp(drawn(1) * 5).alias("amount"),
        drawn(2).alias("noise"),
        (drawn(3) < 0.2).alias("is_abroad"),
        F.floor(drawn(4) * 5).cast("int").alias("shop"),
        F.when(drawn(5) > 0.1, drawn(6) * 100).alias("distance"),
    )
    odds = F.log("amount") + 2 * F.col("is_abroad").cast("int") - 1.5 * (F.col("shop") % 2) - 3
    made = made.withColumn("is_fraud", drawn(7) < 1 / (1 + F.exp(-odds)))
    kept = made.withColumn("the shop.", names[F.col("shop")]).repartition(3).cache()
    yield kept
    kept.unpersist()


@pytest.fixture(scope="module")
def model(rows: DataFrame) -> FittedModel:
    fitted = fit(
        rows, features=FEATURES, label="is_fraud", parameters={"objective": "binary", "num_leaves": 7}, workers=2,
        rounds=25, order_by=["id"], categorical=["shop"],
    )  # fmt: skip
    return FittedModel(INPUTS, (), Booster(fitted.model_text, FEATURES))


@pytest.fixture(scope="module")
def staged_model(model: FittedModel) -> FittedModel:
    """The same model, its shop made of a text."""
    inputs = {"the shop." if name == "shop" else name: kind for name, kind in INPUTS.items()}
    return FittedModel({**inputs, "the shop.": "string"}, (ShopCode(),), model.learned)


@pytest.fixture(scope="module")
def there(rows: DataFrame) -> pd.DataFrame:
    return by_id(rows)


@pytest.fixture(scope="module")
def added(model: FittedModel, there: pd.DataFrame) -> Numbers:
    """What LightGBM says itself, of the rows in the order of their ids; the last column is what is expected."""
    return np.asarray(native(model).predict(in_memory(there), pred_contrib=True, num_threads=1))


def by_id(rows: DataFrame) -> pd.DataFrame:
    found: pd.DataFrame = rows.toPandas()
    return found.sort_values("id", ignore_index=True)


def native(model: FittedModel) -> Any:
    assert isinstance(model.learned, Booster)
    return lightgbm.Booster(model_str=model.learned.text)


def in_memory(there: pd.DataFrame) -> Numbers:
    return np.asarray(there[list(FEATURES)], np.float64)


def trained_here(there: pd.DataFrame, **parameters: Any) -> FittedModel:
    told = {"objective": "binary", "num_threads": 1, "verbosity": -1, "num_leaves": 7, **parameters}
    data = lightgbm.Dataset(in_memory(there), there["is_fraud"].to_numpy(), feature_name=list(FEATURES), params=told)
    return FittedModel(INPUTS, (), Booster(lightgbm.train(told, data, 12).model_to_string(), FEATURES))


def test_contributions_are_those_of_lightgbm_and_add_up_to_the_raw_score(
    model: FittedModel, rows: DataFrame, there: pd.DataFrame, added: Numbers
) -> None:
    made = contributions(model, rows, "the why.", "usual")
    assert made.columns == [*rows.columns, "the why.", "usual"]
    found = by_id(made)
    told, usual = np.stack(found["the why."]), found["usual"].to_numpy()
    assert told == pytest.approx(added[:, :-1], abs=CLOSE)
    raw = native(model).predict(in_memory(there), raw_score=True, num_threads=1)
    assert told.sum(axis=1) + usual == pytest.approx(raw, abs=CLOSE)
    assert found["the shop."].tolist() == there["the shop."].tolist()


def test_contributions_of_a_random_forest_add_up_to_the_odds_of_its_score(rows: DataFrame, there: pd.DataFrame) -> None:
    forest = trained_here(there, boosting="rf", bagging_freq=1, bagging_fraction=0.7)
    found = by_id(contributions(forest, forest.scored(rows)))
    score = found["score"].to_numpy()
    raw = np.stack(found["contributions"]).sum(axis=1) + found["expected"].to_numpy()
    assert raw == pytest.approx(np.log(score / (1 - score)), abs=CLOSE)
    path = decision_path(forest, there.iloc[5].to_dict())
    assert 1 / (1 + np.exp(-path.raw)) == pytest.approx(path.score, abs=CLOSE)
    assert path.expected == pytest.approx(found["expected"][0], abs=CLOSE)


def test_no_rows_have_no_contributions_and_no_reasons(model: FittedModel, rows: DataFrame) -> None:
    none = rows.where("id < 0")
    assert contributions(model, none).count() == 0
    assert reason_codes(model, none).count() == 0


def test_stages_are_applied_before_a_score_is_explained(
    staged_model: FittedModel, model: FittedModel, rows: DataFrame, there: pd.DataFrame
) -> None:
    ours, plain = (contribution_sample(each, rows, most=500) for each in (staged_model, model))
    assert ours.contributions == pytest.approx(plain.contributions, abs=CLOSE)
    assert np.array_equal(ours.values, plain.values, equal_nan=True)
    row = there.iloc[3].to_dict()
    assert decision_path(staged_model, row) == decision_path(model, row)
    unknown = decision_path(staged_model, {**row, "the shop.": "circus"})
    assert {step.value for path in unknown.paths for step in path.steps if step.feature == "shop"} == {None}


def test_reasons_are_the_features_that_push_a_score_up_most(
    model: FittedModel, rows: DataFrame, there: pd.DataFrame, added: Numbers
) -> None:
    found = {row.id: row.reasons for row in reason_codes(model, rows).collect()}
    values = in_memory(there)
    for place, number in enumerate(there["id"]):
        best = sorted(range(len(FEATURES)), key=lambda feature: -added[place, feature])[:3]
        expected = [
            (FEATURES[feature], None if np.isnan(values[place, feature]) else values[place, feature])
            for feature in best
            if added[place, feature] > 0
        ]
        assert [(each.feature, each.value) for each in found[number]] == expected
        sizes = [added[place, feature] for feature in best if added[place, feature] > 0]
        assert [each.contribution for each in found[number]] == pytest.approx(sizes, abs=CLOSE)
    planted = there.query("amount > 100 and is_abroad")["id"]
    assert len(planted) > 20
    assert all({each.feature for each in found[number]} >= {"amount", "is_abroad"} for number in planted)
    assert any(len(reasons) < 3 for reasons in found.values())
    assert any(each.value is None for reasons in found.values() for each in reasons)


def test_a_path_is_the_one_that_lightgbm_takes(model: FittedModel, there: pd.DataFrame, added: Numbers) -> None:
    few = there.head(150)
    leaves = native(model).predict(in_memory(few), pred_leaf=True, num_threads=1)
    raw = native(model).predict(in_memory(few), raw_score=True, num_threads=1)
    seen = set()
    for place, row in enumerate(few.to_dict("records")):
        path = decision_path(model, row, most=25)
        assert {each.tree: each.leaf for each in path.paths} == dict(enumerate(leaves[place]))
        assert path.raw == pytest.approx(raw[place], abs=CLOSE)
        assert path.expected == pytest.approx(added[0, -1], abs=CLOSE)
        assert path.expected + sum(each.push for each in path.paths) == pytest.approx(path.raw, abs=CLOSE)
        assert path.score == pytest.approx(1 / (1 + np.exp(-raw[place])), abs=CLOSE)
        steps = [step for each in path.paths for step in each.steps]
        seen |= {(type(step.limit), step.value is None, step.direction) for step in steps}
    assert {(tuple, False, "left"), (tuple, False, "right"), (float, False, "left"), (float, False, "right")} <= seen
    assert {True} <= {is_missing for _, is_missing, _ in seen}


def test_a_path_has_the_trees_that_count_most_and_reads_as_text(model: FittedModel, there: pd.DataFrame) -> None:
    row = there.iloc[0].to_dict()
    whole, best = decision_path(model, row, most=100), decision_path(model, row, most=2)
    assert (whole.trees, len(whole.paths), len(best.paths)) == (25, 25, 2)
    assert [abs(each.push) for each in whole.paths] == sorted((abs(each.push) for each in whole.paths), reverse=True)
    assert best.paths == whole.paths[:2]
    lines = best.text().splitlines()
    assert lines[0].startswith(f"score {best.score:.6g}: raw ")
    assert lines[1] == "the 2 of 25 trees that count most:"
    assert lines[2] == f"tree {best.paths[0].tree}: {best.paths[0].push:+.6g}"
    assert lines[3] == f"  {best.paths[0].steps[0].text()}"
    assert len(lines) == 4 + sum(len(each.steps) for each in best.paths)


def test_shap_importance_is_the_mean_size_of_contributions_in_one_job(
    spark: SparkSession, model: FittedModel, rows: DataFrame, added: Numbers
) -> None:
    with jobs_of(spark) as jobs:
        found = shap_importance(model, rows)
    assert jobs == [1]
    assert found == pytest.approx(dict(zip(FEATURES, np.abs(added[:, :-1]).mean(axis=0), strict=True)), abs=CLOSE)
    assert max(found, key=lambda name: found[name]) == "amount"
    assert shap_importance(model, rows.repartition(5, "noise")) == pytest.approx(found, abs=CLOSE)


def binned(values: Numbers, added: Numbers, low: float | None, high: float | None) -> tuple[Any, Any, Any]:
    """Rows, mean value and mean contribution."""
    taken = (values > (-np.inf if low is None else low)) & (values <= (np.inf if high is None else high))
    return taken.sum(), values[taken].mean(), added[taken].mean()


def test_dependence_is_the_mean_contribution_of_quantiles(
    spark: SparkSession, model: FittedModel, rows: DataFrame, there: pd.DataFrame, added: Numbers
) -> None:
    with jobs_of(spark) as jobs:
        found = dependence(model, rows, "distance", bins=8)
    assert jobs == [2]
    *bins, missing = found.bins
    values, mine = there["distance"].to_numpy(), added[:, FEATURES.index("distance")]
    is_there = ~np.isnan(values)
    assert len(bins) == 8
    assert [each.low for each in bins] == [None, *(each.high for each in bins[:-1])]
    for each in bins:
        told = (each.rows, each.mean_value, each.mean_contribution)
        assert told == pytest.approx(binned(values, mine, each.low, each.high), abs=CLOSE)
        assert each.rows == pytest.approx(is_there.sum() / 8, abs=1)
    assert (missing.rows, missing.mean_value) == ((~is_there).sum(), None)
    assert missing.mean_contribution == pytest.approx(mine[~is_there].mean(), abs=CLOSE)


def test_dependence_shows_what_was_planted_however_the_rows_lie(model: FittedModel, rows: DataFrame) -> None:
    amount = dependence(model, rows, "amount", bins=5).bins
    assert [each.mean_contribution for each in amount] == sorted(each.mean_contribution for each in amount)
    shop = dependence(model, rows, "shop").bins
    assert [each.mean_value for each in shop] == [0, 1, 2, 3, 4]
    assert max(shop[1].mean_contribution, shop[3].mean_contribution) < min(shop[i].mean_contribution for i in (0, 2, 4))
    turned = dependence(model, rows.orderBy(F.desc("noise")).repartition(7), "amount", bins=5).bins
    assert [(each.low, each.high, each.rows) for each in turned] == [
        (each.low, each.high, each.rows) for each in amount
    ]


def test_a_sample_is_the_same_however_the_rows_lie(
    spark: SparkSession, model: FittedModel, rows: DataFrame, there: pd.DataFrame, added: Numbers
) -> None:
    with jobs_of(spark) as jobs:
        found = contribution_sample(model, rows, most=200)
    assert jobs == [1]
    turned = contribution_sample(model, rows.orderBy("noise").repartition(5), most=200)
    assert np.array_equal(found.values, turned.values, equal_nan=True)
    assert found.contributions.shape == (200, len(FEATURES))
    by_noise = {noise: added[place, :-1] for place, noise in enumerate(there["noise"])}
    for values, told in zip(found.values, found.contributions, strict=True):
        assert told == pytest.approx(by_noise[values[1]], abs=CLOSE)
    other = contribution_sample(model, rows, most=200, seed=1)
    assert set(other.values[:, 1]) != set(found.values[:, 1])


def test_permuting_what_matters_makes_the_metric_worse(
    model: FittedModel, rows: DataFrame, there: pd.DataFrame
) -> None:
    found = permutation_importance(model, rows, "is_fraud", seed=3)
    scores = native(model).predict(in_memory(there), num_threads=1)
    expected = sk.average_precision_score(there["is_fraud"], scores)
    assert found.rows == ROWS
    assert found.estimate == pytest.approx(expected, abs=CLOSE)
    assert list(found.drops) == list(INPUTS)
    assert found.drops["amount"] > found.drops["is_abroad"] > 3 * abs(found.drops["noise"])
    assert found.drops["amount"] > 5 * found.deviations["amount"] > 0
    assert permutation_importance(model, rows.repartition(5, "noise"), "is_fraud", seed=3) == found
    assert permutation_importance(model, rows, "is_fraud", seed=4).drops != found.drops


def test_a_loss_that_grows_is_a_drop_as_well(staged_model: FittedModel, rows: DataFrame) -> None:
    found = permutation_importance(staged_model, rows, "is_fraud", "log_loss", repeats=2, most=1_000)
    assert found.rows == 1_000
    assert found.drops["amount"] > 0.05
    assert found.drops["the shop."] > 0.01


def test_any_model_can_be_permuted(rows: DataFrame) -> None:
    found = permutation_importance(OTHER, rows, "is_fraud", "roc_auc", repeats=3)
    assert found.drops["amount"] == pytest.approx(found.estimate - 0.5, abs=0.05)
    assert found.drops["noise"] == 0


@pytest.mark.parametrize(
    "explain",
    [
        lambda model, rows: contributions(model, rows),
        lambda model, rows: contribution_sample(model, rows),
        lambda model, rows: shap_importance(model, rows),
        lambda model, rows: reason_codes(model, rows),
        lambda model, rows: dependence(model, rows, "amount"),
        lambda model, rows: decision_path(model, {"amount": 1.0, "noise": 1.0}),
    ],
)
def test_what_can_not_be_explained_is_told_with_what_can(rows: DataFrame, explain: Callable[..., object]) -> None:
    with pytest.raises(ConfigurationError) as told:
        explain(OTHER, rows)
    assert_tells(told.value, ["kind 'other'", "one of kind 'lightgbm'", "permutation_importance is for any model"])


def test_linear_trees_are_refused(rows: DataFrame, there: pd.DataFrame) -> None:
    with pytest.raises(ConfigurationError, match="linear trees"):
        contributions(trained_here(there, linear_tree=True), rows)


def test_what_does_not_fit_is_told_at_once(
    spark: SparkSession, model: FittedModel, rows: DataFrame, there: pd.DataFrame
) -> None:
    odd = rows.drop("amount").withColumnRenamed("noise", "nois").withColumn("shop", F.col("shop").cast("string"))
    with jobs_of(spark) as jobs:
        with pytest.raises(ConfigurationError) as told:
            contributions(model, odd, "distance", "distance")
        assert_tells(told.value, ["contributions: 5 problems", "no column 'amount'", "did you mean 'nois'?",
                                  "shop is string", "two columns named 'distance'"])  # fmt: skip
        with pytest.raises(ConfigurationError) as told:
            dependence(model, rows, "amout", bins=0)
        assert_tells(told.value, ["'amout'", "did you mean 'amount'?", "0 bins"])
        with pytest.raises(ConfigurationError) as told:
            permutation_importance(model, rows, "is_fruad", "aucc", repeats=0)
        assert_tells(told.value, ["'is_fruad'", "did you mean 'is_fraud'?", "metric 'aucc'", "0 repeats"])
        with pytest.raises(ConfigurationError) as told:
            decision_path(model, {"amount": "much", "noise": 1, "is_abroad": True, "distnce": 3}, most=0)
        assert_tells(told.value, ["amount is 'much'", "no column 'shop'", "did you mean 'distnce'?", "most 0"])
        for refused, part in (
            (lambda: reason_codes(model, rows, most=0), "most 0"),
            (lambda: contribution_sample(model, rows, most=20_001), "20001 rows"),
            (lambda: permutation_importance(model, rows, "amount"), "label amount, an input"),
            (lambda: permutation_importance(model, rows, "the shop."), "label the shop. is string"),
        ):
            with pytest.raises(ConfigurationError, match=part):
                refused()
    assert jobs == [0]


def test_rows_that_tell_nothing_are_refused(model: FittedModel, rows: DataFrame) -> None:
    none = rows.where("id < 0")
    for refused in (
        lambda: shap_importance(model, none),
        lambda: dependence(model, none, "amount"),
        lambda: permutation_importance(model, none, "is_fraud"),
    ):
        with pytest.raises(ConfigurationError, match="no row"):
            refused()
    with pytest.raises(ConfigurationError, match="1 in all"):
        permutation_importance(model, rows.where("is_fraud"), "is_fraud")
    with pytest.raises(ConfigurationError, match=r"sampled rows without 0 or 1 in odd"):
        permutation_importance(model, rows.withColumn("odd", F.expr("if(id = 3, null, 1)")), "odd")
    with pytest.raises(ConfigurationError, match="which brier is of"):
        permutation_importance(OTHER, rows.withColumn("amount", F.col("amount") * 9), "is_fraud", "brier")


def assert_tells(error: ConfigurationError, parts: list[str]) -> None:
    for part in parts:
        assert part in str(error), part
