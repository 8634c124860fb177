"""Rows of quarantine to a file, for people to repair, and the repaired rows back; CSV or Parquet."""

from __future__ import annotations

import io
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.publish.names import quoted
from aurify.publish.passed import PLACE
from aurify.publish.quarantine import ROW
from aurify.tables.replaying import VALUES, as_text, repairable, row_name
from aurify.workflows.quarantine import STANDING, STATE, with_states
from aurify.workflows.row_decisions import record, standing_rows
from aurify.workflows.run import Run, quiet

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import StructField

    from aurify.tables.spec import TableSpec
    from aurify.workflows.lake import Lake

FORMATS = (".csv", ".parquet")
SHOWN = 5
_ID, _WAS = "_aurify_id", "_aurify_was"


def export_rows(lake: Lake, table: str, file: Path, states: Sequence[str] = STANDING) -> int:
    """Write the rows in some states to a CSV or Parquet file; gives how many.

    `_row` names a row, `_why` says what it failed. In Parquet a value has its type, and the
    text of one that a cast destroyed is in `_raw`. In CSV all are texts, also the destroyed ones; nothing is NULL, and
    "" an empty text. The file holds personal values as they are.
    """
    from pyspark.sql import functions as F

    _refuse_format(file)
    spec, target = lake.spec(table), lake.target(table)
    rows = with_states(lake, spec, lake.state(table), lake.work_session()).where(F.col(STATE).isin(*states))
    why = F.array_join(F.transform("_failed", lambda reason: F.concat_ws(": ", reason["id"], reason["rule"])), "; ")
    head: list[Column] = [row_name().alias(ROW), F.col(STATE), why.alias("_why")]
    if file.suffix == ".parquet":
        own: list[Column] = [F.col(quoted(f.name)) for f in target.schema.fields]
        shown = rows.select(*head, *own, F.col("_raw"))
    else:
        shown = rows.select(*head, *(_text(f).alias(f.name) for f in target.schema.fields))
    return _write(lake, table, shown, file)


def _text(field: StructField) -> Column:
    """The repaired text, else the one that a cast destroyed, else the value as text."""
    from pyspark.sql import functions as F

    held = as_text(F.col(quoted(field.name)), field.dataType)
    return F.coalesce(F.col(VALUES)[field.name], F.col("_raw")[field.name], held)


def _write(lake: Lake, table: str, rows: DataFrame, file: Path) -> int:
    """Write the rows as one file, which is there whole or not at all; the driver holds a piece of it at a time."""
    parts = f"{lake.target(table).path}/_aurify/exports/{uuid.uuid4().hex}"
    draft = file.with_name(f".{file.name}.{uuid.uuid4().hex}")
    make = pq.ParquetWriter if file.suffix == ".parquet" else csv.CSVWriter
    count = 0
    try:
        rows.write.parquet(parts)
        paths = [path for path, _, _ in lake.storage.files(parts, ".parquet")]
        with make(draft, pq.read_schema(paths[0]).remove_metadata()) as out:
            for path in paths:
                for piece in pq.ParquetFile(path).iter_batches():
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
    """Take repaired rows, by `_row`; gives how many. The next replay takes them through the gate.

    The file has the columns of the table, as the export wrote them; other columns are passed over. A row left out of
    the file stays as it is. A NULL in Parquet, where a cast had destroyed the value, is no repair: the text stays.
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
            came = lake.session.read.parquet(home).withColumnRenamed(ROW, _ID)
            record(lake, target, _repairs(lake, spec, file, came), reason)
        finally:
            lake.storage.remove(home)
    return int(given.num_rows)


def _repairs(lake: Lake, spec: TableSpec, file: Path, came: DataFrame) -> DataFrame:
    """The imported rows as decisions."""
    from pyspark.sql import functions as F

    standing = standing_rows(lake, spec.name).select(*PLACE, F.col("_raw").alias(_WAS), row_name().alias(_ID))
    _refuse_unknown(spec.name, file, came, standing)
    keeps = file.suffix == ".parquet"
    pairs = [
        F.struct(F.lit(f.name).alias("key"), _given(f, came.schema[f.name], keeps).alias("value"))
        for f in spec.schema.fields
        if f.name in came.columns
    ]
    return came.join(standing, [_ID]).select(
        *PLACE,
        F.lit("repaired").alias("state"),
        F.lit(None).cast("array<string>").alias("rules"),
        F.map_from_entries(F.array(*pairs)).alias("values"),
    )


def _given(field: StructField, came: StructField, keeps_text: bool) -> Column:
    """The value of an imported column as text, or with `keeps_text` the one that a cast had destroyed."""
    from pyspark.sql import functions as F

    value = F.col(quoted(field.name))
    text = value if came.dataType.typeName() == "string" else as_text(value, field.dataType)
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
    return found.select(list(columns))


def _refuse_unknown(table: str, file: Path, came: DataFrame, standing: DataFrame) -> None:
    """Stop where the file names a row twice, or one that does not stand in quarantine."""
    double = [r[_ID] for r in came.groupBy(_ID).count().where("count > 1").limit(SHOWN).collect()]
    gone = [r[_ID] for r in came.join(standing, [_ID], "left_anti").select(_ID).limit(SHOWN).collect()]
    problems = [Problem(str(file), f"row {id} more than once", "each row once", key=ROW) for id in double]
    hint = f"a replay took it, or its file came anew: aurify quarantine {table} --export FILE"
    problems += [
        Problem(str(file), f"row {id}", f"a row that stands in quarantine of {table}", hint, ROW) for id in gone
    ]
    if problems:
        raise ConfigurationError(f"{file}: nothing was imported", problems)
