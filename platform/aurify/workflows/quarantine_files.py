"""Rows of quarantine to a file, for people to repair, and the repaired rows back; CSV or Parquet."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from aurify.config.columns import sql_type
from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.publish.passed import PLACE
from aurify.publish.quarantine import ROW
from aurify.publish.texts import as_text, from_text
from aurify.storage import parquet_file
from aurify.tables.replaying import VALUES, repairable, row_name
from aurify.workflows.quarantine import STATE, with_states
from aurify.workflows.row_decisions import record, standing_rows
from aurify.workflows.row_states import REPAIRABLE
from aurify.workflows.run import Run, quiet

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructField

    from aurify.tables.spec import TableSpec
    from aurify.workflows.lake import Lake

FORMATS = (".csv", ".parquet")
SHOWN = 5
_NAME, _WAS, _NOW = "_aurify_name", "_aurify_was", "_aurify_now"


def export_rows(lake: Lake, table: str, file: Path, states: Sequence[str] = REPAIRABLE) -> int:
    """Write the rows in some states to a CSV or Parquet file; gives how many.

    `_row` names a row, `_why` says what it failed. Values are as they came, or as they were repaired. In Parquet each
    has its type, and the text of one that a cast destroyed is in `_raw`. In CSV all are texts, also the destroyed ones;
    nothing is NULL, and "" an empty text. The file holds personal values as they are.
    """
    from pyspark.sql import functions as F

    _refuse_format(file)
    spec, target = lake.spec(table), lake.target(table)
    rows = with_states(lake, spec, lake.state(table), lake.work_session()).where(F.col(STATE).isin(*states))
    why = F.array_join(F.transform("_failed", lambda reason: F.concat_ws(": ", reason["id"], reason["rule"])), "; ")
    head: list[Column] = [row_name().alias(ROW), F.col(STATE), why.alias("_why")]
    if file.suffix == ".csv":
        return _write(lake, table, rows.select(*head, *(_text(f).alias(f.name) for f in target.schema.fields)), file)
    texts = [F.col(VALUES)[f.name].alias(f"_was_{f.name}") for f in target.schema.fields]
    both = rows.select("*", *texts)
    able = repairable(spec)
    own = [_repaired(f).alias(f.name) if f.name in able else F.col(quoted(f.name)) for f in target.schema.fields]
    return _write(lake, table, both.select(*head, *own, F.col("_raw")), file)


def _repaired(field: StructField) -> Column:
    """The repaired value, else the one that is there."""
    from pyspark.sql import functions as F

    is_repaired = F.col(VALUES).isNotNull()
    value = F.col(quoted(field.name))
    return F.when(is_repaired, from_text(f"_was_{field.name}", field.dataType)).otherwise(value)


def _text(field: StructField) -> Column:
    """The repaired text, else the one that a cast destroyed, else the value as text."""
    from pyspark.sql import functions as F

    held = F.coalesce(F.col("_raw")[field.name], as_text(F.col(quoted(field.name)), field.dataType))
    return F.when(F.col(VALUES).isNotNull(), F.col(VALUES)[field.name]).otherwise(held)


def _write(lake: Lake, table: str, rows: DataFrame, file: Path) -> int:
    """Write the rows as one file, which is there whole or not at all; the driver holds a piece of it at a time."""
    parts = f"{lake.target(table).path}/_aurify/exports/{uuid.uuid4().hex}"
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    make = pq.ParquetWriter if file.suffix == ".parquet" else csv.CSVWriter
    count = 0
    try:
        rows.write.parquet(parts)
        paths = [path for path, _, _ in lake.storage.files(parts, ".parquet")]
        with make(draft, parquet_file(paths[0]).schema_arrow.remove_metadata()) as out:
            for path in paths:
                for piece in parquet_file(path).iter_batches():
                    out.write_table(pa.Table.from_batches([piece]).replace_schema_metadata())
                    count += piece.num_rows
        draft.replace(file)
    except OSError as error:
        raise ConfigurationError.of(str(file), str(error), "a file that can be written") from error
    finally:
        draft.unlink(missing_ok=True)
        lake.storage.remove(parts)
    return count


def import_rows(lake: Lake, table: str, file: Path, reason: str) -> int:
    """Take repaired rows, by `_row`; gives how many differ from what is there. The next replay takes them.

    The file has the columns of the table, as the export wrote them; other columns are passed over. A row that is as it
    was, or not in the file, stays as it is. A NULL in Parquet, where a cast had destroyed the value, is no repair.
    """
    spec, target = lake.spec(table), lake.target(table)
    _refuse_format(file)
    if target.mode == "recompute":
        hint = f"repair the rows in {', '.join(spec.upstream)}, and they are computed again"
        raise ConfigurationError.of(table, "repaired rows of a table that is recomputed", "rows of its input", hint)
    if not reason.strip():
        raise ConfigurationError.of(table, "no reason", "why the rows were repaired so", "--reason 'TEXT'")
    given = _read(file, [ROW, *repairable(spec)])
    home = f"{target.path}/_aurify/imports/{uuid.uuid4().hex}.parquet"
    with lake.lease(table, Run(lake, [table], quiet).id):
        content = io.BytesIO()
        pq.write_table(given, content)
        lake.storage.write(home, content.getvalue())
        try:
            came = lake.work_session().read.parquet(home).withColumnRenamed(ROW, _NAME)
            repairs = _repairs(lake, spec, file, came)
            count = repairs.count()
            if count:
                record(lake, target, repairs, reason)
        finally:
            lake.storage.remove(home)
    return count


def _repairs(lake: Lake, spec: TableSpec, file: Path, came: DataFrame) -> DataFrame:
    """The imported rows that differ from those that are there, as decisions."""
    from pyspark.sql import functions as F

    held = standing_rows(lake, spec.name)
    fields = [f for f in spec.schema.fields if f.name in came.columns]
    texts = F.map_from_entries(F.array(*(_pair(f.name, _text(f)) for f in fields)))
    standing = held.select(*PLACE, row_name().alias(_NAME), F.col("_raw").alias(_WAS), texts.alias(_NOW))
    _refuse_unknown(spec.name, file, came, standing)
    keeps = file.suffix == ".parquet"
    given = F.map_from_entries(F.array(*(_pair(f.name, _given(f, came.schema[f.name], keeps)) for f in fields)))
    both = came.join(standing, [_NAME]).select(*PLACE, _NOW, given.alias("values"))
    same = [F.col(_NOW)[f.name].eqNullSafe(F.col("values")[f.name]) for f in fields]
    return both.where(~reduce(and_, same)).select(
        *PLACE,
        F.lit("repaired").alias("state"),
        F.lit(None).cast("array<string>").alias("rules"),
        "values",
    )


def _pair(name: str, value: Column) -> Column:
    from pyspark.sql import functions as F

    return F.struct(F.lit(name).alias("key"), value.alias("value"))


def _given(field: StructField, came: StructField, keeps_text: bool) -> Column:
    """The value of an imported column as text, or with `keeps_text` the one that a cast had destroyed.

    A value of another type is written as one of the column's, where it is one: 5.0 as 5.
    """
    from pyspark.sql import functions as F

    value = F.col(quoted(field.name))
    if came.dataType == field.dataType:
        text = as_text(value, field.dataType)
    elif came.dataType.typeName() in ("string", "array", "map", "struct", "binary"):
        text = as_text(value, came.dataType)
    else:
        exact = F.expr(f"try_cast({quoted(field.name)} AS {sql_type(field.dataType)})")
        text = F.when(exact.cast(came.dataType) == value, as_text(exact, field.dataType)).otherwise(
            value.cast("string")
        )
    return F.coalesce(text, F.col(_WAS)[field.name]) if keeps_text else text


def _refuse_format(file: Path) -> None:
    if file.suffix not in FORMATS:
        raise ConfigurationError.of(str(file), f"the ending {file.suffix!r}", " or ".join(FORMATS))


def _read(file: Path, columns: Sequence[str]) -> pa.Table:
    """The columns of the file; ConfigurationError names all that are missing."""
    try:
        if file.suffix == ".parquet":
            found = pq.read_table(file, partitioning=None)
        else:
            names = csv.open_csv(file).schema.names
            found = csv.read_csv(
                file,
                parse_options=csv.ParseOptions(newlines_in_values=True),
                convert_options=csv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    strings_can_be_null=True,
                    quoted_strings_can_be_null=False,
                    null_values=[""],
                ),
            )
    except (OSError, pa.ArrowException) as error:
        said = str(error).splitlines()[0]
        raise ConfigurationError.of(str(file), said, "a file that the export wrote, with its rows repaired") from error
    there = found.schema.names
    problems = [
        Problem(str(file), f"no column {name}", "every column that the export wrote", did_you_mean(name, there))
        for name in columns
        if name not in there
    ]
    if not problems and found[ROW].null_count:
        problems.append(
            Problem(str(file), f"{found[ROW].null_count} rows without an id", "the id of each row", key=ROW)
        )
    if problems:
        raise ConfigurationError(f"{file}: nothing was imported", problems)
    return _without_nanoseconds(found.select(list(columns)))


def _without_nanoseconds(rows: pa.Table) -> pa.Table:
    """The rows with times that Spark can read: pandas writes nanoseconds."""
    for place, field in enumerate(rows.schema):
        if pa.types.is_timestamp(field.type) and field.type.unit == "ns":
            times = rows.column(place).cast(pa.timestamp("us", field.type.tz), safe=False)
            rows = rows.set_column(place, field.name, times)
    return rows


def _refuse_unknown(table: str, file: Path, came: DataFrame, standing: DataFrame) -> None:
    """Stop where the file names a row twice, or one that does not stand in quarantine."""
    double = [r[_NAME] for r in came.groupBy(_NAME).count().where("count > 1").limit(SHOWN).collect()]
    gone = [r[_NAME] for r in came.join(standing, [_NAME], "left_anti").select(_NAME).limit(SHOWN).collect()]
    problems = [Problem(str(file), f"row {id} more than once", "each row once", key=ROW) for id in double]
    hint = f"a replay took it, or its file came anew: aurify quarantine {table} --export FILE"
    problems += [
        Problem(str(file), f"row {id}", f"a row that stands in quarantine of {table}", hint, ROW) for id in gone
    ]
    if problems:
        raise ConfigurationError(f"{file}: nothing was imported", problems)
