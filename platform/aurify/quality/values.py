"""Values of a suite: read from YAML after the type of the column they are compared with, and written as columns."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.errors import Problem

if TYPE_CHECKING:
    from pyspark.sql import Column

Value = bool | int | float | str | Decimal | date | datetime

LONG = range(-(2**63), 2**63)
LONGEST = 100
_ISO = re.compile(
    r"(?P<date>\d{4}-\d\d-\d\d)"
    r"(?:[ T](?P<time>\d\d:\d\d(?::\d\d)?)(?:\.(?P<fraction>\d{1,6}))?(?P<zone>Z|[+-]\d\d:\d\d)?)?"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Unfit(Exception):
    """A value that can't mean anything where it stands."""

    def __init__(self, found: str, expected: str, hint: str = "") -> None:
        self.found, self.expected, self.hint = found, expected, hint
        super().__init__(f"found {found}, expected {expected}")

    def at(self, where: str, key: str = "") -> Problem:
        """The fault as a problem of a place."""
        return Problem(where, self.found, self.expected, self.hint, key)


def shown(value: object) -> str:
    """A value as a person reads it in a message: text in quotes, the rest bare.

    >>> shown("a"), shown(3), shown(None), shown(datetime(2024, 1, 2, tzinfo=timezone.utc))
    ("'a'", '3', 'NULL', '2024-01-02 00:00:00')
    """
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    return repr(value) if isinstance(value, str) else str(value)


def plain(value: object) -> object:
    """A value as JSON can hold it; text is cut where it is long.

    >>> plain(Decimal("1.50")), plain(float("nan")), plain({1: (date(2024, 1, 2),)})
    ('1.50', 'nan', {'1': ['2024-01-02']})
    """
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, Mapping):
        return {str(key): plain(member) for key, member in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(member) for member in value]
    if isinstance(value, datetime):
        return value.replace(tzinfo=None).isoformat(sep=" ")
    text = value.hex() if isinstance(value, bytes) else str(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def fitting(value: object, kind: T.DataType) -> Value:
    """The value as the column's type has it; Unfit where it can never equal, or be compared with, one of the column."""
    if isinstance(value, dict):
        raise Unfit(f"the mapping {value}", "a plain value", "suite parameters are not supported: write the value")
    if isinstance(kind, T.StringType | T.CharType | T.VarcharType):
        return _text(value)
    if isinstance(kind, T.BooleanType):
        return _boolean(value)
    if isinstance(kind, T.NumericType):
        return _number(value, kind)
    if isinstance(kind, T.DateType):
        return _date(value)
    if isinstance(kind, T.TimestampType | T.TimestampNTZType):
        return _moment(value, kind)
    raise Unfit(shown(value), f"no value: a column of type {kind.simpleString()} can't be compared with one")


def literal(value: Value | None) -> Column:
    """The value as a Spark literal, exact and independent of the time zone of Python and of the session."""
    from pyspark.sql import functions as F

    if isinstance(value, datetime):
        if value.tzinfo is None:
            return F.lit(value.isoformat(sep=" ")).cast("timestamp_ntz")
        return F.timestamp_micros(F.lit((value - _EPOCH) // timedelta(microseconds=1)))
    if isinstance(value, date):
        return F.date_from_unix_date(F.lit((value - _EPOCH.date()).days))
    if isinstance(value, int) and not isinstance(value, bool) and value not in LONG:
        return F.lit(Decimal(value))
    return F.lit(value)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    hint = "put it in quotes"
    if isinstance(value, bool):
        hint = "put it in quotes: YAML reads a bare NO, yes, on or off as true or false"
    raise Unfit(f"{shown(value)} ({_yaml_type(value)})", "text, as the column is string", hint)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    raise Unfit(f"{shown(value)} ({_yaml_type(value)})", "true or false, as the column is boolean")


def _number(value: object, kind: T.DataType) -> int | float | Decimal:
    expected = f"a number, as the column is {kind.simpleString()}"
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        spelled = isinstance(value, str) and _is_number(value)
        hint = "write it as YAML knows numbers, without quotes: 1000 or 1.0e+3" if spelled else ""
        raise Unfit(f"{shown(value)} ({_yaml_type(value)})", expected, hint)
    if isinstance(kind, T.FloatType | T.DoubleType):
        return float(value)
    if not isinstance(value, float):
        return value
    if not math.isfinite(value):
        raise Unfit(shown(value), f"a finite number, as the column is {kind.simpleString()}")
    if isinstance(kind, T.DecimalType):
        return Decimal(repr(value))
    return int(value) if value.is_integer() else value


def _date(value: object) -> date:
    found = value
    if isinstance(value, str) and (parts := _ISO.fullmatch(value)) and not parts["time"]:
        found = _parsed(parts)
    if isinstance(found, datetime):
        found = None if found is value else found.date()
    if isinstance(found, date):
        return found
    raise Unfit(f"{shown(value)} ({_yaml_type(value)})", "a date like 2024-01-31, as the column is date")


def _moment(value: object, kind: T.DataType) -> datetime:
    """A bare date is its first moment; a moment without a zone is UTC, as the session is."""
    found = value
    if isinstance(value, str) and (parts := _ISO.fullmatch(value)):
        found = _parsed(parts)
    elif isinstance(value, date) and not isinstance(value, datetime):
        found = datetime.fromisoformat(value.isoformat())
    if not isinstance(found, datetime):
        expected = f"a moment like 2024-01-31 12:00:00 (or with +02:00), as the column is {kind.simpleString()}"
        raise Unfit(f"{shown(value)} ({_yaml_type(value)})", expected)
    if isinstance(kind, T.TimestampNTZType):
        if found.tzinfo is not None:
            raise Unfit(shown(value), "a moment without a time zone, as the column is timestamp_ntz")
        return found
    return found.replace(tzinfo=timezone.utc) if found.tzinfo is None else found.astimezone(timezone.utc)


def _parsed(parts: re.Match[str]) -> datetime | None:
    time = parts["time"] or "00:00"
    zone = (parts["zone"] or "").replace("Z", "+00:00")
    fraction = f".{parts['fraction']:0<6}" if parts["fraction"] else ""
    try:
        return datetime.fromisoformat(f"{parts['date']}T{time}{fraction}{zone}")
    except ValueError:
        return None


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _yaml_type(value: object) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "text", date: "date", datetime: "moment"}
    return names.get(type(value), "a list" if isinstance(value, list) else type(value).__name__)
