"""Stage a batch: transform, cast, assay, and one write, split by verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.publish.balance import BalanceError
from aurify.publish.passed import list_touched
from aurify.publish.publication import Attempt
from aurify.publish.ranges import RANGE, in_ranges, located_column, rows_per_file, sampled, spaced
from aurify.publish.read import overlaps, read_version
from aurify.publish.stage import write_staged
from aurify.publish.target import Target
from aurify.quality import Check, OnFail, RuleResult, checks_of
from aurify.tables.assaying import assayed, located, spread, unjudged, with_delete_marks, write_assayed
from aurify.tables.inputs import BatchInputs
from aurify.tables.judging import judged
from aurify.tables.replaying import (
    excused,
    with_accepted,
)
from aurify.tables.rulebook import Rulebook
from aurify.tables.spec import Recompute, TableSpec, Upsert
from aurify.tables.stage_replay import stage_replay, takes_rows
from aurify.tables.transform import (
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
from aurify.tables.whole_table import judged_table

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def stage(spec: TableSpec, attempt: Attempt, inputs: BatchInputs, book: Rulebook) -> list[RuleResult]:
    """Write the assayed rows of the batch once; gives what every rule found."""
    if takes_rows(attempt):
        return stage_replay(spec, attempt, book)
    frames = inputs.frames()
    spread(attempt.spark, frames.scanned)
    target = attempt.target
    made = call(spec, target, frames.put, inputs.in_days)
    rows = inputs.of_touched(contract_rows(target, made))
    checks = _checks(spec, attempt, book, castable_columns(target, made))
    if book.quarantine.accepted is not None:
        told = pointers(pointer_columns(target, rows))
        rows, checks = with_accepted(target, rows, book.quarantine.accepted, told), excused(checks)
    staged = assayed(attempt, rows, checks, book)
    if isinstance(spec.write, Upsert):
        staged = with_delete_marks(spec.write, staged)
        if frames.withdrawn is not None:
            gone = withdrawn_rows(spec, target, contract_rows(target, call(spec, target, frames.withdrawn)))
            staged = staged.unionByName(unjudged(gone.drop(RAW), checks), allowMissingColumns=True)
        column = located_column(target)
        bounds = sampled(contract_rows(target, made), column, frames.scanned) if column else ()
        staged = newest_only(target, staged, bounds)
    if isinstance(spec.write, Recompute):
        staged = _laid_out(target, staged, inputs, frames.scanned)
    handed = write_assayed(attempt, staged, book.decision)
    attempt.balance = attempt.balance.with_counts(read=frames.read, withdrawn=frames.withdrawn_rows, assayed=handed)
    attempt.located = dict(inputs.groups) if isinstance(spec.write, Recompute) else located(attempt)
    if isinstance(spec.write, Recompute) and (book.decision is None or book.decision.accept):
        _note_touched(attempt, inputs)
        _stage_removed(attempt, inputs)
    return [*judged(attempt, book.suite, checks, book.around), *judged_table(attempt, book.suite, book.around)]


def _note_touched(attempt: Attempt, inputs: BatchInputs) -> None:
    """List the groups, where quarantine may hold rows of them that are no longer true."""
    from pyspark.sql.types import StructType

    target = attempt.target
    if attempt.batch.kind != "full" and attempt.storage.exists(target.quarantine_path):
        by = StructType([target.schema[name] for name in target.locate_by])
        list_touched(attempt.storage, target.path, attempt.batch, attempt.id, inputs.touched, by)


def _laid_out(target: Target, rows: DataFrame, inputs: BatchInputs, scanned: int) -> DataFrame:
    """The rows of recomputed groups, sorted within a task; one range a task where they are many."""
    column = located_column(target)
    bounds = spaced(inputs.groups[column], scanned) if column else ()
    if bounds:
        rows = in_ranges(rows, target.locate_by[0], bounds).drop(RANGE)
    return rows.sortWithinPartitions(*map(quoted, target.locate_by))


def _checks(spec: TableSpec, attempt: Attempt, book: Rulebook, castable: Sequence[str]) -> list[Check]:
    checks = [*built_in_checks(spec, attempt.target, castable), *checks_of(book.suite, attempt.target.schema)]
    decision = book.decision
    if decision is not None and decision.accept:
        return [replace(c, on_fail=OnFail.WARN) if decision.lets_pass(c.id) else c for c in checks]
    return checks


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
