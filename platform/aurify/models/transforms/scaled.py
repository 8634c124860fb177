"""Numbers brought to one scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from aurify.errors import Problem, did_you_mean
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.numbers import Range, moments, of_ranges, quantiles, ranges
from aurify.models.transforms.plain_stage import StageOfColumns
from aurify.models.transforms.read_columns import NUMBER, of_columns, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCALES = ("standard", "min_max", "robust")
QUARTERS = (0.25, 0.5, 0.75)


@dataclass(frozen=True)
class Scaled:
    """`amount` becomes `amount_scaled`, a missing value stays NaN.

    `standard` is by mean and standard deviation, `min_max` from lowest to highest as 0 to 1, `robust` by the median and
    the distance of the quartiles; each as in scikit-learn. A constant is 0. Infinite values are left out of the fit.
    """

    columns: tuple[str, ...]
    by: Literal["standard", "min_max", "robust"] = "standard"

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        found = of_declared(where, self.columns)
        if self.by not in SCALES:
            found.append(Problem(where, repr(self.by), " or ".join(SCALES), did_you_mean(str(self.by), SCALES), "by"))
        return found

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedScaled:
        """Two passes over the rows at most. ConfigurationError: columns, or no number in one."""
        refuse("Scaled", of_columns("Scaled", self.columns, rows, features, NUMBER))
        known = ranges(rows, self.columns)
        refuse("Scaled", of_ranges("Scaled", self.columns, known))
        found = self._centres_and_scales(rows, known)
        names = feature_names([(column, "scaled") for column in self.columns], rows.columns)
        centres, scales = zip(*((centre, scale or 1.0) for centre, scale in found), strict=True)
        return FittedScaled(self.columns, names, centres, scales)

    def _centres_and_scales(self, rows: DataFrame, known: Sequence[Range]) -> list[tuple[float, float]]:
        if self.by == "min_max":
            return [(own.low, own.high - own.low) for own in known]
        if self.by == "standard":
            return [(own.mean, own.deviation) for own in moments(rows, self.columns, known)]
        return [(middle, upper - lower) for lower, middle, upper in quantiles(rows, self.columns, known, QUARTERS)]


@dataclass(frozen=True)
class FittedScaled(StageOfColumns):
    """`names`, `centres` and `scales` are per column."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    centres: tuple[float, ...]
    scales: tuple[float, ...]
    kind: ClassVar[str] = "scaled"

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The distance from the centre, in scales."""
        return {
            name: (columns[column] - centre) / scale
            for column, name, centre, scale in zip(self.columns, self.names, self.centres, self.scales, strict=True)
        }
