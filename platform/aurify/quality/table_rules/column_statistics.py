"""Expectations of one number that describes a column or its rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aurify.quality.result import Judgement
from aurify.quality.row_rules import arguments as row_arg
from aurify.quality.row_rules.arguments import check_range
from aurify.quality.row_rules.domain import hashable, numeric
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.measures import Found, Measure, each, over_column, over_rows
from aurify.quality.table_rules.registry import Registry, Traits, Whole

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

COLUMN_STATISTICS = Registry()

TYPED = (
    "Bounds are read as the column's type has them and compared exactly, moments in UTC; Great Expectations reads"
    " numbers as floats, takes no text, and takes moments in the driver's time zone, without one of their own."
)
EXACT_SUM = (
    "Whole numbers are added and compared exactly; in Great Expectations a sum beyond 64 bits wraps around, and bounds"
    " are floats."
)
EXACT_QUANTILES = (
    "Quantiles may be written 0 and 1, and are exact whatever `allow_relative_error` says; Great Expectations fails on"
    " whole numbers and on any such error."
)
EVERY_NUMBER = "Great Expectations refuses columns of tinyint and smallint, and fields of structs."

_OF_ANY = Traits(agree=check_range)
_OF_NUMBERS = Traits(wants=numeric, agree=check_range)
_SIDES = {"strict_min": row_arg.FLAG, "strict_max": row_arg.FLAG}
_BOUNDS = {"min_value": row_arg.BOUND, "max_value": row_arg.BOUND, **_SIDES}
_NUMBERS = {"min_value": arg.NUMBER, "max_value": arg.NUMBER, **_SIDES}
_DOUBLES = {"min_value": arg.DOUBLE, "max_value": arg.DOUBLE, **_SIDES}
_SHARES = {"min_value": arg.SHARE, "max_value": arg.SHARE, **_SIDES}
_COUNTS = {"min_value": arg.COUNT, "max_value": arg.COUNT, **_SIDES}


@COLUMN_STATISTICS.measured(
    "expect_column_min_to_be_between",
    "the smallest {column} is {range}",
    each(value="min"),
    Traits(agree=check_range, difference=TYPED),
    **_BOUNDS,
)
@COLUMN_STATISTICS.measured(
    "expect_column_max_to_be_between",
    "the largest {column} is {range}",
    each(value="max"),
    Traits(agree=check_range, difference=TYPED),
    **_BOUNDS,
)
@COLUMN_STATISTICS.measured(
    "expect_column_mean_to_be_between",
    "the mean of {column} is {range}",
    each(value="mean"),
    Traits(wants=numeric, agree=check_range, difference=EVERY_NUMBER),
    **_NUMBERS,
)
@COLUMN_STATISTICS.measured(
    "expect_column_median_to_be_between",
    "the median of {column} is {range}",
    each(value="median"),
    _OF_NUMBERS,
    **_DOUBLES,
)
@COLUMN_STATISTICS.measured(
    "expect_column_stdev_to_be_between",
    "the standard deviation of {column} is {range}",
    each(value="stdev"),
    _OF_NUMBERS,
    **_DOUBLES,
)
@COLUMN_STATISTICS.measured(
    "expect_column_sum_to_be_between",
    "the sum of {column} is {range}",
    each(value="sum"),
    Traits(wants=numeric, agree=check_range, difference=EXACT_SUM),
    **_NUMBERS,
)
@COLUMN_STATISTICS.measured(
    "expect_column_unique_value_count_to_be_between",
    "the number of different values of {column} is {range}",
    each(value="distinct_count"),
    Traits(wants=hashable, agree=check_range),
    **_COUNTS,
)
@COLUMN_STATISTICS.measured(
    "expect_table_row_count_to_be_between",
    "the number of rows is {range}",
    lambda rule, found: {"value": over_rows(rule, "row_count")},
    Traits(over=Whole.TABLE, agree=check_range),
    **_COUNTS,
)
def is_within(found: Found, **bounds: Any) -> Judgement:
    """The value is in the range; where there is none, or it is NaN, the rule fails."""
    return _within(found["value"], **bounds)


@COLUMN_STATISTICS.measured(
    "expect_column_proportion_of_non_null_values_to_be_between",
    "the share of rows with a {column} is {range}",
    each(rows="row_count", nulls="null_count"),
    _OF_ANY,
    **_SHARES,
)
def has_share_of_values(found: Found, **bounds: Any) -> Judgement:
    """0 where there are no rows."""
    rows, nulls = _int(found["rows"]), _int(found["nulls"])
    return _within((rows - nulls) / rows if rows else 0, **bounds)


@COLUMN_STATISTICS.measured(
    "expect_column_proportion_of_unique_values_to_be_between",
    "the share of different values among those of {column} is {range}",
    each(rows="row_count", nulls="null_count", distinct="distinct_count"),
    Traits(wants=hashable, agree=check_range),
    **_SHARES,
)
def has_share_of_distinct_values(found: Found, **bounds: Any) -> Judgement:
    """0 where there are no values."""
    values = _int(found["rows"]) - _int(found["nulls"])
    return _within(_int(found["distinct"]) / values if values else 0, **bounds)


def _quantiles(rule: Rule, found: Found) -> Mapping[str, Measure]:
    ranges = rule.kwargs["quantile_ranges"]
    assert isinstance(ranges, Sequence)
    return {"values": over_column(rule, "quantiles", *(quantile for quantile, _, _ in ranges))}


@COLUMN_STATISTICS.measured(
    "expect_column_quantile_values_to_be_between",
    "the quantiles of {column} are in their ranges",
    _quantiles,
    Traits(wants=numeric, difference=EXACT_QUANTILES),
    quantile_ranges=arg.THE_QUANTILES,
    allow_relative_error=arg.RELATIVE_ERROR,
)
def has_quantiles(
    found: Found,
    quantile_ranges: Sequence[tuple[float, float | None, float | None]],
    allow_relative_error: float = 0.0,
) -> Judgement:
    """A quantile may miss a bound by a ten-thousandth of it, as in Great Expectations."""
    values = found["values"]
    known = list(values) if isinstance(values, Sequence) else [None] * len(quantile_ranges)
    told = [_is_about(value, low, high) for value, (_, low, high) in zip(known, quantile_ranges, strict=True)]
    observed = {"quantiles": [quantile for quantile, _, _ in quantile_ranges], "values": known}
    return Judgement(all(told), observed, {"success_details": told})


def _is_about(value: float | None, low: float | None, high: float | None) -> bool:
    if value is None:
        return False
    least, most = -math.inf if low is None else low, math.inf if high is None else high
    return least <= value <= most or _is_close(value, least) or _is_close(value, most)


def _is_close(value: float, bound: float) -> bool:
    if not (math.isfinite(value) and math.isfinite(bound)):
        return value == bound
    return abs(value - bound) <= 1e-8 + 1e-4 * abs(bound)


def _within(
    value: Any, min_value: Any = None, max_value: Any = None, strict_min: bool = False, strict_max: bool = False
) -> Judgement:
    if value is None:
        return Judgement(False)
    low, high = _alike(min_value, value), _alike(max_value, value)
    is_above = low is None or (value > low if strict_min else value >= low)
    is_below = high is None or (value < high if strict_max else value <= high)
    return Judgement(bool(is_above and is_below), value)


def _alike(bound: Any, value: object) -> Any:
    """The bound as a number of the value's kind: a float is compared with floats, a decimal with decimals."""
    if isinstance(value, float) and bound is not None:
        return float(bound)
    return Decimal(repr(bound)) if isinstance(value, Decimal) and isinstance(bound, float) else bound


def _int(value: object) -> int:
    assert isinstance(value, int)
    return value
