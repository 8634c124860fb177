"""Quarantine, read: which rows failed, why, and what has become of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.publish.batch_log import BatchLog, Consumed, FileDelivery, Replay, VersionRange
from aurify.publish.literals import literal_rows
from aurify.publish.passed import PLACE, lists
from aurify.publish.quarantine import ROW, quarantine_schema, with_types
from aurify.publish.state import TableState, lineage
from aurify.publish.target import Handle
from aurify.tables.spec import Append, Recompute, TableSpec, Upsert
from aurify.workflows.row_decisions import DECISION, newest_decisions
from aurify.workflows.row_states import ACCEPTED, OPEN, REJECTED, REPAIRED, REPLACED, REPLAYED
from aurify.workflows.settle import unrecorded

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake

STATE, SUITE, OTHERS = "_state", "_aurify_suite", "_aurify_others"
IS_REJECTED, IS_REPLAYED, IS_REPLACED = "_aurify_is_rejected", "_aurify_is_replayed", "_aurify_is_replaced"


@dataclass(frozen=True)
class PublishedBatch:
    """A batch whose rows count: its kind and attempt, what was decided about it as a whole, and what judged it."""

    generation: int
    number: int
    kind: str
    attempt: str
    state: str
    suite: str
    others: str


def quarantined(lake: Lake, table: str, pending: bool = False) -> DataFrame:
    """The failed rows whose attempt a commit of the table names; or, pending, those of attempts without one.

    `_state` is open, repaired, accepted or rejected; replayed once a replay took the row, and replaced once its
    file or its group came anew.
    """
    from pyspark.sql import functions as F

    spec, state = lake.spec(table), lake.state(table)
    if pending:
        rows = _rows(lake, table, lake.session, None)
        named = [batch.attempt for batch in published_batches(lake, state, everything=True)]
        return rows.where(~F.col("_attempt").isin(named)).withColumn(STATE, F.lit("pending"))
    found = with_states(lake, spec, state, lake.session)
    return found.select(*map(quoted, quarantine_schema(lake.target(table)).fieldNames()), STATE)


def with_states(
    lake: Lake,
    spec: TableSpec,
    state: TableState,
    session: SparkSession,
    version: int | None = None,
    decisions: int | None = None,
    everything: bool = False,
) -> DataFrame:
    """The failed rows of the batches that count, at a version of quarantine and of the decisions, or the newest.

    With `everything`, those of batches that were undone, too.

    Beside `_state`, what a replay needs: the rules that people excused a row from, its repaired values, and the suite
    and the tables that judged it.
    """
    from pyspark.sql import functions as F

    batches = published_batches(lake, state, everything)
    said = [vars(batch) for batch in batches]
    columns = "generation int, number int, attempt string, state string, suite string, others string"
    known = literal_rows(session, said, columns).select(
        F.col("attempt").alias("_attempt"),
        (F.col("state") == REJECTED).alias(IS_REJECTED),
        F.col("suite").alias(SUITE),
        F.col("others").alias(OTHERS),
    )
    # by name first: the version may name files of attempts without a commit, which maintenance has removed
    held = _rows(lake, spec.name, session, version).where(F.col("_attempt").isin(sorted(_attempts(batches))))
    rows = held.join(F.broadcast(known), ["_attempt"])
    rows = newest_decisions(rows, session, state.target, decisions)
    rows = rows.withColumn(IS_REPLAYED, F.lit(False)).withColumn(IS_REPLACED, F.lit(False))
    rows = _marked_replayed(rows, session, state, batches)
    if isinstance(spec.write, Recompute):
        rows = _marked_by_group(rows, session, state, batches)
    elif spec.folder is not None and isinstance(spec.write, Append):
        rows = _marked_by_delivery(rows, session, state.consumed)
    elif isinstance(spec.write, Upsert):
        rows = _marked_by_source(rows, lake, session, state.consumed)
    decided = F.coalesce(DECISION, F.when(F.col(IS_REJECTED), REJECTED).otherwise(OPEN))
    shown = F.when(F.col(IS_REPLAYED), REPLAYED).when(F.col(IS_REPLACED), REPLACED).otherwise(decided)
    return rows.withColumn(STATE, shown).drop(IS_REPLAYED, IS_REPLACED, IS_REJECTED)


def published_batches(lake: Lake, state: TableState, everything: bool = False) -> list[PublishedBatch]:
    """The batches that made the rows that stand, or all that ever were; from the ledger, and the log after it."""
    name, handle = state.target.name, state.handle
    if handle is None:
        return []
    stands = min(lake.batches_ledger.newest(name), lake.rules_ledger.newest(name))
    told: dict[str, dict[str, Any]] = {str(row["attempt"]): dict(row) for row in lake.batches_ledger.rows(name)}
    told |= {str(note["attempt"]): dict(note) for _, note in unrecorded(state, stands)}
    counts = lineage(handle)

    def stands_still(row: dict[str, Any]) -> bool:
        last = counts.get(int(row["generation"]), 0)
        return last is None or int(row["batch"]) <= last

    return [
        PublishedBatch(
            int(row["generation"]),
            int(row["batch"]),
            str(row["kind"]),
            attempt,
            str(row["state"]),
            str(row["suite"]),
            _others(lake, state, row),
        )
        for attempt, row in told.items()
        if everything or stands_still(row)
    ]


def _others(lake: Lake, state: TableState, row: dict[str, Any]) -> str:
    """The versions of the tables that judged a replay, as one text; unknown of other batches."""
    if row["kind"] != "replay":
        return ""
    batch = BatchLog(lake.storage, state.target.path, int(row["generation"])).batch(int(row["batch"]))
    return versions_text(batch.replay.others) if batch is not None and batch.replay is not None else ""


def versions_text(others: dict[str, int]) -> str:
    """Versions of tables as one text that can be compared."""
    return ", ".join(f"{name} {version}" for name, version in sorted(others.items()))


def _rows(lake: Lake, table: str, session: SparkSession, version: int | None) -> DataFrame:
    target = lake.target(table)
    handle = Handle.open(target.quarantine_path, version)
    if handle is None or handle.version == 0:
        return session.createDataFrame([], quarantine_schema(target))
    rows = session.read.format("delta").option("versionAsOf", handle.version).load(target.quarantine_path)
    return with_types(with_all_columns(rows, quarantine_schema(target).fields), target)


def with_all_columns(rows: DataFrame, fields: Sequence[Any]) -> DataFrame:
    """The rows with the columns of the contract, NULL where quarantine is older than a column."""
    from pyspark.sql import functions as F

    known = set(rows.columns)
    new = {f.name: F.lit(None).cast(f.dataType) for f in fields if f.name not in known}
    return rows.withColumns(new) if new else rows


def _attempts(batches: Sequence[PublishedBatch]) -> set[str]:
    return {batch.attempt for batch in batches}


def _marked_replayed(
    rows: DataFrame, session: SparkSession, state: TableState, batches: Sequence[PublishedBatch]
) -> DataFrame:
    """`IS_REPLAYED`: a replay that counts has taken the row."""
    from pyspark.sql import functions as F

    paths = lists(state.storage, state.target.path, "replayed", _attempts(batches))
    if not paths:
        return rows
    taken = session.read.schema(f"_generation int, _batch int, {ROW} bigint").parquet(*paths)
    taken = taken.withColumn("_aurify_taken", F.lit(True))
    found = rows.join(taken, list(PLACE), "left")
    return found.withColumn(IS_REPLAYED, F.col("_aurify_taken").isNotNull()).drop("_aurify_taken")


def _marked_by_group(
    rows: DataFrame, session: SparkSession, state: TableState, batches: Sequence[PublishedBatch]
) -> DataFrame:
    """`IS_REPLACED`: a later batch that counts computed the row's group again."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import IntegerType, StructField, StructType

    paths = lists(state.storage, state.target.path, "touched", _attempts(batches))
    if not paths:
        return rows
    by = state.target.locate_by
    place = [StructField(name, IntegerType()) for name in PLACE[:2]]
    listed = session.read.schema(StructType([*(state.target.schema[n] for n in by), *place])).parquet(*paths)
    newest = listed.groupBy(*map(quoted, by)).agg(F.max(F.struct(*PLACE[:2])).alias("_aurify_touched")).alias("t")
    same = reduce(and_, (F.col(f"r.{quoted(n)}").eqNullSafe(F.col(f"t.{quoted(n)}")) for n in by))
    found = rows.alias("r").join(newest, same, "left").select("r.*", "t._aurify_touched")
    later = F.coalesce(F.col("_aurify_touched") > F.struct(*PLACE[:2]), F.lit(False))
    return found.withColumn(IS_REPLACED, later).drop("_aurify_touched")


def _marked_by_delivery(rows: DataFrame, session: SparkSession, consumed: Consumed) -> DataFrame:
    """`IS_REPLACED`: the source has delivered the row's file again, with other lines."""
    from pyspark.sql import functions as F

    content = {(f.path, f.delivery): f.content for f in (*consumed.redelivered, *consumed.files.values())}
    old = [
        {"_source_file": path, "_delivery": delivery, "_aurify_is_old": True}
        for path, newest in consumed.files.items()
        for delivery in range(1, newest.delivery)
        if content.get((path, delivery), delivery) != newest.content
    ]
    if not old:
        return rows
    known = F.broadcast(literal_rows(session, old, "_source_file string, _delivery int, _aurify_is_old boolean"))
    found = rows.join(known, ["_source_file", "_delivery"], "left")
    return found.withColumn(IS_REPLACED, F.col("_aurify_is_old").isNotNull()).drop("_aurify_is_old")


def _marked_by_source(rows: DataFrame, lake: Lake, session: SparkSession, consumed: Consumed) -> DataFrame:
    """`IS_REPLACED`: the table has read a newer delivery of the file that the row came from, as its pointers tell."""
    from pyspark.sql import functions as F

    newer = [
        {"_aurify_path": f.path, "_aurify_newest": f.delivery}
        for span in consumed.versions.values()
        for f in _deliveries_read(lake, span).values()
        if f.delivery > 1
    ]
    if not newer:
        return rows
    known = F.broadcast(literal_rows(session, newer, "_aurify_path string, _aurify_newest int"))
    is_old = F.col("_aurify_newest") > F.col("_pointers")["_delivery"].cast("int")
    found = rows.join(known, F.col("_pointers")["_source_file"] == F.col("_aurify_path"), "left")
    return found.withColumn(IS_REPLACED, F.coalesce(is_old, F.lit(False))).drop("_aurify_path", "_aurify_newest")


def _deliveries_read(lake: Lake, span: VersionRange) -> dict[str, FileDelivery]:
    """The newest delivery of every file up to the version read, of a table that files feed."""
    spec = lake.specs.get(span.table)
    if spec is None or spec.folder is None or not isinstance(spec.write, Append):
        return {}
    path = lake.target(span.table).path
    handle = Handle.open(path, span.to)
    if handle is None or handle.position[0] != span.generation:
        return {}
    return BatchLog(lake.storage, path, span.generation).consumed(handle.position[1]).files


def takeable(rows: DataFrame, replay: Replay) -> DataFrame:
    """Of rows with states, those that a replay takes: repaired, accepted, or open and not judged so before."""
    from pyspark.sql import functions as F

    is_other = F.col(SUITE) != replay.suite
    if replay.references:
        looked = F.exists("_failed", lambda reason: reason["id"].isin(list(replay.references)))
        is_other = is_other | (looked & (F.col(OTHERS) != versions_text(replay.others)))
    wanted = F.col(STATE).isin(REPAIRED, ACCEPTED) | ((F.col(STATE) == OPEN) & is_other)
    return rows.where(wanted & F.col(ROW).isNotNull())
