"""Categories as whole numbers, for learners that split on sets of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.categories import Key, counted, most_frequent, of_values, places
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.plain_stage import StageOfColumns
from aurify.models.transforms.read_columns import CATEGORY, of_columns, of_count, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Codes:
    """`country` becomes `country_code`: 0 for its most frequent value, then 1 and so on, NaN where it has none.

    `most` values have a code, as many as fit into LightGBM's 255 bins with one for all others. A rare value, one never
    seen and a missing one are NaN.
    """

    columns: tuple[str, ...]
    most: int = 254

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        return [*of_declared(where, self.columns), *of_count(where, "most", self.most)]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedCodes:
        """Count the values, of all columns at once. ConfigurationError: columns, or nothing in one."""
        refuse("Codes", of_columns("Codes", self.columns, rows, features, CATEGORY))
        found = most_frequent(counted(rows, self.columns), len(self.columns), self.most)
        refuse("Codes", of_values("Codes", self.columns, found))
        names = feature_names([(column, "code") for column in self.columns], rows.columns)
        return FittedCodes(self.columns, tuple(frequent.keys for frequent in found), names)


@dataclass(frozen=True)
class FittedCodes(StageOfColumns):
    """`keys` and `names` are per column; a key's place is its code."""

    columns: tuple[str, ...]
    keys: tuple[tuple[Key, ...], ...]
    names: tuple[str, ...]
    kind: ClassVar[str] = "codes"

    @property
    def categorical(self) -> tuple[str, ...]:
        """All of them."""
        return self.names

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The code of each value."""
        found = {}
        for column, keys, name in zip(self.columns, self.keys, self.names, strict=True):
            at = places(columns[column], keys)
            found[name] = np.where(at >= 0, at, np.nan)
        return found
