"""Expectations of one column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, ge, gt, le, lt
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, text_like
from aurify.quality.row_rules.registry import Registry
from aurify.quality.values import Value, literal

if TYPE_CHECKING:
    from pyspark.sql import Column

COLUMN_RULES = Registry()
_MOMENTS = "A moment of the set is compared as a moment; Great Expectations compares the text it is written in."


@COLUMN_RULES.row("expect_column_values_to_not_be_null", "{column} is not NULL", looks_at_null=True)
def is_missing(at: Domain) -> Column:
    """NaN is a value, and so is an empty text."""
    return at.columns[0].isNull()


@COLUMN_RULES.row("expect_column_values_to_be_null", "{column} is NULL", looks_at_null=True)
def is_present(at: Domain) -> Column:
    """The opposite."""
    return at.columns[0].isNotNull()


@COLUMN_RULES.row(
    "expect_column_values_to_be_in_set",
    "{column} is one of {value_set}",
    difference=_MOMENTS,
    value_set=arg.THE_VALUES,
)
def is_outside_set(at: Domain, value_set: Sequence[Value]) -> Column:
    """NaN is equal to NaN, as in Spark."""
    return ~_is_in(at.columns[0], value_set)


@COLUMN_RULES.row(
    "expect_column_values_to_not_be_in_set",
    "{column} is none of {value_set}",
    difference=_MOMENTS,
    value_set=arg.THE_VALUES,
)
def is_inside_set(at: Domain, value_set: Sequence[Value]) -> Column:
    """The opposite."""
    return _is_in(at.columns[0], value_set)


@COLUMN_RULES.row(
    "expect_column_values_to_be_between",
    "{column} is {range}",
    agree=arg.check_range,
    difference="A bound may be text, a whole number is exact and a moment without a zone is UTC; Great Expectations"
    " refuses text, reads numbers as floating-point ones and takes moments in the zone of the machine.",
    min_value=arg.BOUND,
    max_value=arg.BOUND,
    strict_min=arg.FLAG,
    strict_max=arg.FLAG,
)
def is_out_of_range(
    at: Domain,
    min_value: Value | None = None,
    max_value: Value | None = None,
    strict_min: bool = False,
    strict_max: bool = False,
) -> Column:
    """NaN is above every number, as in Spark; text is compared by its bytes."""
    return ~_is_between(at.columns[0], (min_value, strict_min), (max_value, strict_max))


@COLUMN_RULES.row(
    "expect_column_value_lengths_to_be_between",
    "{column} is {range} characters long",
    wants=text_like,
    agree=arg.check_range,
    min_value=arg.LENGTH,
    max_value=arg.LENGTH,
    strict_min=arg.FLAG,
    strict_max=arg.FLAG,
)
def has_length_out_of_range(
    at: Domain,
    min_value: Value | None = None,
    max_value: Value | None = None,
    strict_min: bool = False,
    strict_max: bool = False,
) -> Column:
    """Characters are Unicode code points; of binary values, bytes."""
    return ~_is_between(_length(at), (min_value, strict_min), (max_value, strict_max))


@COLUMN_RULES.row(
    "expect_column_value_lengths_to_equal", "{column} is {value} characters long", wants=text_like, value=arg.THE_LENGTH
)
def has_other_length(at: Domain, value: int) -> Column:
    """Characters as above."""
    return _length(at) != literal(value)


def _is_in(value: Column, value_set: Sequence[Value]) -> Column:
    return value.isin([literal(member) for member in value_set])


def _is_between(value: Column, low: tuple[Value | None, bool], high: tuple[Value | None, bool]) -> Column:
    sides: list[Column] = []
    for (bound, strict), beyond, within in ((low, gt, ge), (high, lt, le)):
        if bound is not None:
            sides.append((beyond if strict else within)(value, literal(bound)))
    return reduce(and_, sides)


def _length(at: Domain) -> Column:
    from pyspark.sql import functions as F

    (kind,) = at.types
    return F.length(at.columns[0] if isinstance(kind, T.BinaryType) else at.as_text)
