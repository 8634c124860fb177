"""Columns that a model can read: numbers, and booleans as 0 and 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.config.names import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType


def is_number(kind: DataType) -> bool:
    """Whether a column of this type is read as it is."""
    from pyspark.sql.types import BooleanType, NumericType

    return isinstance(kind, NumericType | BooleanType)


def number(rows: DataFrame, name: str, kind: str = "double") -> Column:
    """The column as a float or a double."""
    from pyspark.sql import functions as F

    column = F.col(quoted(name))
    is_flag = rows.schema[name].dataType.typeName() == "boolean"
    return (column.cast("int") if is_flag else column).cast(kind)
