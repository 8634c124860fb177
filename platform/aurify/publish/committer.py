"""The two ways to commit staged files: delta-rs names them in place, Spark copies them in."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from deltalake import Schema
from deltalake.transaction import AddAction, RemoveAction

from aurify.errors import DataError
from aurify.publish.delta_log import NOTE_KEY
from aurify.publish.staged import StagedFile
from aurify.publish.target import Handle, LiveFile, commit_properties, relative
from aurify.storage import is_on_s3

if TYPE_CHECKING:
    from pyspark.sql import SparkSession
    from pyspark.sql.types import StructType


@dataclass(frozen=True)
class Stamp:
    """What makes a commit ours and once only: the note and the transaction it completes."""

    app_id: str
    number: int
    note: Mapping[str, Any]

    @property
    def user_metadata(self) -> str:
        """The note as it stands in the log."""
        return json.dumps({NOTE_KEY: dict(self.note)}, sort_keys=True)


class Committer(Protocol):
    """Publishes staged files in one commit, or leaves the table as it was.

    A commit of a transaction that the table has already seen changes nothing; the caller reads the
    log back to learn whose commit stands.
    """

    name: str

    def append(
        self,
        handle: Handle,
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
        partition: Mapping[str, str | None] | None = None,
    ) -> None:
        """Add the rows of the files. CommitFailedError where anybody committed since the handle was loaded."""

    def replace(self, handle: Handle, files: Sequence[StagedFile], schema: StructType, stamp: Stamp) -> None:
        """Make the rows of the files the whole content of the table."""


def refuse_late_commit(path: str, by_spark: bool) -> None:
    """Stop where a table on S3 was taken over by another run while Spark committed to it.

    Spark looks whether a version is there, and then writes it: there alone a commit can replace one that came between.
    """
    handle = Handle.open(path) if is_on_s3(path) else None
    if handle is not None and (by_spark or handle.needs_spark):
        raise DataError.of(
            f"table {path}",
            "another run took it over, and a commit of Spark may have replaced one of that run",
            "a lease that is held to the end",
            "compare its history with the ledger; where a batch is gone: aurify restore TABLE --to the one before it",
        )


class DeltaRsCommitter:
    """Commits by delta-rs, through the handle whose transaction is still below the stamp's number."""

    name = "delta-rs"

    def append(
        self,
        handle: Handle,
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
        partition: Mapping[str, str | None] | None = None,
    ) -> None:
        self._commit(handle, files, schema, stamp, "append", partition or {})

    def replace(self, handle: Handle, files: Sequence[StagedFile], schema: StructType, stamp: Stamp) -> None:
        self._commit(handle, files, schema, stamp, "overwrite", {})

    def exchange(
        self,
        handle: Handle,
        removed: Sequence[LiveFile],
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
    ) -> None:
        """Put the rows of the files in the place of those of the removed ones."""
        self._commit(handle, files, schema, stamp, "append", {}, removed)

    @staticmethod
    def _commit(
        handle: Handle,
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
        mode: str,
        partition: Mapping[str, str | None],
        removed: Sequence[LiveFile] = (),
    ) -> None:
        if (handle.table.transaction_version(stamp.app_id) or 0) >= stamp.number:
            return
        columns = [name for name in schema.fieldNames() if name not in partition]
        actions: list[AddAction | RemoveAction] = [
            AddAction(
                path=relative(file.path, handle.path),
                size=file.size,
                partition_values={name: value or None for name, value in partition.items()},  # '' is NULL in Delta
                modification_time=file.modified_ms,
                data_change=True,
                stats=file.statistics(columns),
            )
            for file in files
        ]
        now = int(time.time() * 1000)
        actions += [RemoveAction(f.path, True, now, f.size, {}) for f in removed]
        handle.table.create_write_transaction(
            actions,
            mode,
            Schema.from_json(schema.json()),
            list(partition),
            commit_properties=commit_properties(stamp.note, {stamp.app_id: stamp.number}, strict=True),
        )


class SparkCommitter:
    """Commits by Spark, for tables that delta-rs can't write: the files are read and written once more."""

    name = "spark"

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def append(
        self,
        handle: Handle,
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
        partition: Mapping[str, str | None] | None = None,
    ) -> None:
        self._write(handle, files, schema, stamp, "append", partition or {})

    def replace(self, handle: Handle, files: Sequence[StagedFile], schema: StructType, stamp: Stamp) -> None:
        self._write(handle, files, schema, stamp, "overwrite", {})

    def _write(
        self,
        handle: Handle,
        files: Sequence[StagedFile],
        schema: StructType,
        stamp: Stamp,
        mode: str,
        partition: Mapping[str, str | None],
    ) -> None:
        from pyspark.sql import functions as F
        from pyspark.sql.types import StructType

        data = StructType([f for f in schema.fields if f.name not in partition])
        rows = (
            self._spark.read.schema(data).parquet(*(f.path for f in files))
            if files
            else self._spark.createDataFrame([], data)
        )
        fixed = [F.lit(value).cast(schema[name].dataType).alias(name) for name, value in partition.items()]
        writer = rows.select("*", *fixed).write.format("delta").mode(mode)
        writer.option("txnAppId", stamp.app_id).option("txnVersion", stamp.number).option(
            "userMetadata", stamp.user_metadata
        ).option("overwriteSchema", str(mode == "overwrite").lower()).save(handle.path)
