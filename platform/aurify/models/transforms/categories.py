"""Categories: the most frequent values of columns, and the place that a value has among them.

A value's key is the same where Spark counts and where NumPy looks it up: of a number or a boolean the double, of a
text itself, of a date its ISO text. NULL and NaN are both missing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.columns import Numbers
from aurify.models.numeric_columns import is_number, number

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

Key = str | float
Places = NDArray[np.int64]
MISSING, UNSEEN = -1, -2  # from the end, so that they are places in a table with two more rows
PLACE, TEXT, NUMBER, TIMES = "_place", "_text", "_number", "_times"
KEY = (PLACE, TEXT, NUMBER)


def keyed(rows: DataFrame, columns: Sequence[str], others: Sequence[Column] = ()) -> DataFrame:
    """A row for each value of the columns: its column's place and its key, both parts NULL where it is missing."""
    from pyspark.sql import functions as F

    values = [_keys(rows, name, place) for place, name in enumerate(columns)]
    return rows.select(F.inline(F.array(*values)), *others)


def _keys(rows: DataFrame, name: str, place: int) -> Column:
    from pyspark.sql import functions as F

    text, figure = F.lit(None).cast("string"), F.lit(None).cast("double")
    if is_number(rows.schema[name].dataType):
        value = number(rows, name) + F.lit(0.0)  # minus zero is zero
        figure = F.when(~F.isnan(value), value)
    else:
        text = F.col(quoted(name)).cast("string")
    return F.struct(F.lit(place).alias(PLACE), text.alias(TEXT), figure.alias(NUMBER))


@dataclass(frozen=True)
class Frequent:
    """The most frequent values of a column, each with its row of the counts, and that of the missing if any is."""

    keys: tuple[Key, ...]
    rows: tuple[Row, ...]
    missing: Row | None


def most_frequent(counted: DataFrame, columns: int, most: int) -> tuple[Frequent, ...]:
    """For each column its `most` values of the most `TIMES`, the lower first of two as frequent; one Spark action.

    `counted` has a row for each value of each column. Not more than `most` of a column reach the driver, and one more.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    is_there = F.coalesce(TEXT, F.col(NUMBER).cast("string")).isNotNull()
    rank = F.row_number().over(Window.partitionBy(PLACE).orderBy(is_there, F.desc(TIMES), NUMBER, TEXT))
    kept = counted.withColumn("_rank", rank).where(F.col("_rank") <= most + 1).collect()
    kept.sort(key=lambda row: int(row["_rank"]))
    found = []
    for place in range(columns):
        own = [row for row in kept if row[PLACE] == place]
        missing = next((row for row in own if _key_of(row) is None), None)
        there = [(key, row) for row in own if (key := _key_of(row)) is not None][:most]
        found.append(Frequent(tuple(key for key, _ in there), tuple(row for _, row in there), missing))
    return tuple(found)


def counted(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """How often each value is in each column."""
    from pyspark.sql import functions as F

    return keyed(rows, columns).groupBy(*KEY).agg(F.count(F.lit(1)).alias(TIMES))


def of_values(where: str, columns: Sequence[str], found: Sequence[Frequent]) -> list[Problem]:
    """Which columns hold no value in any row."""
    hint = "leave it out, or see why it is empty"
    empty = [name for name, frequent in zip(columns, found, strict=True) if not frequent.keys]
    return [Problem(where, f"'{name}' has no value in any row", "some", hint) for name in empty]


def places(values: NDArray[Any], keys: Sequence[Key]) -> Places:
    """Where each value is among the keys; `MISSING` or `UNSEEN` where it is not."""
    if values.dtype.kind in "biuf":
        return _of_numbers(values.astype(np.float64), keys)
    known: dict[Key | None, int] = {key: place for place, key in enumerate(keys)}
    known[None] = MISSING
    return np.fromiter((known.get(_key(value), UNSEEN) for value in values), np.int64, len(values))


def _of_numbers(values: Numbers, keys: Sequence[Key]) -> Places:
    known = np.array([key for key in keys if not isinstance(key, str)], np.float64)
    found = np.full(len(values), UNSEEN, np.int64)
    if len(known):
        order = np.argsort(known)
        at = order[np.minimum(np.searchsorted(known[order], values), len(known) - 1)]
        found = np.where(known[at] == values, at, found)
    found[np.isnan(values)] = MISSING
    return found


def _key(value: Any) -> Key | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Real | Decimal):
        figure = float(value)
        return None if math.isnan(figure) else figure
    return str(value)


def _key_of(row: Row) -> Key | None:
    text: str | None = row[TEXT]
    return text if row[NUMBER] is None else float(row[NUMBER])
