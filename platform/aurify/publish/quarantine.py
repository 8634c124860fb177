"""Quarantine: the rows that failed, with every reason, in a Delta table beside the one they missed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from aurify.config.columns import sql_type
from aurify.config.names import quoted
from aurify.publish.batch_log import Batch
from aurify.publish.committer import DeltaRsCommitter, Stamp
from aurify.publish.staged import StagedFiles
from aurify.publish.target import Handle, Target
from aurify.publish.texts import as_text, from_text
from aurify.storage import Storage

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession
    from pyspark.sql.types import StructType

ROW, RAW = "_row", "_raw"
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
        StructField(RAW, MapType(text, text)),
        StructField("_pointers", MapType(text, text)),
        StructField("_generation", IntegerType()),
        StructField("_batch", IntegerType()),
        StructField("_attempt", text),
        StructField(ROW, LongType()),
    ]
    return StructType(own + engine)


def commit_quarantine(
    spark: SparkSession,
    storage: Storage,
    target: Target,
    staged: StagedFiles,
    batch: Batch,
    attempt: str,
    note: Mapping[str, Any],
) -> int:
    """Move the attempt's failed rows into quarantine and commit them there; gives the rows committed.

    They count only once a commit of the target names the attempt.
    """
    files = staged.of("quarantine")
    if not files:
        return 0
    schema = quarantine_schema(target)
    handle = Handle.open(target.quarantine_path) or Handle.create(target.quarantine_path, schema, note, PARTITION)
    handle = _retyped(spark, with_columns(handle, schema, note), target)
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


def with_types(rows: DataFrame, target: Target) -> DataFrame:
    """Rows of quarantine in the contract's types; a value that its type can't hold as it was stands in `_raw`."""
    from pyspark.sql import functions as F

    other = _of_other_types(rows.schema, target)
    if not other:
        return rows
    texts = {f"_aurify_text_{n}": as_text(F.col(quoted(n)), rows.schema[n].dataType) for n in other}
    values = {n: from_text(f"_aurify_text_{n}", target.schema[n].dataType) for n in other}
    pairs: list[Column] = []
    for name, value in values.items():
        text = F.col(quoted(f"_aurify_text_{name}"))
        is_same = as_text(value, target.schema[name].dataType).eqNullSafe(text)
        pairs += [F.lit(name), F.when(~is_same, text)]
    nothing = F.map_from_arrays(F.array().cast("array<string>"), F.array().cast("array<string>"))
    held = F.coalesce(F.col(RAW), nothing)
    lost = F.map_filter(F.create_map(*pairs), lambda n, text: text.isNotNull() & ~F.array_contains(F.map_keys(held), n))
    raw = F.when(F.size(lost) > 0, F.map_concat(held, lost)).otherwise(F.col(RAW))
    return rows.withColumns(texts).withColumns({RAW: raw, **values}).drop(*texts)


def _of_other_types(schema: StructType, target: Target) -> list[str]:
    have = {f.name: sql_type(f.dataType) for f in schema.fields}
    return [f.name for f in target.schema.fields if have.get(f.name, sql_type(f.dataType)) != sql_type(f.dataType)]


def _retyped(spark: SparkSession, handle: Handle, target: Target) -> Handle:
    """The table in the contract's types: written anew, in one commit, where a rebuild has changed one of them."""
    if not _of_other_types(handle.schema, target):
        return handle
    held = spark.read.format("delta").option("versionAsOf", handle.version).load(handle.path)
    writer = with_types(held, target).write.format("delta").mode("overwrite").option("overwriteSchema", "true")
    said = Stamp("", 0, {"kind": "retyped"}).user_metadata
    writer.partitionBy(*PARTITION).option("userMetadata", said).save(handle.path)
    return handle.fresh()


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
