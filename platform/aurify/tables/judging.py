"""What every rule found in a staged batch: from the bits in its files, and for rules of the batch from its rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

import pyarrow.compute as pc

from aurify.config.names import quoted
from aurify.publish.publication import Attempt
from aurify.publish.staged import StagedFile
from aurify.publish.target import DELETED, Target
from aurify.quality import Check, Rule, RuleResult, Scope, Suite
from aurify.quality.bits import MASK, UNJUDGED, Tally, tallies
from aurify.quality.result import RowCounts
from aurify.quality.sample import samples
from aurify.quality.table_rules import judges_batch
from aurify.quality.table_rules.measure import judge_measured, measure_rules, measures_kept, needs_no_rows
from aurify.storage import parquet_file

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WORST_FIRST = ("fail", "quarantine", "drop", "ok", "superseded")


class Surroundings(Protocol):
    """What rules of the batch look at besides its rows."""

    def others(self, rules: Sequence[Rule]) -> Mapping[str, DataFrame]:
        """The rows of the other tables that the rules name."""

    def history(self, rules: Sequence[Rule]) -> Mapping[str, Sequence[Mapping[str, object]]]:
        """What was measured in earlier batches, by rule id, oldest first."""


def judged(attempt: Attempt, suite: Suite, checks: Sequence[Check], around: Surroundings) -> list[RuleResult]:
    """The result of every check of a row, then of every rule of the batch as a whole."""
    return [*judged_rows(attempt, suite, checks), *_of_batch(attempt, suite, around)]


def judged_rows(attempt: Attempt, suite: Suite, checks: Sequence[Check]) -> list[RuleResult]:
    """The result of every check of a row."""
    files = [file for verdict in WORST_FIRST for file in attempt.staged.of(verdict)]
    found, unjudged = tallies(files, checks)
    rows = sum(file.records for file in files) - unjudged
    nulls = {name: _nulls(files, name) for name in dict.fromkeys(c.nulls_of for c in checks if c.nulls_of)}
    failed = {id for id, tally in found.items() if tally.failed}
    told = samples(files, checks, failed, personal_columns(attempt.target)) if failed else {}
    return [
        RuleResult.of_rows(
            suite.rule(check.id),
            check.id,
            check.text,
            check.on_fail,
            _counts(rows, found[check.id], nulls.get(check.nulls_of, 0)),
            told.get(check.id, ()),
        )
        for check in checks
    ]


def _counts(rows: int, tally: Tally, nulls: int) -> RowCounts:
    return RowCounts(rows - tally.outside, tally.skipped + nulls, tally.failed, tally.unknown)


def _nulls(files: Sequence[StagedFile], column: str) -> int:
    """Rows without a value of the column, among those that the gate looked at; mostly told by the footers."""
    total = 0
    for file in files:
        told, mask = file.column(column), file.column(f"{MASK}0")
        whole = mask is None or mask.high is None or mask.high < UNJUDGED
        total += told.nulls if told is not None and whole else _counted_nulls(file.path, column)
    return total


def _counted_nulls(path: str, column: str) -> int:
    with parquet_file(path) as file:
        has_mask = f"{MASK}0" in file.schema_arrow.names
        rows = file.read(columns=[column, f"{MASK}0"] if has_mask else [column])
    missing = pc.is_null(rows[column])
    if has_mask:
        is_judged = pc.less(pc.fill_null(rows[f"{MASK}0"], 0), UNJUDGED)
        missing = pc.and_(missing, is_judged)
    return int(pc.sum(missing).as_py() or 0)


def _of_batch(attempt: Attempt, suite: Suite, around: Surroundings) -> list[RuleResult]:
    """The rules of the batch as a whole, over the rows that would be published."""
    rules: list[Rule] = [rule for rule in suite.rules if judges_batch(rule) and rule.scope is Scope.BATCH]
    if not rules or not attempt.balance.assayed:
        return [RuleResult.of_table(rule, None) for rule in rules]
    rows, offered = _offered(attempt)
    known = {"row_count": offered, "batch_time": datetime.fromisoformat(attempt.batch.recorded_at)}
    judgeable = rules if offered else [rule for rule in rules if needs_no_rows(rule, known)]
    what = f"{attempt.target.name} {attempt.batch.label}: rules of the batch"
    attempt.spark.sparkContext.setJobDescription(what)
    try:
        measured = measure_rules(rows, judgeable, around.others(judgeable), known)
    finally:
        attempt.spark.sparkContext.setJobDescription(None)  # type: ignore[arg-type]
    found = judge_measured(rows, judgeable, measured, around.history(judgeable))
    personal = personal_columns(attempt.target)
    kept = {id: {name: measured[name] for name in names} for id, names in measures_kept(judgeable).items()}
    return [RuleResult.of_table(rule, found.get(rule.id), kept.get(rule.id), personal) for rule in rules]


def _offered(attempt: Attempt) -> tuple[DataFrame, int]:
    """The rows that would be published, without those that are deletes, and how many they are."""
    from pyspark.sql import functions as F

    rows, count = staged_rows(attempt, "ok"), attempt.staged.count("ok")
    if count and DELETED in rows.columns:
        count -= attempt.staged.true_count("ok", DELETED)
        rows = rows.where(~F.coalesce(F.col(DELETED), F.lit(False)))
    return rows.select(*(quoted(f.name) for f in attempt.target.schema.fields)), count


def staged_rows(attempt: Attempt, verdict: str) -> DataFrame:
    """The staged rows of one verdict, with the table's columns and the mark of deletes."""
    schema, paths = attempt.target.physical_schema, attempt.staged.paths(verdict)
    if not paths:
        return attempt.spark.createDataFrame([], schema)
    return attempt.spark.read.schema(schema).parquet(*paths)


def personal_columns(target: Target) -> set[str]:
    """The columns whose values are shown to nobody."""
    return {f.name for f in target.schema.fields if f.metadata.get("pii")}
