"""The curves of a binary classifier in NumPy: a slice of them at a time, for many weightings of the rows at once.

All matrices have a column for each weighting. The first is the rows as they are, the others are bootstrap replicates.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Places = NDArray[np.intp]
BINNINGS = ("quantile", "uniform")
STEPS = 100
_EPSILON = float(np.finfo(np.float64).eps)


@dataclass(frozen=True)
class At:
    """Where metrics are taken: the threshold of a decision, the least precision, and the bins of calibration."""

    threshold: float = 0.5
    precision: float = 0.9
    bins: int = 10
    binning: Literal["quantile", "uniform"] = "quantile"


@dataclass(frozen=True)
class Counts:
    """Rows and positives in every weighting."""

    rows: Numbers
    positives: Numbers

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.rows + other.rows, self.positives + other.positives)


@dataclass(frozen=True)
class Slice:
    """Distinct scores, best first, with the rows of each; `before` counts the better ones, `whole` all there are."""

    score: Numbers
    rows: Numbers
    positives: Numbers
    before: Counts
    whole: Counts

    @cached_property
    def rows_so_far(self) -> Numbers:
        """The rows with this score or a better one."""
        return self.before.rows + np.cumsum(self.rows, axis=0)

    @cached_property
    def positives_so_far(self) -> Numbers:
        """The positives with this score or a better one."""
        return self.before.positives + np.cumsum(self.positives, axis=0)

    @cached_property
    def precision(self) -> Numbers:
        """The share of positives among the rows so far; 0 where a replicate has none yet."""
        return share(self.positives_so_far, self.rows_so_far, none=0.0)

    def after(self) -> Counts:
        """What the next slice has before it."""
        return Counts(self.rows_so_far[-1], self.positives_so_far[-1])


def share(part: Numbers, whole: Numbers, none: float = np.nan) -> Numbers:
    """The quotient, and `none` where there is no whole."""
    there = whole > 0
    return np.where(there, part / np.where(there, whole, 1.0), none)


@dataclass(frozen=True)
class Part:
    """Lines of sums, or of maxima, that slices give and that are merged by `merge`."""

    of: Callable[[Slice, At], Numbers]
    lines: Callable[[At], int]
    merge: Callable[[Numbers, Numbers], Numbers] = np.add


def _line(values: Numbers) -> Numbers:
    return values.reshape(1, -1)


def _area(found: Slice, at: At) -> Numbers:
    """Pairs of a negative and a better positive, a tie for a half."""
    negatives = found.rows - found.positives
    return _line(np.sum(negatives * (found.positives_so_far - found.positives / 2), axis=0))


def _precisions(found: Slice, at: At) -> Numbers:
    return _line(np.sum(found.positives * found.precision, axis=0))


def _distance(found: Slice, at: At) -> Numbers:
    """Kolmogorov and Smirnov's: the largest distance between the distributions of positives and negatives."""
    negatives = share(found.rows_so_far - found.positives_so_far, found.whole.rows - found.whole.positives)
    positives = share(found.positives_so_far, found.whole.positives)
    return _line(np.max(np.abs(positives - negatives), axis=0))


def _at_precision(found: Slice, at: At) -> Numbers:
    """The most positives found at that precision, and the least score with it, negated."""
    enough = (found.precision >= at.precision) & (found.rows_so_far > 0)
    most = np.where(enough, found.positives_so_far, 0.0).max(axis=0)
    return np.stack([most, np.where(enough, -found.score[:, None], -np.inf).max(axis=0)])


def _at_threshold(found: Slice, at: At) -> Numbers:
    taken = found.score >= at.threshold
    return np.stack([found.rows[taken].sum(axis=0), found.positives[taken].sum(axis=0)])


def _losses(found: Slice, at: At) -> Numbers:
    """Squared errors, and logarithms clipped as scikit-learn's are."""
    negatives, score = found.rows - found.positives, found.score
    squared = (1 - score) ** 2 @ found.positives + score**2 @ negatives
    of_positive, of_negative = (np.log(np.clip(p, _EPSILON, 1 - _EPSILON)) for p in (score, 1 - score))
    return np.stack([squared, -(of_positive @ found.positives + of_negative @ negatives)])


def _bins(found: Slice, at: At) -> Numbers:
    """Of each bin: rows, sum of scores, positives."""
    weightings = found.rows.shape[1]
    place = (_bin(found, at) * weightings + np.arange(weightings)).ravel()
    size = at.bins * weightings
    summed = [found.rows, found.rows * found.score[:, None], found.positives]
    return np.concatenate([np.bincount(place, values.ravel(), size).reshape(at.bins, weightings) for values in summed])


def _bin(found: Slice, at: At) -> NDArray[np.int64]:
    """The bin of every score, by scikit-learn's rule: up to an edge, and the edge is in the lower bin.

    A quantile lies at rank (n - 1) * j / bins or between it and the next, so a score is above it if all of its rows
    rank above. The ranks are whole numbers: no edge is moved by rounding.
    """
    if at.binning == "uniform":
        bins = np.searchsorted(np.linspace(0, 1, at.bins + 1)[1:-1], found.score)
        return np.broadcast_to(bins[:, None], found.rows.shape).astype(np.int64)
    worse = found.whole.rows - found.rows_so_far
    above = np.zeros(found.rows.shape, dtype=np.int64)
    for edge in range(1, at.bins):
        above += (found.whole.rows - 1) * edge // at.bins < worse
    return above


def _gains(found: Slice, at: At) -> Numbers:
    """The positives among the best tenth, two tenths and so on; those of a tie are spread evenly over its rows."""
    lines = []
    for tenth in range(1, 10):
        rank = found.whole.rows * tenth / 10
        is_here, here = _reached(found.rows_so_far, found.before.rows, rank)
        of_tie = share(found.positives[here], found.rows[here], none=0.0)
        gained = found.positives_so_far[here] - of_tie * (found.rows_so_far[here] - rank)
        lines.append(np.where(is_here, gained, 0.0))
    return np.stack(lines)


def _points(found: Slice, at: At) -> Numbers:
    """Rows, positives and score where each hundredth of the positives is reached, then of the negatives."""
    lines, before, whole = [], found.before, found.whole
    negatives_so_far = found.rows_so_far - found.positives_so_far
    for so_far, first, last in (
        (found.positives_so_far, before.positives, whole.positives),
        (negatives_so_far, before.rows - before.positives, whole.rows - whole.positives),
    ):
        for step in range(1, STEPS + 1):
            is_here, here = _reached(so_far, first, last * step / STEPS)
            told = (found.rows_so_far[here], found.positives_so_far[here], found.score[here[0]])
            lines += [np.where(is_here, values, 0.0) for values in told]
    return np.stack(lines)


def _reached(so_far: Numbers, before: Numbers, level: Numbers) -> tuple[NDArray[np.bool_], tuple[Places, Places]]:
    """Whether this slice is where the count comes to that level, and the place of it."""
    place = np.count_nonzero(so_far < level, axis=0)
    last = len(so_far) - 1
    return (before < level) & (place <= last), (np.minimum(place, last), np.arange(so_far.shape[1]))


PARTS: Mapping[str, Part] = {
    "area": Part(_area, lambda at: 1),
    "precisions": Part(_precisions, lambda at: 1),
    "distance": Part(_distance, lambda at: 1, np.fmax),
    "at_precision": Part(_at_precision, lambda at: 2, np.fmax),
    "at_threshold": Part(_at_threshold, lambda at: 2),
    "losses": Part(_losses, lambda at: 2),
    "bins": Part(_bins, lambda at: 3 * at.bins),
    "gains": Part(_gains, lambda at: 9),
    "points": Part(_points, lambda at: 6 * STEPS),
}


@dataclass(frozen=True)
class Curve:
    """All that was found of a frame, or of a segment of it: its counts, and the merged lines of its parts."""

    whole: Counts
    parts: Mapping[str, Numbers]
    at: At


@dataclass(frozen=True)
class Metric:
    """A number for each weighting, NaN where it is not defined; the parts that it is made of."""

    of: Callable[[Curve], Numbers]
    parts: tuple[str, ...]
    of_probabilities: bool = False


def _roc_auc(curve: Curve) -> Numbers:
    whole = curve.whole
    return share(curve.parts["area"][0], whole.positives * (whole.rows - whole.positives))


def _precision(curve: Curve) -> Numbers:
    taken, hits = curve.parts["at_threshold"]
    return share(hits, taken, none=0.0)


def _recall(curve: Curve) -> Numbers:
    return share(curve.parts["at_threshold"][1], curve.whole.positives)


def _f1(curve: Curve) -> Numbers:
    taken, hits = curve.parts["at_threshold"]
    return share(2 * hits, taken + curve.whole.positives)


def _calibration_error(curve: Curve) -> Numbers:
    rows, scores, positives = np.split(curve.parts["bins"], 3)
    return share(np.abs(scores - positives).sum(axis=0), rows.sum(axis=0))


def lift(curve: Curve) -> Numbers:
    """Of each tenth of the rows, best first: its share of positives as a multiple of the share in all rows."""
    gains = curve.parts["gains"]
    ends = np.concatenate([np.zeros_like(gains[:1]), gains, curve.whole.positives[None]])
    return 10 * share(np.diff(ends, axis=0), np.broadcast_to(curve.whole.positives, (10, gains.shape[1])))


METRICS: Mapping[str, Metric] = {
    "roc_auc": Metric(_roc_auc, ("area",)),
    "average_precision": Metric(lambda c: share(c.parts["precisions"][0], c.whole.positives), ("precisions",)),
    "ks": Metric(lambda c: c.parts["distance"][0], ("distance",)),
    "precision": Metric(_precision, ("at_threshold",)),
    "recall": Metric(_recall, ("at_threshold",)),
    "f1": Metric(_f1, ("at_threshold",)),
    "recall_at_precision": Metric(lambda c: share(c.parts["at_precision"][0], c.whole.positives), ("at_precision",)),
    "lift_of_top_tenth": Metric(lambda c: lift(c)[0], ("gains",)),
    "brier": Metric(lambda c: share(c.parts["losses"][0], c.whole.rows), ("losses",), True),
    "log_loss": Metric(lambda c: share(c.parts["losses"][1], c.whole.rows), ("losses",), True),
    "expected_calibration_error": Metric(_calibration_error, ("bins",), True),
}
# Metrics that are lower where a model is better.
LOSSES = frozenset({"brier", "log_loss", "expected_calibration_error"})
