"""What stands in a table's quarantine: reasons by count, and a sample with personal values masked."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from aurify.workflows.lake import Lake
from aurify.workflows.quarantine import quarantined

MASK = "***"


@dataclass(frozen=True)
class QuarantineSummary:
    """Rows, the rules they failed, most frequent first, and some of the rows, newest batch first."""

    table: str
    pending: bool
    rows: int
    reasons: list[dict[str, Any]]
    sample: list[dict[str, Any]]


def quarantine_summary(lake: Lake, table: str, *, pending: bool = False, limit: int = 10) -> QuarantineSummary:
    """Summarise the failed rows of published batches or, pending, of attempts that no commit names."""
    from pyspark.sql import functions as F

    personal = {f.name for f in lake.target(table).schema.fields if f.metadata.get("pii")}
    rows = quarantined(lake, table, pending)
    by_rule = rows.select(F.explode("_failed").alias("failed")).groupBy("failed.id", "failed.rule").count()
    reasons = [
        {"rule": r["id"], "text": r["rule"], "rows": r["count"]}
        for r in by_rule.orderBy(F.desc("count"), "id").collect()
    ]
    newest = rows.orderBy(F.desc("_generation"), F.desc("_batch")).limit(limit)
    sample = [masked(row.asDict(recursive=True), personal) for row in newest.collect()]
    return QuarantineSummary(table, pending, rows.count(), reasons, sample)


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
    values = [MASK if column in personal and value is not None else value for column, value in pairs]
    return {**reason, "values": values}
