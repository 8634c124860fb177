"""Metrics of a binary classifier on a scored frame, equal to scikit-learn's: of all rows, and of segments of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aurify.models.cumulated import Plan, curves
from aurify.models.curve import METRICS, At, Curve, Numbers, lift
from aurify.models.scored import Frame, Summary, of_choices

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

USUAL = At()
_OF_PROBABILITIES = ("losses", "bins")
_OF_ALL_SCORES = ("area", "precisions", "distance", "at_precision", "at_threshold", "gains")


@dataclass(frozen=True)
class CalibrationBin:
    """Rows of about one score: their mean score, and the share of positives that it should be."""

    mean_score: float
    share_positive: float
    rows: int


@dataclass(frozen=True)
class Metrics:
    """The metrics of some rows; None is one that these rows do not define.

    `precision`, `recall` and `f1` are of the rows whose score is the threshold or more. `recall_at_precision` is the
    best recall of any threshold with that precision, and `threshold_at_precision` that threshold, the lowest.
    `lift` has a number for each tenth of the rows, best first; the positives of a tie are spread evenly over it.
    Where a score is not between 0 and 1, there are no Brier score, log loss and calibration.
    """

    rows: int
    positives: int
    at: At
    roc_auc: float | None
    average_precision: float | None
    ks: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    recall_at_precision: float | None
    threshold_at_precision: float | None
    lift: tuple[float, ...]
    brier: float | None
    log_loss: float | None
    expected_calibration_error: float | None
    calibration: tuple[CalibrationBin, ...]


@dataclass(frozen=True)
class SegmentMetrics:
    """The metrics of the rows with one value of a column, None being NULL; `too_few` positives to lean on them."""

    segment: str | None
    metrics: Metrics
    too_few: bool


def classifier_metrics(rows: DataFrame, label: str = "label", score: str = "score", *, at: At = USUAL) -> Metrics:
    """All metrics of a scored frame, in three actions that read the rows twice.

    The label is a boolean, 0 or 1; the score a number. The driver gets sums of ranges of the score, never rows.
    ConfigurationError tells all that does not fit: columns, labels, scores that are not there, one class alone.
    """
    frame = Frame("classifier_metrics", rows, label, (score,))
    summary = frame.summary(of_choices(frame.where, at))
    return _metrics(curves(frame, _plan(at, summary), summary)[None])


def by_segment(
    rows: DataFrame,
    column: str,
    label: str = "label",
    score: str = "score",
    *,
    at: At = USUAL,
    fewest_positives: int = 20,
) -> tuple[SegmentMetrics, ...]:
    """The same metrics for each value of a column, in the order of the values, NULL first, in the same three actions.

    The values are told as text. A segment with fewer positives than `fewest_positives`, or negatives, is marked.
    """
    frame = Frame("by_segment", rows, label, (score,), segment=column)
    summary = frame.summary(of_choices(frame.where, at))
    found = curves(frame, _plan(at, summary), summary)
    return tuple(
        SegmentMetrics(segment, _metrics(found[segment]), _has_few(found[segment], fewest_positives))
        for segment in sorted(found, key=lambda value: (value is not None, value or ""))
    )


def _plan(at: At, summary: Summary) -> Plan:
    of_probabilities = _OF_PROBABILITIES if summary.scores[0].are_probabilities else ()
    return Plan((*_OF_ALL_SCORES, *of_probabilities), at)


def _has_few(curve: Curve, fewest: int) -> bool:
    positives = curve.whole.positives[0]
    return bool(min(positives, curve.whole.rows[0] - positives) < fewest)


def _metrics(curve: Curve) -> Metrics:
    told = {
        name: _or_none(metric.of(curve)[0])
        for name, metric in METRICS.items()
        if all(part in curve.parts for part in metric.parts)
    }
    return Metrics(
        rows=int(curve.whole.rows[0]),
        positives=int(curve.whole.positives[0]),
        at=curve.at,
        roc_auc=told["roc_auc"],
        average_precision=told["average_precision"],
        ks=told["ks"],
        precision=told["precision"],
        recall=told["recall"],
        f1=told["f1"],
        recall_at_precision=told["recall_at_precision"],
        threshold_at_precision=_or_none(-curve.parts["at_precision"][1, 0]),
        lift=() if told["lift_of_top_tenth"] is None else tuple(map(float, lift(curve)[:, 0])),
        brier=told.get("brier"),
        log_loss=told.get("log_loss"),
        expected_calibration_error=told.get("expected_calibration_error"),
        calibration=_calibration(curve.parts),
    )


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _calibration(parts: Mapping[str, Numbers]) -> tuple[CalibrationBin, ...]:
    """The bins that have rows."""
    if "bins" not in parts:
        return ()
    bins = zip(*(lines[:, 0] for lines in np.split(parts["bins"], 3)), strict=True)
    return tuple(
        CalibrationBin(float(scores / rows), float(positives / rows), int(rows))
        for rows, scores, positives in bins
        if rows
    )
