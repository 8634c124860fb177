"""One batch on its way into a table: quarantine commit, target commit, balance. The order is the safety."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from deltalake.exceptions import CommitFailedError

from aurify.config.names import quoted
from aurify.errors import DataError, Problem
from aurify.publish.balance import Balance, BalanceError
from aurify.publish.batch_log import Batch
from aurify.publish.committer import Committer, DeltaRsCommitter, SparkCommitter, Stamp
from aurify.publish.delta_log import Commit, unread_bytes
from aurify.publish.merge import content, merge, merge_session, rank
from aurify.publish.quarantine import attempt_folder, commit_quarantine, with_columns
from aurify.publish.ranges import between_files, located_column, rows_per_file
from aurify.publish.read import holds, overlaps, read_files, read_version
from aurify.publish.rewrite import IMAGES, POWERLESS, REWRITTEN, count_images, settled, terms
from aurify.publish.stage import write_staged
from aurify.publish.staged import StagedFiles
from aurify.publish.target import DELETED, Handle, LiveFile, Target, relative, transaction
from aurify.storage import Storage, parquet_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

LONG_LOG = 256 << 10
IN_PLACE, REWROTE, MERGED, REPLACED, EMPTY = "in place", "rewrite", "merge", "replace", "empty"


class Overtaken(Exception):
    """Another run published this batch first."""


class Conflict(Exception):
    """The commit did not take place: somebody else changed the table meanwhile. Start over from loading."""


@dataclass
class Attempt:
    """One try at one batch: where its files lie, what it counted, what its commit will say."""

    id: str
    batch: Batch
    target: Target
    handle: Handle
    storage: Storage
    spark: SparkSession
    step: Callable[[str], None]
    balance: Balance = field(default_factory=Balance)
    located: dict[str, list[Any]] = field(default_factory=dict)
    note: dict[str, Any] = field(default_factory=dict)
    oldest: datetime | None = None
    commit: Commit | None = None

    def __post_init__(self) -> None:
        self.staged = StagedFiles(self.storage, self.folder)

    @property
    def folder(self) -> str:
        """Where the attempt's files lie."""
        return f"{self.target.path}/{attempt_folder(self.batch, self.id)}"

    @property
    def stamp(self) -> Stamp:
        """What makes the target's commit ours and once only."""
        said = {**self.note, "attempt": self.id, "after": self.handle.version}
        return Stamp(self.handle.app_id, transaction(self.batch.generation, self.batch.number), said)


def count_before(attempt: Attempt, rows_same: bool) -> None:
    """Count every term over the staged files; rows that are in none of them stop the batch."""
    staged = attempt.staged
    attempt.balance = attempt.balance.with_counts(
        quarantined=staged.count("quarantine"),
        dropped=staged.count("drop"),
        superseded=staged.count("superseded"),
        offered=staged.count("ok"),
        removed=staged.count("removed"),
    )
    problem = attempt.balance.problem_before(rows_same)
    if problem is not None:
        raise BalanceError(f"{attempt.target.name} {attempt.batch.label}: nothing was published", [problem])


def publish_quarantine(attempt: Attempt) -> None:
    """Commit the failed rows to quarantine; they count once the target's commit names the attempt."""
    expected = attempt.balance.quarantined
    note = {key: told for key, told in attempt.stamp.note.items() if key != "rules"}  # they stand in the target's
    try:
        rows = commit_quarantine(
            attempt.spark, attempt.storage, attempt.target, attempt.staged, attempt.batch, attempt.id, note
        )
    except CommitFailedError as error:  # somebody else, who took this batch over, was there first
        raise _as_conflict(error) from error
    if rows != expected:
        problem = attempt.balance.with_counts(quarantined=rows).problem_before(rows_same=False)
        raise BalanceError(
            f"{attempt.target.name} {attempt.batch.label}: nothing was published", [problem] if problem else []
        )


def publish(attempt: Attempt) -> None:
    """The only commit point: make the rows offered visible, in one commit that carries the batch."""
    missing = attempt.staged.missing("ok", "removed")
    if missing:
        raise Conflict(f"staged files are gone: {', '.join(missing[:3])}")
    way = _way(attempt)
    attempt.note["committed"] = way
    attempt.note["counts"] = attempt.balance.as_dict()
    try:
        if way == MERGED:
            _merge(attempt)
        elif way == REWROTE:
            _rewrite(attempt)
        else:
            files = attempt.staged.of("ok")
            schema = attempt.target.physical_schema
            committer = _committer(attempt, way)
            act = committer.replace if way == REPLACED else committer.append
            act(attempt.handle, files, schema, attempt.stamp)
    except Exception as error:
        if read_back(attempt) is None:
            raise _as_conflict(error) from error
    if attempt.commit is None and read_back(attempt) is None:
        raise Conflict("the commit was refused")


def _committer(attempt: Attempt, way: str) -> Committer:
    retyped = way == REPLACED and not _same_types(attempt)
    if attempt.handle.needs_spark or retyped:
        return SparkCommitter(attempt.spark)
    return DeltaRsCommitter()


def _same_types(attempt: Attempt) -> bool:
    have = {f.name: f.dataType for f in attempt.handle.schema.fields}
    return have == {f.name: f.dataType for f in attempt.target.physical_schema.fields}


def _as_conflict(error: Exception) -> Exception:
    name = f"{type(error).__name__}: {error}"
    refused = isinstance(error, CommitFailedError) or "Concurrent" in name
    return Conflict(name.splitlines()[0]) if refused and "space" not in name else error


def _way(attempt: Attempt) -> str:
    """How the rows enter: named in place when none of them can meet a row that is there already."""
    target, batch = attempt.target, attempt.batch
    if batch.kind == "full":
        return REPLACED
    if attempt.balance.offered + attempt.balance.removed == 0:
        return EMPTY
    if target.mode == "append":
        return IN_PLACE
    if _touched(attempt) or _has_forgotten(attempt):
        return MERGED if attempt.handle.needs_spark else REWROTE
    return IN_PLACE


def _touched(attempt: Attempt) -> list[LiveFile]:
    """The live files that may hold a row of a key of the batch: all, where no statistics can tell."""
    return [f for f in attempt.handle.live_files() if overlaps(f, attempt.located)]


def _has_forgotten(attempt: Attempt) -> bool:
    """Whether a row is so old that a tombstone of its key may have been forgotten."""
    if attempt.oldest is None or attempt.target.order_by is None:
        return False
    ranges = [f.column(attempt.target.order_by) for f in attempt.staged.of("ok")]
    limit = attempt.oldest.strftime("%Y-%m-%dT%H:%M:%S")
    return any(r is None or r.low is None or str(r.low)[:19] <= limit for r in ranges)


def _source(attempt: Attempt, spark: SparkSession) -> DataFrame:
    """The staged rows as the MERGE reads them: those offered, and the removed keys as deletes."""
    from pyspark.sql import functions as F
    from pyspark.sql.types import BooleanType, StructField, StructType

    schema = StructType([f for f in attempt.target.physical_schema.fields if f.name != DELETED])
    marked = StructType([*schema.fields, StructField(DELETED, BooleanType())])
    rows = spark.read.schema(marked).parquet(*attempt.staged.paths("ok")) if attempt.balance.offered else None
    if not attempt.balance.removed:
        assert rows is not None
        return rows.withColumn(DELETED, F.coalesce(F.col(DELETED), F.lit(False)))
    removed = spark.read.schema(schema).parquet(*attempt.staged.paths("removed")).withColumn(DELETED, F.lit(True))
    kept = rows.withColumn(DELETED, F.lit(False)) if rows is not None else None
    return removed if kept is None else kept.unionByName(removed)


def _merge(attempt: Attempt) -> None:
    session = merge_session(attempt.spark, attempt.stamp)
    located = [holds(column, values, "t") for column, values in attempt.located.items()]
    merge(attempt.target, _source(attempt, session), located, attempt.oldest)


def _rewrite(attempt: Attempt) -> None:
    """Settle the staged rows with those of the files they touch, and exchange the files in one commit."""
    target, spark = attempt.target, attempt.spark
    touched = _touched(attempt)
    held = read_files(spark, target.path, [f.path for f in touched], attempt.handle.schema)
    column = located_column(target)
    offered = attempt.balance.offered + attempt.balance.removed
    bounds = between_files(touched, column, attempt.located[column], offered) if column else ()
    rows = settled(target, held, _source(attempt, spark), attempt.oldest, bounds)
    if target.locate_by:
        rows = rows.sortWithinPartitions(*map(quoted, target.locate_by))
    what = f"{target.name} {attempt.batch.label}: settle with the rows that are there"
    write_staged(rows, attempt.folder, what, rows_per_file(target))
    attempt.staged.forget()
    attempt.step("settled")
    attempt.note["images"] = [relative(p, target.path) for p in attempt.staged.paths(IMAGES)]
    attempt.note["terms"] = terms(attempt.staged, target.mode == "upsert")
    _refuse_lost_outcomes(attempt)
    if attempt.balance.withdrawn and not target.deletes_itself:
        _refuse_powerless(attempt, attempt.staged.count(POWERLESS))
    files = attempt.staged.of(REWRITTEN)
    if not attempt.note["images"]:
        touched, files, attempt.note["committed"] = [], [], EMPTY
    DeltaRsCommitter().exchange(attempt.handle, touched, files, target.physical_schema, attempt.stamp)


def _refuse_lost_outcomes(attempt: Attempt) -> None:
    """Stop before the commit where a row has no outcome, or a change no image before it."""
    told, balance = attempt.note["terms"], attempt.balance
    problem = balance.with_counts(**told).problem_after()
    changed = told["updated"] + told["deleted"]
    before = count_images(attempt.staged, "update_preimage", "delete")
    if problem is None and before != changed:
        problem = Problem("balance", f"{before} images of rows before their change", f"{changed} updated and deleted")
    if problem is not None:
        raise BalanceError(f"{attempt.target.name} {attempt.batch.label}: nothing was published", [problem])


def read_back(attempt: Attempt) -> Commit | None:
    """Find the commit of this batch in the log: ours it is, or somebody else's, or there is none."""
    after = attempt.handle.fresh()
    if after.position < (attempt.batch.generation, attempt.batch.number):
        return None
    between: list[Commit] = []
    for version in range(attempt.handle.version + 1, after.version + 1):
        commit = after.commit(version)
        note = (commit.note if commit else None) or {}
        if commit is not None and (note.get("generation"), note.get("batch")) == (
            attempt.batch.generation,
            attempt.batch.number,
        ):
            if note.get("attempt") != attempt.id:
                raise Overtaken(str(note.get("run")))
            attempt.commit = commit
            refuse_foreign(attempt.target.name, [c for c in between if c.is_foreign])
            return commit
        if commit is not None:
            between.append(commit)
    raise Overtaken("another run")


def refuse_foreign(table: str, found: Sequence[Commit]) -> None:
    """Stop where somebody else changed the table: what the log says and what readers see differ."""
    if found:
        told = ", ".join(f"version {c.version} ({c.operation})" for c in found)
        raise ForeignCommit.of(
            table,
            f"{told} was not made by Aurify",
            "only Aurify's own commits since the last batch",
            f"undo it: aurify restore {table} --to BATCH; or keep it: aurify accept-change {table} {found[-1].version}",
        )


class ForeignCommit(DataError):
    """A table was changed by hand."""


def count_after(attempt: Attempt) -> None:
    """Count what the commit did to every row offered; what it can't tell is counted by a join."""
    assert attempt.commit is not None
    attempt.balance = settled_balance(attempt, attempt.commit)


def settled_balance(attempt: Attempt, commit: Commit) -> Balance:
    """The balance after a commit; BalanceError where it does not add up."""
    balance = settle(attempt, commit)
    problem = balance.problem_after()
    if problem is not None:
        title = f"{attempt.target.name} {attempt.batch.label}: rows were lost by the commit"
        raise BalanceError(title, [problem], _way_back(attempt))
    return balance


def _way_back(attempt: Attempt) -> str:
    """How to undo a batch whose commit lost rows."""
    name, number = attempt.target.name, attempt.batch.number
    return f"aurify restore {name} --to {number - 1}" if number > 1 else f"aurify refresh {name} --full"


def settle(attempt: Attempt, commit: Commit) -> Balance:
    """The balance after a commit, from the commit itself, and from the staged rows where it can't tell."""
    balance = attempt.balance
    if "terms" in attempt.note:
        _refuse_unbalanced_exchange(attempt, commit)
        return balance.with_counts(**attempt.note["terms"])
    if attempt.note["committed"] != MERGED:
        return balance.with_counts(inserted=commit.added_records)
    inserted = commit.metrics.get("numTargetRowsInserted", 0)
    updated = commit.metrics.get("numTargetRowsUpdated", 0)
    deleted = commit.metrics.get("numTargetRowsDeleted", 0)
    if attempt.target.mode == "upsert" and updated:
        deleted = _tombstones(attempt.target, commit)
        updated -= deleted
    balance = balance.with_counts(inserted=inserted, updated=updated, deleted=deleted)
    if balance.offered + balance.removed == inserted + updated + deleted:
        return balance
    stale, unchanged = _stale_and_unchanged(attempt, commit)
    return balance.with_counts(stale=stale, unchanged=unchanged)


def _refuse_unbalanced_exchange(attempt: Attempt, commit: Commit) -> None:
    """The files exchanged must hold as many rows as before, and those inserted, without those deleted for good."""
    before = Handle.open(attempt.target.path, commit.version - 1)
    records = {f.path: f.records or 0 for f in before.live_files()} if before else {}
    removed = sum(records.get(f.path, 0) for f in commit.removes)
    told = attempt.note["terms"]
    hard = told["deleted"] if attempt.target.mode == "recompute" else 0
    expected = removed + told["inserted"] - hard
    if commit.added_records != expected:
        problem = Problem(
            "balance",
            f"{commit.added_records} rows in the files that the commit added",
            f"{expected}: {removed} in the files it removed, {told['inserted']} inserted, {hard} deleted",
        )
        restore = _way_back(attempt)
        raise BalanceError(
            f"{attempt.target.name} {attempt.batch.label}: rows were lost by the commit", [problem], restore
        )


def _tombstones(target: Target, commit: Commit) -> int:
    """Rows that the commit made tombstones, from its change images."""
    import pyarrow.compute as pc

    total = 0
    for file in commit.change_files:
        images = parquet_rows(f"{target.path}/{file.path}", ["_change_type", DELETED])
        became = pc.and_(pc.equal(images["_change_type"], "update_postimage"), pc.fill_null(images[DELETED], False))
        total += pc.sum(became).as_py() or 0
    return total


def _stale_and_unchanged(attempt: Attempt, commit: Commit) -> tuple[int, int]:
    """Rows older than, and equal to, what the version before the commit held of their key."""
    from pyspark.sql import functions as F

    target, spark = attempt.target, attempt.spark
    before = Handle.open(target.path, commit.version - 1)
    assert before is not None
    held = read_version(spark, before, attempt.located).alias("t")
    offered = _source(attempt, spark).alias("s")
    keys = [F.col(f"s.{quoted(k)}") == F.col(f"t.{quoted(k)}") for k in target.keys]
    pairs = offered.join(held, keys, "left")
    known = F.col(f"t.{quoted(target.keys[0])}").isNotNull()
    if target.mode == "recompute":
        same = known & ~F.col(f"s.{DELETED}") & content(target, "s").eqNullSafe(content(target, "t"))
        counted = pairs.agg(F.lit(0).alias("stale"), F.count_if(same).alias("unchanged")).first()
    else:
        newer, older = rank(target, "s"), rank(target, "t")
        order = quoted(str(target.order_by))
        forgotten = F.lit(False) if attempt.oldest is None else ~known & (F.col(f"s.{order}") < F.lit(attempt.oldest))
        stale = (known & (newer < older)) | forgotten
        # a withdrawal that ties with the row it withdraws would leave the row standing for ever
        powerless = known & F.col(f"s.{DELETED}") & (newer < older) & (F.col(f"s.{order}") == F.col(f"t.{order}"))
        powerless = powerless & ~F.coalesce(F.col(f"t.{DELETED}"), F.lit(False))
        counted = pairs.agg(
            F.count_if(stale).alias("stale"),
            F.count_if(known & (newer == older)).alias("unchanged"),
            F.count_if(powerless).alias("powerless"),
        ).first()
        _refuse_powerless(attempt, 0 if counted is None else int(counted["powerless"]))
    assert counted is not None
    return int(counted["stale"]), int(counted["unchanged"])


def _refuse_powerless(attempt: Attempt, rows: int) -> None:
    if rows:
        raise DataError.of(
            f"{attempt.target.name} {attempt.batch.label}",
            f"{rows} withdrawn rows have the same {attempt.target.order_by} as the rows they withdraw, which stay",
            "an order that rises with every delivery",
            f"derive {attempt.target.order_by} from _delivered_at, then aurify refresh {attempt.target.name} --full",
        )


def clean(attempt: Attempt) -> None:
    """Delete the staged files that no commit names."""
    committed = attempt.note.get("committed")
    if committed in (IN_PLACE, REPLACED, REWROTE) and not attempt.handle.needs_spark:
        live = (REWRITTEN, IMAGES) if committed == REWROTE else ("ok",)
        for name in attempt.storage.names(attempt.folder):
            if name.removeprefix("verdict=") not in live:
                attempt.storage.remove(f"{attempt.folder}/{name}")
    else:
        attempt.storage.remove(attempt.folder)


def shorten_log(attempt: Attempt) -> None:
    """Write a checkpoint of a log that has become long to read: every opening of the table reads it from the last one.

    A batch of thousands of files names each of them in its commit.
    """
    if attempt.commit is not None and not attempt.handle.needs_spark and unread_bytes(attempt.target.path) > LONG_LOG:
        attempt.handle.fresh().table.create_checkpoint()


def evolve(handle: Handle, target: Target, note: Mapping[str, Any]) -> Handle:
    """The table with the contract's new nullable columns."""
    return with_columns(handle, target.physical_schema, note)
