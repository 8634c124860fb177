"""Few points of the curves of a classifier: all of them scikit-learn's."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.models import classifier_metrics, cumulated
from aurify.models.curve_points import curve_points
from aurify.models.figures import precision_recall_figure, roc_figure, score_figure
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

sk = pytest.importorskip("sklearn.metrics")

CLOSE = 1e-9


def scored(kind: str) -> tuple[list[bool], list[float]]:
    """Labels, one in ten or all but one a positive, and scores that know something."""
    pick = random.Random(kind)
    labels = [pick.random() < (0.998 if kind == "few negatives" else 0.1) for _ in range(3_000)]
    scores = [min(1.0, max(0.0, pick.gauss(0.6 if label else 0.4, 0.2))) for label in labels]
    return labels, [round(score, 1) if kind == "tied" else score for score in scores]


@pytest.mark.parametrize("kind", ["distinct", "tied", "few negatives"])
def test_points_lie_on_the_curves_of_sklearn(spark: SparkSession, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cumulated, "ROWS_OF_A_PART", 700)
    labels, scores = scored(kind)
    rows = spark.createDataFrame(list(zip(labels, scores, strict=True)), "label boolean, score double")
    found = curve_points(rows.repartition(3))
    assert (found.rows, found.positives) == (3_000, sum(labels))
    wrong, recall, limits = sk.roc_curve(labels, scores, drop_intermediate=False)
    rates = {limit: (a, b) for limit, a, b in zip(limits, wrong, recall, strict=True)}
    precision, recalled, limits = sk.precision_recall_curve(labels, scores)
    shares = {limit: (a, b) for limit, a, b in zip(limits, precision, recalled, strict=False)}
    for point in found.points:
        assert (point.false_positive_rate, point.recall) == pytest.approx(rates[point.threshold], abs=CLOSE)
        assert (point.precision, point.recall) == pytest.approx(shares[point.threshold], abs=CLOSE)
    assert len({point.threshold for point in found.points}) == len(found.points) <= 200
    assert [point.threshold for point in found.points] == sorted((p.threshold for p in found.points), reverse=True)
    assert found.points[-1].recall == found.points[-1].false_positive_rate == 1
    drawn = [point.recall for point in found.points], [point.false_positive_rate for point in found.points]
    for told, rate in zip(drawn, ("recall", "false positive rate"), strict=True):
        known = sorted({b if rate == "recall" else a for a, b in rates.values()})
        for step in range(1, 101):
            reached = next(value for value in known if value >= step / 100 - CLOSE)
            assert min(abs(value - reached) for value in told) < CLOSE, (rate, step)


def test_bins_have_all_rows_of_their_scores(spark: SparkSession) -> None:
    labels, scores = scored("distinct")
    rows = spark.createDataFrame(list(zip(labels, scores, strict=True)), "label boolean, score double")
    with jobs_of(spark) as jobs:
        found = curve_points(rows)
    with jobs_of(spark) as usual:
        classifier_metrics(rows)
    assert jobs == usual
    for is_positive in (True, False):
        mine = [score for label, score in zip(labels, scores, strict=True) if label == is_positive]
        places = np.searchsorted(np.linspace(0, 1, 41)[1:-1], mine)
        told = [each.positives if is_positive else each.negatives for each in found.histogram]
        assert told == np.bincount(places, minlength=40).tolist()
    assert (found.histogram[0].low, found.histogram[-1].high) == (0, 1)
    for content in (precision_recall_figure({"test": found}), roc_figure({"test": found}), score_figure(found)):
        assert len(content) > 5_000


def test_scores_that_are_no_probabilities_have_points_and_no_bins(spark: SparkSession) -> None:
    labels, scores = scored("distinct")
    pairs = [(label, 40 * score - 20) for label, score in zip(labels, scores, strict=True)]
    found = curve_points(spark.createDataFrame(pairs, "label boolean, score double"))
    assert found.histogram == ()
    assert min(point.threshold for point in found.points) < 0 < max(point.threshold for point in found.points)
    with pytest.raises(ConfigurationError, match="no column 'scor'"):
        curve_points(spark.range(3), "id", "scor")
