"""Features that are declared, not programmed: what another engine could compute from their description alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from aurify.errors import EnvironmentFailure
from aurify.features.windows import COUNTED, OF_ANYTHING, OF_FLAGS, WHOLE_NUMBERS, Lag, Window, told

if TYPE_CHECKING:
    from pyspark.sql import Column

DIMENSIONLESS = "1"
PARTS = {"hour": "int", "weekday": "int", "month": "int", "is_weekend": "boolean", "is_night": "boolean"}
HOLIDAY = "is_holiday"
FIRST_YEAR, LAST_YEAR = 1990, 2060


@dataclass(frozen=True)
class Calendar:
    """What the clock and the calendar say of a row's event time, in a time zone.

    `hour` 0-23, `weekday` 1 (Monday) to 7, `month` 1-12, `is_weekend` (Saturday, Sunday), `is_night` (within the hours
    `night`, both included), `is_holiday` (public holidays of `country`, from 1990 to 2060; NULL outside).

    >>> Calendar("weekday").name, Calendar("is_holiday", country="GB").name
    ('weekday', 'is_holiday_gb')
    """

    part: str
    country: str = ""
    night: tuple[int, int] = (0, 6)
    zone: str = "UTC"

    @property
    def name(self) -> str:
        """The feature's name: what it says, and of which country."""
        return f"{self.part}_{self.country.lower().replace('-', '_')}" if self.country else self.part


@dataclass(frozen=True)
class Ratio:
    """One feature or column of the view by another; NULL where that is 0 or NULL.

    >>> Ratio("amount", "mean_amount_30d").name
    'amount_per_mean_amount_30d'
    """

    above: str
    below: str

    @property
    def name(self) -> str:
        """The feature's name: what by what."""
        return f"{self.above}_per_{self.below}"


@dataclass(frozen=True)
class Change:
    """How a window has grown against the same window `back` ago: 0.1 is ten percent more; NULL where that was 0.

    Month on month is `back` 30 days, year on year 365 (or 364, the same weekdays).

    >>> Change(Window("sum", timedelta(days=30), "amount"), timedelta(days=365)).name
    'change_sum_amount_30d_in_365d'
    """

    window: Window
    back: timedelta

    @property
    def earlier(self) -> Window:
        """The window that it is compared with."""
        return replace(self.window, delay=self.window.delay + self.back)

    @property
    def name(self) -> str:
        """The feature's name: which window, in which time."""
        return f"change_{self.window.name}_in_{told(self.back)}"


@dataclass(frozen=True)
class Cross:
    """Several features or columns of the view as one category, their texts with `|` between; NULL where one is.

    >>> Cross(("weekday", "is_night")).name
    'weekday_x_is_night'
    """

    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The feature's name: what with what."""
        return "_x_".join(self.names)


@dataclass(frozen=True)
class Free:
    """Any expression over the columns of the view and its features: for batches only, no other engine can serve it."""

    name: str
    type: str
    of: Callable[[], Column]


Feature = Window | Lag | Calendar | Ratio | Change | Cross | Free
KINDS = (Window, Lag, Calendar, Ratio, Change, Cross, Free)


def windows_of(feature: Feature) -> tuple[Window | Lag, ...]:
    """The windows that a feature is made of."""
    if isinstance(feature, Change):
        return feature.window, feature.earlier
    return (feature,) if isinstance(feature, Window | Lag) else ()


def type_of(feature: Feature) -> str:
    """The Spark type of a feature's column."""
    if isinstance(feature, Free):
        return feature.type
    if isinstance(feature, Cross):
        return "string"
    if isinstance(feature, Calendar):
        return PARTS.get(feature.part, "boolean")
    return "bigint" if isinstance(feature, Window) and feature.aggregate in WHOLE_NUMBERS else "double"


def unit_of(feature: Feature, units: Mapping[str, str]) -> str:
    """The unit of a feature, by those of the columns and features it is made of; '' where it has none or is unknown."""
    if isinstance(feature, Window | Lag):
        counts = feature.aggregate in (*COUNTED, *OF_ANYTHING, *OF_FLAGS)
        return DIMENSIONLESS if counts else units.get(feature.column, "")
    if isinstance(feature, Change):
        return DIMENSIONLESS
    if isinstance(feature, Ratio):
        above, below = units.get(feature.above, ""), units.get(feature.below, "")
        if not above or not below:
            return ""
        return DIMENSIONLESS if above == below else above if below == DIMENSIONLESS else f"{above}/{below}"
    return ""


def expression(feature: Feature, event_time: str) -> Column:
    """The column of a feature that needs no window, of a frame that has all windows."""
    from pyspark.sql import functions as F

    if isinstance(feature, Calendar):
        return _of_calendar(feature, event_time)
    if isinstance(feature, Ratio):
        return _ratio(F.col(feature.above), F.col(feature.below))
    if isinstance(feature, Change):
        return _ratio(F.col(feature.window.name), F.col(feature.earlier.name)) - 1
    if isinstance(feature, Cross):
        parts = [part for name in feature.names for part in (F.lit("|"), F.col(name).cast("string"))]
        return F.concat(*parts[1:])
    if isinstance(feature, Free):
        return feature.of()
    return F.col(feature.name)


def _ratio(above: Column, below: Column) -> Column:
    from pyspark.sql import functions as F

    return above.cast("double") / F.nullif(below.cast("double"), F.lit(0.0))


def _of_calendar(feature: Calendar, event_time: str) -> Column:
    from pyspark.sql import functions as F

    at = F.col(event_time).cast("timestamp")
    at = at if feature.zone == "UTC" else F.from_utc_timestamp(at, feature.zone)
    weekday = F.weekday(at) + 1
    by_part: dict[str, Callable[[], Column]] = {
        "hour": lambda: F.hour(at),
        "weekday": lambda: weekday,
        "month": lambda: F.month(at),
        "is_weekend": lambda: weekday >= 6,
        "is_night": lambda: F.hour(at).between(*feature.night),
        HOLIDAY: lambda: _is_holiday(F.to_date(at), feature.country),
    }
    return by_part[feature.part]()


def _is_holiday(day: Column, country: str) -> Column:
    from pyspark.sql import functions as F

    return F.when(F.year(day).between(FIRST_YEAR, LAST_YEAR), day.cast("string").isin(list(holidays_of(country))))


@lru_cache(maxsize=64)
def holidays_of(country: str) -> tuple[str, ...]:
    """The public holidays of a country (`GB`) or a part of it (`DE-BY`), as ISO dates; KeyError if there is none.

    EnvironmentFailure where the package `holidays` is not installed.
    """
    try:
        import holidays
    except ModuleNotFoundError as error:
        hint = "pip install 'aurify[features]'"
        raise EnvironmentFailure.of("is_holiday", "no package 'holidays'", "it is installed", hint) from error
    code, _, part = country.partition("-")
    years = range(FIRST_YEAR, LAST_YEAR + 1)
    try:
        found = holidays.country_holidays(code, subdiv=part or None, years=years)
    except NotImplementedError as error:
        raise KeyError(country) from error
    return tuple(sorted(day.isoformat() for day in found))
