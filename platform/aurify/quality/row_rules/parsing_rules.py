"""Expectations that Python answers on the executors: text that is JSON, or a date in some format.

The functions bring their imports with them, so that the executors need no Aurify.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, text
from aurify.quality.row_rules.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import Column

PARSING_RULES = Registry()


@PARSING_RULES.row("expect_column_values_to_be_json_parseable", "{column} is JSON", wants=text)
def is_no_json(at: Domain) -> Column:
    """JSON as Python reads it: NaN and Infinity are numbers."""

    def is_json(value: str) -> bool:
        import json

        try:
            json.loads(value)
        except (ValueError, RecursionError):
            return False
        return True

    return ~_in_python(is_json, at)


@PARSING_RULES.row(
    "expect_column_values_to_match_json_schema",
    "{column} is JSON that its schema allows",
    wants=text,
    difference="Text that is no JSON fails its row; Great Expectations breaks off.",
    json_schema=arg.THE_SCHEMA,
)
def breaks_schema(at: Domain, json_schema: Mapping[str, object]) -> Column:
    """The schema is compiled once a task."""
    schema, compiled = dict(json_schema), list[Callable[[object], bool]]()

    def fits(value: str) -> bool:
        import json

        from jsonschema.validators import validator_for

        if not compiled:
            compiled.append(validator_for(schema)(schema).is_valid)
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            return False
        return compiled[0](found)

    return ~_in_python(fits, at)


@PARSING_RULES.row(
    "expect_column_values_to_match_strftime_format",
    "{column} is a date in the format {strftime_format}",
    wants=text,
    strftime_format=arg.THE_FORMAT,
)
def has_other_format(at: Domain, strftime_format: str) -> Column:
    """The format of Python's `strptime`, the whole text."""

    def has_format(value: str) -> bool:
        from datetime import datetime

        try:
            datetime.strptime(value, strftime_format)  # noqa: DTZ007 - the moment is not kept
        except ValueError:
            return False
        return True

    return ~_in_python(has_format, at)


@PARSING_RULES.row(
    "expect_column_values_to_be_dateutil_parseable",
    "{column} is a date that dateutil reads",
    wants=text,
    agree=arg.check_dateutil,
    difference="What Great Expectations does on pandas; it has nothing for Spark.",
)
def is_no_date(at: Domain) -> Column:
    """A date as Python's dateutil reads it, which is generous."""

    def is_date(value: str) -> bool:
        from dateutil.parser import parse

        try:
            parse(value)
        except (ValueError, ArithmeticError, TypeError, LookupError, AttributeError):
            return False
        return True

    return ~_in_python(is_date, at)


def _in_python(says: Callable[[str], bool], at: Domain) -> Column:
    """What the function says of each value of the only column; NULL of NULL."""
    from pyspark.sql import functions as F

    def answer(value: str | None) -> bool | None:
        return None if value is None else says(value)

    return F.udf(answer, "boolean")(at.as_text)
