"""What a metric should be before labels come: as if each row were a positive with its calibrated chance.

It sees that rows have become easier or harder. It can't see that what makes a positive has changed, or that the scores
are less well calibrated than on the test: that takes labels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aurify.models.curve import METRICS, PARTS, At, Counts, Curve, Numbers, Slice


def chances(scores: Numbers, calibration: Sequence[Mapping[str, Any]]) -> Numbers:
    """The share of positives that the test had at these scores: between its bins on a line, never falling.

    >>> bins = [{"mean_score": 0.0, "share_positive": 0.0}, {"mean_score": 0.5, "share_positive": 1.0}]
    >>> chances(np.asarray([0.25, 0.9]), bins).tolist()
    [0.5, 1.0]
    """
    told = sorted((float(each["mean_score"]), float(each["share_positive"])) for each in calibration)
    places, shares = np.asarray(told).T
    return np.interp(scores, places, np.maximum.accumulate(shares))


def estimated(metric: str, scores: Numbers, rows: Numbers, chance: Numbers, at: At) -> float | None:
    """A metric of rows by score, each with its chance to be a positive; None where these do not define it."""
    best_first = np.argsort(-scores, kind="stable")
    count, positives = rows[best_first, None], (rows * chance)[best_first, None]
    nothing = Counts(np.zeros(1), np.zeros(1))
    whole = Counts(count.sum(axis=0), positives.sum(axis=0))
    found = Slice(scores[best_first], count, positives, nothing, whole)
    asked = METRICS[metric]
    value = asked.of(Curve(whole, {part: PARTS[part].of(found, at) for part in asked.parts}, at))[0]
    return float(value) if np.isfinite(value) else None
