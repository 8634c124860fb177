"""The Spark type of every column of a Parquet file, from its footer, without Spark."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.sources.fault import Fault

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.parquet as pq

# Read as a number and made a time afterwards: Spark has no nanoseconds.
NANOSECONDS = "nanoseconds"

_CODECS = {"UNCOMPRESSED", "SNAPPY", "GZIP", "LZ4", "LZ4_RAW", "ZSTD"}
_INTEGERS = {"8": "tinyint", "16": "smallint", "32": "int", "64": "bigint"}
_UNSIGNED = {"8": "smallint", "16": "int", "32": "bigint", "64": "decimal(20,0)"}
_PHYSICAL = {
    "BOOLEAN": "boolean",
    "INT32": "int",
    "INT64": "bigint",
    "INT96": "timestamp",
    "FLOAT": "float",
    "DOUBLE": "double",
    "BYTE_ARRAY": "binary",
    "FIXED_LEN_BYTE_ARRAY": "binary",
}
_LOGICAL = {"String": "string", "Enum": "string", "JSON": "string", "BSON": "binary", "Date": "date"}


def spark_types(file: pq.ParquetFile) -> dict[str, str]:
    """Column name to Spark type; Fault where Spark can't read a column."""
    import pyarrow as pa

    types, leaf = {}, 0
    for field in file.schema_arrow:
        if pa.types.is_nested(field.type):
            types[field.name] = _nested_type(field.name, field.type)
        else:
            types[field.name] = _flat_type(field.name, file.schema.column(leaf))
        leaf += _leaves(field.type)
    _check_storage(file)
    return types


def _leaves(kind: pa.DataType) -> int:
    import pyarrow as pa

    if not pa.types.is_nested(kind):
        return 1
    return sum(_leaves(kind.field(i).type) for i in range(kind.num_fields))


def _flat_type(name: str, column: pq.ColumnSchema) -> str:
    logical = json.loads(column.logical_type.to_json())
    kind = logical["Type"]
    if kind in ("None", "Null", "Unknown"):
        return _PHYSICAL[column.physical_type]
    if kind == "Int":
        return (_INTEGERS if logical["isSigned"] else _UNSIGNED)[str(logical["bitWidth"])]
    if kind == "Decimal":
        return f"decimal({column.precision},{column.scale})"
    if kind == "Timestamp":
        if logical["timeUnit"] == "nanoseconds":
            return NANOSECONDS
        return "timestamp" if logical["isAdjustedToUTC"] else "timestamp_ntz"
    if kind not in _LOGICAL:
        raise _unreadable(name, kind.lower())
    return _LOGICAL[kind]


def _nested_type(name: str, kind: pa.DataType) -> str:
    import pyarrow as pa

    if pa.types.is_map(kind):
        return f"map<{_nested_type(name, kind.key_type)}, {_nested_type(name, kind.item_type)}>"
    if pa.types.is_struct(kind):
        fields = (f"{quoted(field.name)}: {_nested_type(name, field.type)}" for field in kind)
        return f"struct<{', '.join(fields)}>"
    if pa.types.is_nested(kind) and kind.num_fields == 1:
        return f"array<{_nested_type(name, kind.value_type)}>"
    if pa.types.is_dictionary(kind):
        return _nested_type(name, kind.value_type)
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if pa.types.is_timestamp(kind) and kind.unit != "ns":
        return "timestamp" if kind.tz else "timestamp_ntz"
    plain = _ARROW.get(str(kind))
    if plain is None:
        raise _unreadable(name, f"{kind}, nested")
    return plain


_ARROW = {
    "bool": "boolean",
    "int8": "tinyint",
    "int16": "smallint",
    "int32": "int",
    "int64": "bigint",
    "uint8": "smallint",
    "uint16": "int",
    "uint32": "bigint",
    "uint64": "decimal(20,0)",
    "float": "float",
    "double": "double",
    "string": "string",
    "large_string": "string",
    "string_view": "string",
    "binary": "binary",
    "large_binary": "binary",
    "date32[day]": "date",
}


def _check_storage(file: pq.ParquetFile) -> None:
    """Fault where a column is written in a way that Spark has no reader for."""
    for group in range(file.metadata.num_row_groups):
        described = file.metadata.row_group(group)
        for index in range(described.num_columns):
            column = described.column(index)
            if column.compression not in _CODECS:
                raise _unreadable(column.path_in_schema, f"compressed by {column.compression}")
            if "BYTE_STREAM_SPLIT" in column.encodings:
                raise _unreadable(column.path_in_schema, "encoded as BYTE_STREAM_SPLIT")


def _unreadable(name: str, kind: str) -> Fault:
    return Fault("unreadable", f"column {name} is {kind}", "types that Spark reads", "have it written as another type")
