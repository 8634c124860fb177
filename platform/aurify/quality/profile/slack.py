"""Ranges with slack: what was seen, widened by a tenth of its spread and rounded outward."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal, localcontext

from pyspark.sql import types as T

Number = int | float | Decimal

SLACK = Decimal("0.1")
# Time goes on: what is bounded is only what can't be meant.
LAST_DAY = date(2099, 12, 31)

_BITS: Mapping[type[T.DataType], int] = {T.ByteType: 8, T.ShortType: 16, T.IntegerType: 32, T.LongType: 64}
_DIGITS = 400  # a binary fraction has at most 309 before its point


def number_range(low: Number, high: Number, kind: T.DataType) -> tuple[int | float, int | float]:
    """Bounds for numbers, such that YAML and the column can hold them exactly.

    They don't cross zero where no value does, and whole numbers of which none is zero don't reach it.

    >>> number_range(-80995, 80995, T.IntegerType()), number_range(1, 12, T.IntegerType())
    ((-100000, 100000), (1, 14))
    >>> number_range(Decimal("0.00"), Decimal("38970.00"), T.DecimalType(12, 2))
    (0, 43000)
    >>> number_range(0.25, 0.75, T.DoubleType())
    (0.2, 0.8)
    """
    with localcontext() as exact:
        exact.prec, exact.Emax, exact.Emin = 2 * _DIGITS, 10 * _DIGITS, -10 * _DIGITS
        unit = _unit(kind)
        lower, upper = _widened(_exact(low), _exact(high), unit)
        if (limits := _limits(kind)) is not None:
            lower, upper = max(lower, limits[0]), min(upper, limits[1])
        if unit is None:
            return _as_float(lower), _as_float(upper)
        return _written(lower, "ROUND_FLOOR"), _written(upper, "ROUND_CEILING")


def first_day(low: date, high: date) -> date:
    """The lower bound of dates.

    >>> first_day(date(2024, 1, 11), date(2024, 4, 20))
    datetime.date(2024, 1, 1)
    """
    days = max(1, -(-(high - low).days // 10))
    return date.fromordinal(max(1, low.toordinal() - days))


def day_range(low: date, high: date) -> tuple[date, date | None]:
    """Bounds for dates; the upper one is far away, and None where a value lies beyond it."""
    return first_day(low, high), LAST_DAY if high <= LAST_DAY else None


def moment_range(low: datetime, high: datetime) -> tuple[datetime, datetime | None]:
    """Bounds for moments, the lower one the first moment of its day."""
    zone = low.tzinfo
    lower, last = first_day(low.date(), high.date()), datetime.combine(LAST_DAY, time(23, 59, 59), zone)
    return datetime.combine(lower, time(), zone), last if high <= last else None


def moment_of(micros: int) -> datetime | None:
    """A moment from its microseconds since 1970; None where Python has none."""
    try:
        return datetime(1970, 1, 1, tzinfo=timezone.utc) + timedelta(microseconds=micros)
    except OverflowError:
        return None


def _exact(value: Number) -> Decimal:
    return Decimal(repr(value)) if isinstance(value, float) else Decimal(value)


def _unit(kind: T.DataType) -> Decimal | None:
    """The least difference between two values; None for binary fractions."""
    if isinstance(kind, T.DecimalType):
        return Decimal(1).scaleb(-kind.scale)
    return Decimal(1) if isinstance(kind, T.IntegralType) else None


def _limits(kind: T.DataType) -> tuple[Decimal, Decimal] | None:
    if isinstance(kind, T.DecimalType):
        most = Decimal(10**kind.precision - 1).scaleb(-kind.scale)
        return -most, most
    bits = _BITS.get(type(kind))
    return (Decimal(-(2 ** (bits - 1))), Decimal(2 ** (bits - 1) - 1)) if bits else None


def _widened(low: Decimal, high: Decimal, unit: Decimal | None) -> tuple[Decimal, Decimal]:
    """A tenth of the spread, or of the only value; rounded to the first digit of that tenth."""
    slack = ((high - low) or abs(high) or Decimal(1)) * SLACK
    slack = max(slack, unit) if unit is not None else slack
    step = Decimal(1).scaleb(slack.adjusted())
    lower = ((low - slack) / step).to_integral_value("ROUND_FLOOR") * step
    upper = ((high + slack) / step).to_integral_value("ROUND_CEILING") * step
    nearest = Decimal(1) if unit == 1 else Decimal(0)
    if high > 0 and low >= 0:
        lower = max(lower, nearest if low else Decimal(0))
    if low < 0 and high <= 0:
        upper = min(upper, -nearest if high else Decimal(0))
    return lower, upper


def _as_float(bound: Decimal) -> float:
    """The nearest number that there is; it can't pass a value that lies within, which is such a number itself."""
    most = Decimal(repr(sys.float_info.max))
    return float(max(-most, min(most, bound))) + 0.0


def _written(bound: Decimal, outward: str) -> int | float:
    """A whole number where it is one, else a fraction that reads back as exactly this; the next whole one otherwise."""
    if bound == bound.to_integral_value():
        return int(bound)
    written = float(bound)
    return written if Decimal(repr(written)) == bound else int(bound.to_integral_value(outward))
