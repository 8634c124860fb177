"""What is known of columns of numbers, exactly the same however rows are partitioned.

NULL, NaN and infinite values count nowhere here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import Problem
from aurify.models.numeric_columns import number

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Decimals are added up exactly, in any order; doubles are not.
EXACT = "decimal(28,26)"
PLACE, VALUE = "_place", "_value"


@dataclass(frozen=True)
class Range:
    """How many numbers a column has, and from where to where; NaN where it has none."""

    count: int
    low: float
    high: float

    @property
    def width(self) -> float:
        """What `share` divides by: not 0 for a constant."""
        return (self.high - self.low) or 1.0

    def share(self, value: Column) -> Column:
        """How far a value lies from the lowest to the highest, from 0 to 1, as an exact decimal."""
        from pyspark.sql import functions as F

        return ((value - F.lit(self.low)) / F.lit(self.width)).cast(EXACT)


@dataclass(frozen=True)
class Moments:
    """Mean, and standard deviation of a whole population: divided by the count."""

    mean: float
    deviation: float


def finite(rows: DataFrame, name: str) -> Column:
    """The column as a double, NULL where it is no finite number."""
    from pyspark.sql import functions as F

    value = number(rows, name) + F.lit(0.0)  # minus zero is zero
    return F.when(~F.isnan(value) & (F.abs(value) != F.lit(float("inf"))), value)


def ranges(rows: DataFrame, columns: Sequence[str]) -> tuple[Range, ...]:
    """The range of each column; one Spark action for all."""
    from pyspark.sql import functions as F

    asked = [
        asked
        for place, name in enumerate(columns)
        for asked in (
            F.count(finite(rows, name)).alias(f"count_{place}"),
            F.min(finite(rows, name)).alias(f"low_{place}"),
            F.max(finite(rows, name)).alias(f"high_{place}"),
        )
    ]
    told = rows.agg(*asked).collect()[0]
    found = []
    for place in range(len(columns)):
        low, high = (told[f"{end}_{place}"] for end in ("low", "high"))
        found.append(Range(told[f"count_{place}"], *(float("nan") if end is None else end for end in (low, high))))
    return tuple(found)


def of_ranges(where: str, columns: Sequence[str], found: Sequence[Range]) -> list[Problem]:
    """Which columns hold no number in any row."""
    hint = "leave it out, or see why it is empty"
    empty = [name for name, own in zip(columns, found, strict=True) if not own.count]
    return [Problem(where, f"'{name}' has no number in any row", "some", hint) for name in empty]


def moments(rows: DataFrame, columns: Sequence[str], known: Sequence[Range]) -> tuple[Moments, ...]:
    """Mean and deviation of each column, from sums that are exact; one Spark action for all."""
    from pyspark.sql import functions as F

    asked = []
    for place, (name, own) in enumerate(zip(columns, known, strict=True)):
        value = finite(rows, name)
        part = (value - F.lit(own.low)) / F.lit(own.width)
        asked += [
            F.sum(own.share(value)).alias(f"sum_{place}"),
            F.sum((part * part).cast(EXACT)).alias(f"squares_{place}"),
        ]
    told = rows.agg(*asked).collect()[0]
    return tuple(_moments(own, told[f"sum_{place}"], told[f"squares_{place}"]) for place, own in enumerate(known))


def _moments(own: Range, shares: Decimal, squares: Decimal) -> Moments:
    mean = Fraction(shares) / own.count
    variance = max(Fraction(squares) / own.count - mean * mean, Fraction(0))
    whole = Fraction(own.low) + mean * Fraction(own.width)
    return Moments(float(whole), math.sqrt(variance) * own.width)


def quantiles(
    rows: DataFrame, columns: Sequence[str], known: Sequence[Range], levels: Sequence[float]
) -> tuple[tuple[float, ...], ...]:
    """The quantiles of each column at these levels, linear between two values like `numpy.quantile`.

    Exact at any size, as a sketch's answer depends on the partitions: the distinct values of a column are counted and
    put in order, by one task for each column, which holds none of them. One Spark action for all.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    values = [F.struct(F.lit(i).alias(PLACE), finite(rows, name).alias(VALUE)) for i, name in enumerate(columns)]
    counted = rows.select(F.inline(F.array(*values))).where(F.col(VALUE).isNotNull()).groupBy(PLACE, VALUE).count()
    order = Window.partitionBy(PLACE).orderBy(VALUE).rowsBetween(Window.unboundedPreceding, Window.currentRow)
    ranked = counted.withColumn("_upto", F.sum("count").over(order))
    is_asked = F.lit(False)
    for place, own in enumerate(known):
        for rank in _ranks(own.count, levels):
            is_rank = (F.col("_upto") > rank) & (F.col("_upto") - F.col("count") <= rank)
            is_asked = is_asked | ((F.col(PLACE) == place) & is_rank)
    told = sorted(ranked.where(is_asked).collect(), key=lambda row: (row[PLACE], row[VALUE]))
    found = []
    for place, own in enumerate(known):
        upto = [(int(row["_upto"]), float(row[VALUE])) for row in told if row[PLACE] == place]
        found.append(tuple(_at(upto, own.count, level) for level in levels))
    return tuple(found)


def _ranks(count: int, levels: Sequence[float]) -> list[int]:
    """The ranks from 0 that quantiles lie at or between."""
    lower = {int((count - 1) * level) for level in levels}
    return sorted({min(rank + step, count - 1) for rank in lower for step in (0, 1)})


def _at(upto: Sequence[tuple[int, float]], count: int, level: float) -> float:
    place = (count - 1) * level
    below, above = (
        next(value for ranks, value in upto if ranks > rank) for rank in (int(place), min(int(place) + 1, count - 1))
    )
    return float(np.quantile([below, above], place - int(place)))
