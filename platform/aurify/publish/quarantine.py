"""Quarantine: the rows that failed, with every reason, in a Delta table beside the one they missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurify.publish.batch_log import Batch
from aurify.publish.committer import DeltaRsCommitter, Stamp
from aurify.publish.staged import StagedFiles
from aurify.publish.target import Handle, Target
from aurify.storage import Storage

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

ROW = "_row"
PARTITION = ("_generation", "_batch", "_attempt")


def attempt_folder(batch: Batch, attempt: str) -> str:
    """Where an attempt's files lie, below the table or its quarantine; it names the batch for the sweep."""
    return f"batches/{batch.generation}-{batch.number}-{attempt}"


def quarantine_schema(target: Target) -> StructType:
    """The contract's columns, the reasons, what a cast destroyed, pointers to the input, the batch, the place in it."""
    from pyspark.sql.types import ArrayType, IntegerType, LongType, MapType, StringType, StructField, StructType

    text = StringType()
    reason = StructType(
        [
            StructField("id", text),
            StructField("rule", text),
            StructField("columns", ArrayType(text)),
            StructField("values", ArrayType(text)),
        ]
    )
    own = [StructField(f.name, f.dataType, True, f.metadata) for f in target.schema.fields]
    engine = [
        StructField("_failed", ArrayType(reason)),
        StructField("_raw", MapType(text, text)),
        StructField("_pointers", MapType(text, text)),
        StructField("_generation", IntegerType()),
        StructField("_batch", IntegerType()),
        StructField("_attempt", text),
        StructField(ROW, LongType()),
    ]
    return StructType(own + engine)


def commit_quarantine(
    storage: Storage, target: Target, staged: StagedFiles, batch: Batch, attempt: str, note: Mapping[str, Any]
) -> int:
    """Move the attempt's failed rows into quarantine and commit them there; gives the rows committed.

    They count only once a commit of the target names the attempt.
    """
    files = staged.of("quarantine")
    if not files:
        return 0
    schema = quarantine_schema(target)
    handle = Handle.open(target.quarantine_path) or Handle.create(target.quarantine_path, schema, note, PARTITION)
    handle = with_columns(handle, schema, note)
    home = f"{target.quarantine_path}/{attempt_folder(batch, attempt)}"
    for file in files:
        storage.move(file.path, f"{home}/{file.path.rsplit('/', 1)[1]}")
    found = [f for group in StagedFiles(storage, home).by_verdict.values() for f in group]
    partition = {"_generation": str(batch.generation), "_batch": str(batch.number), "_attempt": attempt}
    stamp = Stamp(f"aurify/{handle.table_id}/{attempt}", 1, note)
    DeltaRsCommitter().append(handle, found, schema, stamp, partition)
    back = handle.fresh()
    for version in range(back.version, handle.version, -1):
        commit = back.commit(version)
        if commit is not None and (commit.note or {}).get("attempt") == attempt:
            return commit.added_records
    return 0


def with_columns(handle: Handle, schema: StructType, note: Mapping[str, Any]) -> Handle:
    """The table with the new nullable columns of a schema added to it."""
    import json

    from deltalake import Schema
    from pyspark.sql.types import StructType

    from aurify.publish.target import commit_properties

    known = set(handle.schema.fieldNames())
    new = [f for f in schema.fields if f.name not in known]
    if not new:
        return handle
    fields = Schema.from_json(json.dumps(StructType(new).jsonValue())).fields
    handle.table.alter.add_columns(list(fields), commit_properties=commit_properties(note))
    return handle.fresh()
