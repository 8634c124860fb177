"""What stands in a table's quarantine: reasons by count, and a sample with personal values masked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aurify.publish.quarantine import ROW
from aurify.quality.result import is_personal
from aurify.tables.replaying import row_name
from aurify.workflows.from_quarantine import pinned, rows_to_take
from aurify.workflows.lake import Lake
from aurify.workflows.quarantine import STATE, quarantined
from aurify.workflows.row_states import STANDING

MASK = "***"


@dataclass(frozen=True)
class QuarantineSummary:
    """Rows, how many are in each state, the rules they failed, most frequent first, and some rows, newest batch first.

    `takes` are the rows that a replay would take now.
    """

    table: str
    pending: bool
    rows: int
    takes: int
    states: dict[str, int]
    reasons: list[dict[str, Any]]
    sample: list[dict[str, Any]]


def quarantine_summary(
    lake: Lake, table: str, *, pending: bool = False, limit: int = 10, states: Sequence[str] = STANDING
) -> QuarantineSummary:
    """Summarise the failed rows of published batches in some states or, pending, of attempts that no commit names."""
    from pyspark.sql import functions as F

    personal = {f.name for f in lake.target(table).schema.fields if f.metadata.get("pii")}
    found = quarantined(lake, table, pending)
    by_state = {str(r[STATE]): int(r["count"]) for r in found.groupBy(STATE).count().orderBy(STATE).collect()}
    rows = found if pending else found.where(F.col(STATE).isin(*states))
    by_rule = rows.select(F.explode("_failed").alias("failed")).groupBy("failed.id", "failed.rule").count()
    reasons = [
        {"rule": r["id"], "text": r["rule"], "rows": r["count"]}
        for r in by_rule.orderBy(F.desc("count"), "id").collect()
    ]
    newest = rows.orderBy(F.desc("_generation"), F.desc("_batch"), ROW).limit(limit).withColumn("_name", row_name())
    sample = [masked(row.asDict(recursive=True), personal) for row in newest.collect()]
    total = sum(rows for state, rows in by_state.items() if pending or state in states)
    takes = 0 if pending or not total else _takes(lake, table)
    return QuarantineSummary(table, pending, total, takes, by_state, reasons, sample)


def _takes(lake: Lake, table: str) -> int:
    spec, state = lake.spec(table), lake.state(table)
    replay = pinned(lake, spec)
    return rows_to_take(lake, spec, state, lake.session, replay).count() if replay is not None else 0


def masked(row: Mapping[str, Any], personal: Collection[str]) -> dict[str, Any]:
    """A quarantined row with the values of personal columns replaced, wherever they stand.

    >>> row = {"name": "Ann", "_failed": [{"id": "r", "columns": ["name"], "values": ["Ann"]}], "_raw": None}
    >>> masked({**row, "_pointers": {"_source_file": "a.csv"}}, ["name"])["_failed"]
    [{'id': 'r', 'columns': ['name'], 'values': ['***']}]
    """
    shown = {name: MASK if name in personal and value is not None else value for name, value in row.items()}
    shown["_failed"] = [_masked_reason(reason, personal) for reason in row["_failed"] or []]
    if row["_raw"] is not None:
        # a malformed line is kept whole, so it holds the personal values too
        hidden = {*personal, "_malformed"} if personal else set()
        shown["_raw"] = {name: MASK if name in hidden else value for name, value in row["_raw"].items()}
    return shown


def _masked_reason(reason: Mapping[str, Any], personal: Collection[str]) -> dict[str, Any]:
    pairs = zip(reason["columns"] or [], reason["values"] or [], strict=False)
    hidden = {name for name in reason["columns"] or [] if is_personal(name, personal)}
    values = [MASK if column in hidden and value is not None else value for column, value in pairs]
    return {**reason, "values": values}
