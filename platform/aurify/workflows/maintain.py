"""Maintenance: compact, forget old tombstones, vacuum, sweep; never past a change that somebody has yet to read."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import DataError
from aurify.publish.batch_log import VersionRange
from aurify.publish.committer import Stamp
from aurify.publish.ranges import located_column
from aurify.publish.state import TableState, notes
from aurify.publish.sweep import AN_HOUR, sweep
from aurify.publish.target import DELETED, Handle
from aurify.tables.graph import downstream_of
from aurify.tables.spec import TableSpec, Upsert
from aurify.workflows.lake import Lake, selected
from aurify.workflows.run import Listener, Run, quiet
from aurify.workflows.settle import record_ledger

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

A_WEEK_IN_HOURS = 168
# A batch rewrites the files that it meets: small ones, of one range each.
LOCATED_FILE_BYTES = 16 << 20
LISTING_TASKS = "spark.sql.sources.parallelPartitionDiscovery.parallelism"


@dataclass
class Maintained:
    """What maintenance did to one table; times in hours."""

    table: str
    files_before: int = 0
    files_after: int = 0
    retained_hours: int = 0
    held_back_by: str = ""
    tombstones_forgotten: int = 0
    swept: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return vars(self)


@dataclass(frozen=True)
class MaintainReport:
    """What maintenance did."""

    tables: Sequence[Maintained]
    exit_code: int = 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"tables": [table.as_dict() for table in self.tables]}


def maintain(
    lake: Lake,
    selection: Sequence[str] = (),
    *,
    retain_hours: int = A_WEEK_IN_HOURS,
    sweep_after_s: float = AN_HOUR,
    listen: Listener = quiet,
) -> list[Maintained]:
    """Maintain the selected tables, one after the other, each under its lease."""
    names = selected(lake, selection, scores=True)
    run = Run(lake, names, listen)
    record_ledger(lake, run)
    return [
        _maintain(lake, lake.spec(name), run, retain_hours, sweep_after_s)
        for name in names
        if lake.state(name).handle is not None
    ]


def _maintain(lake: Lake, spec: TableSpec, run: Run, retain_hours: int, sweep_after_s: float) -> Maintained:
    done = Maintained(spec.name)
    with lake.lease(spec.name, run.id, by_spark=True):
        state = lake.state(spec.name)
        state.refuse_foreign()
        assert state.handle is not None
        session = lake.work_session()
        done.files_before = len(state.handle.live_files())
        _refuse_double_keys(session, spec, state)
        done.tombstones_forgotten = _forget_tombstones(session, spec, state, run)
        if located_column(state.target):
            session.conf.set("spark.databricks.delta.optimize.maxFileSize", str(LOCATED_FILE_BYTES))
        _sql(session, state, run, f"OPTIMIZE delta.{quoted(state.target.path)}{_clustering(spec)}")
        needed, reader = _oldest_needed(lake, spec, state)
        done.retained_hours, done.held_back_by = _retention(state, retain_hours, needed, reader)
        session.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
        # VACUUM lists folders in as many tasks as this says: 10,000 by default, five times over
        session.conf.set(LISTING_TASKS, str(session.sparkContext.defaultParallelism))
        _sql(session, state, run, f"VACUUM delta.{quoted(state.target.path)} RETAIN {done.retained_hours} HOURS")
        done.swept = sweep(lake.state(spec.name), sweep_after_s)
        _drop_dead_quarantine(lake, spec, run)
        after = lake.state(spec.name).handle
        done.files_after = len(after.live_files()) if after else 0
        run.told(spec.name, "", "maintained")
    return done


def _clustering(spec: TableSpec) -> str:
    columns = spec.write.locate_by if isinstance(spec.write, Upsert) else getattr(spec.write, "by", ())
    return f" ZORDER BY ({', '.join(map(quoted, columns))})" if columns else ""


def _sql(session: SparkSession, state: TableState, run: Run, statement: str, **more: object) -> None:
    note = {"kind": "maintenance", "run": run.id, "table": state.target.name, **more}
    session.conf.set("spark.databricks.delta.commitInfo.userMetadata", Stamp("", 0, note).user_metadata)
    session.sql(statement)


def _refuse_double_keys(session: SparkSession, spec: TableSpec, state: TableState) -> None:
    """Assert that a key has one row: that it determines the columns of `locate_by`."""
    if not isinstance(spec.write, Upsert) or not spec.write.locate_by:
        return
    rows = session.read.format("delta").load(state.target.path)
    double = rows.groupBy(*map(quoted, spec.keys)).count().where("count > 1").limit(5).collect()
    if double:
        keys = "; ".join(str(row.asDict()) for row in double)
        raise DataError.of(
            spec.name,
            f"keys with several rows: {keys}",
            f"one row a key: {', '.join(spec.write.locate_by)} must follow from {', '.join(spec.keys)}",
            f"mend the key, then aurify refresh {spec.name} --full",
        )


def _forget_tombstones(session: SparkSession, spec: TableSpec, state: TableState, run: Run) -> int:
    """Delete tombstones older than the horizon; later rows of that age count as stale."""
    if not isinstance(spec.write, Upsert) or spec.write.tombstones is None:
        return 0
    from pyspark.sql import functions as F

    order = quoted(spec.write.order_by)
    rows = session.read.format("delta").load(state.target.path)
    newest = rows.agg(F.unix_micros(F.max(F.col(order)).cast("timestamp")).alias("newest")).first()
    if newest is None or newest["newest"] is None:
        return 0
    cut = datetime.fromtimestamp(0, timezone.utc) + timedelta(microseconds=newest["newest"]) - spec.write.tombstones
    condition = f"{DELETED} AND {order} < timestamp'{cut:%Y-%m-%d %H:%M:%S.%f}'"
    count = rows.where(condition).count()
    if count:
        held = {**(state.handle.standing if state.handle else {}), "oldest": cut.isoformat()}
        kept = {k: held[k] for k in ("shape", "oldest", "code", "suite") if k in held}
        _sql(session, state, run, f"DELETE FROM delta.{quoted(state.target.path)} WHERE {condition}", **kept)
    return count


def _oldest_needed(lake: Lake, spec: TableSpec, state: TableState) -> tuple[int | None, str]:
    """The oldest version that a table reading this one has yet to read past, or has pinned, and who that is."""
    needed: list[tuple[int, str]] = []
    for name in downstream_of(spec.name, lake.specs):
        if spec.name not in lake.specs[name].upstream:
            continue
        reader = lake.state(name)
        inputs = lake.specs[name].inputs  # of scores the champion's: another version's place holds nobody back
        spans: list[VersionRange] = [span for key, span in reader.consumed.versions.items() if key in inputs]
        batch = reader.open_batch
        if batch is not None:
            spans += [s.model_copy(update={"to": max(s.after, 0)}) for s in batch.changes.values()]
            spans += list(batch.lookups.values())
        needed += [(s.to, name) for s in spans if s.table == spec.name]
    return min(needed, default=(None, ""))


def _retention(state: TableState, retain_hours: int, needed: int | None, reader: str) -> tuple[int, str]:
    """Hours to keep: what was asked for, or more where a version that is needed is older."""
    assert state.handle is not None
    if needed is None:
        return retain_hours, ""
    later = (state.handle.commit(version) for version in range(needed + 1, state.handle.version + 1))
    commit = next((c for c in later if c is not None and c.changes_data), None)
    if commit is None:
        return retain_hours, ""
    age = timedelta(seconds=time.time() - commit.timestamp_ms / 1000)
    hours = math.ceil(age / timedelta(hours=1)) + 1
    return (hours, f"{reader} has read it up to version {needed}") if hours > retain_hours else (retain_hours, "")


def _drop_dead_quarantine(lake: Lake, spec: TableSpec, run: Run) -> None:
    """Delete quarantined rows of attempts that can never be published any more."""
    state, handle = lake.state(spec.name), Handle.open(lake.target(spec.name).quarantine_path)
    if handle is None or state.handle is None:
        return
    named = {str(note["attempt"]) for _, note in notes(state.handle) if "attempt" in note}
    named |= {str(row["attempt"]) for row in lake.batches_ledger.rows() if row["table"] == spec.name}
    for partition in handle.table.partitions():
        place = (int(partition["_generation"]), int(partition["_batch"]))
        if place <= state.handle.position and partition["_attempt"] not in named:
            from aurify.publish.target import commit_properties

            note = {"kind": "maintenance", "run": run.id, "table": spec.name}
            handle.table.delete(f"_attempt = '{partition['_attempt']}'", commit_properties=commit_properties(note))
            handle = handle.fresh()
