"""Categories as 0 and 1: a slot for each frequent value, one for all others, one for none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers
from aurify.models.transforms.categories import MISSING, UNSEEN, Key, counted, most_frequent, of_values, places
from aurify.models.transforms.names import feature_names, told
from aurify.models.transforms.plain_stage import PlainStage
from aurify.models.transforms.read_columns import CATEGORY, of_columns, of_count, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class OneHot:
    """`country` becomes `country_is_de`, ... of its `most` frequent values, `country_other` and `country_missing`.

    In each row one of them is 1. A rare value and one never seen are both `other`.
    """

    columns: tuple[str, ...]
    most: int = 50

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        return [*of_declared(where, self.columns), *of_count(where, "most", self.most)]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedOneHot:
        """Count the values, of all columns at once. ConfigurationError: columns, or nothing in one."""
        refuse("OneHot", of_columns("OneHot", self.columns, rows, features, CATEGORY))
        found = most_frequent(counted(rows, self.columns), len(self.columns), self.most)
        refuse("OneHot", of_values("OneHot", self.columns, found))
        return fitted_one_hot(self.columns, [frequent.keys for frequent in found], rows.columns)


@dataclass(frozen=True)
class FittedOneHot(PlainStage):
    """`keys` and `names` are per column; names have two more: the other values, and the missing."""

    columns: tuple[str, ...]
    keys: tuple[tuple[Key, ...], ...]
    names: tuple[tuple[str, ...], ...]
    kind: ClassVar[str] = "one_hot"

    @property
    def reads(self) -> tuple[str, ...]:
        """The columns."""
        return self.columns

    @property
    def outputs(self) -> tuple[str, ...]:
        """All slots."""
        return tuple(name for names in self.names for name in names)

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """1 in the slot of the value, 0 in the others."""
        found: dict[str, Numbers] = {}
        for column, keys, names in zip(self.columns, self.keys, self.names, strict=True):
            at = places(columns[column], keys)
            slots = (*range(len(keys)), UNSEEN, MISSING)
            found |= {name: (at == slot).astype(np.float64) for name, slot in zip(names, slots, strict=True)}
        return found


def fitted_one_hot(columns: tuple[str, ...], keys: Sequence[tuple[Key, ...]], taken: Sequence[str]) -> FittedOneHot:
    """The stage of these keys, its slots named like none of the taken."""
    wanted = [
        [*((column, "is", told(key)) for key in own), (column, "other"), (column, "missing")]
        for column, own in zip(columns, keys, strict=True)
    ]
    flat = iter(feature_names([parts for slots in wanted for parts in slots], taken))
    return FittedOneHot(columns, tuple(keys), tuple(tuple(next(flat) for _ in slots) for slots in wanted))
