"""The curve of a classifier in few points, and how its scores lie: what figures are drawn from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aurify.models.cumulated import Plan, curves
from aurify.models.curve import At, Curve
from aurify.models.scored import Frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

BINS = 40


@dataclass(frozen=True)
class CurvePoint:
    """What the rows with this score or a better one are."""

    threshold: float
    recall: float
    precision: float
    false_positive_rate: float


@dataclass(frozen=True)
class ScoreBin:
    """The rows whose score is above `low`, up to `high`; the first bin has those at `low` as well."""

    low: float
    high: float
    positives: int
    negatives: int


@dataclass(frozen=True)
class CurvePoints:
    """Points of the precision-recall and ROC curves, the best score first, and the scores in bins of one width.

    There are no bins where a score is not between 0 and 1.
    """

    rows: int
    positives: int
    points: tuple[CurvePoint, ...]
    histogram: tuple[ScoreBin, ...]


def curve_points(rows: DataFrame, label: str = "label", score: str = "score") -> CurvePoints:
    """At most 200 points of the curves, each exact, and 40 bins of the scores; three actions that read the rows twice.

    The points are where each hundredth of the positives, and each of the negatives, is found.
    """
    frame = Frame("curve_points", rows, label, (score,))
    summary = frame.summary()
    parts = ("points", "bins") if summary.scores[0].are_probabilities else ("points",)
    curve = curves(frame, Plan(parts, At(bins=BINS, binning="uniform")), summary)[None]
    return CurvePoints(int(curve.whole.rows[0]), int(curve.whole.positives[0]), _points(curve), _histogram(curve))


def _points(curve: Curve) -> tuple[CurvePoint, ...]:
    """A point that is a step of both classes is told once."""
    whole, positives = float(curve.whole.rows[0]), float(curve.whole.positives[0])
    found = np.unique(curve.parts["points"][:, 0].reshape(-1, 3), axis=0)
    return tuple(
        CurvePoint(
            float(score), float(hits / positives), float(hits / rows), float((rows - hits) / (whole - positives))
        )
        for rows, hits, score in found
    )


def _histogram(curve: Curve) -> tuple[ScoreBin, ...]:
    if "bins" not in curve.parts:
        return ()
    rows, _, positives = np.split(curve.parts["bins"][:, 0], 3)
    edges = np.linspace(0, 1, BINS + 1)
    return tuple(
        ScoreBin(float(low), float(high), int(hits), int(whole - hits))
        for low, high, hits, whole in zip(edges, edges[1:], positives, rows, strict=False)
    )
