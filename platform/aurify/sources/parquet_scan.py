"""Reading Parquet files with Spark: each with the types that it has, and with the number of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.columns import sql_type
from aurify.config.names import quoted
from aurify.sources.listing import open_file
from aurify.sources.parquet_types import NANOSECONDS, spark_types
from aurify.sources.scan import SOURCE_ROW, URI, scan_options, scan_path, scan_session

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from aurify.sources.folder import FolderOptions

_CONF = {"spark.sql.legacy.parquet.nanosAsLong": "true"}
_CALENDAR = {
    # Others than Spark write old dates in today's calendar; files of old Sparks say so themselves.
    "datetimeRebaseMode": "CORRECTED",
    "int96RebaseMode": "CORRECTED",
}
Types = Mapping[str, str]


def parquet_rows(spark: SparkSession, root: Path | str, paths: Sequence[str], options: FolderOptions) -> DataFrame:
    """The rows with `_source_row` and the URI of the file; a column that has one type in all files keeps it.

    One that differs between files is read as string, which loses nothing, nested ones with the declared type.
    """
    groups: dict[tuple[str, ...], list[str]] = {}
    for path in paths:
        groups.setdefault(tuple(_types_of(root, path, options).values()), []).append(path)
    names = options.columns.fieldNames()
    common = _common_types([dict(zip(names, types, strict=True)) for types in groups], options)
    session = scan_session(spark, _CONF)
    frames = [
        _same_types(session, [scan_path(root, path) for path in group], dict(zip(names, types, strict=True)), common)
        for types, group in groups.items()
    ]
    return reduce(lambda one, other: one.unionByName(other), frames)


def _types_of(root: Path | str, path: str, options: FolderOptions) -> Types:
    import pyarrow.parquet as pq

    with open_file(root, path) as raw:
        types = spark_types(pq.ParquetFile(raw))
    # Declared as a number, nanoseconds stay the number that they are.
    return {
        f.name: "bigint" if types[f.name] == NANOSECONDS and f.dataType.typeName() == "long" else types[f.name]
        for f in options.columns.fields
    }


def _common_types(groups: Sequence[Types], options: FolderOptions) -> Types:
    common = {}
    for field in options.columns.fields:
        found = {_read_type(types[field.name]) for types in groups}
        nested = any("<" in kind for kind in found)
        common[field.name] = found.pop() if len(found) == 1 else sql_type(field.dataType) if nested else "string"
    return common


def _read_type(kind: str) -> str:
    return "timestamp" if kind == NANOSECONDS else kind


def _same_types(session: SparkSession, uris: Sequence[str], types: Types, common: Types) -> DataFrame:
    from pyspark.sql import functions as F

    kinds = {name: "bigint" if kind == NANOSECONDS else kind for name, kind in types.items()}
    schema = ", ".join(f"{quoted(name)} {kind}" for name, kind in kinds.items())
    rows = session.read.options(**scan_options(uris[0]), **_CALENDAR).schema(schema).parquet(*uris)
    columns = [_column(name, kind, common[name]).alias(name) for name, kind in types.items()]
    place = (F.col("_metadata.row_index") + 1).alias(SOURCE_ROW)
    return rows.select(*columns, place, F.input_file_name().alias(URI))


def _column(name: str, kind: str, wanted: str) -> Column:
    from pyspark.sql import functions as F

    column = F.col(quoted(name))
    if kind == NANOSECONDS:
        column = F.expr(f"timestamp_micros(({quoted(name)} - pmod({quoted(name)}, 1000)) div 1000)")
    return column if _read_type(kind) == wanted else column.cast(wanted)
