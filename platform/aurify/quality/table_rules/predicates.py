"""What makes a value fail an expectation, as a column: TRUE fails, NULL is undetermined; NULL stays NULL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.quality.values import Value, literal

if TYPE_CHECKING:
    from pyspark.sql import Column


def is_outside(value: Column, members: Sequence[Value]) -> Column:
    """None of the members; NaN is equal to NaN, as in Spark."""
    return ~value.isin([literal(member) for member in members])


def is_inside(value: Column, members: Sequence[Value]) -> Column:
    """One of the members."""
    return value.isin([literal(member) for member in members])


def has_great_z_score(value: Column, mean: float, deviation: float, threshold: float, double_sided: bool) -> Column:
    """As many standard deviations from the mean as the threshold, or more; above it only, unless double-sided."""
    from pyspark.sql import functions as F

    score = (value.cast("double") - F.lit(mean)) / F.lit(deviation)
    return ~(F.abs(score) < F.lit(abs(threshold)) if double_sided else score < F.lit(threshold))


def is_beyond_fences(value: Column, low: float, high: float) -> Column:
    """Below the low fence or above the high one; NaN is above every number."""
    from pyspark.sql import functions as F

    number = value.cast("double")
    return ~((number >= F.lit(low)) & (number <= F.lit(high)))


def is_far_from(value: Column, center: float, distance: float) -> Column:
    """As far from the center as the distance, or further; where that is none, any other value."""
    from pyspark.sql import functions as F

    number = value.cast("double")
    return number != F.lit(center) if distance <= 0 else ~(F.abs(number - F.lit(center)) < F.lit(distance))


PREDICATES: Mapping[str, Callable[..., Column]] = {
    test.__name__: test for test in (is_outside, is_inside, has_great_z_score, is_beyond_fences, is_far_from)
}
