"""References, counted by Spark: how many values of a column are no key of another table."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.quality.profile.facts import Reference

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def count_orphans(children: DataFrame, parents: Mapping[Reference, DataFrame]) -> dict[Reference, int]:
    """The rows whose value is no key of the parent, NULL not counted: one job for all, each parent read once.

    Values and keys are compared as text; the two columns are of one family, in which equal values have equal text.
    """
    from pyspark.sql import functions as F

    if not parents:
        return {}
    numbers = {reference: number for number, reference in enumerate(parents)}
    sides = [_cells(children, {number: r.column for r, number in numbers.items()}, is_key=False)]
    for table, parent in {reference.table: parent for reference, parent in parents.items()}.items():
        mine = {number: r.key for r, number in numbers.items() if r.table == table}
        sides.append(_cells(parent, mine, is_key=True))
    by_value = reduce(lambda one, other: one.unionByName(other), sides).groupBy("of", "text")
    met = by_value.agg(F.sum("rows").alias("rows"), F.max("is_key").alias("is_key"))
    orphans = met.groupBy("of").agg(F.sum(F.when(~F.col("is_key"), F.col("rows")).otherwise(0)).alias("orphans"))
    found = {int(row["of"]): int(row["orphans"]) for row in orphans.collect()}
    return {reference: found.get(number, 0) for reference, number in numbers.items()}


def _cells(frame: DataFrame, columns: Mapping[int, str], *, is_key: bool) -> DataFrame:
    """One row for every value: which reference it belongs to, its text, and whether it is a key or a row's value."""
    from pyspark.sql import functions as F

    texts = {of: F.col(quoted(name)).cast("string") for of, name in columns.items()}
    cells = [F.struct(F.lit(of).alias("of"), text.alias("text")) for of, text in texts.items()]
    rows, key = F.lit(0 if is_key else 1).cast("bigint"), F.lit(is_key)
    every = frame.select(F.inline(F.array(*cells))).where("text IS NOT NULL")
    return every.select("of", "text", rows.alias("rows"), key.alias("is_key"))
