"""Selections on planted rows: what tells something stays, copies and noise go, as scikit-learn and pandas have it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, Problem
from aurify.models.barrier_lightgbm import fit
from aurify.models.booster import Booster
from aurify.models.columns import Columns, Numbers
from aurify.models.estimator import Learning, Stage
from aurify.models.fitted import FittedModel, features_after, with_stages
from aurify.models.selection import (
    ChiSquare,
    Lasso,
    RecursiveElimination,
    Selected,
    Uncorrelated,
    feature_report,
    information_values,
)
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

lightgbm = pytest.importorskip("lightgbm")
stats = pytest.importorskip("scipy.stats")
sk = pytest.importorskip("sklearn.feature_selection")
linear = pytest.importorskip("sklearn.linear_model")
metrics = pytest.importorskip("sklearn.metrics")

ROWS = 3_000
TRUE = ("amount", "attempts", "is_abroad")
COPIES = ("amount.copy", "amount near")
NOISE = ("noise_0", "noise_1", "noise_2", "noise_3")
NUMBERS = (*COPIES, *TRUE, *NOISE, "constant")
FEATURES = (*NUMBERS, "shop", "word")


@pytest.fixture(scope="module")
def planted() -> pd.DataFrame:
    """The first of a pair of copies is the worse one; `shop` tells something, `word` nothing."""
    pick = np.random.default_rng(3)
    amount = pick.normal(100, 20, ROWS)
    made: dict[str, Any] = {
        "amount": amount,
        "amount.copy": 3 - amount * 2 + pick.normal(0, 8, ROWS),
        "amount near": amount + pick.normal(0, 4, ROWS),
        "attempts": pick.poisson(1.5, ROWS).astype(float),
        "is_abroad": pick.random(ROWS) < 0.3,
        "constant": np.full(ROWS, 7.5),
        "shop": pick.choice(np.array(["a", "b", "c", "d", None], object), ROWS),
        "word": [f"w{number}" for number in pick.integers(0, 300, ROWS)],
        **{name: pick.normal(size=ROWS) for name in NOISE},
    }
    odds = (amount - 100) / 20 + made["attempts"] + 1.5 * made["is_abroad"] + (made["shop"] == "a") - 3
    made["attempts"] = np.where(pick.random(ROWS) < 0.1, np.nan, made["attempts"])
    made["label"] = (pick.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(int)
    made["fold"] = np.arange(ROWS) % 3
    return pd.DataFrame(made)


def read(spark: SparkSession, told: pd.DataFrame, folder: Path) -> DataFrame:
    """The rows from a file; NaN is NULL."""
    folder.mkdir()
    pq.write_table(pa.Table.from_pandas(told, preserve_index=False), folder / "rows.parquet")
    return spark.read.parquet(str(folder))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("selection")


@pytest.fixture(scope="module")
def rows(spark: SparkSession, planted: pd.DataFrame, folder: Path) -> Iterator[DataFrame]:
    made = read(spark, planted, folder / "rows").repartition(3).cache()
    yield made
    made.unpersist()


@pytest.fixture(scope="module")
def turned(spark: SparkSession, planted: pd.DataFrame, folder: Path) -> Iterator[DataFrame]:
    """The same rows the other way round in other partitions."""
    made = read(spark, planted[::-1], folder / "turned").repartition(5, "noise_1").cache()
    yield made
    made.unpersist()


def selection(stage: Stage, rows: DataFrame, features: tuple[str, ...] = FEATURES) -> Selected:
    found = stage.fit(rows, features, "label", "fold", 3)
    assert isinstance(found, Selected)
    return found


def reasons(found: Selected) -> dict[str, str]:
    return {verdict.feature: verdict.reason for verdict in found.verdicts}


def statistic(found: Selected, name: str) -> dict[str, Any]:
    return {str(row["feature"]): row[name] for row in found.report()}


def test_of_copies_the_one_nearest_to_the_label_stays(rows: DataFrame, planted: pd.DataFrame) -> None:
    found = selection(Uncorrelated(0.9), rows)
    assert set(found.reads) == set(COPIES)
    told = planted[[name for name in NUMBERS if name != "constant"]].astype(float)
    nearness = told.corrwith(planted["label"]).abs()
    near = abs(told["amount"].corr(told["amount near"]))
    assert reasons(found)["amount near"] == (
        f"{near:.3f} with amount, which is nearer to the label: "
        f"{nearness['amount']:.3f} against {nearness['amount near']:.3f}"
    )
    assert reasons(found)["noise_0"] == "0.9 at most with all that stay"
    assert reasons(found)["shop"] == "no number"
    for name in told.columns:
        assert statistic(found, "with_label")[name] == pytest.approx(nearness[name], abs=1e-8)


def test_of_equal_features_the_first_stays(rows: DataFrame) -> None:
    twice = rows.withColumn("again", F.col("noise_0")).withColumn("turned", -F.col("noise_0"))
    found = selection(Uncorrelated(), twice, ("again", "noise_0", "amount", "turned"))
    assert found.reads == ("noise_0", "turned")
    assert reasons(found)["noise_0"] == "1.000 with again, which is as near to the label and comes first"


def test_hundreds_of_features_are_compared_in_the_jobs_of_two(spark: SparkSession, tmp_path: Path) -> None:
    pick = np.random.default_rng(8)
    wide = pick.normal(size=(400, 150)) @ pick.normal(size=(150, 210)) + pick.normal(size=(400, 210))
    wide[pick.random(wide.shape) < 0.1] = np.nan
    names = [f"f{place}" for place in range(210)]
    told = pd.DataFrame(wide, columns=names).assign(label=pick.integers(0, 2, 400))
    frame = read(spark, told, tmp_path / "wide").cache()
    frame.count()
    with jobs_of(spark) as jobs:
        found = selection(Uncorrelated(0.2), frame, tuple(names))
    with jobs_of(spark) as jobs_of_two:
        selection(Uncorrelated(0.2), frame, ("f0", "f1"))
    assert jobs == jobs_of_two
    between = told[names].corr(min_periods=30).abs().to_numpy()
    nearness = told[names].corrwith(told["label"]).abs().to_numpy()
    kept: list[int] = []
    for place in np.argsort(-nearness, kind="stable"):
        kept += [] if any(between[place, other] > 0.2 for other in kept) else [int(place)]
    assert set(found.kept) == {names[place] for place in kept}
    assert 5 < len(kept) < 200
    frame.unpersist()


@pytest.fixture(scope="module")
def tested(rows: DataFrame) -> Selected:
    return selection(ChiSquare(), rows)


@pytest.fixture(scope="module")
def informed(rows: DataFrame) -> dict[str, float]:
    return information_values(rows, FEATURES, "label")


def test_noise_does_not_depend_on_the_label(rows: DataFrame, tested: Selected) -> None:
    found = tested
    assert set(found.kept) == {*TRUE, *COPIES, "shop"}
    assert reasons(found)["constant"] == "has one bin alone"
    assert reasons(found)["noise_1"].endswith("above 0.05")
    best = selection(ChiSquare(keep=2), rows, TRUE)
    p_values = statistic(best, "p_value")
    assert best.reads == (max(TRUE, key=lambda name: p_values[name]),)
    assert reasons(best)[best.reads[0]] == "not among the best 2"


def test_a_text_is_tested_by_its_values(rows: DataFrame, planted: pd.DataFrame) -> None:
    found = selection(ChiSquare(level=1.0), rows, ("shop", "word"))
    shops = planted["shop"].fillna("none")
    expected = stats.chi2_contingency(
        np.array([[((shops == shop) & (planted["label"] == label)).sum() for shop in set(shops)] for label in (0, 1)]),
        correction=False,
    )
    assert statistic(found, "p_value")["shop"] == pytest.approx(expected.pvalue, rel=1e-9)
    assert statistic(found, "degrees") == {"shop": 4.0, "word": 100.0}
    counts = planted["word"].value_counts()
    ranked = sorted(counts.index, key=lambda word: (-counts[word], word))
    words = planted["word"].where(planted["word"].isin(ranked[:100]), "others")
    table = [[((words == word) & (planted["label"] == label)).sum() for word in set(words)] for label in (0, 1)]
    expected = stats.chi2_contingency(np.array(table), correction=False)
    assert statistic(found, "chi_square")["word"] == pytest.approx(expected.statistic, rel=1e-9)


def scaled(planted: pd.DataFrame) -> np.ndarray[Any, Any]:
    told = planted[list(NUMBERS)].astype(float)
    width = told.std(ddof=0).to_numpy()
    apart = (told - told.mean()).to_numpy() / np.where(width > 0, width, 1.0)
    return np.asarray(np.nan_to_num(apart))


def test_a_lasso_keeps_what_that_of_scikit_learn_keeps(rows: DataFrame, planted: pd.DataFrame) -> None:
    found = selection(Lasso(strength=0.03), rows)
    values = scaled(planted)
    model = linear.LogisticRegression(C=1 / (0.03 * ROWS), l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=20_000)
    expected = dict(zip(NUMBERS, model.fit(values, planted["label"]).coef_[0], strict=True))
    own = statistic(found, "coefficient")
    assert [own[name] for name in NUMBERS] == pytest.approx([expected[name] for name in NUMBERS], abs=1e-4)
    assert set(found.kept) == {name for name in NUMBERS if abs(expected[name]) > 1e-6} | {"shop", "word"}
    assert set(TRUE) <= set(found.kept)
    assert not set(NOISE) & set(found.kept)
    assert reasons(found)["constant"] == "has one value alone"
    assert reasons(found)["noise_0"] == "coefficient 0 at strength 0.03"


def test_a_lasso_is_as_strong_as_it_takes_to_keep_so_many(rows: DataFrame) -> None:
    alone = (*TRUE, *NOISE)
    found = selection(Lasso(keep=2), rows, alone)
    assert set(found.kept) == {"amount", "attempts"}
    weakest = selection(Lasso(keep=len(alone)), rows, alone)
    assert weakest.reads == ()


@dataclass(frozen=True)
class Trees:
    """LightGBM of one worker."""

    rounds: int = 15

    def problems(self, where: str) -> list[Problem]:
        return []

    def fit(self, learning: Learning) -> Booster:
        made = fit(
            learning.rows,
            features=learning.features,
            label=learning.label,
            parameters={"objective": "binary", "num_leaves": 7, "num_threads": 1},
            workers=learning.workers,
            rounds=self.rounds,
            order_by=learning.order_by,
        )
        return Booster(made.model_text, learning.features)


PLANTED = (*TRUE[:2], *NOISE, "is_abroad")


STEPS = RecursiveElimination(3, Trees(rounds=60), step=2, scratch="nowhere")


@pytest.fixture(scope="module")
def eliminated(rows: DataFrame) -> Selected:
    return selection(STEPS, rows, PLANTED)


def test_the_least_important_features_go_as_those_of_scikit_learn(eliminated: Selected, planted: pd.DataFrame) -> None:
    model = lightgbm.LGBMClassifier(
        n_estimators=60, num_leaves=7, importance_type="gain", deterministic=True, force_row_wise=True, n_jobs=1,
        verbosity=-1,
    )  # fmt: skip
    training, held = planted[planted["fold"] < 2], planted[planted["fold"] == 2]
    values = training[list(PLANTED)].astype(float).to_numpy()
    ranking = sk.RFE(model, n_features_to_select=3, step=2).fit(values, training["label"]).ranking_
    ranks = dict(zip(PLANTED, map(int, ranking), strict=True))
    assert set(eliminated.kept) == {name for name in PLANTED if ranks[name] == 1} == set(TRUE)
    assert [told.features for told in eliminated.rounds] == [7, 5, 3]
    for told, rank in zip(eliminated.rounds, (3, 2, 1), strict=True):
        left = [name for name in PLANTED if ranks[name] <= rank]
        assert set(told.dropped) == {name for name in PLANTED if ranks[name] == rank > 1}
        model.fit(training[left].astype(float).to_numpy(), training["label"])
        scores = model.predict_proba(held[left].astype(float).to_numpy())[:, 1]
        assert told.score == pytest.approx(metrics.roc_auc_score(held["label"], scores), abs=1e-6)
    first = eliminated.rounds[0].dropped[0]
    assert statistic(eliminated, "round")[first] == 1
    assert reasons(eliminated)[first].endswith("among 7 features, too little in round 1")


def test_an_elimination_is_the_same_however_rows_lie(eliminated: Selected, turned: DataFrame) -> None:
    assert selection(STEPS, turned, PLANTED) == eliminated


def test_an_estimator_without_importance_can_not_eliminate(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Booster, "importance", lambda booster: {})
    with pytest.raises(ConfigurationError, match="an estimator without importance"):
        selection(RecursiveElimination(2, Trees(rounds=1)), rows, PLANTED)
    with pytest.raises(ConfigurationError, match="1 folds"):
        RecursiveElimination(2, Trees()).fit(rows, PLANTED, "label", "fold", 1)


@pytest.mark.parametrize("stage", [Uncorrelated(0.9), ChiSquare(), Lasso(strength=0.03)])
def test_the_same_rows_give_the_same_selection_however_they_lie(
    rows: DataFrame, turned: DataFrame, stage: Stage
) -> None:
    features = (*TRUE, "amount near", *NOISE, "shop")
    one, other = selection(stage, rows, features), selection(stage, turned, features)
    assert one.kept == other.kept
    if isinstance(stage, Lasso):
        coefficients = [[verdict.statistics.get("coefficient", 0.0) for verdict in of.verdicts] for of in (one, other)]
        assert coefficients[0] == pytest.approx(coefficients[1], abs=1e-6)
    else:
        assert one == other


def test_information_is_the_same_however_rows_lie(informed: dict[str, float], turned: DataFrame) -> None:
    found = informed
    assert found == information_values(turned, FEATURES, "label")
    assert found["constant"] == 0.0
    assert found["amount"] > found["amount near"] > 0.3 > 0.1 > max(found[name] for name in NOISE)
    assert found["shop"] > 0.02


def test_the_report_tells_of_each_feature_what_pandas_tells(
    rows: DataFrame, planted: pd.DataFrame, informed: dict[str, float], tested: Selected
) -> None:
    spark = rows.sparkSession
    with jobs_of(spark) as jobs:
        told = feature_report(rows, FEATURES, "label")
    with jobs_of(spark) as jobs_of_two:
        feature_report(rows, ("amount", "shop"), "label")
    assert jobs == jobs_of_two
    for found in told:
        column = planted[found.feature]
        assert found.missing == pytest.approx(column.isna().mean())
        exact = column.nunique() < 1_024
        assert found.distinct == (column.nunique() if exact else pytest.approx(column.nunique(), rel=0.1))
        assert found.information_value == informed[found.feature]
        assert found.chi_square_p == statistic(tested, "p_value")[found.feature]
        assert found.cramers_v == statistic(tested, "cramers_v")[found.feature]
        if found.feature in NUMBERS:
            assert found.mean == pytest.approx(column.mean())
            assert found.deviation == pytest.approx(column.astype(float).std(ddof=0))
            expected = None if found.feature == "constant" else column.astype(float).corr(planted["label"])
            assert found.correlation == (expected if expected is None else pytest.approx(expected))
        else:
            assert (found.mean, found.deviation, found.correlation) == (None, None, None)
    assert [found.feature for found in told] == list(FEATURES)


@dataclass(frozen=True)
class Doubled:
    """A stage that makes something of a feature."""

    reads: tuple[str, ...] = ("amount",)
    outputs: tuple[str, ...] = ("doubled",)
    categorical: tuple[str, ...] = ()
    kind: ClassVar[str] = "doubled"

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        return {"doubled": columns["amount"] * 2}

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        return self.applied(columns)

    def as_dict(self) -> dict[str, object]:
        return {}

    @classmethod
    def of_dict(cls, values: Mapping[str, object]) -> Doubled:
        return cls()


def test_a_model_scores_without_the_columns_that_were_dropped(rows: DataFrame, tmp_path: Path) -> None:
    found = selection(ChiSquare(), rows, PLANTED)
    left = features_after(PLANTED, [found])
    assert left == TRUE
    assert with_stages(rows, [found]) is rows
    both = with_stages(rows.drop(*found.reads), [Doubled(), found])
    assert both.where("doubled = amount * 2").count() == ROWS
    learned = Trees().fit(Learning(rows, None, left, "label", ("noise_0",), str(tmp_path)))
    model = FittedModel(dict.fromkeys(left, "double"), (found,), learned)
    model.save(tmp_path / "model")
    again = FittedModel.load(tmp_path / "model")
    assert again.stages == (found,)
    assert json.loads(json.dumps(found.as_dict(), allow_nan=False)) == found.as_dict()
    scores = again.scored(rows.drop(*found.reads, "shop", "word")).agg(F.count("score"), F.max("score")).first()
    assert scores is not None
    assert scores[0] == ROWS
    assert 0.5 < scores[1] < 1


def test_all_that_does_not_fit_is_told_at_once(rows: DataFrame) -> None:
    for stage in (Uncorrelated(), ChiSquare(), Lasso(strength=0.1), RecursiveElimination(1, Trees())):
        with pytest.raises(ConfigurationError) as told:
            stage.fit(rows, ("amout", "shop", "shop", "word"), "word", "fold", 3)
        for part in ("no column 'amout'", "did you mean 'amount'?", "label word is string", "the label 'word' among",
                     "a feature twice"):  # fmt: skip
            assert part in str(told.value), part
    with pytest.raises(ConfigurationError, match=r"1,001 features(.|\n)*1 to 1,000"):
        ChiSquare().fit(rows.select("label", *(F.lit(1.0).alias(f"f{i}") for i in range(1_001))),
                        tuple(f"f{i}" for i in range(1_001)), "label", "fold", 3)  # fmt: skip
    with pytest.raises(ConfigurationError, match="1 bins"):
        information_values(rows, ["amount"], "label", bins=1)
    with pytest.raises(ConfigurationError, match="101 bins"):
        feature_report(rows, ["amount"], "label", bins=101)


def test_labels_that_can_not_be_learned_from_are_counted(rows: DataFrame) -> None:
    odd = rows.withColumn("label", F.expr("CASE WHEN fold = 0 THEN NULL WHEN fold = 1 THEN 2 ELSE 1 END"))
    with pytest.raises(ConfigurationError) as told:
        ChiSquare().fit(odd, TRUE, "label", "fold", 3)
    assert "1,000 of 3,000 rows without a label" in str(told.value)
    assert "1,000 of 3,000 rows with another label" in str(told.value)
    with pytest.raises(ConfigurationError, match="1,000 positives in 1,000 rows"):
        ChiSquare().fit(odd.where("fold = 2"), TRUE, "label", "fold", 3)
    with pytest.raises(ConfigurationError, match="no row"):
        Uncorrelated().fit(rows.limit(0), TRUE, "label", "fold", 3)
    doubled = rows.withColumn("label", F.col("amount") * 2)
    assert Uncorrelated().fit(doubled, ("amount near", "amount"), "label", "fold", 3).kept == ("amount",)


def test_a_selection_that_would_keep_nothing_is_refused(rows: DataFrame) -> None:
    with pytest.raises(ConfigurationError, match="none of 4 features to keep"):
        ChiSquare(level=1e-6).fit(rows, NOISE, "label", "fold", 3)
