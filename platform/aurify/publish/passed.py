"""Which rows of quarantine have passed: taken out by a replay, or of groups that were computed again since.

Both are lists in Parquet files beside the table, one an attempt, written before its commit: they count once the
commit names the attempt.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import pyarrow as pa
import pyarrow.parquet as pq

from aurify.publish.batch_log import Batch
from aurify.publish.quarantine import ROW
from aurify.publish.staged import StagedFiles
from aurify.storage import Storage, parquet_rows

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

ORIGIN = "_aurify_origin"
PLACE = ("_generation", "_batch", ROW)
_PLACES = pa.schema(zip(PLACE, (pa.int32(), pa.int32(), pa.int64()), strict=True))
Kind = Literal["replayed", "touched"]
KINDS: tuple[Kind, ...] = get_args(Kind)


def list_replayed(storage: Storage, table: str, batch: Batch, attempt: str, staged: StagedFiles) -> int:
    """List the rows of quarantine that the staged rows of a replay were; gives how many staged rows those are."""
    found = []
    for files in staged.by_verdict.values():
        for file in files:
            if file.records:
                origins = parquet_rows(file.path, [ORIGIN])[ORIGIN].combine_chunks()
                found.append(pa.Table.from_struct_array(origins.drop_null()))
    rows = pa.concat_tables(found) if found else _PLACES.empty_table()
    _write(storage, table, "replayed", batch, attempt, rows)
    return int(rows.num_rows)


def list_touched(
    storage: Storage, table: str, batch: Batch, attempt: str, groups: Collection[Sequence[Any]], by: StructType
) -> None:
    """List the groups that a batch computes again."""
    from pyspark.sql.pandas.types import to_arrow_schema

    schema = to_arrow_schema(by)
    columns = [pa.array([group[i] for group in groups], field.type) for i, field in enumerate(schema)]
    rows = pa.Table.from_arrays(columns, schema=schema)
    for name, value in zip(PLACE, (batch.generation, batch.number), strict=False):
        rows = rows.append_column(name, pa.array([value] * len(groups), pa.int32()))
    _write(storage, table, "touched", batch, attempt, rows)


def _write(storage: Storage, table: str, kind: Kind, batch: Batch, attempt: str, rows: pa.Table) -> None:
    content = io.BytesIO()
    pq.write_table(rows, content)
    name = f"{batch.generation}-{batch.number}-{attempt}.parquet"
    storage.write(f"{table}/_aurify/{kind}/{name}", content.getvalue())


def lists(storage: Storage, table: str, kind: Kind, attempts: Collection[str]) -> list[str]:
    """The paths of the lists of some attempts."""
    folder = f"{table}/_aurify/{kind}"
    return [f"{folder}/{name}" for name in storage.names(folder) if _attempt(name) in attempts]


def _attempt(name: str) -> str:
    return name.split("-", 2)[2].removesuffix(".parquet")
