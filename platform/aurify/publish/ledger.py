"""The ledger: what every batch did, derived from the commits, each batch once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from deltalake import write_deltalake
from deltalake.exceptions import CommitFailedError

from aurify.errors import EnvironmentFailure
from aurify.publish.balance import Balance
from aurify.publish.target import Handle, commit_properties, transaction

_TERMS = [pa.field(name, pa.int64()) for name in Balance().as_dict()]
BATCHES = pa.schema(
    [
        pa.field("table", pa.string()),
        pa.field("generation", pa.int32()),
        pa.field("batch", pa.int64()),
        pa.field("attempt", pa.string()),
        pa.field("run", pa.string()),
        pa.field("kind", pa.string()),
        pa.field("state", pa.string()),
        pa.field("committed", pa.string()),
        pa.field("version", pa.int64()),
        *_TERMS,
        pa.field("code", pa.string()),
        pa.field("suite", pa.string()),
        pa.field("recorded_at", pa.string()),
        pa.field("committed_at", pa.timestamp("us", tz="UTC")),
    ]
)
RULES = pa.schema(
    [
        pa.field("table", pa.string()),
        pa.field("generation", pa.int32()),
        pa.field("batch", pa.int64()),
        pa.field("rule", pa.string()),
        pa.field("on_fail", pa.string()),
        pa.field("assayed", pa.int64()),
        pa.field("failed", pa.int64()),
        pa.field("scope", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("elements", pa.int64()),
        pa.field("missing", pa.int64()),
        pa.field("unexpected", pa.int64()),
        pa.field("undetermined", pa.int64()),
        pa.field("observed", pa.string()),
        pa.field("details", pa.string()),
        pa.field("sample", pa.string()),
        pa.field("measures", pa.string()),
    ]
)
RUNS = pa.schema(
    [
        pa.field("run", pa.string()),
        pa.field("started_at", pa.timestamp("us", tz="UTC")),
        pa.field("ended_at", pa.timestamp("us", tz="UTC")),
        pa.field("selection", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("exit_code", pa.int32()),
        pa.field("batches", pa.int64()),
    ]
)
TRIES = 5


@dataclass(frozen=True)
class OpenLedger:
    """A ledger table as it was when it was opened."""

    handle: Handle | None

    def newest(self, table: str) -> tuple[int, int]:
        """Generation and number of the newest batch of a table that stood there; zeros where none did."""
        return _position(self.handle, table)


class Ledger:
    """One ledger table; a batch of a table is a transaction of it, so that it stands there once."""

    def __init__(self, path: str, schema: pa.Schema) -> None:
        self.path = path
        self.schema = schema

    def opened(self) -> OpenLedger:
        """The ledger as it is now."""
        return OpenLedger(Handle.open(self.path))

    def newest(self, table: str) -> tuple[int, int]:
        """Generation and number of the newest batch of a table that stands in the ledger."""
        return self.opened().newest(table)

    def append(self, rows: Iterable[Mapping[str, Any]], newest: Mapping[str, tuple[int, int]] | None = None) -> None:
        """Add the rows of batches that are not there yet, all in one commit.

        `newest` names per table the last batch among the rows; rows at or below what stands there are left out.
        """
        content = list(rows)
        for _ in range(TRIES):
            handle = Handle.open(self.path)
            stands = {table: _position(handle, table) for table in newest or {}}
            new = [r for r in content if "batch" not in r or _place(r) > stands.get(str(r["table"]), (0, 0))]
            if not new:
                return
            done = {_app(t): transaction(*p) for t, p in (newest or {}).items() if p > stands[t]}
            try:
                write_deltalake(
                    handle.table if handle else self.path,
                    pa.Table.from_pylist(new, schema=self.schema),
                    mode="append",
                    schema_mode="merge",
                    commit_properties=commit_properties({"kind": "ledger"}, done),
                )
            except CommitFailedError:
                continue
            return
        raise EnvironmentFailure.of(
            f"ledger {self.path}", f"{TRIES} commits in a row were overtaken", "a quiet moment", "refresh again"
        )

    def rows(self, table: str | None = None) -> Sequence[Mapping[str, Any]]:
        """All rows, or those of a table, in no order."""
        content = self.content(table)
        return [] if content is None else list(content.to_pylist())

    def content(self, table: str | None = None) -> pa.Table | None:
        """The same as columns; None where there is no ledger yet."""
        handle = Handle.open(self.path)
        wanted = None if table is None else [("table", "=", table)]
        return None if handle is None else handle.table.to_pyarrow_table(filters=wanted)


def _place(row: Mapping[str, Any]) -> tuple[int, int]:
    return int(row["generation"]), int(row["batch"])


def _app(table: str) -> str:
    return f"ledger/{table}"


def _position(handle: Handle | None, table: str) -> tuple[int, int]:
    if handle is None:
        return (0, 0)
    return divmod(handle.table.transaction_version(_app(table)) or 0, transaction(1, 0))
