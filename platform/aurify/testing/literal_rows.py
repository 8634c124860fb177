"""Literal rows as the inputs of a table: written as files, read by tables that stand in for those of the project."""

from __future__ import annotations

import csv
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.columns import ddl, parse_columns
from aurify.config.names import quoted
from aurify.config.project import PROJECT_FILE, read_project
from aurify.errors import ConfigurationError, did_you_mean
from aurify.quality import Suite, empty_suite, load_suite, suite_file
from aurify.quality.own import Own
from aurify.tables.declare import SOURCE_KEYS
from aurify.tables.discovery import find_tables
from aurify.tables.spec import SOURCE_COLUMNS, Append, Changes, Folder, TableSpec, Upsert

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame
    from pyspark.sql.types import StructType

Row = Mapping[str, object]
Given = Sequence[Row] | Mapping[str, Sequence[Row]]

FIRST_DAY = datetime(2024, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Neighbours:
    """What the project of a table says of its inputs and its suite; empty where there is none."""

    root: Path | None
    suites: str
    specs: Mapping[str, TableSpec]
    expectations: Mapping[str, Own] = field(default_factory=dict)

    @classmethod
    def of(cls, spec: TableSpec, root: str | Path | None) -> Neighbours:
        """The project at `root`, else the nearest one above the table's file."""
        above = [Path(root)] if root is not None else list(Path(spec.file).parents)
        found = next((folder for folder in above if (folder / PROJECT_FILE).is_file()), None)
        project = read_project(found)[0] if found else None
        if found is None or project is None:
            return cls(None, "", {})
        tables = find_tables(project, found)
        return cls(found, project.suites, tables.specs, tables.expectations)

    def suite(self, spec: TableSpec, given: str | Path | None) -> Suite:
        """The suite that was given, else the project's."""
        if given is None:
            if self.root is None:
                return empty_suite(spec.name)
            path = suite_file(self.root / self.suites, spec.name)
            if not path.exists():
                return empty_suite(spec.name)
            return load_suite(path, spec.name, spec.schema, self.expectations)
        return load_suite(Path(given), spec.name, spec.schema, self.expectations)


@dataclass(frozen=True)
class Feed:
    """One input: the folder that its literal rows are written to, and the tables that stand in for it.

    `hidden` are the columns of a stand-in that the table itself would not have.
    """

    name: str
    folder: Folder
    schema: StructType
    specs: tuple[TableSpec, ...] = ()
    hidden: tuple[str, ...] = ()

    @classmethod
    def of(cls, name: str, spec: TableSpec, batches: Sequence[Mapping[str, Given]], project: Neighbours) -> Feed:
        given = spec.inputs[name]
        if isinstance(given, Folder):
            return cls(name, replace(given, pattern="**/*"), parse_columns(given.columns))
        real = project.specs.get(given.table)
        schema = _declared(real) if real else _inferred(name, batches)
        folder = Folder(f"given/{given.table}", ddl(schema), format="parquet")
        keyed = real is not None and not isinstance(real.write, Append)
        specs = _stand_ins(given.table, folder, schema, real.keys if real and keyed else ())
        has_source = real.folder is not None if real else isinstance(given, Changes)
        own = parse_columns(real.columns).names if real else []
        hidden = [] if has_source else [n for n in parse_columns(SOURCE_COLUMNS).names if n not in own]
        return cls(name, folder, schema, specs, tuple(hidden))

    def deliver(self, sources: Path, given: Given, number: int) -> None:
        """Write the files of one batch."""
        files = given if isinstance(given, Mapping) else {f"batch_{number}": given}
        day = (FIRST_DAY + timedelta(days=number - 1)).timestamp()
        for stem, rows in files.items():
            path = sources / self.folder.path / f"{stem}.{self.folder.format}"
            path.parent.mkdir(parents=True, exist_ok=True)
            self._write(path, rows)
            os.utime(path, (day, day))

    def _write(self, path: Path, rows: Sequence[Row]) -> None:
        names = self.schema.names
        for unknown in (key for row in rows for key in row if key not in names):
            raise ConfigurationError.of(
                f"{self.name}: {unknown}", "a column", "one of its own", did_you_mean(unknown, names)
            )
        if self.folder.format == "csv":
            with path.open("w", encoding=self.folder.encoding, newline="") as out:
                writer = csv.writer(out, delimiter=self.folder.delimiter, lineterminator="\n")
                writer.writerows([names] if self.folder.header else [])
                writer.writerows([row.get(name) for name in names] for row in rows)
            return
        import pyarrow as pa
        import pyarrow.parquet as pq
        from pyspark.sql.pandas.types import to_arrow_schema

        schema = to_arrow_schema(self.schema)
        columns = [_array(f"{self.name}.{f.name}", [row.get(f.name) for row in rows], f.type) for f in schema]
        pq.write_table(pa.Table.from_arrays(columns, names=names), path)


def _declared(spec: TableSpec) -> StructType:
    """The columns that a table's spec declares, without those that the engine gives every row of a folder."""
    from pyspark.sql.types import StructField, StructType

    source = parse_columns(SOURCE_COLUMNS).names
    declared = parse_columns(spec.columns).fields
    return StructType([StructField(f.name, f.dataType, True, f.metadata) for f in declared if f.name not in source])


def _inferred(name: str, batches: Sequence[Mapping[str, Given]]) -> StructType:
    """The columns of all rows that an input is given; one that never has a value is text."""
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_type
    from pyspark.sql.types import StringType, StructField, StructType

    lists: list[Sequence[Row]] = []
    for batch in batches:
        given = batch.get(name, [])
        lists += given.values() if isinstance(given, Mapping) else [given]
    rows = [row for rows in lists for row in rows]
    if not rows:
        raise ConfigurationError.of(name, "no row in any batch", "rows that tell its columns, or a project")
    fields = []
    for column in dict.fromkeys(column for row in rows for column in row):
        try:
            kind = pa.array([row.get(column) for row in rows]).type
        except pa.ArrowException as error:
            raise ConfigurationError.of(f"{name}.{column}", str(error), "values of one type") from error
        fields.append(StructField(column, StringType() if pa.types.is_null(kind) else from_arrow_type(kind)))
    return StructType(fields)


def _array(where: str, values: list[object], kind: pa.DataType) -> pa.Array:
    """Values of a column as its type; text is read as what it stands for."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return pa.array(values, type=kind)
    except (pa.ArrowException, TypeError):
        pass
    try:
        found = pa.array(values)
        if pa.types.is_timestamp(kind) and kind.tz:
            return pc.assume_timezone(found.cast(pa.timestamp(kind.unit)), kind.tz)
        return found.cast(kind)
    except (pa.ArrowException, TypeError) as error:
        raise ConfigurationError.of(where, f"{values[:3]}: {error}", str(kind)) from error


def _stand_ins(table: str, folder: Folder, schema: StructType, keys: tuple[str, ...]) -> tuple[TableSpec, ...]:
    """A table fed by the folder; for an input with keys, one more that keeps the newest row of each."""
    as_given = TableSpec(table, {"rows": folder}, SOURCE_KEYS, folder.columns, Append(), _as_given)
    if not keys:
        return (as_given,)
    raw = f"given.{table.replace('.', '_')}"
    names = [quoted(name) for name in schema.names]

    def newest(rows: DataFrame) -> DataFrame:
        return rows.select(*names, "_delivered_at")

    columns = f"{folder.columns}, _delivered_at timestamp"
    return (
        replace(as_given, name=raw),
        TableSpec(table, {"rows": Changes(raw)}, keys, columns, Upsert(order_by="_delivered_at"), newest),
    )


def _as_given(rows: DataFrame) -> DataFrame:
    return rows
