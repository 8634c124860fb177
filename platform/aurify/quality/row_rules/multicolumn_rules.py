"""Expectations of pairs and lists of columns, and of values that must be unique in the batch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from itertools import combinations
from operator import add, and_, or_
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, Over, alike, balanced, column, hashable, numeric
from aurify.quality.row_rules.registry import Registry
from aurify.quality.values import Value, literal

if TYPE_CHECKING:
    from pyspark.sql import Column

MULTICOLUMN_RULES = Registry()


@MULTICOLUMN_RULES.row(
    "expect_column_pair_values_to_be_equal",
    "{column_A} equals {column_B}",
    over=Over.PAIR,
    wants=alike,
    ignore_row_if=arg.PAIR_IGNORE,
)
def differ(at: Domain) -> Column:
    """A value and a NULL differ."""
    a, b = at.columns
    return ~a.eqNullSafe(b)


@MULTICOLUMN_RULES.row(
    "expect_column_pair_values_a_to_be_greater_than_b",
    "{column_A} is {order} {column_B}",
    over=Over.PAIR,
    wants=alike,
    undetermined=True,
    or_equal=arg.FLAG,
    ignore_row_if=arg.PAIR_IGNORE,
)
def is_not_greater(at: Domain, or_equal: bool = False) -> Column:
    """Undetermined where one of the two is NULL."""
    a, b = at.columns
    return ~((a >= b) | a.eqNullSafe(b)) if or_equal else ~(a > b)


@MULTICOLUMN_RULES.row(
    "expect_column_pair_values_to_be_in_set",
    "({column_A}, {column_B}) is one of {value_pairs_set}",
    over=Over.PAIR,
    difference="A row_condition holds for every count; Great Expectations leaves it out where it counts failures, and"
    " then refuses its own result.",
    value_pairs_set=arg.THE_PAIRS,
    ignore_row_if=arg.PAIR_IGNORE,
)
def is_no_known_pair(at: Domain, value_pairs_set: Sequence[tuple[Value | None, Value | None]]) -> Column:
    """NULL may be a member of a pair, and is then equal to NULL."""
    a, b = at.columns
    known = [a.eqNullSafe(literal(x)) & b.eqNullSafe(literal(y)) for x, y in value_pairs_set]
    return ~balanced(known, or_)


@MULTICOLUMN_RULES.row(
    "expect_multicolumn_values_to_be_equal",
    "{columns} are equal",
    over=Over.COLUMNS,
    wants=alike,
    ignore_row_if=arg.LIST_IGNORE,
)
def has_unequal_values(at: Domain) -> Column:
    """Two NULLs are equal, a value and a NULL are not."""
    first, *others = at.columns
    return balanced([~first.eqNullSafe(other) for other in others], or_)


@MULTICOLUMN_RULES.row(
    "expect_multicolumn_values_to_be_unique",
    "{columns} differ from each other",
    over=Over.COLUMNS,
    wants=alike,
    difference="Great Expectations keeps the name alone, and names"
    " expect_select_column_values_to_be_unique_within_record as its successor, which it is here.",
    ignore_row_if=arg.LIST_IGNORE,
)
@MULTICOLUMN_RULES.row(
    "expect_select_column_values_to_be_unique_within_record",
    "{columns} differ from each other",
    over=Over.COLUMNS,
    wants=alike,
    ignore_row_if=arg.LIST_IGNORE,
)
def has_equal_values(at: Domain) -> Column:
    """Two NULLs are equal."""
    return balanced([a.eqNullSafe(b) for a, b in combinations(at.columns, 2)], or_)


@MULTICOLUMN_RULES.row(
    "expect_multicolumn_sum_to_equal",
    "{columns} add up to {sum_total}",
    over=Over.COLUMNS,
    wants=numeric,
    difference="A sum never overflows; with Great Expectations on Spark 3 whole numbers wrap around, and a decimal sum"
    " that is too long passes.",
    sum_total=arg.THE_NUMBER,
    ignore_row_if=arg.LIST_IGNORE,
)
def has_other_sum(at: Domain, sum_total: Value) -> Column:
    """A missing addend is 0; whole numbers are added as decimals; a sum too long for those is another one."""
    from pyspark.sql import functions as F

    addends: list[Column] = []
    for value, kind in zip(at.columns, at.types, strict=True):
        wide = T.DecimalType(20, 0) if isinstance(kind, T.IntegralType) else kind
        addends.append(F.coalesce(value.cast(wide), F.lit(0).cast(wide)))
    return F.coalesce(reduce(add, addends) != literal(sum_total), F.lit(True))


@MULTICOLUMN_RULES.row("expect_column_values_to_be_unique", "{column} is unique", wants=hashable, needs_window=True)
def is_repeated(at: Domain) -> Column:
    """Every copy fails, the first one too."""
    return _copies(at) > 1


@MULTICOLUMN_RULES.row(
    "expect_compound_columns_to_be_unique",
    "{columns} are unique together",
    over=Over.COLUMNS,
    wants=hashable,
    needs_window=True,
    ignore_row_if=arg.LIST_IGNORE,
)
def is_repeated_together(at: Domain) -> Column:
    """Every copy fails; a NULL in some of the columns is equal to a NULL."""
    return _copies(at) > 1


def _copies(at: Domain) -> Column:
    """How many rows of the batch have the same values, among those that are looked at and meet the condition.

    The others are spread by a hash of the whole row: all of them in one group would be one slow task.
    """
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    keys = list(at.columns)
    counts = [] if at.is_looked_at is None else [at.is_looked_at]
    if at.condition is not None:
        counts.append(F.coalesce(at.condition.column(), F.lit(False)))
    if counts:
        whole = [column(field.name) for field in at.schema.fields if not hashable((field.dataType,))]
        keys.append(F.when(~reduce(and_, counts), F.xxhash64(*at.columns, *whole)))
    return F.count(F.lit(1)).over(Window.partitionBy(*keys))
