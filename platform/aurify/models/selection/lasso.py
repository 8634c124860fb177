"""Features that a logistic regression with an L1 penalty gives a coefficient."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Numbers
from aurify.models.selection.labelled import LABEL, Labelled, numbers_of
from aurify.models.selection.merged import Batches
from aurify.models.selection.moments import Read, read
from aurify.models.selection.selected import Selected, Verdict, selected

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

ITERATIONS = 300
TOLERANCE = 1e-9
FITS = 10
WEAKEST = 1e-4
# Below it a coefficient of a standardised feature is what is left of a zero.
LEAST_COEFFICIENT = 1e-6


@dataclass(frozen=True)
class Lasso:
    """Keeps what Spark ML's logistic regression with an L1 penalty of `strength` gives a coefficient (Tibshirani 1996).

    With `keep` instead, the penalty is the weakest found, in 10 fits more at most, that keeps no more than so many.
    Features are standardised, a missing value is their mean. `strength` is of the mean loss of a row.
    """

    strength: float | None = None
    keep: int | None = None

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        problems = []
        if (self.strength is None) == (self.keep is None):
            problems.append(Problem(where, f"strength {self.strength}, keep {self.keep}", "one of the two"))
        if self.strength is not None and not 0 < self.strength < np.inf:
            problems.append(Problem(where, f"strength {self.strength}", "a number above 0"))
        if self.keep is not None and self.keep < 1:
            problems.append(Problem(where, f"keep {self.keep}", "1 or more"))
        return problems

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> Selected:
        """A pass, and a job for each iteration of a fit. A feature that is no number stays; the label is 0 or 1."""
        frame = Labelled("Lasso", rows, features, label)
        seen = read(frame)
        told: dict[str, Verdict] = {}
        if seen.moments:
            with _standardised(frame, seen) as standardised:
                strength, coefficients = self._fitted(standardised, seen)
            found = zip(frame.numbers, coefficients, seen.moments, strict=True)
            told = {name: _verdict(name, own, moments.is_constant, strength) for name, own, moments in found}
        others = {name: Verdict(name, True, "no number", {}) for name in frame.texts}
        return selected("lasso", [{**told, **others}[name] for name in features])

    def _fitted(self, standardised: DataFrame, seen: Read) -> tuple[float, Numbers]:
        """The strength and the coefficients."""
        if self.strength is not None:
            return self.strength, _coefficients(standardised, self.strength)
        keep, strongest = self.keep or 0, _strongest(seen)
        strong, weak = strongest, strongest * WEAKEST
        best = _coefficients(standardised, weak)
        if np.count_nonzero(best) <= keep:
            return weak, best
        best = np.zeros_like(best)
        for _ in range(FITS):
            if np.count_nonzero(best) == keep:
                break
            middle = float(np.sqrt(strong * weak))
            found = _coefficients(standardised, middle)
            if np.count_nonzero(found) > keep:
                weak = middle
            else:
                strong, best = middle, found
        return strong, best


def _verdict(name: str, coefficient: float, is_constant: bool, strength: float) -> Verdict:
    statistics = {"coefficient": float(coefficient), "strength": strength}
    if is_constant:
        return Verdict(name, False, "has one value alone", statistics)
    if not coefficient:
        return Verdict(name, False, f"coefficient 0 at strength {strength:.3g}", statistics)
    return Verdict(name, True, f"coefficient {coefficient:+.3g} at strength {strength:.3g}", statistics)


def _strongest(seen: Read) -> float:
    """The least strength at which all coefficients are 0: the steepest slope of the loss without features."""
    slopes = [abs(float(found.spread[0, 1])) / found.width for found in seen.moments]
    return max(slopes) / seen.labels.rows


def _coefficients(standardised: DataFrame, strength: float) -> Numbers:
    from pyspark.ml.classification import LogisticRegression

    regression = LogisticRegression(
        labelCol=LABEL,
        featuresCol="features",
        regParam=strength,
        elasticNetParam=1.0,
        standardization=False,
        maxIter=ITERATIONS,
        tol=TOLERANCE,
    )
    found = np.asarray(regression.fit(standardised).coefficients.toArray(), np.float64)
    return np.where(np.abs(found) >= LEAST_COEFFICIENT, found, 0.0)


@contextmanager
def _standardised(frame: Labelled, seen: Read) -> Iterator[DataFrame]:
    """The label and one vector a row, kept in memory or on disk until the fits are done."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    centres = np.array([found.centre[0] for found in seen.moments])
    widths = np.array([found.width for found in seen.moments])
    apply = partial(_scaled, centres=centres, widths=widths)
    arrays = frame.as_numbers().mapInArrow(apply, f"{LABEL} double, features array<double>")
    made = arrays.select(LABEL, array_to_vector(F.col("features")).alias("features")).persist()
    try:
        yield made
    finally:
        made.unpersist()


def _scaled(batches: Batches, centres: Numbers, widths: Numbers) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    for batch in batches:
        values, label = numbers_of(batch)
        scaled = np.nan_to_num((values - centres) / widths)
        starts = pa.array(np.arange(len(label) + 1, dtype=np.int32) * scaled.shape[1], pa.int32())
        arrays = pa.ListArray.from_arrays(starts, pa.array(scaled.ravel()))
        yield pa.RecordBatch.from_arrays([pa.array(label), arrays], [LABEL, "features"])
