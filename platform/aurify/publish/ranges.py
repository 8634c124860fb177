"""Which rows share a file: each task of a write takes one range of the column that a table is located by.

A later batch then meets few files, and rewrites little, however long the history is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.publish.target import LiveFile, Target

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

RANGE = "_range"
ROWS_PER_TASK = 250_000
# Below that a batch is one file or two, and its range is narrow anyway.
MANY_ROWS = 4 * ROWS_PER_TASK
ROWS_PER_FILE, ROWS_PER_LOCATED_FILE = 1_000_000, 100_000
KEPT_APART = 8
SAMPLE = 20_000

Bounds = Sequence[Any]


def located_column(target: Target) -> str | None:
    """The column that the rows of a table are laid out by; None where there is none, or its values have no bounds."""
    from pyspark.sql import types as T

    column = next(iter(target.locate_by), None)
    ordered = T.DateType | T.TimestampType | T.IntegralType | T.StringType
    return column if column is not None and isinstance(target.schema[column].dataType, ordered) else None


def rows_per_file(target: Target) -> int:
    """The most rows of one file."""
    return ROWS_PER_LOCATED_FILE if located_column(target) else ROWS_PER_FILE


def in_ranges(rows: DataFrame, column: str, bounds: Bounds) -> DataFrame:
    """The rows in one task a range, with `_range`, which decides the task: up to a bound, or above the last; NULL too.

    Tasks are told apart by the hash of `_range`, so that windows and joins that have it among their keys need no
    shuffle of their own.
    """
    values = task_values(len(bounds) + 1)
    return rows.withColumn(RANGE, _range_of(column, bounds, values)).repartition(len(values), RANGE)


def _range_of(column: str, bounds: Bounds, values: Sequence[int]) -> Column:
    """A search tree over the bounds."""
    from pyspark.sql import functions as F

    if not bounds:
        return F.lit(values[0])
    middle = len(bounds) // 2
    below = _range_of(column, bounds[:middle], values[: middle + 1])
    above = _range_of(column, bounds[middle + 1 :], values[middle + 1 :])
    return F.when(F.col(quoted(column)) <= F.lit(bounds[middle]), below).otherwise(above)


def task_values(tasks: int) -> list[int]:
    """One integer for each of so many tasks, that Spark's hash partitioning sends to that task."""
    found: dict[int, int] = {}
    value = 0
    while len(found) < tasks:
        found.setdefault(_spark_hash(value) % tasks, value)
        value += 1
    return [found[task] for task in range(tasks)]


def _spark_hash(value: int) -> int:
    """Murmur3 of a 32-bit integer, seed 42, as a signed integer: what Spark's `hash` gives.

    >>> _spark_hash(0), _spark_hash(7)
    (933211791, 1079293707)
    """
    mask = 0xFFFFFFFF

    def turned(number: int, by: int) -> int:
        return (number << by | number >> (32 - by)) & mask

    mixed = turned(value * 0xCC9E2D51 & mask, 15) * 0x1B873593 & mask
    hashed = (turned(42 ^ mixed, 13) * 5 + 0xE6546B64 & mask) ^ 4
    hashed = (hashed ^ hashed >> 16) * 0x85EBCA6B & mask
    hashed = (hashed ^ hashed >> 13) * 0xC2B2AE35 & mask
    hashed ^= hashed >> 16
    return hashed - (1 << 32) if hashed >> 31 else hashed


def spaced(values: Sequence[Any], rows: int) -> Bounds:
    """Bounds that cut sorted values, `rows` rows between them, into ranges for one task each.

    None for few rows, and none where a few values have them all: tasks that work are worth more than narrow files.
    """
    if rows <= MANY_ROWS:
        return []
    plain = [value for value in values if value is not None]
    tasks = min(-(-rows // ROWS_PER_TASK), len(plain))
    return _if_enough({plain[len(plain) * i // tasks - 1] for i in range(1, tasks)}, rows)


def _if_enough(bounds: set[Any], rows: int) -> Bounds:
    return sorted(bounds) if 2 * (len(bounds) + 1) * ROWS_PER_TASK >= rows else []


def sampled(rows: DataFrame, column: str, count: int) -> Bounds:
    """The same, from a sample of the column: a pass that computes nothing else."""
    if count <= MANY_ROWS:
        return []
    share = min(1.0, SAMPLE / count)
    drawn = rows.select(quoted(column)).sample(share, seed=0).collect()
    return spaced(sorted(row[0] for row in drawn if row[0] is not None), count)


def between_files(touched: Sequence[LiveFile], column: str, offered: Sequence[Any], rows: int) -> Bounds:
    """Bounds for the files that take the place of `touched`: distant ones are not joined, large ones are cut.

    `offered` are the sorted values of the column among the `rows` staged rows.
    """
    highs = [(file.statistics.get(f"max.{column}"), file.records or 0) for file in touched]
    known = sorted((high, records) for high, records in highs if high is not None)
    per_range = 0 if len(known) <= KEPT_APART else max(ROWS_PER_LOCATED_FILE, sum(r for _, r in known) // KEPT_APART)
    bounds, held = set(spaced(offered, rows)), 0
    for high, records in known:
        held += records
        if held > per_range:
            bounds.add(high)
            held = 0
    return _if_enough(bounds, rows + sum(records for _, records in known)) if bounds else []
