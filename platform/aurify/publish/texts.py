"""Values as texts that are read back as they were: in quarantine, in files for people, where a type changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.config.columns import sql_type
from aurify.config.names import quoted

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import DataType

_NESTED = ("array", "map", "struct")
_EXACT = {"timestampFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "timestampNTZFormat": "yyyy-MM-dd'T'HH:mm:ss.SSSSSS"}


def as_text(column: Column, kind: DataType) -> Column:
    """A value as text that `from_text` reads back."""
    from pyspark.sql import functions as F

    if kind.typeName() in _NESTED:
        return F.to_json(column, _EXACT)
    return F.base64(column) if kind.typeName() == "binary" else column.cast("string")


def from_text(name: str, kind: DataType) -> Column:
    """The value that the text in a column stands for; NULL where it stands for none, or the type has no texts."""
    from pyspark.sql import functions as F

    if not has_text(kind):
        return F.lit(None).cast(kind)
    if kind.typeName() in _NESTED:
        return F.from_json(F.col(quoted(name)), kind, _EXACT)  # type: ignore[arg-type]
    if kind.typeName() == "binary":
        return F.expr(f"try_to_binary({quoted(name)}, 'base64')")
    return F.expr(f"try_cast({quoted(name)} AS {sql_type(kind)})")


def has_text(kind: DataType) -> bool:
    """Whether values of the type can be written as text and read back."""
    from pyspark.sql import types as T

    if isinstance(kind, T.MapType):
        return isinstance(kind.keyType, T.StringType) and has_text(kind.valueType)
    if isinstance(kind, T.StructType):
        return all(has_text(field.dataType) for field in kind.fields)
    return has_text(kind.elementType) if isinstance(kind, T.ArrayType) else True
