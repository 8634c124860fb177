"""The rows that a Python estimator learns from: numbers alone, under short names, with what sorts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.estimator import Learning
from aurify.models.numeric_columns import is_number, number
from aurify.models.python_model import BY, LABEL, WEIGHT

if TYPE_CHECKING:
    from pyspark.sql import Column


def prepared(learning: Learning, features: Sequence[str]) -> list[Column]:
    """Label, weight, features as `_0`, `_1`, ... and `order_by`."""
    from pyspark.sql import functions as F

    rows = learning.rows
    return [
        number(rows, learning.label).alias(LABEL),
        *([number(rows, learning.weight).alias(WEIGHT)] if learning.weight else []),
        *(number(rows, name).alias(f"_{place}") for place, name in enumerate(features)),
        *(F.col(quoted(name)).alias(f"{BY}{place}") for place, name in enumerate(learning.order_by)),
    ]


def refuse_misfits(where: str, learning: Learning, features: Sequence[str], others: Sequence[str] = ()) -> None:
    """ConfigurationError with all that can be told of the columns without reading a row."""
    kinds = {field.name: field.dataType for field in learning.rows.schema.fields}
    numbers = [*features, learning.label, *([learning.weight] if learning.weight else [])]
    problems = []
    for name in dict.fromkeys([*numbers, *learning.order_by, *others]):
        if name not in kinds:
            problems.append(no_column(where, name, kinds))
        elif name in numbers and not is_number(kinds[name]):
            problems.append(Problem(where, f"{name} is {kinds[name].simpleString()}", "a number"))
    if not features:
        problems.append(Problem(where, "no features", "one or more"))
    if not learning.order_by:
        problems.append(Problem(where, "no order_by", "columns that tell the rows apart, for the same model twice"))
    for name in others:
        if name in kinds and not is_number(kinds[name]) and kinds[name].typeName() != "string":
            problems.append(Problem(where, f"{name} is {kinds[name].simpleString()}", "text, a number or a boolean"))
    if problems:
        raise ConfigurationError(where, problems)
