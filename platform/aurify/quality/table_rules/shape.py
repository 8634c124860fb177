"""Expectations of a table's columns and their types, judged by the schema alone; and of its number of rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.result import Judgement
from aurify.quality.row_rules import arguments as row_arg
from aurify.quality.row_rules.arguments import THE_NAME, THE_NAMES, check_range
from aurify.quality.row_rules.places import place_names, place_of
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.measures import Found, Measure, over_rows
from aurify.quality.table_rules.registry import OF_COLUMN, OF_TABLE, Registry, Traits, Whole

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

SHAPE = Registry()

# As in Great Expectations, the fields of structs are columns too, by their path.
BACKQUOTES = "A column with a dot in its name goes by just that name; Great Expectations wants it in backquotes."
FIRST = f"The first column has the index 0; Great Expectations does not look at an index of 0. {BACKQUOTES}"
OTHER_TABLE = "Great Expectations' Spark engine has no second table."


@SHAPE.of_schema(
    "expect_column_to_exist",
    "there is a column {column}",
    Traits(over=Whole.TABLE, difference=FIRST),
    column=THE_NAME,
    column_index=arg.INDEX,
)
def has_column(schema: T.StructType, column: str, column_index: int | None = None) -> Judgement:
    """With an index, at that place; counted from the end where it is negative."""
    names = list(place_names(schema))
    if column_index is None:
        return Judgement(column in names)
    return Judgement(-len(names) <= column_index < len(names) and names[column_index] == column)


@SHAPE.of_schema("expect_table_column_count_to_equal", "there are {value} columns", value=arg.THE_COUNT)
def has_columns(schema: T.StructType, value: int) -> Judgement:
    """Fields of structs count too."""
    count = len(list(place_names(schema)))
    return Judgement(count == value, count)


@SHAPE.of_schema(
    "expect_table_column_count_to_be_between",
    "the number of columns is {range}",
    Traits(over=Whole.TABLE, agree=check_range),
    min_value=arg.COUNT,
    max_value=arg.COUNT,
)
def has_about_as_many_columns(
    schema: T.StructType, min_value: int | None = None, max_value: int | None = None
) -> Judgement:
    """The same."""
    count = len(list(place_names(schema)))
    return Judgement((min_value is None or count >= min_value) and (max_value is None or count <= max_value), count)


@SHAPE.of_schema(
    "expect_table_columns_to_match_ordered_list",
    "the columns are {column_list}",
    Traits(over=Whole.TABLE, difference=BACKQUOTES),
    column_list=THE_NAMES,
)
def has_columns_in_order(schema: T.StructType, column_list: Sequence[str]) -> Judgement:
    """In just this order."""
    names = list(place_names(schema))
    pairs = enumerate(zip_longest(column_list, names))
    mismatched = [
        {"Expected Column Position": place, "Expected": expected, "Found": found}
        for place, (expected, found) in pairs
        if expected != found
    ]
    return Judgement(not mismatched, names, {"mismatched": mismatched} if mismatched else {})


@SHAPE.of_schema(
    "expect_table_columns_to_match_set",
    "the columns are {column_set}, in any order",
    Traits(over=Whole.TABLE, difference=BACKQUOTES),
    column_set=THE_NAMES,
    exact_match=row_arg.FLAG,
)
def has_set_of_columns(schema: T.StructType, column_set: Sequence[str], exact_match: bool = True) -> Judgement:
    """Without `exact_match` there may be further columns."""
    names = sorted(place_names(schema))
    mismatched = {
        "unexpected": [name for name in names if name not in column_set],
        "missing": sorted(set(column_set) - set(names)),
    }
    told = {what: listed for what, listed in mismatched.items() if listed}
    holds = not mismatched["missing"] and not (exact_match and mismatched["unexpected"])
    return Judgement(holds, names, {"mismatched": told} if told else {})


@SHAPE.of_schema("expect_column_type_to_be", "{column} is of type {type_}", OF_COLUMN, type_=arg.THE_TYPE)
@SHAPE.of_schema("expect_column_values_to_be_of_type", "{column} is of type {type_}", OF_COLUMN, type_=arg.THE_TYPE)
def is_of_type(schema: T.StructType, column: str, type_: str) -> Judgement:
    """A type of Spark or one that it is made from: IntegerType is an IntegralType."""
    return is_of_types(schema, column, (type_,))


@SHAPE.of_schema(
    "expect_column_values_to_be_in_type_list", "{column} is of type {type_list}", OF_COLUMN, type_list=arg.THE_TYPES
)
def is_of_types(schema: T.StructType, column: str, type_list: Sequence[str]) -> Judgement:
    """One of them."""
    place = place_of(column, schema)
    assert place is not None
    return Judgement(isinstance(place.kind, tuple(getattr(T, name) for name in type_list)), type(place.kind).__name__)


@SHAPE.measured(
    "expect_table_row_count_to_equal",
    "there are {value} rows",
    lambda rule, found: {"rows": over_rows(rule, "row_count")},
    OF_TABLE,
    value=arg.THE_COUNT,
)
def has_rows(found: Found, value: int) -> Judgement:
    """Just as many."""
    return Judgement(found["rows"] == value, found["rows"])


def _of_both_tables(rule: Rule, found: Found) -> Mapping[str, Measure]:
    other = Measure("other_row_count", given=(rule.kwargs["other_table_name"],))
    return {"self": over_rows(rule, "row_count"), "other": other}


@SHAPE.measured(
    "expect_table_row_count_to_equal_other_table",
    "there are as many rows as in {other_table_name}",
    _of_both_tables,
    Traits(over=Whole.TABLE, difference=OTHER_TABLE),
    other_table_name=THE_NAME,
)
def has_rows_of_other_table(found: Found, other_table_name: str) -> Judgement:
    """The row_condition is for the rows of this table only."""
    return Judgement(found["self"] == found["other"], {"self": found["self"], "other": found["other"]})
