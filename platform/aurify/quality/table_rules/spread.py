"""Expectations of values that stand far out among those of their column: first how these lie, then which are out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from aurify.quality.row_rules.domain import numeric
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.column_statistics import EVERY_NUMBER
from aurify.quality.table_rules.measures import LISTED, Found, Measure, over_column
from aurify.quality.table_rules.registry import Registry, Traits

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

SPREAD = Registry()


@SPREAD.counted(
    "expect_column_value_z_scores_to_be_less_than",
    "{column} is less than {threshold} standard deviations from its mean",
    Traits(wants=numeric, passes=2, difference=EVERY_NUMBER),
    threshold=arg.THE_DOUBLE,
    double_sided=arg.THE_FLAG,
)
def has_great_z_score(rule: Rule, found: Found, threshold: float, double_sided: bool) -> Mapping[str, Measure]:
    """Undetermined where the values are all alike, or one of them is NaN or infinite."""
    first = {"mean": over_column(rule, "mean"), "deviation": over_column(rule, "stdev")}
    if not first.keys() <= found.keys():
        return first
    mean, deviation = found["mean"], found["deviation"]
    if mean is None or not deviation:
        return {**first, "undetermined": over_column(rule, "value_count")}
    test = ("has_great_z_score", _float(mean), _float(deviation), threshold, double_sided)
    return {**first, **_out(rule, found, *test)}


@SPREAD.counted(
    "expect_column_values_to_not_be_outliers",
    "{column} is no outlier",
    Traits(wants=numeric, passes=2),
    method=arg.METHOD,
    multiplier=arg.FACTOR,
)
def is_outlier(rule: Rule, found: Found, method: str = "iqr", multiplier: float = 1.5) -> Mapping[str, Measure]:
    """`iqr`: Tukey's fences, which are inside; `std`: that many standard deviations from the mean, which are outside.

    Where there is no spread to tell, no value is an outlier.
    """
    if method == "iqr":
        wanted = {"quartiles": over_column(rule, "quartiles")}
        quartiles = found.get("quartiles")
        low, high = map(_finite, quartiles) if isinstance(quartiles, list) else (None, None)
        if low is None or high is None:
            return wanted
        reach = multiplier * (high - low)
        return {**wanted, **_out(rule, found, "is_beyond_fences", low - reach, high + reach)}
    wanted = {"mean": over_column(rule, "mean"), "deviation": over_column(rule, "stdev")}
    mean, deviation = _finite(found.get("mean")), _finite(found.get("deviation"))
    if mean is None or deviation is None:
        return wanted
    return {**wanted, **_out(rule, found, "is_far_from", mean, multiplier * deviation)}


def _out(rule: Rule, found: Found, *test: object) -> Mapping[str, Measure]:
    """The number of values that fail the test, and where there are some, the first of them."""
    wanted = {"unexpected": over_column(rule, "failing_count", *test)}
    if found.get("unexpected"):
        wanted["sample"] = over_column(rule, "failing_values", LISTED, False, *test)
    return wanted


def _finite(value: object) -> float | None:
    """A statistic as a finite float; None where there is none."""
    return None if value is None or not math.isfinite(_float(value)) else _float(value)


def _float(value: object) -> float:
    assert isinstance(value, int | float | Decimal)
    return float(value)
