"""What Spark counts for a score card: the borders of bins, who is in each, and the weight of evidence of every row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aurify.models.barrier_frame import feature
from aurify.models.barrier_rows import LABEL, WEIGHT
from aurify.models.score_bins import Bins

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

ROWS_FOR_BORDERS = 50_000


def borders_of(held: DataFrame, features: int, bins: int, rows: int, seed: int) -> list[tuple[float, ...]]:
    """For each feature its quantiles, each once; of more than 50,000 rows, those of a sample of so many.

    Weights are not heeded. No border is at or above the highest value, so that no bin is empty.
    """
    from pyspark.sql import functions as F

    if rows > ROWS_FOR_BORDERS:
        # The rows lie in a fixed order, so their numbers draw the same ones each time.
        drawn = F.xxhash64(F.lit(seed), F.monotonically_increasing_id())
        held = held.orderBy(drawn).limit(ROWS_FOR_BORDERS)
    levels = [level / bins for level in range(1, bins)]
    quantiles = []
    for place in range(features):
        value = F.col(feature(place))
        is_finite = F.abs(value) < float("inf")  # NaN is more than infinity to Spark
        quantiles.append(F.percentile(F.when(is_finite, value), [*levels, 1.0]).alias(feature(place)))
    told = held.agg(*quantiles).first()
    assert told is not None
    return [_distinct(told[feature(place)]) for place in range(features)]


def _distinct(quantiles: Sequence[float] | None) -> tuple[float, ...]:
    """The quantiles below the last, each once; none of a feature without a value."""
    if quantiles is None:
        return ()
    *others, highest = quantiles
    return tuple(float(value) for value in np.unique(others) if value < highest)


def counted(held: DataFrame, borders: Sequence[tuple[float, ...]]) -> list[Bins]:
    """The bins of each feature, with the weights of their rows."""
    from pyspark.sql import functions as F

    weight = F.col(WEIGHT) if WEIGHT in held.columns else F.lit(1.0)
    placed = [
        F.struct(F.lit(place).alias("feature"), _bin(place, cuts).alias("bin")) for place, cuts in enumerate(borders)
    ]
    each = held.select(F.col(LABEL).alias("label"), weight.alias("weight"), F.explode(F.array(*placed)).alias("at"))
    sums = each.groupBy("at.feature", "at.bin").agg(
        F.sum(F.col("weight") * (1.0 - F.col("label"))).alias("goods"),
        F.sum(F.col("weight") * F.col("label")).alias("bads"),
    )
    goods, bads = ([[0.0] * (len(cuts) + 2) for cuts in borders] for _ in range(2))
    for row in sums.collect():
        goods[row["feature"]][row["bin"]] = row["goods"]
        bads[row["feature"]][row["bin"]] = row["bads"]
    return [Bins(*map(tuple, of_feature)) for of_feature in zip(borders, goods, bads, strict=True)]


def woe_columns(
    held: DataFrame, borders: Mapping[int, tuple[float, ...]], woe: Mapping[int, Sequence[float]]
) -> DataFrame:
    """The rows with, in the place of the features, the weight of evidence of each that has borders."""
    from pyspark.sql import functions as F

    columns = [
        F.element_at(F.array(*map(F.lit, woe[place])), _bin(place, cuts) + 1).alias(f"woe{place}")
        for place, cuts in borders.items()
    ]
    return held.select(LABEL, *([WEIGHT] if WEIGHT in held.columns else []), *columns)


def _bin(place: int, borders: Sequence[float]) -> Column:
    """The number of the bin of a feature, as `Bins.places` tells it."""
    from pyspark.sql import functions as F

    value = F.col(feature(place))
    above = F.lit(0)
    for border in borders:
        above = above + (value > border).cast("int")
    return F.when(value.isNull() | F.isnan(value), len(borders) + 1).otherwise(above)
