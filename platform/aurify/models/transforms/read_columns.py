"""What is wrong with the columns that a stage is to read, told all at once before a row is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError, Problem, did_you_mean, no_column
from aurify.models.numeric_columns import is_number

if TYPE_CHECKING:
    from pyspark.sql import DataFrame
    from pyspark.sql.types import DataType

Accepts = tuple[Callable[["DataType"], bool], str]


def is_category(kind: DataType) -> bool:
    """Whether its values are the same thing in Spark and in Python: texts, dates and numbers."""
    return is_number(kind) or is_text(kind) or kind.typeName() == "date"


def is_text(kind: DataType) -> bool:
    """Whether it is a text."""
    return kind.simpleString().partition("(")[0] in ("string", "varchar", "char")


def is_words(kind: DataType) -> bool:
    """Whether it is a text, or texts."""
    return is_text(kind) or kind.simpleString() == "array<string>"


NUMBER: Accepts = (is_number, "a number or a boolean")
CATEGORY: Accepts = (is_category, "a text, a number, a boolean or a date")
WORDS: Accepts = (is_words, "a text or array<string>")


def of_declared(where: str, columns: object) -> list[Problem]:
    """What is wrong with the names as they are written."""
    if not isinstance(columns, tuple) or not all(isinstance(name, str) for name in columns):
        hint = 'for one column write ("name",)'
        return [Problem(where, repr(columns), "a tuple of names", hint, key="columns")]
    if not columns:
        return [Problem(where, "none", "one column or more", key="columns")]
    twice = sorted({name for name in columns if columns.count(name) > 1})
    return [Problem(where, f"'{name}' twice", "each once", key="columns") for name in twice]


def of_text_column(where: str, column: object) -> list[Problem]:
    """What is wrong with the one name as it is written."""
    return [] if isinstance(column, str) else [Problem(where, repr(column), "the name of one column", key="column")]


def of_count(where: str, key: str, count: object, least: int = 1) -> list[Problem]:
    """What is wrong with a whole number."""
    if isinstance(count, int) and not isinstance(count, bool) and count >= least:
        return []
    return [Problem(where, repr(count), f"a whole number, {least} or more", key=key)]


def is_finite(number: object) -> bool:
    """Whether it is a number, and not without end."""
    return isinstance(number, int | float) and not isinstance(number, bool) and math.isfinite(number)


def refuse(where: str, problems: Sequence[Problem]) -> None:
    """ConfigurationError where there are problems."""
    if problems:
        raise ConfigurationError(where, problems)


def of_columns(
    where: str, columns: Sequence[str], rows: DataFrame, features: Sequence[str], accepts: Accepts
) -> list[Problem]:
    """What is wrong with the columns of the rows: a stage reads features alone, so never the label or a key."""
    problems = []
    fits, expected = accepts
    for name in columns:
        if name not in rows.columns:
            problems.append(no_column(where, name, features))
        elif name not in features:
            hint = did_you_mean(name, features)
            problems.append(Problem(where, f"'{name}', which is no feature", "a feature that no stage has read", hint))
        elif not fits(rows.schema[name].dataType):
            problems.append(Problem(where, f"{name} is {rows.schema[name].dataType.simpleString()}", expected))
    return problems
