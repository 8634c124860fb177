"""What a metric should be before labels come: as if each row were a positive with its calibrated chance.

It sees that rows have become easier or harder. It can't see that what makes a positive has changed, or that the scores
are less well calibrated than on the test: that takes labels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from aurify.models.curve import METRICS, PARTS, At, Counts, Curve, Numbers, Slice

_EPSILON = 1e-6


@dataclass(frozen=True)
class Calibration:
    """The chance that a row of a score is a positive: a logistic function of the score's log odds (Platt 1999)."""

    slope: float
    intercept: float

    @classmethod
    def of_counts(cls, scores: Numbers, rows: Numbers, positives: Numbers) -> Calibration | None:
        """Fitted to the rows and positives of some scores; None where these are not of both classes."""
        from sklearn.linear_model import LogisticRegression

        if not 0 < positives.sum() < rows.sum():
            return None
        odds = _log_odds(scores)
        given, weights = np.concatenate([odds, odds]).reshape(-1, 1), np.concatenate([positives, rows - positives])
        labels = np.concatenate([np.ones(len(odds)), np.zeros(len(odds))])
        found = LogisticRegression(C=np.inf).fit(given, labels, sample_weight=weights)
        return cls(float(found.coef_[0, 0]), float(found.intercept_[0]))

    def chances(self, scores: Numbers) -> Numbers:
        """Those of rows by their scores."""
        chance: Numbers = 1 / (1 + np.exp(-(self.slope * _log_odds(scores) + self.intercept)))
        return chance

    def as_dict(self) -> dict[str, float]:
        """For JSON."""
        return asdict(self)


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


def _log_odds(scores: Numbers) -> Numbers:
    inside = np.clip(scores, _EPSILON, 1 - _EPSILON)
    odds: Numbers = np.log(inside / (1 - inside))
    return odds
