"""Categories as the mean label of their rows, out of fold where rows are trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from aurify.config.names import quoted
from aurify.errors import Problem, did_you_mean
from aurify.models.columns import Columns, Numbers
from aurify.models.numeric_columns import is_number
from aurify.models.transforms.categories import (
    KEY,
    TIMES,
    Key,
    Places,
    keyed,
    most_frequent,
    of_values,
    places,
)
from aurify.models.transforms.names import feature_names
from aurify.models.transforms.numbers import Range, finite, ranges
from aurify.models.transforms.plain_stage import StageOfColumns
from aurify.models.transforms.read_columns import CATEGORY, is_finite, of_columns, of_count, of_declared, refuse

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row

_FOLD, _SHARE, _ALL = "_fold", "_share", "_all_of_target_mean"


@dataclass(frozen=True)
class TargetMean:
    """`shop` becomes `shop_mean_is_fraud`: the mean label of its value's rows, drawn towards the mean of all rows.

    Of n rows that add up to s, with the mean m of all rows, it is (s + smoothing * m) / (n + smoothing): the estimate
    of Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes" (2001), with the weight
    n / (n + smoothing). A row that is trained on gets it from the other folds alone, as its own label would tell the
    answer. A missing value is a category of its own; one never seen, and all but the `most` frequent, get m.
    """

    columns: tuple[str, ...]
    smoothing: float = 10.0
    most: int = 10_000

    def problems(self, where: str) -> list[Problem]:
        """What is wrong with its values."""
        found = [*of_declared(where, self.columns), *of_count(where, "most", self.most)]
        if not is_finite(self.smoothing) or self.smoothing <= 0:
            found.append(Problem(where, repr(self.smoothing), "a number above 0", "about 10 rows", "smoothing"))
        return found

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> FittedTargetMean:
        """Two passes over the rows. ConfigurationError: columns, label or folds that are not as they should be."""
        misfits = of_columns("TargetMean", self.columns, rows, features, CATEGORY)
        refuse(
            "TargetMean", [*misfits, *_of_label(rows, label, fold), *of_count("TargetMean", "folds", folds, least=2)]
        )
        (known,) = ranges(rows, (label,))
        refuse("TargetMean", _of_range(label, known))
        labels = _Labels(label, known, fold, folds)
        *own, whole = most_frequent(labels.counted(rows, self.columns), len(self.columns) + 1, self.most)
        refuse("TargetMean", [*of_values("TargetMean", self.columns, own), *labels.problems(whole.rows[0])])
        priors = labels.means(whole.rows[0], [0.0] * (folds + 1), 0.0)
        names = feature_names([(column, "mean", label) for column in self.columns], rows.columns)
        means = (
            tuple(labels.means(row, priors, self.smoothing) for row in (*frequent.rows, None, frequent.missing))
            for frequent in own
        )
        return FittedTargetMean(self.columns, tuple(frequent.keys for frequent in own), names, tuple(means))


@dataclass(frozen=True)
class _Labels:
    """The label and the folds, and what is counted of them for each value of a column."""

    label: str
    known: Range
    fold: str
    folds: int

    def counted(self, rows: DataFrame, columns: Sequence[str]) -> DataFrame:
        """Rows and the sum of their labels, of each value in each fold; the last column has one value for all."""
        from pyspark.sql import functions as F

        share = self.known.share(finite(rows, self.label)).alias(_SHARE)
        values = keyed(
            rows.withColumn(_ALL, F.lit(True)), (*columns, _ALL), (share, F.col(quoted(self.fold)).alias(_FOLD))
        )
        asked = [F.count(F.lit(1)).alias(TIMES)]
        for place in range(self.folds):
            is_there = F.col(_FOLD) == place
            asked += [
                F.count_if(is_there).alias(f"_rows{place}"),
                F.sum(F.when(is_there, F.col(_SHARE))).alias(f"_sum{place}"),
            ]
        return values.where(F.col(_SHARE).isNotNull()).groupBy(*KEY).agg(*asked)

    def problems(self, whole: Row) -> list[Problem]:
        """What is wrong with the folds."""
        counts = [int(whole[f"_rows{place}"]) for place in range(self.folds)]
        where, found = f"TargetMean: {self.fold}", []
        if sum(counts) < whole[TIMES]:
            told = f"none from 0 to {self.folds - 1} in {whole[TIMES] - sum(counts):,} rows"
            found.append(Problem(where, told, "a fold for every row"))
        if max(counts) == whole[TIMES]:
            found.append(Problem(where, f"all rows in fold {counts.index(max(counts))}", "rows in two folds or more"))
        return found

    def means(self, row: Row | None, priors: Sequence[float], smoothing: float) -> tuple[float, ...]:
        """The mean label of a value's rows, of all and then without each fold's; of no rows the prior."""
        if row is None:
            return tuple(priors)
        counts = [int(row[f"_rows{place}"]) for place in range(self.folds)]
        sums = [row[f"_sum{place}"] or Decimal(0) for place in range(self.folds)]
        kept = [(sum(counts), sum(sums, Decimal(0)))]
        kept += [(kept[0][0] - count, kept[0][1] - own) for count, own in zip(counts, sums, strict=True)]
        return tuple(
            (self.known.low * count + self.known.width * float(shares) + smoothing * prior) / (count + smoothing)
            for (count, shares), prior in zip(kept, priors, strict=True)
        )


@dataclass(frozen=True)
class FittedTargetMean(StageOfColumns):
    """`keys`, `names` and `means` are per column.

    `means` has a row for each key, then one for values never seen and one for the missing; in it the mean of all
    rows, then for each fold that without its rows.
    """

    columns: tuple[str, ...]
    keys: tuple[tuple[Key, ...], ...]
    names: tuple[str, ...]
    means: tuple[tuple[tuple[float, ...], ...], ...]
    kind: ClassVar[str] = "target_mean"

    def applied(self, columns: Columns) -> dict[str, Numbers]:
        """The mean of all rows of each value."""
        return self._means(columns, 0)

    def applied_in_training(self, columns: Columns, fold: Numbers) -> dict[str, Numbers]:
        """The mean without the rows of each row's own fold."""
        return self._means(columns, np.asarray(fold, np.int64) + 1)

    @cached_property
    def _tables(self) -> list[Numbers]:
        return [np.array(means, np.float64) for means in self.means]

    def _means(self, columns: Columns, without: int | Places) -> dict[str, Numbers]:
        found = {}
        for column, keys, name, means in zip(self.columns, self.keys, self.names, self._tables, strict=True):
            found[name] = means[places(columns[column], keys), without]
        return found


def _of_label(rows: DataFrame, label: str, fold: str) -> list[Problem]:
    problems = []
    for what, name in (("label", label), ("fold", fold)):
        if name not in rows.columns:
            hint = did_you_mean(name, rows.columns)
            problems.append(Problem("TargetMean", f"no {what} '{name}'", "a column of the rows", hint))
        elif not is_number(rows.schema[name].dataType):
            kind = rows.schema[name].dataType.simpleString()
            problems.append(Problem("TargetMean", f"{what} {name} is {kind}", "a number"))
    return problems


def _of_range(label: str, known: Range) -> list[Problem]:
    return [] if known.count else [Problem("TargetMean", f"no number in {label}", "a label in every row")]
