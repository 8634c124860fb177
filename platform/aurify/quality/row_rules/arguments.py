"""How each argument of an expectation is read and checked: a reader gives the typed value or raises `Unfit`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from importlib.util import find_spec

from pyspark.sql import types as T

from aurify.quality.java_regex import java_refuses
from aurify.quality.values import Unfit, Value, fitting, shown

Types = Sequence[T.DataType]
Reader = Callable[[object, Types], object]
Agree = Callable[[Mapping[str, object]], None]


@dataclass(frozen=True)
class Argument:
    """One argument: how its value is read; `typed` where that hangs on the types of the rule's columns."""

    read: Reader
    required: bool = False
    typed: bool = False


def _flag(value: object, types: Types) -> bool:
    if isinstance(value, bool):
        return value
    raise Unfit(shown(value), "true or false")


def _share(value: object, types: Types) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise Unfit(shown(value), "a share between 0 and 1", "95 % is written 0.95")
    return float(value)


def _choice(*words: str) -> Reader:
    def read(value: object, types: Types) -> str:
        if value in words:
            return str(value)
        raise Unfit(shown(value), f"one of {', '.join(words)}")

    return read


def _bound(value: object, types: Types) -> Value:
    (kind,) = types
    if isinstance(kind, T.BooleanType):
        raise Unfit("a bound on a boolean column", "a column of numbers, text, dates or moments")
    bound = fitting(value, kind)
    if isinstance(bound, float) and math.isnan(bound):
        raise Unfit("NaN", "a number that others can be compared with")
    return bound


def _length(value: object, types: Types) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or not float(value).is_integer():
        raise Unfit(shown(value), "a whole number of characters, 0 or more")
    return int(value)


def _number(value: object, types: Types) -> Value:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not math.isfinite(value):
        raise Unfit(shown(value), "a finite number")
    if any(isinstance(kind, T.DoubleType | T.FloatType) for kind in types):
        return float(value)
    return Decimal(repr(value)) if isinstance(value, float) else value


def _value_set(value: object, types: Types) -> tuple[Value, ...]:
    (kind,) = types
    members = _list(value, "values")
    if None in members:
        raise Unfit(
            "NULL in a value set",
            "values only",
            "a comparison with NULL is never true or false, so every row would pass; a NULL is passed over anyway,"
            " and expect_column_values_to_not_be_null is the rule against it",
        )
    return tuple(_member(member, kind) for member in members)


def _pairs(value: object, types: Types) -> tuple[tuple[Value | None, Value | None], ...]:
    left, right = types
    pairs: list[tuple[Value | None, Value | None]] = []
    for number, pair in enumerate(_list(value, "pairs"), start=1):
        if not isinstance(pair, list | tuple) or len(pair) != 2:
            raise Unfit(f"{shown(pair)} as pair {number}", "a list of two values, one for each column")
        a, b = (None if v is None else _member(v, kind) for v, kind in zip(pair, (left, right), strict=True))
        pairs.append((a, b))
    return tuple(pairs)


def _member(value: object, kind: T.DataType) -> Value:
    member = fitting(value, kind)
    if isinstance(kind, T.IntegralType) and isinstance(member, float):
        raise Unfit(shown(value), f"whole numbers, as the column is {kind.simpleString()}")
    return member


def _regex(value: object, types: Types) -> str:
    if not isinstance(value, str):
        raise Unfit(shown(value), "a regular expression, in quotes")
    if fault := java_refuses(value):
        raise Unfit(shown(value), "a regular expression that Java can compile", fault)
    return value


def _regexes(value: object, types: Types) -> tuple[str, ...]:
    return tuple(_regex(member, types) for member in _list(value, "regular expressions"))


def _like(value: object, types: Types) -> str:
    if isinstance(value, str):
        return value
    raise Unfit(shown(value), "a LIKE pattern, in quotes", "% stands for any characters, _ for one")


def _likes(value: object, types: Types) -> tuple[str, ...]:
    return tuple(_like(member, types) for member in _list(value, "LIKE patterns"))


def _escape(value: object, types: Types) -> str:
    if isinstance(value, str) and len(value) == 1:
        return value
    raise Unfit(shown(value), "one character")


def _strftime(value: object, types: Types) -> str:
    if not isinstance(value, str):
        raise Unfit(shown(value), "a format of dates, in quotes", "'%Y-%m-%d' is 2024-01-31")
    try:
        datetime.strptime(datetime.now(timezone.utc).strftime(value), value)  # noqa: DTZ007 - the moment is not kept
    except ValueError as fault:
        raise Unfit(shown(value), "a format that Python can write and read", str(fault)) from fault
    return value


def _json_schema(value: object, types: Types) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Unfit(shown(value), "a JSON schema: a mapping")
    try:
        schema: dict[str, object] = json.loads(json.dumps(value))
    except TypeError as fault:
        hint = "put dates in quotes"
        raise Unfit(str(fault), "a JSON schema: texts, numbers, lists and mappings", hint) from fault
    require("jsonschema", "pip install 'aurify[quality]'")
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    try:
        validator_for(schema).check_schema(schema)
    except SchemaError as fault:
        raise Unfit(f"{fault.message} at {fault.json_path}", "a valid JSON schema") from fault
    return schema


def _list(value: object, what: str) -> Sequence[object]:
    if not isinstance(value, list | tuple):
        raise Unfit(shown(value), f"a list of {what}")
    if not value:
        raise Unfit("an empty list", f"at least one of the {what}", "take the expectation out to expect nothing")
    return value


def _name(value: object, types: Types) -> str:
    if isinstance(value, str) and value.strip():
        return value
    raise Unfit(shown(value), "a name")


def _names(value: object, types: Types) -> tuple[str, ...]:
    return tuple(_name(name, types) for name in _list(value, "column names"))


BOUND = Argument(_bound, typed=True)
ESCAPE = Argument(_escape)
FLAG = Argument(_flag)
LENGTH = Argument(_length)
MOSTLY = Argument(_share)
THE_FORMAT = Argument(_strftime, required=True)
THE_LENGTH = Argument(_length, required=True)
THE_LIKE = Argument(_like, required=True)
THE_LIKES = Argument(_likes, required=True)
THE_NAME = Argument(_name, required=True)
THE_NAMES = Argument(_names, required=True)
THE_NUMBER = Argument(_number, required=True, typed=True)
THE_PAIRS = Argument(_pairs, required=True, typed=True)
THE_REGEX = Argument(_regex, required=True)
THE_REGEXES = Argument(_regexes, required=True)
THE_SCHEMA = Argument(_json_schema, required=True)
THE_VALUES = Argument(_value_set, required=True, typed=True)
MATCH_ON = Argument(_choice("any", "all"))
PAIR_IGNORE = Argument(_choice("both_values_are_missing", "either_value_is_missing", "neither"))
LIST_IGNORE = Argument(_choice("all_values_are_missing", "any_value_is_missing", "never"))


def require(package: str, way_on: str) -> None:
    """Unfit where Python can't import the package."""
    if find_spec(package) is None:
        raise Unfit(f"no package {package}", "it to be installed here and where Spark works", way_on)


def anyhow(kwargs: Mapping[str, object]) -> None:
    """All arguments go together."""


def check_range(kwargs: Mapping[str, object]) -> None:
    """Unfit where a range has no bound, or its bounds leave no value."""
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    if low is None and high is None:
        raise Unfit("neither min_value nor max_value", "at least one of them")
    if low is not None and high is not None and low > high:  # type: ignore[operator]
        raise Unfit(f"min_value {shown(low)} above max_value {shown(high)}", "min_value not above max_value")


def check_likes(kwargs: Mapping[str, object]) -> None:
    """Unfit where the escape character of a LIKE pattern, a backslash unless given, escapes nothing."""
    escape = str(kwargs.get("escape", "\\"))
    given = kwargs.get("like_pattern_list", (kwargs.get("like_pattern"),))
    for pattern in given if isinstance(given, tuple) else ():
        mark = re.escape(escape)
        if isinstance(pattern, str) and escape in re.sub(f"{mark}[_%{mark}]", "", pattern):
            hint = f"write {escape * 2} for the character, or name another one as `escape`"
            raise Unfit(shown(pattern), f"%, _ or {escape} after each {escape}, which escapes them", hint)


def check_dateutil(kwargs: Mapping[str, object]) -> None:
    """Unfit where dateutil is missing."""
    require("dateutil", "pip install python-dateutil")
