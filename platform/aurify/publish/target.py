"""The table that a batch is published to, and the handle through which its commits go."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

from deltalake import CommitProperties, DeltaTable, Schema, Transaction
from deltalake.exceptions import DeltaError, TableNotFoundError

from aurify.errors import EnvironmentFailure
from aurify.publish.delta_log import NOTE_KEY, Commit, newest_note, read_commit
from aurify.storage import Storage, is_on_s3

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

DELETED = "_deleted"
GENERATION_STEP = 2**32
MOST_SAID = 300
PROPERTIES = {"delta.enableChangeDataFeed": "true"}
SUPPORTED_FEATURES = frozenset({"appendOnly", "invariants", "changeDataFeed", "timestampNtz", "v2Checkpoint"})


@dataclass(frozen=True)
class Target:
    """A table as publication sees it: where it lies, what it holds, how rows replace each other."""

    name: str
    path: str
    quarantine_path: str
    schema: StructType
    keys: tuple[str, ...]
    mode: Literal["append", "upsert", "recompute"]
    order_by: str | None = None
    locate_by: tuple[str, ...] = ()
    deletes_itself: bool = False

    @property
    def physical_schema(self) -> StructType:
        """The contract as nullable columns, with the tombstone mark where rows leave one."""
        from pyspark.sql.types import BooleanType, StructField, StructType

        fields = [StructField(f.name, f.dataType, True, f.metadata) for f in self.schema.fields]
        return StructType(fields + ([StructField(DELETED, BooleanType())] if self.mode == "upsert" else []))


class Handle:
    """One load of a Delta table. Transaction ids are read from it and commits go through it only.

    delta-rs skips nothing: from a fresh handle the same transaction commits again. Only a commit through
    the handle that the transaction was read from is refused when somebody was faster.
    """

    def __init__(self, path: str, table: DeltaTable) -> None:
        self.path = path
        self.table = table
        self.version = table.version()
        self.table_id = str(table.metadata().id)

    @classmethod
    def open(cls, path: str, version: int | None = None) -> Handle | None:
        """Load a table, at a version or the newest; None where there is none.

        EnvironmentFailure where its log is not whole, or where its store does not answer.
        """
        try:
            return cls(path, DeltaTable(path, version=version))
        except TableNotFoundError:
            return None
        except (DeltaError, OSError) as error:
            if is_on_s3(path):
                with suppress(OSError):
                    Storage().exists(path)  # says better than delta-rs what a bucket that does not answer needs
            said = str(error).partition("\n")[0][:MOST_SAID]
            hint = (
                "does its store answer? bring what is missing in _delta_log back from a copy; where there is none, "
                "move the folder away: the next refresh makes the table anew from its inputs"
            )
            raise EnvironmentFailure.of(f"table {path}", said, "a Delta log that is whole", hint) from error

    @classmethod
    def create(cls, path: str, schema: StructType, note: Mapping[str, Any], partition: Sequence[str] = ()) -> Handle:
        """Load a table, making it empty first where there is none."""
        DeltaTable.create(
            path,
            schema=Schema.from_json(schema.json()),
            mode="ignore",
            partition_by=list(partition),
            configuration=dict(PROPERTIES),
            commit_properties=commit_properties(note),
        )
        return cls(path, DeltaTable(path))

    @property
    def app_id(self) -> str:
        """The transaction application of all generations of this table, so that one fences the other."""
        return f"aurify/{self.table_id}"

    @property
    def position(self) -> tuple[int, int]:
        """Generation and number of the newest batch that is published; (0, 0) for none."""
        return divmod(self.table.transaction_version(self.app_id) or 0, GENERATION_STEP)

    def committed(self, generation: int) -> int:
        """The number of the newest batch of a generation that is published; 0 for none yet."""
        newest, number = self.position
        return number if newest == generation else 0

    @cached_property
    def schema(self) -> StructType:
        """The columns of the table as a Spark type."""
        from pyspark.sql.types import StructType

        return StructType.fromJson(json.loads(self.table.schema().to_json()))

    @property
    def newest_note(self) -> Commit | None:
        """The newest commit of ours."""
        return newest_note(self.path, self.version)

    @property
    def standing(self) -> Mapping[str, Any]:
        """What holds of the table since its newest batch, also after maintenance: shape, code, suite, horizon."""
        commit = newest_note(self.path, self.version, "shape")
        return (commit.note or {}) if commit else {}

    def commit(self, version: int) -> Commit | None:
        """What one commit of the table did."""
        return read_commit(self.path, version)

    def note_of(self, generation: int, number: int) -> Commit | None:
        """The commit that published a batch, looked for from the newest back."""
        for version in range(self.version, -1, -1):
            commit = read_commit(self.path, version)
            if commit is None:
                return None
            note = commit.note or {}
            if (note.get("generation"), note.get("batch")) == (generation, number):
                return commit
        return None

    @property
    def needs_spark(self) -> str:
        """Why delta-rs can't write here; empty where it can."""
        protocol = self.table.protocol()
        features = set(protocol.writer_features or ()) | set(protocol.reader_features or ())
        odd = sorted(features - SUPPORTED_FEATURES)
        configuration = self.table.metadata().configuration
        limits = sorted(
            k for k in configuration if k.startswith("delta.constraints.") or k == "delta.columnMapping.mode"
        )
        generated = sorted(f.name for f in self.schema.fields if "delta.generationExpression" in f.metadata)
        return ", ".join([*odd, *limits, *(f"generated column {name}" for name in generated)])

    def live_files(self) -> list[LiveFile]:
        """The data files of this version with what the log knows of their content."""
        actions = self.table.get_add_actions(flatten=True)
        rows: list[dict[str, Any]] = _rows(actions)
        return [
            LiveFile(unquote(str(row["path"])), int(row["size_bytes"]), row.get("num_records"), row) for row in rows
        ]

    def highest(self, column: str) -> Any:
        """The highest value of a column by the statistics of the files; None where they don't tell it."""
        import pyarrow as pa
        import pyarrow.compute as pc

        actions = pa.table(self.table.get_add_actions(flatten=True))
        name = f"max.{column}"
        return pc.max(actions[name]).as_py() if name in actions.column_names else None

    def records(self) -> int:
        """The rows of all files, as the log counts them."""
        import pyarrow as pa
        import pyarrow.compute as pc

        return int(pc.sum(pa.table(self.table.get_add_actions())["num_records"]).as_py() or 0)

    def fresh(self) -> Handle:
        """The table as it is now."""
        return Handle(self.path, DeltaTable(self.path))


def _rows(actions: Any) -> list[dict[str, Any]]:
    import pyarrow as pa

    table = pa.table(actions)
    return [dict(row) for row in table.to_pylist()]


@dataclass(frozen=True)
class LiveFile:
    """A file that a version of a table consists of; `path` is relative to the table."""

    path: str
    size: int
    records: int | None
    statistics: Mapping[str, Any]

    def may_hold(self, column: str, values: Sequence[Any]) -> bool:
        """Whether any of the values, sorted and without NULL, lies within the file's range of a column."""
        low, high = self.statistics.get(f"min.{column}"), self.statistics.get(f"max.{column}")
        if low is None or high is None:
            return self.statistics.get(f"null_count.{column}") != self.records or self.records is None
        from bisect import bisect_left

        try:
            place = bisect_left(values, low)
        except TypeError:
            return True
        return place < len(values) and bool(values[place] <= high)


def transaction(generation: int, number: int) -> int:
    """The transaction version of a batch: rises with the generation first."""
    return generation * GENERATION_STEP + number


def commit_properties(
    note: Mapping[str, Any], transactions: Mapping[str, int] | None = None, *, strict: bool = False
) -> CommitProperties:
    """What a commit says of itself: our note, and the transactions it completes.

    A strict commit is refused when anybody at all committed since the handle was loaded.
    """
    done = [Transaction(app_id, number) for app_id, number in (transactions or {}).items()]
    said = {"userMetadata": json.dumps({NOTE_KEY: dict(note)}, sort_keys=True)}
    retries = {"max_commit_retries": 0} if strict else {}
    return CommitProperties(custom_metadata=said, app_transactions=done or None, **retries)


def relative(path: str, table_path: str) -> str:
    """A file's path as a commit of its table names it."""
    return path.removeprefix(table_path).lstrip("/")
