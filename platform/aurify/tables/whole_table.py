"""The table as a batch would leave it, and what the rules of scope `table` find there, before anything is committed."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.publish.changes import current_deliveries, newest_per_key
from aurify.publish.publication import Attempt
from aurify.publish.read import read_version, without_tombstones
from aurify.quality import RuleResult, Scope, Suite, checks_of
from aurify.tables.judging import Surroundings, personal_columns, staged_rows
from aurify.tables.judging_frames import judged_frame

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def judged_table(attempt: Attempt, suite: Suite, around: Surroundings) -> list[RuleResult]:
    """The results of the rules of scope `table`; reads the whole table, and nothing where there are none."""
    rules = [rule for rule in suite.rules if rule.scope is Scope.TABLE]
    if not rules:
        return []
    target = attempt.target
    rows = rows_after(attempt).select(*(quoted(f.name) for f in target.schema.fields))
    checks = checks_of(suite, target.schema, (Scope.TABLE,))
    known = {"batch_time": datetime.fromisoformat(attempt.batch.recorded_at)}
    attempt.spark.sparkContext.setJobDescription(f"{target.name} {attempt.batch.label}: rules of the table")
    try:
        return judged_frame(rows, checks, rules, around, personal_columns(target), known)[1]
    finally:
        attempt.spark.sparkContext.setJobDescription(None)  # type: ignore[arg-type]


def rows_after(attempt: Attempt) -> DataFrame:
    """The rows that readers would see after the batch; of files that came anew, those of the newest delivery."""
    target, spark = attempt.target, attempt.spark
    offered = staged_rows(attempt, "ok")
    if attempt.batch.kind == "full" or attempt.handle.position == (0, 0):
        return without_tombstones(offered)
    held = read_version(spark, attempt.handle)
    if target.mode == "upsert":
        return without_tombstones(newest_per_key(held.unionByName(offered), target))
    if target.mode == "recompute":
        settled = offered.unionByName(staged_rows(attempt, "removed")).select(*map(quoted, target.keys))
        return held.join(settled, list(target.keys), "left_anti").select(*offered.columns).unionByName(offered)
    if attempt.batch.files:
        again = {file.path for file in attempt.batch.files if file.delivery > 1}
        held = current_deliveries(attempt.storage, held, attempt.handle)
        held = held.where(~held["_source_file"].isin(sorted(again))) if again else held
    return held.unionByName(offered)
