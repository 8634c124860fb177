"""Column texts (`name type NOT NULL COMMENT '...'`), read and written without a JVM.

The grammar is Spark's own, with two words more: `UNIT 'EUR'` and `PII`. They travel in the field's metadata.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING

from aurify.config.column_reader import ESCAPES, ColumnReader, repeated, split_columns
from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructField, StructType

# The columns that the engine puts beside those of a table while it works on a batch, and those of Delta's change feed.
RESERVED = (
    "_attempt",
    "_aurify",
    "_batch",
    "_change_type",
    "_commit_timestamp",
    "_commit_version",
    "_deleted",
    "_failed",
    "_generation",
    "_malformed",
    "_mask",
    "_newest",
    "_place",
    "_pointers",
    "_raw",
    "_replay_of",
    "_row",
    "_state",
    "_verdict",
    "_was_",
    "verdict",
)
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@lru_cache(maxsize=4096)
def _read(text: str) -> tuple[tuple[StructField, ...], tuple[Problem, ...]]:
    fields: list[StructField] = []
    problems: list[Problem] = []
    for number, tokens in enumerate(split_columns(text), start=1):
        if not tokens:
            problems.append(Problem("columns", "nothing", "a column: name and type", key=f"column {number}"))
            continue
        reader = ColumnReader(tokens)
        fields.append(reader.column())
        problems.extend(p if p.key else replace(p, key=f"column {number}") for p in reader.problems)
    names = [field.name for field in fields]
    for name in repeated(names):
        problems.append(
            Problem("columns", f"the name '{name}' twice", "names that differ by more than case", "rename one", name)
        )
    for name in names:
        if reserved := next((word for word in RESERVED if name.lower().startswith(word)), None):
            problems.append(
                Problem(
                    "columns",
                    f"the name '{name}'",
                    f"a name that does not begin with '{reserved}'",
                    "the engine keeps this name for itself",
                    name,
                )
            )
    return tuple(field for field in fields if field.name), tuple(problems)


def read_columns(text: str) -> tuple[StructType, list[Problem]]:
    """The columns that can be read, with a NullType where the type can't, and everything that is wrong."""
    from pyspark.sql.types import StructType

    fields, problems = _read(text)
    return StructType(list(fields)), list(problems)


def parse_columns(text: str) -> StructType:
    """The Spark type of a column text; ConfigurationError names all that is wrong with it.

    >>> parse_columns("line_id string NOT NULL, amount decimal(12,2) UNIT 'EUR'").simpleString()
    'struct<line_id:string,amount:decimal(12,2)>'
    """
    schema, problems = read_columns(text)
    if problems:
        raise ConfigurationError("column text", problems)
    return schema


def render_type(kind: DataType) -> str:
    """The type as it is written in a column text.

    >>> render_type(parse_columns("a array<struct<b: int>>")["a"].dataType)
    'array<struct<b: int>>'
    """
    return _type_text(kind, lambda field: _render_field(field, ": "))


def sql_type(kind: DataType) -> str:
    """The type as Spark reads it in SQL: names quoted, and no more than names and types.

    >>> sql_type(parse_columns("a struct<`zip.code`: string NOT NULL, n: int UNIT 'kg'>")["a"].dataType)
    'struct<`zip.code`: string, `n`: int>'
    """
    return _type_text(kind, lambda field: f"{quoted(field.name)}: {sql_type(field.dataType)}")


def _type_text(kind: DataType, field_text: Callable[[StructField], str]) -> str:
    """The type with each field of its structs as `field_text` writes it."""
    from pyspark.sql.types import ArrayType, MapType, StructType

    if isinstance(kind, ArrayType):
        return f"array<{_type_text(kind.elementType, field_text)}>"
    if isinstance(kind, MapType):
        return f"map<{_type_text(kind.keyType, field_text)}, {_type_text(kind.valueType, field_text)}>"
    if isinstance(kind, StructType):
        return f"struct<{', '.join(map(field_text, kind.fields))}>"
    return kind.simpleString()


def ddl(schema: StructType) -> str:
    """The column text of a Spark type: `parse_columns(ddl(schema)) == schema`.

    >>> ddl(parse_columns("id LONG not null, `unit price` real comment 'net'"))
    "id bigint NOT NULL, `unit price` float COMMENT 'net'"
    """
    return ", ".join(_render_field(field, " ") for field in schema.fields)


def _render_field(field: StructField, between: str) -> str:
    name = field.name if _PLAIN_NAME.fullmatch(field.name) else quoted(field.name)
    parts = [f"{name}{between}{render_type(field.dataType)}"]
    if not field.nullable:
        parts.append("NOT NULL")
    for word in ("comment", "unit"):
        if word in field.metadata:
            parts.append(f"{word.upper()} {_quote(str(field.metadata[word]))}")
    if field.metadata.get("pii"):
        parts.append("PII")
    return " ".join(parts)


def _quote(text: str) -> str:
    for char, letter in [("\\", "\\"), ("'", "'"), *((value, key) for key, value in ESCAPES.items())]:
        text = text.replace(char, f"\\{letter}")
    return f"'{text}'"
