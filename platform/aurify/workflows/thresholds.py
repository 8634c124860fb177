"""Thresholds proposed from a table's own history, as the ledger holds it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.quality.thresholds import ENOUGH, Threshold, propose_thresholds
from aurify.workflows.quarantine import published_batches

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class Proposed:
    """The thresholds of a table's suite, and how many batches they were learned from."""

    table: str
    batches: int
    thresholds: list[Threshold]


def thresholds(lake: Lake, table: str, batches: int, enough: int = ENOUGH) -> Proposed:
    """Propose thresholds from the newest batches that made the rows of the table.

    Replays, and batches that a person accepted or rejected, tell nothing of what is usual.
    """
    lake.spec(table)
    usual = [
        (batch.generation, batch.number)
        for batch in published_batches(lake, lake.state(table))
        if batch.kind != "replay" and batch.state == "published"
    ]
    newest = set(sorted(usual)[-batches:])
    rows: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in lake.rules_ledger.rows(table):
        if (int(row["generation"]), int(row["batch"])) in newest:
            rows[str(row["rule"])].append(row)
    return Proposed(table, len(newest), propose_thresholds(lake.suites[table].rules, rows, enough))
