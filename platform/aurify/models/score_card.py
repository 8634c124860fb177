"""The classic score card: features in bins, the weight of evidence of each, and a logistic regression on them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError, Problem
from aurify.models.barrier_rows import LABEL, WEIGHT
from aurify.models.estimator import Learning
from aurify.models.ranges import Range, outside
from aurify.models.score_bins import Bins
from aurify.models.score_counts import borders_of, counted, woe_columns
from aurify.models.score_points import Part, Scale, ScorePoints
from aurify.models.spark_rows import VECTOR, Reader, numbers, with_vector

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Siddiqi, Credit Risk Scorecards (2006), chapter 6: a characteristic below this information value does not predict.
UNPREDICTIVE = 0.02
STEPS, CLOSE = 200, 1e-10


@dataclass(frozen=True)
class ScoreCard:
    """A points score card (Siddiqi, Credit Risk Scorecards, 2006), whose label 1 is the bad.

    Each feature is cut at its quantiles into `bins`; one with less than `fewest_in_bin` of all rows is merged with a
    neighbour, with `monotone` also those where the bad rate turns. Missing values are a bin of their own. A
    feature whose information value is below `least_iv` is left out. `smoothing` is added to goods and bads of each
    bin before a weight of evidence is told; `ridge` draws the coefficients of these towards 0. Validation is not
    read, nor are categories told from numbers. The same rows give the same card, however they are partitioned; with
    three workers or more up to the order in which Spark adds up what they found.
    """

    bins: int = 10
    fewest_in_bin: float = 0.05
    base_points: float = 600.0
    base_odds: float = 50.0
    points_to_double: float = 20.0
    least_iv: float = UNPREDICTIVE
    monotone: bool = False
    smoothing: float = 0.5
    ridge: float = 0.0

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        more_than_0 = Range(0, above=True)
        ranges = {
            "bins": Range(2, 1_000),
            "fewest_in_bin": Range(0, 0.5),
            "base_points": Range(float("-inf")),
            "base_odds": more_than_0,
            "points_to_double": more_than_0,
            "least_iv": Range(0),
            "smoothing": more_than_0,
            "ridge": Range(0),
        }
        return outside(where, self, ranges)

    def fit(self, learning: Learning) -> ScorePoints:
        """Bin the features in three Spark jobs and find their coefficients in a few more; the driver gets counts."""
        with numbers(Reader("ScoreCard", learning, takes_missing=True)) as (held, rows):
            borders = borders_of(held, len(learning.features), self.bins, rows, learning.seed)
            found = [self._merged(bins) for bins in counted(held, borders)]
            ivs = {name: bins.iv(self.smoothing) for name, bins in zip(learning.features, found, strict=True)}
            kept = [place for place, iv in enumerate(ivs.values()) if iv >= self.least_iv]
            _refuse_without_features(kept, ivs, self.least_iv)
            woe = {place: tuple(map(float, found[place].woe(self.smoothing))) for place in kept}
            places = {place: found[place].borders for place in kept}
            coefficients, intercept = self._coefficients(woe_columns(held, places, woe))
        parts = (
            Part(learning.features[place], found[place], coefficient)
            for place, coefficient in zip(kept, coefficients, strict=True)
        )
        left_out = {name: iv for name, iv in ivs.items() if iv < self.least_iv}
        scale = Scale(self.base_points, self.base_odds, self.points_to_double)
        return ScorePoints(tuple(parts), intercept, scale, self.smoothing, left_out)

    def _merged(self, bins: Bins) -> Bins:
        large = bins.with_none_below(self.fewest_in_bin)
        return large.monotone(self.smoothing) if self.monotone else large

    def _coefficients(self, rows: DataFrame) -> tuple[tuple[float, ...], float]:
        """The coefficient of each weight of evidence, and the intercept."""
        from pyspark.ml.classification import LogisticRegression

        columns = [name for name in rows.columns if name not in (LABEL, WEIGHT)]
        regression = LogisticRegression(
            featuresCol=VECTOR, labelCol=LABEL, maxIter=STEPS, tol=CLOSE, regParam=self.ridge, family="binomial",
            standardization=False,
        )  # fmt: skip
        if WEIGHT in rows.columns:
            regression = regression.setWeightCol(WEIGHT)
        model = regression.fit(with_vector(rows, columns))
        return tuple(map(float, model.coefficients.toArray())), float(model.intercept)


def _refuse_without_features(kept: list[int], ivs: Mapping[str, float], least: float) -> None:
    if not kept:
        name, best = max(ivs.items(), key=lambda of: of[1])
        hint = "add features that tell more, or lower least_iv"
        found, expected = f"{best:.4g} at most, of '{name}'", f"a feature with {least:g} or more"
        raise ConfigurationError("ScoreCard", [Problem("ScoreCard: information value", found, expected, hint)])
