"""Metrics of scored frames: scikit-learn's numbers, and plain Python's for what it lacks."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from itertools import combinations, groupby
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.models import (
    At,
    Metrics,
    by_segment,
    card_precision_top_k,
    classifier_metrics,
    cumulated,
    error_clusters,
    interval,
    paired_interval,
)
from aurify.models.cumulated import Plan, curves
from aurify.models.curve import METRICS, PARTS
from aurify.models.replicates import Draws
from aurify.models.scored import Frame
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

sk = pytest.importorskip("sklearn.metrics")
calibration = pytest.importorskip("sklearn.calibration")
stats = pytest.importorskip("scipy.stats")

CLOSE = 1e-9
START = date(2024, 1, 1)
Row = tuple[str, bool, float]


def scores_of(kind: str, rows: int, share: float) -> list[Row]:
    """Scored rows of a kind, better than chance; the first is a positive and the second is not."""
    pick = random.Random(kind)
    made = []
    for number in range(rows):
        label = pick.random() < share if number > 1 else number == 0
        score = min(1.0, max(0.0, pick.gauss(0.6 if label else 0.4, 0.15)))
        score = {"tied": round(score, 1), "equal": 0.3, "edges": float(score > 0.5)}.get(kind, score)
        made.append((kind, label, score))
    return made


def all_kinds() -> list[Row]:
    return [
        *scores_of("distinct", 1_500, 0.3),
        *scores_of("tied", 1_500, 0.2),
        *scores_of("equal", 300, 0.1),
        *scores_of("edges", 300, 0.5),
        *scores_of("rare", 1_200, 0.0),
    ]


@pytest.fixture(scope="module")
def scored(spark: SparkSession) -> Iterator[DataFrame]:
    frame = spark.createDataFrame(all_kinds(), "kind string, label boolean, score double").repartition(3).cache()
    yield frame
    frame.unpersist()


def lift_of(labels: list[bool], scores: list[float]) -> list[float]:
    """Each tenth's lift, every row of a tie counted as the tie's share of positives."""
    ranked = sorted(zip(scores, labels, strict=True), reverse=True)
    expected: list[Fraction] = []
    for _, tie in groupby(ranked, key=lambda row: row[0]):
        found = [label for _, label in tie]
        expected += [Fraction(sum(found), len(found))] * len(found)
    width, total = Fraction(len(labels), 10), Fraction(sum(labels))

    def gained(rank: Fraction) -> Fraction:
        whole = int(rank)
        return sum(expected[:whole], Fraction()) + (rank - whole) * (expected[whole] if rank > whole else 0)

    return [float(10 * (gained(width * (i + 1)) - gained(width * i)) / total) for i in range(10)]


def assert_as_sklearn(found: Metrics, labels: list[bool], scores: list[float]) -> None:
    at = found.at
    taken = [score >= at.threshold for score in scores]
    precisions, recalls, _ = sk.precision_recall_curve(labels, scores)
    test = stats.ks_2samp(
        [s for s, y in zip(scores, labels, strict=True) if y], [s for s, y in zip(scores, labels, strict=True) if not y]
    )
    told = {name: getattr(found, name) for name in ("roc_auc", "average_precision", "ks", "brier", "log_loss")}
    assert told == pytest.approx(
        {
            "roc_auc": sk.roc_auc_score(labels, scores),
            "average_precision": sk.average_precision_score(labels, scores),
            "ks": test.statistic,
            "brier": sk.brier_score_loss(labels, scores),
            "log_loss": sk.log_loss(labels, scores),
        },
        rel=CLOSE,
        abs=CLOSE,
    )
    assert (found.precision, found.recall, found.f1) == pytest.approx(
        (
            sk.precision_score(labels, taken, zero_division=0),
            sk.recall_score(labels, taken),
            sk.f1_score(labels, taken, zero_division=0),
        ),
        abs=CLOSE,
    )
    assert found.recall_at_precision == pytest.approx(recalls[precisions >= at.precision].max(), abs=CLOSE)
    if found.threshold_at_precision is not None:
        at_it = [score >= found.threshold_at_precision for score in scores]
        assert sk.recall_score(labels, at_it) == pytest.approx(found.recall_at_precision)
        assert sk.precision_score(labels, at_it) >= at.precision
    assert found.lift == pytest.approx(lift_of(labels, scores), abs=CLOSE)
    true, mean = calibration.calibration_curve(labels, scores, n_bins=at.bins, strategy=at.binning)
    assert [b.mean_score for b in found.calibration] == pytest.approx(list(mean), abs=CLOSE)
    assert [b.share_positive for b in found.calibration] == pytest.approx(list(true), abs=CLOSE)
    assert sum(b.rows for b in found.calibration) == found.rows == len(labels)
    error = sum(abs(b.mean_score - b.share_positive) * b.rows for b in found.calibration) / found.rows
    assert found.expected_calibration_error == pytest.approx(error, abs=CLOSE)


def test_every_segment_has_the_metrics_of_sklearn(scored: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cumulated, "ROWS_OF_A_PART", 1_200)
    at = At(threshold=0.55, precision=0.8, bins=7)
    found = {told.segment: told for told in by_segment(scored, "kind", at=at)}
    assert list(found) == sorted({kind for kind, _, _ in all_kinds()})
    for kind, told in found.items():
        rows = [row for row in all_kinds() if row[0] == kind]
        assert_as_sklearn(told.metrics, [label for _, label, _ in rows], [score for _, _, score in rows])
    assert [kind for kind, told in found.items() if told.too_few] == ["rare"], "one positive"


@pytest.mark.parametrize(("rows_of_a_part", "at"), [(900, At(bins=7)), (500_000, At(binning="uniform"))])
def test_the_whole_has_the_metrics_of_sklearn(
    scored: DataFrame, rows_of_a_part: int, at: At, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cumulated, "ROWS_OF_A_PART", rows_of_a_part)
    labels, scores = [label for _, label, _ in all_kinds()], [score for _, _, score in all_kinds()]
    as_numbers = scored.select(F.col("label").cast("int").alias("is fraud."), F.col("score").alias("p.1"))
    assert_as_sklearn(classifier_metrics(as_numbers, "is fraud.", "p.1", at=at), labels, scores)


def test_segments_take_no_more_jobs_and_nothing_is_kept_behind(spark: SparkSession, scored: DataFrame) -> None:
    kept = spark.sparkContext._jsc.getPersistentRDDs().size()
    with jobs_of(spark) as of_all:
        classifier_metrics(scored)
    with jobs_of(spark) as of_segments:
        by_segment(scored, "kind")
    with jobs_of(spark) as of_pair:
        paired_interval(scored, "ks", ("score", "score"), unit=("label", "score"), replicates=8)
    assert of_all == of_segments == [6], (
        "three actions; a shuffle of each of two, and the keeping, are jobs of their own"
    )
    assert of_pair == [10], "five actions, one pass over the rows and two for each score"
    assert spark.sparkContext._jsc.getPersistentRDDs().size() == kept


def test_a_score_that_is_no_probability_has_no_calibration(spark: SparkSession) -> None:
    rows: list[Any] = [(1, -3.0), (0, -5.0), (1, 7.5), (0, -3.0), (0, -0.0), (1, 0.0)]
    frame = spark.createDataFrame(rows, "label int, score double")
    found = classifier_metrics(frame, at=At(threshold=-3.0))
    labels, scores = zip(*rows, strict=True)
    assert found.roc_auc == pytest.approx(sk.roc_auc_score(labels, scores))
    assert found.average_precision == pytest.approx(sk.average_precision_score(labels, scores))
    assert (found.precision, found.recall) == (0.6, 1.0)
    assert (found.brier, found.log_loss, found.expected_calibration_error, found.calibration) == (None, None, None, ())
    with pytest.raises(ConfigurationError, match=r"scores of score from -5\.0 to 7\.5"):
        interval(frame, "brier", unit="score")


def test_a_segment_of_one_class_is_told_without_what_it_does_not_define(spark: SparkSession) -> None:
    rows: list[Any] = [("a", 1, 0.9), ("a", 0, 0.1), (None, 0, 0.8), (None, 0, 0.2), ("b", 1, 0.3)]
    frame = spark.createDataFrame(rows, "shop string, label int, score double")
    found = {told.segment: told.metrics for told in by_segment(frame, "shop")}
    assert list(found) == [None, "a", "b"]
    assert (found["a"].roc_auc, found["a"].recall_at_precision) == (1.0, 1.0)
    nothing = found[None]
    assert (nothing.rows, nothing.positives, nothing.roc_auc, nothing.ks, nothing.recall) == (2, 0, None, None, None)
    assert (nothing.average_precision, nothing.recall_at_precision, nothing.lift) == (None, None, ())
    assert nothing.brier == pytest.approx((0.64 + 0.04) / 2)
    assert nothing.precision == 0.0


OF_SKLEARN: dict[str, Callable[[Any, Any, Any], float]] = {
    "roc_auc": lambda y, p, w: sk.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: sk.average_precision_score(y, p, sample_weight=w),
    "precision": lambda y, p, w: sk.precision_score(y, p >= 0.5, sample_weight=w),
    "recall": lambda y, p, w: sk.recall_score(y, p >= 0.5, sample_weight=w),
    "f1": lambda y, p, w: sk.f1_score(y, p >= 0.5, sample_weight=w),
    "brier": lambda y, p, w: sk.brier_score_loss(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: sk.log_loss(y, p, sample_weight=w),
}
ON_REPEATED_ROWS: dict[str, Callable[[Any, Any], float]] = {
    "ks": lambda y, p: stats.ks_2samp(p[y], p[~y]).statistic,
    "lift_of_top_tenth": lambda y, p: lift_of(list(y), list(p))[0],
    "recall_at_precision": lambda y, p: _recall_at(y, p, 0.9),
    "expected_calibration_error": lambda y, p: _calibration_error(y, p),
}


def _recall_at(labels: Any, scores: Any, precision: float) -> float:
    precisions, recalls, _ = sk.precision_recall_curve(labels, scores)
    return float(recalls[precisions >= precision].max())


def _calibration_error(labels: Any, scores: Any) -> float:
    """In ten bins of about equal size, an edge in the lower one."""
    ranked = np.sort(scores)
    edges = [ranked[(len(ranked) - 1) * edge // 10] for edge in range(1, 10)]
    bins = np.searchsorted(edges, scores)
    return sum(abs(float(np.sum((scores - labels)[bins == b]))) for b in range(10)) / len(scores)


@pytest.fixture(scope="module")
def drawn(spark: SparkSession) -> Iterator[DataFrame]:
    pick = random.Random(3)
    rows = [(i, i // 4, y, s, pick.random()) for i, (_, y, s) in enumerate(scores_of("tied", 600, 0.3))]
    frame = spark.createDataFrame(rows, "id long, card int, label boolean, score double, other double").cache()
    yield frame
    frame.unpersist()


def weights_of(frame: DataFrame, unit: str, draws: Draws) -> tuple[Any, Any, Any]:
    """Labels, scores and the weights that each row has in every replicate."""
    rows = frame.select("label", "score", F.xxhash64(unit).alias("key")).collect()
    weights = draws.weights(np.array([row.key for row in rows], dtype=np.int64))
    return np.array([row.label for row in rows]), np.array([row.score for row in rows]), weights


def test_every_replicate_has_the_metrics_of_its_rows(drawn: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cumulated, "ROWS_OF_A_PART", 200)
    frame, draws = Frame("test", drawn, "label", ("score",), ("id",)), Draws(20, 4)
    curve = curves(frame, Plan(tuple(PARTS), At(), draws, ("id",)), frame.summary())[None]
    labels, scores, weights = weights_of(drawn, "id", draws)
    for metric, of_weighted in OF_SKLEARN.items():
        expected = [of_weighted(labels, scores, w) for w in weights.T]
        assert METRICS[metric].of(curve) == pytest.approx(expected, abs=CLOSE), metric
    repeated = [(np.repeat(labels, w.astype(int)), np.repeat(scores, w.astype(int))) for w in weights.T]
    for metric, of_rows in ON_REPEATED_ROWS.items():
        assert METRICS[metric].of(curve) == pytest.approx([of_rows(*rows) for rows in repeated], abs=CLOSE), metric
    assert {*OF_SKLEARN, *ON_REPEATED_ROWS} == set(METRICS)


def test_an_interval_is_of_the_quantiles_of_the_replicates(drawn: DataFrame) -> None:
    found = interval(drawn, "average_precision", unit="id", replicates=50, level=0.8, seed=4)
    labels, scores, weights = weights_of(drawn, "id", Draws(50, 4))
    estimate, *values = [OF_SKLEARN["average_precision"](labels, scores, w) for w in weights.T]
    assert found.estimate == pytest.approx(estimate, abs=CLOSE)
    assert (found.low, found.high) == pytest.approx(np.quantile(values, [0.1, 0.9]), abs=CLOSE)
    assert (found.metric, found.level, found.replicates) == ("average_precision", 0.8, 50)


def test_an_interval_is_the_same_however_rows_are_partitioned(
    drawn: DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    once = interval(drawn, "average_precision", unit="id", replicates=30, seed=1)
    monkeypatch.setattr(cumulated, "ROWS_OF_A_PART", 150)
    again = interval(drawn.orderBy(F.rand()).repartition(3), "average_precision", unit="id", replicates=30, seed=1)
    assert (once.estimate, once.low, once.high) == pytest.approx((again.estimate, again.low, again.high), abs=1e-12)
    assert once.low < once.estimate < once.high


def test_rows_of_a_unit_are_drawn_together(drawn: DataFrame) -> None:
    found = interval(drawn, "brier", unit=["card"], replicates=25)
    labels, scores, weights = weights_of(drawn, "card", Draws(25))
    values = [sk.brier_score_loss(labels, scores, sample_weight=w) for w in weights.T]
    assert (found.low, found.high) == pytest.approx(np.quantile(values[1:], [0.025, 0.975]), abs=CLOSE)


def test_a_paired_interval_is_of_differences_on_the_same_replicates(drawn: DataFrame) -> None:
    found = paired_interval(drawn, "roc_auc", ("score", "other"), unit="id", replicates=40, seed=9)
    labels, scores, weights = weights_of(drawn, "id", Draws(40, 9))
    others = np.array([row.other for row in drawn.collect()])
    values = [
        sk.roc_auc_score(labels, scores, sample_weight=w) - sk.roc_auc_score(labels, others, sample_weight=w)
        for w in weights.T
    ]
    assert found.estimate == pytest.approx(values[0], abs=CLOSE)
    assert (found.low, found.high) == pytest.approx(np.quantile(values[1:], [0.025, 0.975]), abs=CLOSE)
    same = paired_interval(drawn, "roc_auc", ("score", "score"), unit="id", replicates=10)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)


def test_replicates_that_do_not_define_the_metric_are_left_out(spark: SparkSession) -> None:
    rows: list[Any] = [(i, i == 0, i / 50) for i in range(50)]
    found = interval(spark.createDataFrame(rows, "id int, label boolean, score double"), "roc_auc", unit="id")
    assert 100 < found.replicates < 150, "a row is in 63 % of them"
    assert (found.estimate, found.low, found.high) == (0.0, 0.0, 0.0)


def test_weights_are_poisson_and_hang_together_nowhere() -> None:
    weights = Draws(200, 7).weights(np.arange(20_000))[:, 1:]
    for count, expected in enumerate(stats.poisson.pmf(range(6), 1)):
        assert np.mean(weights == count) == pytest.approx(expected, abs=1e-3)
    assert weights.mean() == pytest.approx(1, abs=2e-3)
    assert weights.var() == pytest.approx(1, abs=5e-3)
    between = np.corrcoef(weights.T) - np.eye(200)
    assert np.abs(between).max() < 5.5 / np.sqrt(20_000)
    other = Draws(200, 8).weights(np.arange(20_000))[:, 1:]
    assert abs(np.corrcoef(weights[:, 0], other[:, 0])[0, 1]) < 5 / np.sqrt(20_000)


def card_days(spark: SparkSession) -> tuple[list[Any], DataFrame]:
    pick = random.Random(11)
    rows = [
        (START + timedelta(days=pick.randrange(12)), pick.randrange(80), pick.random() < 0.15, round(pick.random(), 1))
        for _ in range(1_500)
    ]
    return rows, spark.createDataFrame(rows, "day date, card int, label boolean, score double")


@pytest.mark.parametrize("remove_detected", [True, False])
def test_card_precision_is_that_of_the_handbook(spark: SparkSession, remove_detected: bool) -> None:
    rows, frame = card_days(spark)
    found = card_precision_top_k(frame, 10, day="day", card="card", remove_detected=remove_detected)
    detected: set[int] = set()
    expected = []
    for day in sorted({row[0] for row in rows}):
        cards = {row[1] for row in rows if row[0] == day} - detected
        of = {card: [row[2:] for row in rows if row[:2] == (day, card)] for card in cards}
        best = sorted(cards, key=lambda card: (-max(score for _, score in of[card]), card))[:10]
        hits = {card for card in best if any(label for label, _ in of[card])}
        expected.append((day, len(hits) / 10))
        detected |= hits if remove_detected else set()
    assert [(told.day, told.precision) for told in found.by_day] == expected
    assert found.mean == pytest.approx(np.mean([precision for _, precision in expected]))
    told = found.interval()
    assert told.estimate == pytest.approx(found.mean)
    assert told.low < found.mean < told.high


def test_a_day_with_fewer_cards_than_k_is_measured_by_k(spark: SparkSession) -> None:
    rows: list[Any] = [(1, "a", 1, 0.9), (1, "b", 0, 0.8), (2, "a", 1, 0.9), (2, "c", 1, 0.1), (2, "c", 0, 0.2)]
    frame = spark.createDataFrame(rows, "day int, card string, label int, score double")
    first, second = card_precision_top_k(frame, 4, day="day", card="card").by_day
    assert (first.looked_at, first.found, first.precision) == (2, 1, 0.25)
    assert (second.looked_at, second.found, second.precision) == (1, 1, 0.25), "a was found the day before"


@pytest.mark.parametrize("kind", ["false_positive", "false_negative"])
def test_error_clusters_are_the_groups_of_the_highest_rates(
    spark: SparkSession, kind: Literal["false_positive", "false_negative"]
) -> None:
    pick = random.Random(2)
    rows = [
        (i, pick.choice(["x", "y", None]), pick.randrange(3), pick.random() < 0.4, round(pick.random(), 2))
        for i in range(900)
    ]
    frame = spark.createDataFrame(rows, "id int, shop string, `hour.` int, label boolean, score double")
    told = error_clusters(frame, ["shop", "hour."], kind, id="id", fewest=40, most=4, examples=3)
    is_positive = kind == "false_negative"
    base = [row for row in rows if row[3] == is_positive]
    errors = [row for row in base if (row[4] < 0.5) == is_positive]
    groups = {}
    columns = {"shop": 1, "hour.": 2}
    for names in [*((name,) for name in columns), *combinations(columns, 2)]:
        for row in errors:
            values = [row[columns[name]] for name in names]
            key = tuple((name, None if v is None else str(v)) for name, v in zip(names, values, strict=True))
            same = [[r for r in of if [r[columns[n]] for n in names] == values] for of in (base, errors)]
            groups[key] = same
    large = {key: same for key, same in groups.items() if len(same[0]) >= 40}
    rates = sorted((len(wrong) / len(all_)) for all_, wrong in large.values())[::-1][:4]
    assert [cluster.rate for cluster in told] == pytest.approx(rates)
    for cluster in told:
        all_, wrong = large[cluster.group]
        assert (cluster.rows, cluster.errors) == (len(all_), len(wrong))
        assert cluster.relative == pytest.approx(cluster.rate * len(base) / len(errors))
        worst = sorted(wrong, key=lambda row: (row[4] if is_positive else -row[4], row[0]))[:3]
        assert cluster.examples == tuple(row[0] for row in worst)


def test_without_errors_there_are_no_clusters(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, "x", 1, 0.9), (2, "x", 0, 0.1)], "id int, shop string, label int, score double")
    assert error_clusters(frame, ["shop"], "false_positive", id="id", fewest=1) == ()


def test_columns_and_choices_that_do_not_fit_are_told_at_once(spark: SparkSession) -> None:
    frame = spark.createDataFrame([("yes", "0.5", 1)], "label string, score string, shop int")
    at = At(threshold=float("nan"), precision=0.0, bins=0, binning="quantiles")  # type: ignore[arg-type]
    with jobs_of(spark) as jobs, pytest.raises(ConfigurationError) as told:
        interval(frame, "auc", unit="ID", at=at, replicates=1, level=2)
    assert_tells(
        told.value,
        ["label label is string", "score score is string", "no column 'ID'", "metric 'auc'", "1 replicates", "level 2",
         "threshold nan", "precision 0.0", "0 bins", "did you mean 'quantile'?"],
    )  # fmt: skip
    assert jobs == [0]
    with pytest.raises(ConfigurationError) as told:
        card_precision_top_k(frame, 0, day="score", card="crad", label="labl")
    assert_tells(told.value, ["no column 'crad'", "did you mean 'label'?", "k 0", "day score is string"])
    with pytest.raises(ConfigurationError) as told:
        error_clusters(frame, ["shop", "shop"], "positive", id="shop", score="shop", fewest=0)  # type: ignore[arg-type]
    assert_tells(told.value, ["a column twice", "kind 'positive'", "fewest 0", "label label is string"])


def test_rows_that_do_not_fit_are_counted_at_once(spark: SparkSession) -> None:
    nan = float("nan")
    rows: list[Any] = [(1.0, 0.5), (2.0, nan), (None, None), (1.0, float("inf")), (nan, 0.1)]
    frame = spark.createDataFrame(rows, "label double, score double")
    with pytest.raises(ConfigurationError) as told:
        classifier_metrics(frame)
    assert_tells(
        told.value,
        ["1 of 5 rows without a label", "2 of 5 rows with another label", "3 of 5 rows whose score score is NULL",
         "no negatives, 2 positives"],
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="no row"):
        classifier_metrics(frame.limit(0))


def test_a_column_of_too_many_values_is_no_segment(spark: SparkSession) -> None:
    frame = spark.range(3_000).selectExpr("id", "id % 2 AS label", "id / 3000 AS score")
    with pytest.raises(ConfigurationError, match=r"about \d,\d+ values of id"):
        by_segment(frame, "id")


def test_a_card_that_is_not_there_is_refused(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(1, None, 1, 0.1), (1, "b", 0, 0.8)], "day int, card string, label int, score float")
    with pytest.raises(ConfigurationError, match="1 of 2 rows without card"):
        card_precision_top_k(frame, 1, day="day", card="card")


def assert_tells(error: ConfigurationError, parts: list[str]) -> None:
    for part in parts:
        assert part in str(error), part
