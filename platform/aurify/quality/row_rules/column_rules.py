"""Expectations of one column."""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from operator import and_, ge, gt, le, lt, or_
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, text_like
from aurify.quality.row_rules.registry import Registry
from aurify.quality.values import Value, literal

if TYPE_CHECKING:
    from pyspark.sql import Column

COLUMN_RULES = Registry()


@COLUMN_RULES.row("expect_column_values_to_not_be_null", "{column} is not NULL", looks_at_null=True)
def is_missing(at: Domain) -> Column:
    """NaN is a value, and so is an empty text."""
    return at.columns[0].isNull()


@COLUMN_RULES.row("expect_column_values_to_be_null", "{column} is NULL", looks_at_null=True)
def is_present(at: Domain) -> Column:
    """The opposite."""
    return at.columns[0].isNotNull()


@COLUMN_RULES.row("expect_column_values_to_be_in_set", "{column} is one of {value_set}", value_set=arg.THE_VALUES)
def is_outside_set(at: Domain, value_set: Sequence[Value]) -> Column:
    """NaN is equal to NaN, as in Spark."""
    return ~_is_in(at.columns[0], value_set)


@COLUMN_RULES.row("expect_column_values_to_not_be_in_set", "{column} is none of {value_set}", value_set=arg.THE_VALUES)
def is_inside_set(at: Domain, value_set: Sequence[Value]) -> Column:
    """The opposite."""
    return _is_in(at.columns[0], value_set)


@COLUMN_RULES.row(
    "expect_column_values_to_be_between",
    "{column} is {range}",
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


@COLUMN_RULES.row(
    "expect_column_values_to_match_regex", "{column} matches {regex}", wants=text_like, regex=arg.THE_REGEX
)
def matches_not(at: Domain, regex: str) -> Column:
    """Java's regular expressions, found anywhere in the value unless anchored."""
    return ~_text(at).rlike(regex)


@COLUMN_RULES.row(
    "expect_column_values_to_not_match_regex", "{column} does not match {regex}", wants=text_like, regex=arg.THE_REGEX
)
def matches(at: Domain, regex: str) -> Column:
    """The opposite."""
    return _text(at).rlike(regex)


@COLUMN_RULES.row(
    "expect_column_values_to_match_regex_list",
    "{column} matches {match_on} of {regex_list}",
    wants=text_like,
    regex_list=arg.THE_REGEXES,
    match_on=arg.MATCH_ON,
)
def matches_too_few(at: Domain, regex_list: Sequence[str], match_on: str = "any") -> Column:
    """Each expression stands alone: flags and group numbers of one don't reach into the next."""
    return ~reduce(or_ if match_on == "any" else and_, [_text(at).rlike(regex) for regex in regex_list])


@COLUMN_RULES.row(
    "expect_column_values_to_not_match_regex_list",
    "{column} matches none of {regex_list}",
    wants=text_like,
    regex_list=arg.THE_REGEXES,
)
def matches_any(at: Domain, regex_list: Sequence[str]) -> Column:
    """One match is enough to fail."""
    return reduce(or_, [_text(at).rlike(regex) for regex in regex_list])


def _is_in(value: Column, value_set: Sequence[Value]) -> Column:
    return value.isin([literal(member) for member in value_set])


def _is_between(value: Column, low: tuple[Value | None, bool], high: tuple[Value | None, bool]) -> Column:
    sides: list[Column] = []
    for (bound, strict), beyond, within in ((low, gt, ge), (high, lt, le)):
        if bound is not None:
            sides.append((beyond if strict else within)(value, literal(bound)))
    return reduce(and_, sides)


def _text(at: Domain) -> Column:
    (kind,) = at.types
    return at.columns[0] if isinstance(kind, T.StringType) else at.columns[0].cast("string")


def _length(at: Domain) -> Column:
    from pyspark.sql import functions as F

    (kind,) = at.types
    return F.length(at.columns[0] if isinstance(kind, T.BinaryType) else _text(at))
