"""Numbers where there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.errors import Problem, did_you_mean
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.categories import counted, most_frequent, of_values
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.numbers import moments, of_ranges, quantiles, ranges
from aurify.models.transforms.plain_stage import StageOfColumns
from aurify.models.transforms.read_columns import NUMBER, is_finite, of_columns, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WAYS = ("mean", "median", "most_frequent")


@dataclass(frozen=True)
class Imputed:
    """`amount` becomes `amount_imputed`, never NaN; with `indicator` also `amount_is_missing`, 1 where it was NaN.

    `by` is one of mean, median and most_frequent (the lowest of those as frequent), or a number. Infinite values are
    left out of mean and median, and stay what they are.
    """

    columns: tuple[str, ...]
    by: str | float = "median"
    indicator: bool = False

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        found = of_declared(where, self.columns)
        if self.by not in WAYS and not is_finite(self.by):
            hint = did_you_mean(self.by, WAYS) if isinstance(self.by, str) else ""
            found.append(Problem(where, repr(self.by), f"{', '.join(WAYS)} or a finite number", hint, "by"))
        return found

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedImputed:
        """Two passes over the rows at most, none for a number. ConfigurationError: columns, no number in one."""
        refuse("Imputed", of_columns("Imputed", self.columns, rows, features, NUMBER))
        values = self._values(rows)
        wanted = [(column, "imputed") for column in self.columns]
        wanted += [(column, "is", "missing") for column in self.columns if self.indicator]  # type: ignore[misc]
        names = feature_names(wanted, rows.columns)
        return FittedImputed(self.columns, tuple(values), names[: len(values)], names[len(values) :])

    def _values(self, rows: DataFrame) -> Sequence[float]:
        if not isinstance(self.by, str):
            return [float(self.by)] * len(self.columns)
        if self.by == "most_frequent":
            counts = most_frequent(counted(rows, self.columns), len(self.columns), 1)
            refuse("Imputed", of_values("Imputed", self.columns, counts))
            return [float(own.keys[0]) for own in counts]
        known = ranges(rows, self.columns)
        refuse("Imputed", of_ranges("Imputed", self.columns, known))
        if self.by == "mean":
            return [own.mean for own in moments(rows, self.columns, known)]
        return [middle for (middle,) in quantiles(rows, self.columns, known, (0.5,))]


@dataclass(frozen=True)
class FittedImputed(StageOfColumns):
    """`values` and `names` are per column, so are `indicators` unless there are none."""

    columns: tuple[str, ...]
    values: tuple[float, ...]
    names: tuple[str, ...]
    indicators: tuple[str, ...]
    kind: ClassVar[str] = "imputed"

    @property
    def outputs(self) -> tuple[str, ...]:
        """The filled columns, then what was missing."""
        return (*self.names, *self.indicators)

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """Each value, or what stands for a missing one."""
        is_missing = [np.isnan(columns[column]) for column in self.columns]
        filled = {
            name: np.where(missing, value, columns[column])
            for column, name, value, missing in zip(self.columns, self.names, self.values, is_missing, strict=True)
        }
        told = zip(self.indicators, is_missing, strict=bool(self.indicators))
        return filled | {name: missing.astype(np.float64) for name, missing in told}
