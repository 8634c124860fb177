"""Measures that need the values themselves: how many different ones, how often each, which of them fail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.table_rules.aggregates import plain, portable
from aurify.quality.table_rules.measures import Measure
from aurify.quality.table_rules.predicates import is_inside
from aurify.quality.table_rules.rows import Rows, Taken

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

DISTINCT_AT_ONCE = 20


def take_distinct_counts(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """How many different values there are, of many measures in one job.

    Spark copies each row once a measure for it, so that very many at once would cost more than a pass each.
    """
    from pyspark.sql import functions as F

    for first in range(0, len(measures), DISTINCT_AT_ONCE):
        some = measures[first : first + DISTINCT_AT_ONCE]
        values = [rows.value(m, *m.given).alias(f"v{i}") for i, m in enumerate(some)]
        counts = [F.count_distinct(f"v{i}") for i in range(len(some))]
        found = rows.frame.select(*values).agg(*counts).collect()[0]
        yield from zip([m.name for m in some], found, strict=True)


def take_value_counts(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """The values of a column and how many rows have them, as many as the limit, ordered by value: one job each."""
    from pyspark.sql import functions as F

    for measure in measures:
        (limit,) = measure.given
        yield measure.name, _counted(rows, measure, limit, [F.col("value")])


def take_most_common(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """The same, the most common ones first, and among equals those that are members of a set: one job each."""
    from pyspark.sql import functions as F

    for measure in measures:
        limit, members = measure.given
        preferred = [is_inside(F.col("value"), members).desc()] if members else []  # type: ignore[arg-type]
        yield measure.name, _counted(rows, measure, limit, [F.col("count").desc(), *preferred, F.col("value")])


def take_failing_values(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """Some of the values that fail, the smallest first, of all measures in one job."""
    found: dict[int, list[object]] = {i: [] for i in range(len(measures))}
    kinds = [rows.place(measure.column).kind for measure in measures]
    parts = [_failing(rows, measure, kinds, number) for number, measure in enumerate(measures)]
    for row in reduce(lambda a, b: a.unionAll(b), parts).collect():
        found[row[0]].append(plain(row[row[0] + 1], kinds[row[0]]))
    yield from ((measure.name, found[i]) for i, measure in enumerate(measures))


def _failing(rows: Rows, measure: Measure, kinds: Sequence[T.DataType], number: int) -> DataFrame:
    """The failing values of one measure in a column of its own, beside those of the others."""
    from pyspark.sql import functions as F

    limit, is_distinct, *test = measure.given
    some = rows.frame.select(rows.value(measure, *test).alias("value")).where(F.col("value").isNotNull())
    some = (some.distinct() if is_distinct else some).orderBy("value").limit(limit)  # type: ignore[arg-type]
    own = portable(F.col("value"), kinds[number])
    columns = [own if i == number else F.lit(None).cast(_carried(kind)) for i, kind in enumerate(kinds)]
    return some.select(F.lit(number), *columns)


def _counted(rows: Rows, measure: Measure, limit: object, order: Sequence[Column]) -> list[tuple[object, int]]:
    from pyspark.sql import functions as F

    kind = rows.place(measure.column).kind
    values = rows.frame.select(rows.value(measure).alias("value")).where(F.col("value").isNotNull())
    counts = values.groupBy("value").count().orderBy(*order).limit(limit)  # type: ignore[arg-type]
    return [(plain(row[0], kind), row[1]) for row in counts.select(portable(F.col("value"), kind), "count").collect()]


def _carried(kind: T.DataType) -> T.DataType:
    return T.LongType() if isinstance(kind, T.TimestampType) else kind
