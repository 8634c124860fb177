"""Numbers as bins."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.numbers import of_ranges, quantiles, ranges
from aurify.models.transforms.plain_stage import StageOfColumns
from aurify.models.transforms.read_columns import NUMBER, is_finite, of_columns, of_count, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Bins:
    """`amount` becomes `amount_bin`, the number of its bin from 0, NaN where it is missing.

    `borders` between the bins are given, the same for all columns, or else the quantiles that make `bins` of about as
    many rows each; equal quantiles are one border. A border belongs to the bin above it. What is outside the training
    rows' range is in the first or the last bin.
    """

    columns: tuple[str, ...]
    bins: int = 10
    borders: tuple[float, ...] | None = None

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        found = [*of_declared(where, self.columns), *of_count(where, "bins", self.bins, least=2)]
        if self.borders is not None and not _ascends(self.borders):
            expected = "a tuple of finite numbers in ascending order, one or more"
            found.append(Problem(where, repr(self.borders), expected, key="borders"))
        return found

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedBins:
        """Two passes over the rows, none where borders are given. ConfigurationError: columns, no number in one."""
        refuse("Bins", of_columns("Bins", self.columns, rows, features, NUMBER))
        names = feature_names([(column, "bin") for column in self.columns], rows.columns)
        if self.borders is not None:
            return FittedBins(self.columns, names, (tuple(map(float, self.borders)),) * len(self.columns))
        known = ranges(rows, self.columns)
        refuse("Bins", of_ranges("Bins", self.columns, known))
        found = quantiles(rows, self.columns, known, [place / self.bins for place in range(1, self.bins)])
        borders = (
            tuple(sorted({border for border in own if there.low < border < there.high}))
            for own, there in zip(found, known, strict=True)
        )
        return FittedBins(self.columns, names, tuple(borders))


def _ascends(borders: object) -> bool:
    if not isinstance(borders, tuple) or not borders or not all(map(is_finite, borders)):
        return False
    return all(low < high for low, high in pairwise(borders))


@dataclass(frozen=True)
class FittedBins(StageOfColumns):
    """`names` and `borders` are per column."""

    columns: tuple[str, ...]
    names: tuple[str, ...]
    borders: tuple[tuple[float, ...], ...]
    kind: ClassVar[str] = "bins"

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """How many borders are not above each value."""
        found = {}
        for column, name, borders in zip(self.columns, self.names, self.borders, strict=True):
            values = columns[column]
            found[name] = np.where(np.isnan(values), np.nan, np.searchsorted(borders, values, side="right"))
        return found
