"""Rows that stand out of order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import ge, gt, le, lt
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.table_rules.measures import Measure
from aurify.quality.table_rules.rows import Rows, Taken

if TYPE_CHECKING:
    from pyspark.sql import Column

BREAKS: Mapping[tuple[str, bool], Callable[[Column, Column], Column]] = {
    ("increasing", False): lt,
    ("increasing", True): le,
    ("decreasing", False): gt,
    ("decreasing", True): ge,
}


def take_disorder(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """How many values are on the wrong side of the one before them, of all measures in one job of one task.

    NULL and NaN are passed over: a value is compared with the last one before it that is neither.
    """
    from pyspark.sql import functions as F

    fails = [_is_out_of_order(rows, measure).alias(f"f{i}") for i, measure in enumerate(measures)]
    counts = [F.count(F.when(F.col(f"f{i}"), F.lit(1))) for i in range(len(measures))]
    found = rows.frame.select(*fails).agg(*counts).collect()[0]
    yield from ((measure.name, found[i]) for i, measure in enumerate(measures))


def _is_out_of_order(rows: Rows, measure: Measure) -> Column:
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    direction, is_strict, *order_by = measure.given
    value = rows.value(measure)
    if isinstance(rows.place(measure.column).kind, T.DoubleType | T.FloatType):
        value = F.when(~F.isnan(value), value)
    keys = [rows.place(str(name)).column for name in order_by]
    # Among rows that `order_by` does not tell apart, the order that is right.
    keys.append(value if direction == "increasing" else value.desc())
    before = Window.orderBy(*keys).rowsBetween(Window.unboundedPreceding, -1)
    previous = F.last(value, ignorenulls=True).over(before)
    return BREAKS[str(direction), bool(is_strict)](value, previous)
