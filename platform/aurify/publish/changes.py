"""What changed in a table between two versions, from the files its log names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError
from aurify.publish.batch_log import BatchLog, FileDelivery, VersionRange
from aurify.publish.delta_log import Commit, commits
from aurify.publish.literals import literal_rows
from aurify.publish.merge import ranks
from aurify.publish.read import read_files, read_version
from aurify.publish.target import DELETED, Handle, Target
from aurify.storage import Storage, parquet_file, parquet_footer

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

MAINTENANCE = "maintenance"
_NEXT, _NEXT_MS = "_aurify_next", "_aurify_next_ms"
ARRIVED = ("insert", "update_postimage")
EVERY_KIND = (*ARRIVED, "update_preimage", "delete")


class InputGone(ConfigurationError):
    """An input that a batch needs is no longer there as it was recorded."""


def input_gone(table: str, found: str) -> InputGone:
    """The error for an input that can't be read any more, with the way on."""
    return InputGone.of(
        table,
        found,
        "every version since the last batch",
        f"rebuild what reads it: aurify refresh TABLE --full ({table})",
    )


@dataclass(frozen=True)
class ChangedFiles:
    """The files of (after, to] that hold changed rows, by path relative to the table; `maintenance` are versions."""

    inserts: tuple[str, ...]
    images: tuple[str, ...]
    insert_records: int
    redelivered: tuple[FileDelivery, ...]
    commits: int
    maintenance: tuple[int, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing changed."""
        return not self.inserts and not self.images and not self.redelivered


def changed_files(storage: Storage, path: str, span: VersionRange) -> ChangedFiles:
    """What the commits of the range changed; maintenance and compaction changed nothing.

    A range from the start (`after` is -1) is the whole table as of `to`, since its log may be shorter than its life.
    """
    if span.after < 0:
        return _whole(storage, path, span)
    try:
        made = list(commits(path, span.after, span.to))
    except LookupError as lost:
        raise input_gone(span.table, f"its log no longer holds version {lost.args[0]}") from None
    found = [c for c in made if (c.note or {}).get("kind") != MAINTENANCE]
    images = [f.path for c in found for f in c.change_files]
    # a MERGE that found nothing to change still rewrites what it matched: removes and no images
    adds = [f for c in found if not c.change_files and not c.removes for f in c.adds if f.data_change]
    for name in (*images, *(f.path for f in adds)):
        if not storage.exists(f"{path}/{name}"):
            raise input_gone(span.table, f"file {name} of versions {span.after + 1} to {span.to} was vacuumed")
    return ChangedFiles(
        inserts=tuple(f.path for f in adds),
        images=tuple(images),
        insert_records=sum(f.records or 0 for f in adds),
        redelivered=tuple(f for c in found for f in _deliveries(c) if f.delivery > 1),
        commits=sum(1 for c in found if c.adds or c.change_files),
        maintenance=tuple(c.version for c in made if c not in found),
    )


def _whole(storage: Storage, path: str, span: VersionRange) -> ChangedFiles:
    handle = Handle.open(path, span.to)
    if handle is None:
        raise input_gone(span.table, f"there is no table at {path}")
    live = handle.live_files()
    generation, number = handle.position
    return ChangedFiles(
        inserts=tuple(f.path for f in live),
        images=(),
        insert_records=sum(f.records or 0 for f in live),
        redelivered=BatchLog(storage, path, generation).consumed(number).redelivered,
        commits=1,
    )


def _deliveries(commit: Commit) -> list[FileDelivery]:
    record: dict[str, Any] = (commit.note or {}).get("record") or {}
    return [FileDelivery.model_validate(f) for f in record.get("files", ())]


class ChangeReader:
    """The changed rows of one driving input, as frames: what came, what was withdrawn, what it touches.

    With `each_once`, for a reader that takes nothing back, lines that a replay delivers again do not come again.
    """

    def __init__(
        self, spark: SparkSession, storage: Storage, source: Target, span: VersionRange, each_once: bool = False
    ) -> None:
        self._spark = spark
        self._source = source
        self.span = span
        self.each_once = each_once
        self.files = changed_files(storage, source.path, span)

    @cached_property
    def handle(self) -> Handle:
        """The driving table at the batch's last version."""
        handle = Handle.open(self._source.path, self.span.to)
        if handle is None or handle.table_id != self.span.table_id:
            raise input_gone(self.span.table, "another table lies at its path than when the batch was recorded")
        return handle

    @cached_property
    def _by_spark(self) -> bool:
        """Whether files alone may not tell the rows: deletion vectors take some away, mapped columns are renamed."""
        return bool(self.handle.needs_spark)

    def _changed(self, kinds: Sequence[str]) -> DataFrame:
        """The images of these kinds of change, with all rows that were inserted."""
        from pyspark.sql import functions as F
        from pyspark.sql.types import StringType, StructField, StructType

        path, columns = self._source.path, [quoted(name) for name in self.handle.schema.fieldNames()]
        if self._by_spark:
            return (
                self._feed(kinds).select(*columns) if self.span.after >= 0 else read_version(self._spark, self.handle)
            )
        inserts = read_files(self._spark, path, self.files.inserts, self.handle.schema)
        if not self.files.images:
            return inserts
        schema = StructType([*self.handle.schema.fields, StructField("_change_type", StringType())])
        images = read_files(self._spark, path, self.files.images, schema).where(F.col("_change_type").isin(*kinds))
        told = images.select(*columns)
        return told.unionByName(inserts) if self.files.inserts else told

    def _feed(self, kinds: Sequence[str]) -> DataFrame:
        """The same as Delta's own reader tells it."""
        from pyspark.sql import functions as F

        span = {"startingVersion": self.span.after + 1, "endingVersion": self.span.to}
        feed = self._spark.read.format("delta").option("readChangeFeed", True).options(**span).load(self._source.path)
        told = feed.where(F.col("_change_type").isin(*kinds))
        upkeep = F.col("_commit_version").isin(*self.files.maintenance)
        return told.where(~upkeep) if self.files.maintenance else told

    def rows(self) -> DataFrame:
        """The newest image of every row that came or changed, tombstones included."""
        rows = self._changed(ARRIVED)
        return newest_per_key(rows, self._source) if self.files.commits > 1 else rows

    def new(self, columns: Sequence[str]) -> DataFrame:
        """The distinct values of these columns among the rows whose key is new, as they came."""
        return self._changed(("insert",)).select(*(quoted(name) for name in columns)).distinct()

    @cached_property
    def has_withdrawn(self) -> bool:
        """Whether rows were taken away: deletes, or lines that a newer delivery of a file replaces."""
        if self.files.redelivered:
            return True
        if self._source.mode == "upsert" and self._by_spark:
            return not self.rows().where(quoted(DELETED)).isEmpty()
        names = (*self.files.inserts, *self.files.images)
        return self._source.mode == "upsert" and holds_true([f"{self._source.path}/{n}" for n in names], DELETED)

    def put(self) -> DataFrame:
        """The rows that came or changed."""
        from pyspark.sql import functions as F

        rows = self._without_replayed(self.rows()) if self.each_once else self.rows()
        if DELETED not in rows.columns:
            return rows
        return (rows.where(~F.coalesce(F.col(DELETED), F.lit(False))) if self.has_withdrawn else rows).drop(DELETED)

    def withdrawn(self) -> DataFrame:
        """The rows taken away, each with the order of what took it away."""
        from pyspark.sql import functions as F

        if self._source.mode == "upsert":
            return self.rows().where(F.col(DELETED)).drop(DELETED)
        return self._replaced_deliveries()

    def _replaced_deliveries(self) -> DataFrame:
        from pyspark.sql import functions as F

        old = self._previous_lines(self.files.redelivered)
        relabelled = old.withColumn("_delivery", F.col(_NEXT)).withColumn("_delivered_at", F.timestamp_millis(_NEXT_MS))
        return relabelled.select(*(quoted(name) for name in self.handle.schema.fieldNames()))

    def _previous_lines(self, deliveries: Sequence[FileDelivery]) -> DataFrame:
        """The rows of the delivery before each of these, with number and time of the one that follows."""
        from pyspark.sql import functions as F

        pairs = [
            {"_source_file": f.path, "_delivery": f.delivery - 1, _NEXT: f.delivery, _NEXT_MS: f.delivered_ms}
            for f in deliveries
        ]
        columns = f"_source_file string, _delivery int, {_NEXT} int, {_NEXT_MS} bigint"
        newer = F.broadcast(literal_rows(self._spark, pairs, columns))
        held = read_version(self._spark, self.handle, {"_source_file": sorted({f.path for f in deliveries})})
        return held.join(newer, ["_source_file", "_delivery"], "inner")

    def _without_replayed(self, rows: DataFrame) -> DataFrame:
        """The rows without the lines that a replay has delivered once more as they were."""
        from pyspark.sql import functions as F

        again = [f for f in self.files.redelivered if f.original is not None]
        if not again:
            return rows
        lines = self._previous_lines(again).select("_source_file", "_source_row", F.col(_NEXT).alias("_delivery"))
        return rows.join(lines, ["_source_file", "_source_row", "_delivery"], "left_anti").select(*rows.columns)

    def touched(self, by: Sequence[str]) -> DataFrame:
        """The distinct groups of all rows before and after their change."""
        columns = [quoted(name) for name in by]
        rows = self._changed(EVERY_KIND).select(*columns)
        if self.files.redelivered:
            rows = rows.unionByName(self._replaced_deliveries().select(*columns))
        return rows.distinct()

    @property
    def changed_records(self) -> int:
        """Rows in the files that hold changes, images before and after each counted."""
        if self._by_spark:
            return self._changed(EVERY_KIND).count()
        paths = (f"{self._source.path}/{name}" for name in self.files.images)
        return self.files.insert_records + sum(int(parquet_footer(path).num_rows) for path in paths)

    def count(self) -> int:
        """Rows that came or changed."""
        plain = not self._by_spark and not self.files.images and not self.has_withdrawn
        return self.files.insert_records if plain and self.files.commits <= 1 else self.put().count()


def newest_per_key(rows: DataFrame, source: Target) -> DataFrame:
    """One row a key of an Upsert table: the one its own order makes the winner, so that versions don't matter."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    if source.mode != "upsert":
        return rows
    newest = Window.partitionBy(*(quoted(k) for k in source.keys)).orderBy(*(value.desc() for value in ranks(source)))
    return rows.withColumn("_newest", F.row_number().over(newest)).where("_newest = 1").drop("_newest")


def holds_true(paths: Sequence[str], column: str) -> bool:
    """Whether any row of the files has true in a boolean column; footers are asked first."""
    for path in paths:
        with parquet_file(path) as file:
            names = file.schema_arrow.names
            if column not in names:
                continue
            place = names.index(column) if len(file.schema) == len(names) else None
            groups = [file.metadata.row_group(g).column(place) for g in range(file.num_row_groups)] if place else []
            stats = [g.statistics for g in groups]
            told = zip(stats, groups, strict=True)
            if stats and all(s and s.has_null_count and s.null_count == g.num_values for s, g in told):
                continue
            if any(v for batch in file.iter_batches(columns=[column]) for v in batch.column(0).unique().to_pylist()):
                return True
    return False


def current_deliveries(storage: Storage, rows: DataFrame, handle: Handle) -> DataFrame:
    """Of a table fed by files, the rows of the newest delivery of each file as of the handle's version."""
    from pyspark.sql import functions as F

    generation, number = handle.position
    files = BatchLog(storage, handle.path, generation).consumed(number).files.values()
    newer = [{"_source_file": f.path, "_latest": f.delivery} for f in files if f.delivery > 1]
    if not newer:
        return rows
    latest = F.broadcast(literal_rows(rows.sparkSession, newer, "_source_file string, _latest int"))
    marked = rows.join(latest, ["_source_file"], "left")
    return marked.where(F.col("_delivery") == F.coalesce(F.col("_latest"), F.lit(1))).select(*rows.columns)
