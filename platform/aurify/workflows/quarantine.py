"""Quarantine, read: which rows failed, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.publish.quarantine import quarantine_schema
from aurify.publish.state import lineage, notes
from aurify.publish.target import Handle

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake


def quarantined(lake: Lake, table: str, pending: bool = False) -> DataFrame:
    """The failed rows whose attempt a commit of the table names; or, pending, those of attempts without one."""
    from pyspark.sql import functions as F

    target = lake.target(table)
    handle = Handle.open(target.quarantine_path)
    if handle is None or handle.version == 0:
        return lake.session.createDataFrame([], quarantine_schema(target))
    state = lake.state(table)
    named = {str(row["attempt"]) for row in lake.batches_ledger.rows(table)}
    if state.handle is not None:
        named |= {str(note["attempt"]) for _, note in notes(state.handle) if "attempt" in note}
    rows = lake.session.read.format("delta").load(target.quarantine_path)
    committed = F.col("_attempt").isin(sorted(named))
    if pending:
        return rows.where(~committed)
    stands = F.lit(False)
    for generation, last in lineage(state.handle).items() if state.handle else ():
        of_generation = F.col("_generation") == generation
        stands = stands | (of_generation if last is None else of_generation & (F.col("_batch") <= last))
    return rows.where(committed & stands)
