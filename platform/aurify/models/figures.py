"""Figures of a model's results as PNG: drawn from what is known already, without Spark and without any global state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.canvas import COLOURS, GREY, MARKERS, bars, named, plain_text, png
from aurify.models.clusters import ErrorCluster
from aurify.models.curve_points import CurvePoints
from aurify.models.intervals import Interval
from aurify.models.metrics import Metrics, SegmentMetrics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_LINES = 30
NULL = "NULL"


def precision_recall_figure(curves: Mapping[str, CurvePoints]) -> bytes:
    """Precision over recall, a line for each name, and dotted what a score without any knowledge reaches."""
    _refuse_none("precision_recall_figure", curves)

    def draw(axes: Axes) -> None:
        for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
            recall = [point.recall for point in curve.points]
            precision = [point.precision for point in curve.points]
            axes.plot(recall, precision, color=colour, label=plain_text(name))
            axes.axhline(curve.positives / curve.rows, color=colour, linestyle=":", linewidth=1)
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(frameon=False)

    return png("Precision and recall", "recall (share of the positives)", "precision (share of those flagged)", draw)


def roc_figure(curves: Mapping[str, CurvePoints]) -> bytes:
    """The receiver operating characteristic, a line for each name, and dotted that of chance."""
    _refuse_none("roc_figure", curves)

    def draw(axes: Axes) -> None:
        for (name, curve), colour in zip(curves.items(), COLOURS, strict=False):
            wrong = [0.0, *(point.false_positive_rate for point in curve.points)]
            axes.plot(wrong, [0.0, *(point.recall for point in curve.points)], color=colour, label=plain_text(name))
        axes.plot([0, 1], [0, 1], color=GREY, linestyle=":", label="chance")
        axes.set(xlim=(0, 1), ylim=(0, 1.02))
        axes.legend(frameon=False)

    title = "Receiver operating characteristic"
    return png(title, "false positive rate (share of the negatives)", "recall (share of the positives)", draw)


def score_figure(curve: CurvePoints) -> bytes:
    """How the scores of each class lie, in shares of the class, on a logarithmic axis."""
    if not curve.histogram:
        raise ConfigurationError.of("score_figure", "no bins of the score", "scores from 0 to 1, which have some")

    def draw(axes: Axes) -> None:
        edges = [curve.histogram[0].low, *(each.high for each in curve.histogram)]
        classes = (
            ("negatives", [each.negatives for each in curve.histogram]),
            (
                "positives",
                [each.positives for each in curve.histogram],
            ),
        )
        for (name, counts), colour, style in zip(classes, COLOURS, ("-", "--"), strict=False):
            shares = np.array(counts) / sum(counts)
            axes.stairs(shares, edges, color=colour, linestyle=style, label=f"{name}, {sum(counts):,}", linewidth=1.5)
        axes.set(yscale="log", xlim=(0, 1))
        axes.legend(frameon=False)

    return png("Scores by class", "score (probability)", "share of the class", draw)


def calibration_figure(metrics: Mapping[str, Metrics]) -> bytes:
    """The share of positives over the mean score of each bin, and dotted where both are the same."""
    told = {name: found for name, found in metrics.items() if found.calibration}
    _refuse_none("calibration_figure", told, "metrics with bins of calibration, which scores from 0 to 1 have")

    def draw(axes: Axes) -> None:
        for (name, found), colour, marker in zip(told.items(), COLOURS, MARKERS, strict=False):
            scores = [each.mean_score for each in found.calibration]
            shares = [each.share_positive for each in found.calibration]
            axes.plot(scores, shares, color=colour, marker=marker, markersize=4, label=plain_text(name))
        top = max(max(each.mean_score, each.share_positive) for f in told.values() for each in f.calibration)
        axes.plot([0, top], [0, top], color=GREY, linestyle=":", label="as it should be")
        axes.legend(frameon=False)

    return png("Calibration", "mean score of the bin (probability)", "share of positives in the bin", draw)


def lift_figure(metrics: Mapping[str, Metrics]) -> bytes:
    """The lift of each tenth of the rows, best first."""
    told = {name: found for name, found in metrics.items() if found.lift}
    _refuse_none("lift_figure", told)

    def draw(axes: Axes) -> None:
        for (name, found), colour, marker in zip(told.items(), COLOURS, MARKERS, strict=False):
            tenths = range(1, len(found.lift) + 1)
            axes.plot(tenths, found.lift, color=colour, marker=marker, markersize=4, label=plain_text(name))
        axes.axhline(1, color=GREY, linestyle=":", label="chance")
        axes.set(xticks=range(1, 11), ylim=(0, None))
        axes.legend(frameon=False)

    return png("Lift", "tenth of the rows, best scores first", "lift (multiple of the mean share)", draw)


def segments_figure(segments: Sequence[SegmentMetrics], column: str, metric: str = "average_precision") -> bytes:
    """A metric of each segment of a column; a hatched one has too few rows of a class to lean on."""
    told = [(found, getattr(found.metrics, metric, None)) for found in segments]
    there = [(found, value) for found, value in told if isinstance(value, float)][:MOST_LINES]
    _refuse_none("segments_figure", there, f"segments that define {metric}")
    names = [f"{(found.segment or NULL)[:24]} ({found.metrics.rows:,} rows)" for found, _ in there]

    def draw(axes: Axes) -> None:
        bars(axes, names, [value for _, value in there], [found.too_few for found, _ in there])

    return png(f"By {column}", f"{_spoken(metric)} (hatched: too few)", "", draw, len(there))


def intervals_figure(intervals: Mapping[str, Interval]) -> bytes:
    """A metric with its interval for each name, as for each version of a model."""
    _refuse_none("intervals_figure", intervals)
    first = next(iter(intervals.values()))

    def draw(axes: Axes) -> None:
        for place, (found, colour) in enumerate(zip(intervals.values(), COLOURS * MOST_LINES, strict=False)):
            axes.plot([found.low, found.high], [place, place], color=colour, linewidth=2)
            axes.plot([found.estimate], [place], color=colour, marker="o")
        named(axes, map(plain_text, intervals))

    metric = f"{_spoken(first.metric)} (with its {first.level:.0%} interval)"
    return png("How sure it is", metric, "", draw, len(intervals))


def clusters_figure(clusters: Sequence[ErrorCluster]) -> bytes:
    """Where the model errs more than elsewhere."""
    _refuse_none("clusters_figure", clusters)
    told = list(clusters)[:MOST_LINES]
    names = [" and ".join(f"{n} = {NULL if v is None else v}" for n, v in each.group) for each in told]

    def draw(axes: Axes) -> None:
        bars(axes, names, [each.relative for each in told])
        axes.axvline(1, color=GREY, linestyle=":")

    return png("Groups with the most errors", "error rate (multiple of the usual rate)", "", draw, len(told))


def history_figure(history: Mapping[str, Sequence[float]], best: int | None = None) -> bytes:
    """What each metric was on the validation rows after every round; dotted, the round that was kept."""
    from matplotlib.ticker import MaxNLocator

    _refuse_none("history_figure", history)

    def draw(axes: Axes) -> None:
        for (name, values), colour in zip(history.items(), COLOURS, strict=False):
            axes.plot(range(1, len(values) + 1), values, color=colour, label=plain_text(_spoken(name)))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        if best is not None:
            axes.axvline(best, color=GREY, linestyle=":", label=f"kept: round {best}")
        axes.legend(frameon=False)

    return png("Training", "round (trees)", "metric on the validation rows", draw)


def _spoken(metric: str) -> str:
    return metric.replace("_", " ")


def _refuse_none(where: str, given: object, expected: str = "one thing or more to draw") -> None:
    if not given:
        raise ConfigurationError.of(where, "nothing to draw", expected)
