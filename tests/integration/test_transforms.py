"""Stages fitted by Spark: scikit-learn's numbers, brute force for what it lacks, and scoring does as training did."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.models.columns import Columns, columns_of
from aurify.models.estimator import FittedStage, Stage
from aurify.models.fitted import features_after, staged, with_stages
from aurify.models.kinds import STAGES, class_of
from aurify.models.transforms import Bins, Codes, Imputed, OneHot, Scaled, TargetMean, TfIdf, Word2Vec
from aurify.models.transforms.codes import FittedCodes
from aurify.models.transforms.target_mean import FittedTargetMean
from aurify.models.transforms.tf_idf import FittedTfIdf
from aurify.models.transforms.word2vec import FittedWord2Vec
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

preprocessing = pytest.importorskip("sklearn.preprocessing")
impute = pytest.importorskip("sklearn.impute")
text = pytest.importorskip("sklearn.feature_extraction.text")
metrics = pytest.importorskip("sklearn.metrics")

ROWS, FOLDS = 1_200, 4
FEATURES = ("country", "hour", "price", "is_new", "day", "net amount.eur", "noise", "review", "tags", "level")
SCHEMA = (
    "id long, fold int, is_fraud int, spent double, country string, hour long, price decimal(18,2), is_new boolean, "
    "day date, `net amount.eur` double, noise long, review string, tags array<string>, level float"
)
COUNTRIES = ["de"] * 9 + ["at"] * 7 + ["ch"] * 5 + ["f r"] * 3 + ["f-r"] * 2 + ["côte"]
WORDS = ["good", "bad", "price", "cheap", "dear", "fast", "slow", "Straße", "ship", "late", "never", "always", "x", "5"]
PRICES = [Decimal("46980911.48"), Decimal("27586332.99"), Decimal("0.10"), Decimal("-0.07")]


def purchases() -> list[tuple[Any, ...]]:
    pick = random.Random(5)
    made = []
    for number in range(ROWS):
        country = pick.choice(COUNTRIES) if pick.random() > 0.1 else None
        amount: float | None = pick.choice([round(pick.lognormvariate(3, 1.5), 2), 9.99, -0.0, 0.0])
        amount = pick.choice([None, float("nan")]) if pick.random() < 0.15 else amount
        label = int(pick.random() < {"de": 0.2, "at": 0.5, None: 0.8}.get(country, 0.35))
        review = " ".join(pick.choice(WORDS) for _ in range(pick.randrange(9))) + "!"
        made.append((
            number, pick.randrange(FOLDS), label, label * 3 + pick.gauss(0, 1e6), country,
            pick.randrange(24) if number else 2**53 + 1, pick.choice(PRICES), pick.choice([True, True, False, None]),
            date(2024, 1, 1) + timedelta(pick.randrange(6) ** 2), amount, pick.randrange(800),
            review if pick.random() > 0.1 else None, review.split() if pick.random() > 0.1 else None,
            pick.randrange(5) / 10,
        ))  # fmt: skip
    return made


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    frame = spark.createDataFrame(purchases(), SCHEMA).repartition(3, "hour").cache()
    yield frame
    frame.unpersist()


@pytest.fixture(scope="module")
def known() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(purchases(), columns=[part.split()[0].strip("`") for part in SCHEMA.split(", ")]).rename(
        columns={"net": "net amount.eur"}
    )


@pytest.fixture(scope="module")
def columns(rows: DataFrame) -> Columns:
    """All columns in the order of `known`, as a model gets them."""
    import pyarrow as pa

    table = pa.Table.from_batches(rows.orderBy("id").coalesce(1)._collect_as_arrow())
    return columns_of(table.combine_chunks().to_batches()[0], {name: name for name in rows.columns})


def in_memory(rows: DataFrame) -> pd.DataFrame:
    there: pd.DataFrame = rows.orderBy("id").toPandas()
    return there


def fitted(stage: Stage, rows: DataFrame, label: str = "is_fraud") -> Any:
    return stage.fit(rows, FEATURES, label, "fold", FOLDS)


def outputs(stage: FittedStage, columns: Columns) -> np.ndarray[Any, Any]:
    return np.stack(list(stage.applied(columns).values()), axis=1)


def amounts(known: pd.DataFrame) -> Any:
    return known[["net amount.eur", "hour"]].to_numpy(np.float64)


def test_slots_are_those_of_sklearn_and_missing_has_its_own(
    rows: DataFrame, known: pd.DataFrame, columns: Columns
) -> None:
    stage = fitted(OneHot(("country",), most=4), rows)
    assert stage.outputs[:3] == ("country_is_de", "country_is_at", "country_is_ch")
    assert stage.outputs[4:] == ("country_other", "country_missing")
    there = known["country"].notna().to_numpy()
    texts = known.loc[there, ["country"]].to_numpy(object)
    encoder = preprocessing.OneHotEncoder(max_categories=5, handle_unknown="infrequent_if_exist", sparse_output=False)
    expected = encoder.fit_transform(texts)
    order = [list(encoder.get_feature_names_out(["c"])).index(f"c_{key}") for key in stage.keys[0]]
    found = outputs(stage, columns)
    np.testing.assert_array_equal(found[there][:, :5], expected[:, [*order, expected.shape[1] - 1]])
    np.testing.assert_array_equal(found[:, 5] == 1, ~there)
    assert (found.sum(axis=1) == 1).all()


def test_every_value_of_every_type_has_the_code_of_its_rank(rows: DataFrame, known: pd.DataFrame) -> None:
    names = ("country", "hour", "price", "is_new", "day", "net amount.eur", "level")
    stage: FittedCodes = fitted(Codes(names, most=12), rows)
    coded = in_memory(with_stages(rows, [stage]))
    for name, code in zip(names, stage.names, strict=True):
        values = [None if value is None or value != value else value for value in known[name].tolist()]
        values = [np.float32(value).item() if name == "level" else value for value in values]
        counted = Counter(value for value in values if value is not None)
        ranked = sorted(counted, key=lambda value: (-counted[value], value))[:12]
        expected = [float(ranked.index(value)) if value in ranked else np.nan for value in values]
        np.testing.assert_array_equal(coded[code], expected, name)
        assert coded[code].notna().sum() > ROWS / 4, name


def test_numbers_too_large_for_a_double_have_the_code_of_the_nearest(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(2**53 + 1, 0)] * 3 + [(7, 1)], "shop long, is_fraud int").withColumn(
        "fold", F.lit(0)
    )
    stage = Codes(("shop",)).fit(frame, ("shop",), "is_fraud", "fold", 2)
    assert [row.shop_code for row in with_stages(frame, [stage]).collect()] == [0.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("label", ["is_fraud", "spent"])
def test_the_mean_label_is_that_of_the_other_folds(rows: DataFrame, known: pd.DataFrame, label: str) -> None:
    stage: FittedTargetMean = fitted(TargetMean(("country", "noise"), smoothing=5.0), rows, label)
    assert stage.outputs == (f"country_mean_{label}", f"noise_mean_{label}")
    found = in_memory(with_stages(rows, [stage], fold="fold"))
    scored = in_memory(with_stages(rows, [stage]))
    labels, folds = known[label].to_numpy(np.float64), known["fold"].to_numpy()
    for name in ("country", "noise"):
        values = known[name].fillna("none").to_numpy()
        for row in range(0, ROWS, 7):
            is_same = values == values[row]
            for frame, others in ((found, folds != folds[row]), (scored, folds >= 0)):
                prior = labels[others].mean()
                own = labels[others & is_same]
                expected = (own.sum() + 5 * prior) / (len(own) + 5)
                assert frame[f"{name}_mean_{label}"][row] == pytest.approx(expected, rel=1e-9, abs=1e-9)


def test_the_mean_label_of_all_rows_is_that_of_sklearn(rows: DataFrame, known: pd.DataFrame, columns: Columns) -> None:
    stage = fitted(TargetMean(("country",), smoothing=3.0), rows)
    encoder = preprocessing.TargetEncoder(target_type="binary", smooth=3.0)
    values = known[["country"]].to_numpy(object)
    encoder.fit(values, known["is_fraud"].to_numpy())
    np.testing.assert_allclose(outputs(stage, columns), encoder.transform(values), rtol=1e-12)
    unseen = stage.applied({"country": np.array(["zz"], object)})["country_mean_is_fraud"]
    assert unseen == pytest.approx(known["is_fraud"].mean(), rel=1e-12)


def test_noise_tells_the_label_in_its_own_fold_and_not_out_of_fold(rows: DataFrame, known: pd.DataFrame) -> None:
    stage = fitted(TargetMean(("noise",), smoothing=1.0), rows)
    labels = known["is_fraud"].to_numpy()
    leaked, honest = (
        metrics.roc_auc_score(labels, in_memory(with_stages(rows, [stage], fold))["noise_mean_is_fraud"])
        for fold in (None, "fold")
    )
    assert leaked > 0.8
    assert honest == pytest.approx(0.5, abs=0.05)


def test_values_beyond_the_most_frequent_count_as_never_seen(rows: DataFrame, known: pd.DataFrame) -> None:
    stage = fitted(TargetMean(("country",), most=2), rows)
    assert stage.keys == (("de", "at"),)
    rare = stage.applied({"country": np.array(["ch", "zz", None], object)})["country_mean_is_fraud"]
    assert rare[0] == rare[1] == pytest.approx(known["is_fraud"].mean())
    assert rare[2] > 0.7


@pytest.mark.parametrize(
    ("by", "scaler"),
    [
        ("standard", preprocessing.StandardScaler()),
        ("min_max", preprocessing.MinMaxScaler()),
        ("robust", preprocessing.RobustScaler()),
    ],
)
def test_scales_are_those_of_sklearn(
    rows: DataFrame, known: pd.DataFrame, columns: Columns, by: Any, scaler: Any
) -> None:
    stage = fitted(Scaled(("net amount.eur", "hour"), by=by), rows)
    assert stage.outputs == ("net_amount_eur_scaled", "hour_scaled")
    np.testing.assert_allclose(outputs(stage, columns), scaler.fit_transform(amounts(known)), rtol=1e-9, atol=1e-12)


def test_a_constant_is_0_and_infinity_counts_nowhere(spark: SparkSession) -> None:
    values = [(3.0, 1.0), (3.0, float("inf")), (None, 5.0), (3.0, float("-inf"))]
    frame = spark.createDataFrame(values, "same double, odd double")
    for by, odd in (("standard", [-1.0, 1.0]), ("min_max", [0.0, 1.0]), ("robust", [-1.0, 1.0])):
        stage = Scaled(("same", "odd"), by=by).fit(frame, ("same", "odd"), "y", "fold", 2)  # type: ignore[arg-type]
        found = stage.applied({"same": np.array([3.0, np.nan]), "odd": np.array([1.0, 5.0])})
        np.testing.assert_array_equal(found["same_scaled"], [0.0, np.nan])
        assert found["odd_scaled"] == pytest.approx(odd), by


def test_bins_are_those_of_sklearn(rows: DataFrame, known: pd.DataFrame, columns: Columns) -> None:
    stage = fitted(Bins(("net amount.eur", "hour"), bins=7), rows)
    found = outputs(stage, columns)
    for place, values in enumerate(amounts(known).T):
        there = ~np.isnan(values)
        binner = preprocessing.KBinsDiscretizer(
            7, encode="ordinal", strategy="quantile", quantile_method="linear", subsample=None
        )
        with (
            pytest.warns(UserWarning, match="too small") if place == 0 else nullcontext()
        ):  # the 0s are two bins of seven
            expected = binner.fit_transform(values[there][:, None])
        np.testing.assert_array_equal(found[there, place], expected[:, 0])
        assert np.isnan(found[~there, place]).all()


def test_borders_that_are_given_need_no_fit(spark: SparkSession, rows: DataFrame, columns: Columns) -> None:
    with jobs_of(spark) as none:
        stage = fitted(Bins(("hour",), borders=(6, 12, 18)), rows)
    assert none == [0]
    np.testing.assert_array_equal(outputs(stage, columns)[1:, 0], columns["hour"][1:] // 6)


@pytest.mark.parametrize(
    ("by", "strategy"),
    [("mean", {}), ("median", {}), ("most_frequent", {}), (-1.5, {"strategy": "constant", "fill_value": -1.5})],
)
def test_what_stands_for_missing_is_that_of_sklearn(
    rows: DataFrame, known: pd.DataFrame, columns: Columns, by: Any, strategy: dict[str, Any]
) -> None:
    stage = fitted(Imputed(("net amount.eur",), by=by, indicator=True), rows)
    assert stage.outputs == ("net_amount_eur_imputed", "net_amount_eur_is_missing")
    imputer = impute.SimpleImputer(add_indicator=True, **(strategy or {"strategy": by}))
    expected = imputer.fit_transform(amounts(known)[:, :1])
    np.testing.assert_allclose(outputs(stage, columns), expected, rtol=1e-12)


@pytest.mark.parametrize(("most", "fewest"), [(1_000, 1), (8, 5)])
@pytest.mark.parametrize("column", ["review", "tags"])
def test_weights_of_words_are_those_of_sklearn(
    rows: DataFrame, known: pd.DataFrame, columns: Columns, column: str, most: int, fewest: int
) -> None:
    stage: FittedTfIdf = fitted(TfIdf(column, most=most, fewest_documents=fewest), rows)
    ways = {"analyzer": list} if column == "tags" else {}
    vectorizer = text.TfidfVectorizer(max_features=most, min_df=fewest, **ways)
    expected = vectorizer.fit_transform(known[column].map(lambda value: "" if value is None else value))
    assert stage.words == tuple(vectorizer.get_feature_names_out())
    np.testing.assert_allclose(outputs(stage, columns), expected.toarray(), rtol=1e-12, atol=1e-15)
    assert "Strasse" not in stage.words
    assert all(name.isascii() and name.startswith(f"{column}_tfidf_") for name in stage.outputs)


def test_word_vectors_are_those_of_spark_and_a_text_is_their_mean(rows: DataFrame) -> None:
    from pyspark.ml.feature import Word2Vec as Learner

    frame = rows.where("size(tags) > 0")
    stage: FittedWord2Vec = fitted(Word2Vec("tags", size=6, fewest_documents=1, seed=3), frame)
    ordered = frame.repartition(1).sortWithinPartitions("tags")
    model = Learner(vectorSize=6, minCount=1, seed=3, inputCol="tags", outputCol="v").fit(ordered)
    expected = np.array([row.v.toArray() for row in model.transform(frame).orderBy("id").collect()])
    found = in_memory(with_stages(frame, [stage]))[list(stage.outputs)].to_numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-8)
    odd = stage.applied({"tags": np.array([["unseen"], None, []], dtype=object)})
    assert all(np.isnan(values).all() for values in odd.values())


def test_words_of_one_topic_have_vectors_near_each_other(spark: SparkSession) -> None:
    topics = (["apple", "pear", "plum", "cherry"], ["bolt", "screw", "nail", "hammer"])
    pick = random.Random(2)
    texts = [(" ".join(pick.choices(pick.choice(topics), k=8)),) for _ in range(600)]
    frame = spark.createDataFrame([*texts, (None,), ("rare",)], "note string")
    stage = Word2Vec("note", size=8, passes=4).fit(frame, ("note",), "y", "fold", 2)
    assert stage.words == tuple(sorted(word for topic in topics for word in topic)), "a rare word is none of them"
    near = np.array(stage.vectors) / np.linalg.norm(stage.vectors, axis=1)[:, None]
    is_fruit = np.array([word in topics[0] for word in stage.words])
    likeness = near @ near.T
    assert likeness[np.ix_(is_fruit, is_fruit)].mean() > likeness[np.ix_(is_fruit, ~is_fruit)].mean() + 0.5


EVERY: list[tuple[Stage, str]] = [
    (OneHot(("country", "hour", "is_new"), most=8), "is_fraud"),
    (Codes(("country", "price", "day", "net amount.eur"), most=6), "is_fraud"),
    (TargetMean(("country", "noise"), most=300), "spent"),
    (Scaled(("net amount.eur", "price")), "is_fraud"),
    (Scaled(("hour", "level"), by="robust"), "is_fraud"),
    (Bins(("net amount.eur", "hour"), bins=5), "is_fraud"),
    (Imputed(("net amount.eur", "level"), by="mean", indicator=True), "is_fraud"),
    (Imputed(("hour", "is_new"), by="most_frequent"), "is_fraud"),
    (TfIdf("review", most=9), "is_fraud"),
    (Word2Vec("review", size=4, seed=1), "is_fraud"),
]


@pytest.fixture(scope="module")
def every(spark: SparkSession, rows: DataFrame) -> list[tuple[FittedStage, int]]:
    """All stages fitted, with the jobs that each took."""
    found = []
    for stage, label in EVERY:
        with jobs_of(spark) as jobs:
            made = fitted(stage, rows, label)
        found.append((made, jobs[0]))
    return found


def test_a_fit_is_no_matter_of_partitions(rows: DataFrame, every: list[tuple[FittedStage, int]]) -> None:
    turned = rows.repartition(5, "noise").sortWithinPartitions(F.desc("id")).cache()
    assert [fitted(stage, turned, label) for stage, label in EVERY] == [stage for stage, _ in every]
    turned.unpersist()


def test_scoring_does_what_training_did(
    rows: DataFrame, columns: Columns, every: list[tuple[FittedStage, int]]
) -> None:
    stages = [stage for stage, _ in every]
    names = [name for stage in stages for name in stage.outputs]
    assert len({name.lower() for name in names}) == len(names) > 50
    by_spark = in_memory(with_stages(rows, stages))
    alone = staged(columns, [class_of(stage.kind, STAGES).of_dict(stage.as_dict()) for stage in stages])
    for name in names:
        np.testing.assert_array_equal(by_spark[name].to_numpy(), alone[name], name)
    assert sum(name.startswith("country_is_f_r_") for name in names) == 2, "two values of one plain name"


def test_few_jobs_fit_a_stage_whatever_the_number_of_columns(every: list[tuple[FittedStage, int]]) -> None:
    assert {stage.kind: jobs for stage, jobs in every if stage.kind != "word2vec"} == {
        "one_hot": 3, "codes": 3, "target_mean": 5, "scaled": 5, "bins": 5, "imputed": 3, "tf_idf": 2,
    }, "one action each or two; a shuffle is a job of its own"  # fmt: skip


def test_a_later_stage_is_fitted_on_what_an_earlier_one_made(rows: DataFrame, columns: Columns) -> None:
    first = fitted(Imputed(("net amount.eur",)), rows.withColumn("net_amount_eur_Imputed_scaled", F.lit(1)))
    made, left = with_stages(rows, [first]), features_after(FEATURES, [first])
    second = Scaled(("net_amount_eur_imputed",)).fit(made, left, "is_fraud", "fold", FOLDS)
    found = staged(columns, [first, second])[second.outputs[0]]
    assert (found.mean(), found.std()) == pytest.approx((0.0, 1.0), abs=1e-9)
    taken = made.withColumn("net_amount_eur_IMPUTED_scaled", F.lit(1))
    third = Scaled(("net_amount_eur_imputed",)).fit(taken, left, "is_fraud", "fold", FOLDS)
    assert third.outputs[0].startswith("net_amount_eur_imputed_scaled_")


def test_all_that_does_not_fit_is_told_at_once(rows: DataFrame) -> None:
    cases: list[tuple[Stage, list[str]]] = [
        (OneHot(("contry", "tags", "is_fraud")), ["no column 'contry'", "did you mean 'country'?",
         "tags is array<string>", "'is_fraud', which is no feature"]),
        (Codes(("tags", "nothing")), ["tags is array<string>", "no column 'nothing'"]),
        (Scaled(("country", "houre")), ["country is string", "did you mean 'hour'?"]),
        (Bins(("day", "id")), ["day is date", "'id', which is no feature"]),
        (Imputed(("review", "levl")), ["review is string", "did you mean 'level'?"]),
        (TfIdf("hour"), ["hour is bigint"]),
        (Word2Vec("revew"), ["did you mean 'review'?"]),
    ]  # fmt: skip
    for stage, parts in cases:
        with pytest.raises(ConfigurationError, match=type(stage).__name__) as told:
            fitted(stage, rows)
        assert [part for part in parts if part not in str(told.value)] == []
    with pytest.raises(ConfigurationError) as told:
        TargetMean(("tags", "x")).fit(rows, FEATURES, "country", "day", 1)
    parts = ["tags is array", "no column 'x'", "label country is string", "fold day is date", "folds: found 1"]
    assert [part for part in parts if part not in str(told.value)] == []


def test_what_is_empty_and_folds_that_are_wrong_are_told_at_once(rows: DataFrame) -> None:
    empty = rows.select(
        "id", "is_fraud", F.lit(None).cast("string").alias("country"), F.lit(float("nan")).alias("hour"),
        F.lit("! ?").alias("review"), F.lit(None).cast("double").alias("level"),
        F.expr("if(id = 3, null, 2)").alias("fold"),
    )  # fmt: skip
    features = ("country", "hour", "review", "level")
    cases: list[tuple[Stage, list[str]]] = [
        (OneHot(("country", "hour")), ["'country' has no value", "'hour' has no value"]),
        (Codes(("country", "hour")), ["'country' has no value", "'hour' has no value"]),
        (Scaled(("hour", "level")), ["'hour' has no number", "'level' has no number"]),
        (Bins(("hour", "level")), ["'hour' has no number", "'level' has no number"]),
        (Imputed(("hour", "level")), ["'hour' has no number", "'level' has no number"]),
        (Imputed(("hour", "level"), by="most_frequent"), ["'hour' has no value", "'level' has no value"]),
        (TfIdf("review"), ["no word in 'review'"]),
        (Word2Vec("review"), ["no word in 'review' that 5 rows have"]),
        (TargetMean(("country", "hour")), ["'country' has no value", "'hour' has no value", "0 to 3 in 1 rows"]),
    ]
    for stage, parts in cases:
        with pytest.raises(ConfigurationError) as told:
            stage.fit(empty, features, "is_fraud", "fold", FOLDS)
        assert [part for part in parts if part not in str(told.value)] == []
    with pytest.raises(ConfigurationError, match="all rows in fold 2"):
        TargetMean(("id",)).fit(empty.where("id <> 3"), ("id",), "is_fraud", "fold", FOLDS)
    with pytest.raises(ConfigurationError, match="no number in level"):
        TargetMean(("id",)).fit(empty, ("id",), "level", "fold", FOLDS)
