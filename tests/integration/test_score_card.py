"""Score cards: the numbers of scikit-learn and plain NumPy, and planted cases."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.models import score_counts
from aurify.models.fitted import FittedModel
from aurify.models.score_card import ScoreCard
from aurify.models.score_points import ScorePoints
from tests.integration.loans import FEATURES, area, in_memory, learning, loans
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

linear = pytest.importorskip("sklearn.linear_model")

UNMERGED = ScoreCard(bins=5, fewest_in_bin=0.0, least_iv=0.0)


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    made = loans(spark).cache()
    yield made
    made.unpersist()


@pytest.fixture(scope="module")
def columns(rows: DataFrame) -> dict[str, Any]:
    return in_memory(rows)


@pytest.fixture(scope="module")
def card(rows: DataFrame) -> ScorePoints:
    return ScoreCard().fit(learning(rows, "", FEATURES))


def woe_by_hand(values: Any, is_bad: Any, bins: int, smoothing: float = 0.5) -> tuple[Any, float]:
    """The weight of evidence of each value and the information value, bin by bin."""
    there = values[~np.isnan(values)]
    cuts = [cut for cut in sorted(set(np.quantile(there, np.arange(1, bins) / bins))) if cut < there.max()]
    edges = [-np.inf, *cuts, np.inf]
    members = [(values > low) & (values <= high) for low, high in pairwise(edges)]
    members += [np.isnan(values)] if np.isnan(values).any() else []
    found, iv = np.zeros(len(values)), 0.0
    for member in members:
        good = ((is_bad[member] == 0).sum() + smoothing) / ((is_bad == 0).sum() + smoothing * len(members))
        bad = ((is_bad[member] == 1).sum() + smoothing) / ((is_bad == 1).sum() + smoothing * len(members))
        found[member] = math.log(good / bad)
        iv += (good - bad) * math.log(good / bad)
    return found, iv


def test_a_card_is_a_regression_on_weights_of_evidence(rows: DataFrame, columns: dict[str, Any]) -> None:
    ours = UNMERGED.fit(learning(rows, "", FEATURES))
    by_hand = [woe_by_hand(columns[name], columns["is_bad"], bins=5) for name in FEATURES]
    matrix = np.column_stack([woe for woe, _ in by_hand])
    theirs = linear.LogisticRegression(C=1e10, tol=1e-10, max_iter=1_000).fit(matrix, columns["is_bad"])
    assert [part.coefficient for part in ours.parts] == pytest.approx(list(theirs.coef_[0]), abs=1e-4)
    assert np.abs(ours.predict(columns) - theirs.predict_proba(matrix)[:, 1]).max() < 1e-4
    for name, (_, iv) in zip(FEATURES, by_hand, strict=True):
        assert sum(row.iv for row in ours.card() if row.feature == name) == pytest.approx(iv, abs=1e-9), name


def test_bins_of_spark_are_those_of_scoring(rows: DataFrame, columns: dict[str, Any]) -> None:
    ours = UNMERGED.fit(learning(rows, "", FEATURES, weight="weight"))
    for part in ours.parts:
        places = part.bins.places(columns[part.feature])
        for label, kept in ((0, part.bins.goods), (1, part.bins.bads)):
            mine = columns["is_bad"] == label
            assert list(kept) == list(np.bincount(places[mine], columns["weight"][mine], len(kept)))


def test_noise_is_left_out_and_what_was_planted_is_found(card: ScorePoints, columns: dict[str, Any]) -> None:
    assert set(card.features) == {"income", "age", "debts"}
    assert set(card.left_out) == {"noise", "is_new"}
    assert max(card.left_out.values()) < 0.02
    assert area(columns["is_bad"], card.predict(columns)) > 0.78
    shares = card.importance()
    assert sum(shares.values()) == pytest.approx(1)
    assert shares["income"] == max(shares.values())


def test_missing_values_are_a_bin_of_their_own(card: ScorePoints) -> None:
    missing = {row.feature: row for row in card.card() if row.bin == "missing"}
    worst = min(row.woe for row in card.card() if row.feature == "income")
    assert missing["income"].woe == worst < -1
    assert missing["income"].share == pytest.approx(0.1, abs=0.02)
    assert (missing["age"].woe, missing["age"].share, missing["age"].bad_rate) == (0.0, 0.0, None)


def test_points_tell_the_odds(card: ScorePoints, columns: dict[str, Any]) -> None:
    bad, points = card.predict(columns), card.points(columns)
    odds = (1 - bad) / bad
    assert points == pytest.approx(600 + 20 * np.log2(odds / 50), abs=1e-6)
    kept = {(row.feature, row.bin): row.points for row in card.card()}
    for place in range(0, 3_000, 100):
        texts = {part.feature: part.bins.texts() for part in card.parts}
        bins = {part.feature: part.bins.places(columns[part.feature])[place] for part in card.parts}
        assert sum(kept[name, texts[name][at]] for name, at in bins.items()) == pytest.approx(points[place], abs=1e-9)


def test_no_bin_is_small_and_monotone_bins_do_not_turn(rows: DataFrame) -> None:
    odd = rows.withColumn("age", F.when(F.col("id") % 40 == 0, -1).otherwise(F.col("age")))
    found = ScoreCard(bins=50, monotone=True).fit(learning(odd, "", FEATURES))
    assert set(found.features) == {"income", "age", "debts"}
    for name in found.features:
        bins = [row for row in found.card() if row.feature == name and row.bin != "missing"]
        assert len(bins) > 2
        assert min(row.share for row in bins) >= 0.05
        rates = [float(row.bad_rate or 0) for row in bins]
        assert rates in (sorted(rates), sorted(rates, reverse=True))


def test_the_same_rows_give_the_same_card_however_they_lie(rows: DataFrame, card: ScorePoints) -> None:
    turned = rows.repartition(5).orderBy(F.desc("noise"))
    assert ScoreCard().fit(learning(turned, "", FEATURES)).files() == card.files()
    first, second = (ScoreCard().fit(learning(given, "", FEATURES, workers=2)) for given in (rows, turned))
    assert first.files() == second.files()


def test_borders_of_many_rows_are_those_of_a_sample(
    rows: DataFrame, columns: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(score_counts, "ROWS_FOR_BORDERS", 1_000)
    first, second = (UNMERGED.fit(learning(given, "", ("noise",), seed=4)) for given in (rows, rows.repartition(5)))
    assert first.files() == second.files()
    assert first.parts[0].bins.borders == pytest.approx([0.2, 0.4, 0.6, 0.8], abs=0.05)
    assert first.parts[0].bins.borders != UNMERGED.fit(learning(rows, "", ("noise",), seed=5)).parts[0].bins.borders


def test_a_card_is_kept_and_scores_in_spark(rows: DataFrame, card: ScorePoints, tmp_path: Path) -> None:
    FittedModel.of(card, rows).save(tmp_path)
    model = FittedModel.load(tmp_path)
    assert model.learned == card
    scored = model.scored(rows.drop("noise")).orderBy("id").select("score").collect()
    assert [row["score"] for row in scored] == list(card.predict(in_memory(rows)))


def test_a_fit_takes_few_jobs(rows: DataFrame) -> None:
    with jobs_of(rows.sparkSession) as jobs:
        ScoreCard().fit(learning(rows, "", FEATURES))
    assert jobs[0] <= 30


def test_features_that_tell_nothing_are_refused(rows: DataFrame) -> None:
    with pytest.raises(ConfigurationError, match=r"information value: found 0\.0\d+ at most, of 'noise'"):
        ScoreCard().fit(learning(rows.withColumn("empty", F.lit(None).cast("double")), "", ("noise", "empty")))
