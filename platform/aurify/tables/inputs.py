"""The frames that a table's function is given for one batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from aurify.config.columns import parse_columns
from aurify.config.names import quoted
from aurify.publish.batch_log import Batch, VersionRange
from aurify.publish.changes import ChangeReader, current_deliveries, input_gone
from aurify.publish.read import MOST_LITERALS, holds, overlaps, read_version, without_tombstones
from aurify.publish.target import Handle, Target
from aurify.sources import Delivery, FolderOptions, read_files
from aurify.storage import Storage
from aurify.tables.spec import Append, Folder, Recompute, TableSpec, Upsert

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def folder_options(folder: Folder) -> FolderOptions:
    """The declared folder as the source reads it."""
    return FolderOptions(
        format=folder.format,
        columns=parse_columns(folder.columns),
        pattern=folder.pattern,
        delimiter=folder.delimiter,
        encoding=folder.encoding,
        header=folder.header,
    )


def target_of(spec: TableSpec, path: str, quarantine_path: str) -> Target:
    """The table as publication sees it."""
    write = spec.write
    return Target(
        name=spec.name,
        path=path,
        quarantine_path=quarantine_path,
        schema=spec.schema,
        keys=spec.keys,
        mode="append" if isinstance(write, Append) else "upsert" if isinstance(write, Upsert) else "recompute",
        deletes_itself=isinstance(write, Upsert) and write.delete_when is not None,
        order_by=write.order_by if isinstance(write, Upsert) else None,
        locate_by=write.locate_by if isinstance(write, Upsert) else getattr(write, "by", ()),
    )


@dataclass(frozen=True)
class Frames:
    """The arguments of a table's function: for what came, and for what was withdrawn if anything was.

    `read` are the rows that the batch brings, `scanned` those that the function is given of its driving inputs.
    """

    put: Mapping[str, DataFrame]
    withdrawn: Mapping[str, DataFrame] | None
    read: int
    withdrawn_rows: int
    scanned: int


class BatchInputs:
    """Reads the inputs of one batch in one session; `taken` are the rows of quarantine that a replay takes."""

    def __init__(
        self,
        spec: TableSpec,
        batch: Batch,
        spark: SparkSession,
        storage: Storage,
        targets: Mapping[str, Target],
        source_root: str,
        taken: DataFrame | None = None,
    ) -> None:
        self._spec = spec
        self._batch = batch
        self._spark = spark
        self._storage = storage
        self._targets = targets
        self._source_root = source_root
        self._taken = taken
        self._readers = {
            name: ChangeReader(spark, storage, targets[spec.drivers[name].table], span, isinstance(spec.write, Append))
            for name, span in batch.changes.items()
        }

    @cached_property
    def groups(self) -> dict[str, list[Any]]:
        """The values of each `by` column among the groups that the batch touches, sorted, None last."""
        rows = self.touched
        return {column: _sorted({row[i] for row in rows}) for i, column in enumerate(self._by)}

    @cached_property
    def touched(self) -> set[tuple[Any, ...]]:
        """The groups that the batch touches, each as the values of the `by` columns."""
        return {row for frame in self._touched() for row in _collected(frame)}

    def _touched(self) -> list[DataFrame]:
        found = [self._reached(reader.touched(self._by), name) for name, reader in self._readers.items()]
        if self._taken is not None:
            found.append(self._taken.select(*map(quoted, self._by)).distinct())
        return found

    def _days(self, driver: str) -> int:
        return self._spec.drivers[driver].reach_days

    def _reached(self, touched: DataFrame, driver: str) -> DataFrame:
        """The days that the changed ones reach; a row without a day touches those without one."""
        given = self._spec.drivers[driver]
        if not given.reach_days:
            return touched
        day = F.col(quoted(self._by[0]))
        days = F.sequence(F.date_add(day, given.after_days), F.date_add(day, given.reach_days))
        return touched.select(F.explode_outer(days).alias(self._by[0])).distinct()

    @property
    def _by(self) -> tuple[str, ...]:
        return self._spec.write.by if isinstance(self._spec.write, Recompute) else ()

    def frames(self) -> Frames:
        """What the function is called with."""
        fixed = {name: self._lookup(self._batch.lookups[name]) for name in self._spec.lookups}
        if self._spec.folder is not None:
            return self._folder_frames(self._spec.folder, fixed)
        if self._by:
            put = {name: self._restricted(name) for name in self._spec.drivers}
            read = sum(r.changed_records for r in self._readers.values())
            scanned = sum(self._in_files(name, r.handle) for name, r in self._readers.items())
            return Frames({**put, **fixed}, None, read, 0, scanned)
        put = {name: self._put(name) for name in self._spec.drivers}
        read = sum(put[n].count() if self._is_filtered(n) else r.count() for n, r in self._readers.items())
        taking = {n: r for n, r in self._readers.items() if r.has_withdrawn}
        if not taking or isinstance(self._spec.write, Append):
            return Frames({**put, **fixed}, None, read, 0, read)
        gone = {n: taking[n].withdrawn() if n in taking else frame.limit(0) for n, frame in put.items()}
        rows = sum(gone[n].count() for n in taking)
        return Frames({**put, **fixed}, {**gone, **fixed}, read, rows, read + rows)

    def _folder_frames(self, folder: Folder, fixed: Mapping[str, DataFrame]) -> Frames:
        name = next(n for n, i in self._spec.inputs.items() if isinstance(i, Folder))
        deliveries = [Delivery(f.path, f.delivery, f.delivered_ms) for f in self._batch.files]
        rows = read_files(self._spark, f"{self._source_root}/{folder.path}", deliveries, folder_options(folder))
        read = sum(f.records for f in self._batch.files)
        return Frames({name: rows, **fixed}, None, read, 0, read)

    def _put(self, name: str) -> DataFrame:
        if name in self._readers:
            reader = self._readers[name]
            return self._new(reader, self._targets[reader.span.table]) if self._is_filtered(name) else reader.put()
        return self._spark.createDataFrame([], self._targets[self._spec.drivers[name].table].schema)

    def _is_filtered(self, name: str) -> bool:
        """Whether only rows of new keys are wanted, and others may be among those that came."""
        return self._spec.drivers[name].only_new and bool(self._readers[name].files.images)

    def _new(self, reader: ChangeReader, source: Target) -> DataFrame:
        """The rows of new keys, as they are at the batch's version; none that is gone by then."""
        found = _collected(reader.new(source.locate_by)) if source.locate_by else []
        values = {name: _sorted({row[i] for row in found}) for i, name in enumerate(source.locate_by)}
        return self._version(reader.span, values or None).join(reader.new(source.keys), list(source.keys), "left_semi")

    def _restricted(self, name: str) -> DataFrame:
        """The rows of the touched groups, as of the batch's version of the driving table; with a reach, some more."""
        if name not in self._batch.changes:
            return self._put(name)
        rows = self._version(self._batch.changes[name], self._given(name))
        return rows if self._days(name) else self.in_groups(rows)

    def _given(self, name: str) -> dict[str, list[Any]]:
        """The values of the `by` columns among the rows that a driver gives: its reach before those touched, too."""
        days = self._days(name)
        if not days:
            return self.groups
        ((column, touched),) = self.groups.items()
        back = range(self._spec.drivers[name].after_days, days + 1)
        before = {day - timedelta(days=past) for day in touched if day is not None for past in back}
        return {column: [*sorted(before), *([None] if None in touched else [])]}

    def _in_files(self, name: str, handle: Handle) -> int:
        given = self._given(name)
        return sum(f.records or 0 for f in handle.live_files() if overlaps(f, given))

    @property
    def in_days(self) -> Column | None:
        """Whether a row is of a touched day, or of none; None where the driving inputs do not reach further."""
        if not any(self._days(name) for name in self._readers):
            return None
        ((column, touched),) = self.groups.items()
        return holds(column, [*(value for value in touched if value is not None), None])

    def of_touched(self, made: DataFrame) -> DataFrame:
        """Of what the function made, the rows of the touched groups and of none; the others only reach into them."""
        condition = self.in_days
        if condition is None:
            return made
        rows, column = made.where(condition), self._by[0]
        nowhere = self._spark.range(1).select(F.lit(None).cast("date").alias(column))
        return rows if self._few_groups else self._among(rows, [*self._touched(), nowhere])

    def in_groups(self, rows: DataFrame) -> DataFrame:
        """Of rows that are limited to the values of each `by` column, those of the touched groups exactly."""
        return rows if self._few_groups else self._among(rows, self._touched())

    @property
    def _few_groups(self) -> bool:
        return len(self._by) == 1 and all(len(values) <= MOST_LITERALS for values in self.groups.values())

    def _among(self, rows: DataFrame, groups: Sequence[DataFrame]) -> DataFrame:
        touched = reduce(DataFrame.unionByName, groups).distinct()
        pairs = [F.col(f"rows.{quoted(c)}").eqNullSafe(F.col(f"touched.{quoted(c)}")) for c in self._by]
        return rows.alias("rows").join(touched.alias("touched"), pairs, "left_semi")

    def _lookup(self, span: VersionRange) -> DataFrame:
        return self._version(span, None)

    def _version(self, span: VersionRange, values: Mapping[str, list[Any]] | None) -> DataFrame:
        source = self._targets[span.table]
        handle = Handle.open(source.path, span.to)
        if handle is None or handle.table_id != span.table_id:
            raise input_gone(span.table, "another table lies at its path than when the batch was recorded")
        rows = without_tombstones(read_version(self._spark, handle, values))
        return current_deliveries(self._storage, rows, handle) if "_delivery" in source.schema.fieldNames() else rows


def _sorted(values: set[Any]) -> list[Any]:
    """In order, None last."""
    return [*sorted(values - {None}), *([None] if None in values else [])]


def _collected(rows: DataFrame) -> list[tuple[Any, ...]]:
    """The rows as values that compare with a file's statistics: moments are aware, in UTC, wherever the driver runs."""
    from pyspark.sql.types import TimestampType

    moments = {f.name for f in rows.schema.fields if isinstance(f.dataType, TimestampType)}
    exact = rows.select(*(F.unix_micros(quoted(n)).alias(n) if n in moments else quoted(n) for n in rows.columns))
    return [
        tuple(
            _EPOCH + timedelta(microseconds=value) if name in moments and value is not None else value
            for name, value in zip(rows.columns, row, strict=True)
        )
        for row in exact.collect()
    ]
