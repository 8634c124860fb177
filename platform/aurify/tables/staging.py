"""Stage a batch: transform, cast, assay, and one write, split by verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from aurify.errors import Problem, SuiteError
from aurify.publish.balance import BalanceError
from aurify.publish.names import quoted
from aurify.publish.publication import Attempt
from aurify.publish.ranges import RANGE, ROWS_PER_TASK, in_ranges, located_column, rows_per_file, sampled, spaced
from aurify.publish.read import overlaps, read_version
from aurify.publish.stage import write_staged
from aurify.publish.target import DELETED, Target
from aurify.quality import Check, OnFail, RuleResult, Suite, assay, checks_of
from aurify.quality.bits import IS_MASK, MASK, UNJUDGED
from aurify.quality.row_rules.reference_rules import flags, is_reference, with_references
from aurify.tables.inputs import BatchInputs
from aurify.tables.judging import Surroundings, judged
from aurify.tables.spec import Recompute, TableSpec, Upsert
from aurify.tables.transform import (
    POINTERS,
    RAW,
    built_in_checks,
    call,
    castable_columns,
    contract_rows,
    newest_only,
    pointer_columns,
    pointers,
    withdrawn_rows,
)

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REJECTED = "batch_rejected"
SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"


@dataclass(frozen=True)
class Decision:
    """What a person decided about a batch that `rules` had stopped."""

    accept: bool
    reason: str
    by: str
    at: str
    rules: tuple[str, ...] = ()

    def lets_pass(self, rule: str) -> bool:
        """Whether it was made in spite of this rule."""
        return self.accept and rule in self.rules


@dataclass(frozen=True)
class Rulebook:
    """What a batch is judged by: the suite, what a person has decided, and what rules look at besides the rows."""

    suite: Suite
    decision: Decision | None
    around: Surroundings


def stage(spec: TableSpec, attempt: Attempt, inputs: BatchInputs, book: Rulebook) -> list[RuleResult]:
    """Write the assayed rows of the batch once; gives what every rule found."""
    frames = inputs.frames()
    _spread(attempt.spark, frames.scanned)
    target, decision = attempt.target, book.decision
    made = call(spec, target, frames.put)
    rows = contract_rows(target, made)
    checks = _checks(spec, attempt, book, castable_columns(target, made))
    staged = assayed(attempt, rows, checks, book)
    if isinstance(spec.write, Upsert):
        staged = _with_delete_marks(spec.write, staged)
        if frames.withdrawn is not None:
            gone = withdrawn_rows(spec, target, contract_rows(target, call(spec, target, frames.withdrawn)))
            staged = staged.unionByName(_unjudged(gone.drop(RAW), checks), allowMissingColumns=True)
        column = located_column(target)
        bounds = sampled(contract_rows(target, made), column, frames.scanned) if column else ()
        staged = newest_only(target, staged, bounds)
    if isinstance(spec.write, Recompute):
        staged = _laid_out(target, staged, inputs, frames.scanned)
    ready = _columns(attempt, staged, rejected=decision is not None and not decision.accept)
    what = f"{spec.name} {attempt.batch.label}: transform, assay, stage"
    handed = write_staged(ready, attempt.folder, what, rows_per_file(target))
    attempt.staged.forget()
    attempt.balance = attempt.balance.with_counts(read=frames.read, withdrawn=frames.withdrawn_rows, assayed=handed)
    attempt.located = _located(spec, attempt, inputs)
    if isinstance(spec.write, Recompute):
        _stage_removed(attempt, inputs)
    return judged(attempt, book.suite, checks, book.around)


def _unjudged(rows: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """The rows, marked as ones that no check looks at."""
    from pyspark.sql import functions as F

    return rows.withColumn(f"{MASK}0", F.lit(UNJUDGED).cast("bigint")) if checks else rows


def _laid_out(target: Target, rows: DataFrame, inputs: BatchInputs, scanned: int) -> DataFrame:
    """The rows of recomputed groups, sorted within a task; one range a task where they are many."""
    column = located_column(target)
    bounds = spaced(inputs.groups[column], scanned) if column else ()
    if bounds:
        rows = in_ranges(rows, target.locate_by[0], bounds).drop(RANGE)
    return rows.sortWithinPartitions(*map(quoted, target.locate_by))


def _spread(session: SparkSession, rows: int) -> None:
    """More tasks after a shuffle where the rows are many, so that those of one fit its memory."""
    tasks = -(-rows // ROWS_PER_TASK)
    if tasks > int(session.conf.get(SHUFFLE_PARTITIONS) or 0):
        session.conf.set(SHUFFLE_PARTITIONS, str(tasks))


def _checks(spec: TableSpec, attempt: Attempt, book: Rulebook, castable: Sequence[str]) -> list[Check]:
    checks = [*built_in_checks(spec, attempt.target, castable), *checks_of(book.suite, attempt.target.schema)]
    decision = book.decision
    if decision is not None and decision.accept:
        return [replace(c, on_fail=OnFail.WARN) if decision.lets_pass(c.id) else c for c in checks]
    return checks


def assayed(attempt: Attempt, rows: DataFrame, checks: Sequence[Check], book: Rulebook) -> DataFrame:
    """The rows with verdict and reasons; pointers only where they are needed."""
    from pyspark.errors import AnalysisException, ParseException
    from pyspark.sql import functions as F

    names = pointer_columns(attempt.target, rows.drop(RAW))
    rules = [rule for rule in book.suite.rules if is_reference(rule)]
    found = with_references(rows, rules, book.around.others(rules)) if rules else rows
    try:
        judged = assay(found, checks)
    except (AnalysisException, ParseException) as fault:
        _blame(book.suite, found, checks, fault)
        raise
    kept = F.when(F.col("verdict") != "ok", pointers(names))
    return judged.withColumn(POINTERS, kept).drop(*names, *flags(rules))


def _blame(suite: Suite, rows: DataFrame, checks: Sequence[Check], fault: Exception) -> None:
    """SuiteError where it is rules of the suite that Spark can't read, never the function or the rows."""
    from pyspark.errors import AnalysisException, ParseException

    problems = []
    for check in checks:
        try:
            rows.select(check.fails, *([check.meets()] if check.meets is not None else []))
        except (AnalysisException, ParseException) as own:
            told = str(own).strip().splitlines()[0]
            problems.append(Problem(suite.file or suite.table, told, "a rule that Spark can read", key=check.id))
    if problems:
        hint = "nothing was published, and no row is to blame"
        raise SuiteError(suite.file or suite.table, problems, hint) from fault


def _with_delete_marks(write: Upsert, rows: DataFrame) -> DataFrame:
    from pyspark.sql import functions as F

    mark = F.expr(write.delete_when) if write.delete_when else F.lit(None)
    return rows.withColumn(DELETED, F.when(mark.cast("boolean"), F.lit(True)))


def _columns(attempt: Attempt, rows: DataFrame, rejected: bool) -> DataFrame:
    """What the files hold: the table's columns, and what quarantine needs, NULL on rows that passed."""
    from pyspark.sql import functions as F

    own = [quoted(f.name) for f in attempt.target.physical_schema.fields]
    masks = [quoted(n) for n in rows.columns if IS_MASK.fullmatch(n)]
    bad = F.col("verdict") != "ok"
    raw: Column = F.col(RAW) if RAW in rows.columns else F.lit(None).cast("map<string,string>")
    columns: list[Column | str] = [*own, *masks, "_failed", F.when(bad, raw).alias(RAW), POINTERS, "verdict"]
    shown = rows.select(*columns)
    if not rejected:
        return shown
    reason = F.struct(
        F.lit(REJECTED).alias("id"),
        F.lit("a person rejected the batch").alias("rule"),
        F.array().cast("array<string>").alias("columns"),
        F.array().cast("array<string>").alias("values"),
    )
    reasons = F.concat(F.coalesce("_failed", F.array().cast(shown.schema["_failed"].dataType)), F.array(reason))
    return shown.withColumn("_failed", reasons).withColumn("verdict", F.lit("quarantine"))


def _located(spec: TableSpec, attempt: Attempt, inputs: BatchInputs) -> dict[str, list[object]]:
    """The values of the columns that the target is clustered by, among the rows offered or the groups touched."""
    if isinstance(spec.write, Recompute):
        return dict(inputs.groups)
    return {column: attempt.staged.values("ok", column) for column in attempt.target.locate_by}


def _stage_removed(attempt: Attempt, inputs: BatchInputs) -> None:
    """Write the rows of the touched groups that the new result no longer has; they are deletes."""
    from pyspark.sql import functions as F

    target, live = attempt.target, attempt.handle.live_files()
    if attempt.batch.kind == "full" or not any(overlaps(f, attempt.located) for f in live):
        return
    spark = attempt.spark
    held = inputs.in_groups(read_version(spark, attempt.handle, attempt.located))
    offered = attempt.staged.paths("ok")
    if offered:
        keys = [quoted(k) for k in target.keys]
        found = spark.read.schema(target.physical_schema).parquet(*offered).select(*keys)
        held = held.join(found, list(target.keys), "left_anti")
    own = held.select(*(quoted(f.name) for f in target.physical_schema.fields))
    marked = own.withColumn("verdict", F.lit("removed"))
    handed = write_staged(marked, attempt.folder, f"{target.name}: removed rows", rows_per_file(target))
    attempt.staged.forget()
    there = attempt.staged.count("removed")
    if there != handed:
        problem = Problem("balance", f"{there} removed rows in the staged files", f"{handed}, as were written")
        raise BalanceError(f"{target.name} {attempt.batch.label}: nothing was published", [problem])
