"""Stage a replay: rows of quarantine through the gate again."""

from __future__ import annotations

from aurify.errors import Problem
from aurify.publish.balance import BalanceError
from aurify.publish.passed import list_replayed
from aurify.publish.publication import Attempt
from aurify.quality import RuleResult
from aurify.tables.assaying import assayed, located, spread, unjudged, with_delete_marks, write_assayed
from aurify.tables.judging import judged_rows
from aurify.tables.replaying import checks_of_replay, delivered_again, restored_rows, standing_rows
from aurify.tables.rulebook import Rulebook
from aurify.tables.spec import TableSpec, Upsert
from aurify.tables.transform import newest_only
from aurify.tables.whole_table import judged_table


def takes_rows(attempt: Attempt) -> bool:
    """Whether the batch is made of rows of quarantine; groups are computed again from their input."""
    return attempt.batch.kind == "replay" and attempt.target.mode != "recompute"


def stage_replay(spec: TableSpec, attempt: Attempt, book: Rulebook) -> list[RuleResult]:
    """Write rows of quarantine, judged again, once; for a table fed by files with all that it holds of those files.

    What reads such a table sees one more delivery of each file, whole, so that it can count and compare its lines.
    """
    from pyspark.sql import functions as F

    target, files, taken = attempt.target, attempt.batch.files, book.quarantine.taken
    assert taken is not None
    spread(attempt.spark, book.quarantine.rows)
    rows = restored_rows(spec, target, taken)
    checks = checks_of_replay(spec, target, book.suite)
    staged = assayed(attempt, delivered_again(rows, files) if files else rows, checks, book)
    read = book.quarantine.rows
    if isinstance(spec.write, Upsert):
        staged = newest_only(target, with_delete_marks(spec.write, staged), ())
    elif files:
        held = standing_rows(target, attempt.handle, files, taken)
        staged = staged.unionByName(unjudged(held.withColumn("verdict", F.lit("ok")), checks), allowMissingColumns=True)
        read += held.count()
    handed = write_assayed(attempt, staged, book.decision)
    attempt.balance = attempt.balance.with_counts(read=read, assayed=handed)
    attempt.located = located(attempt)
    listed = list_replayed(attempt.storage, target.path, attempt.batch, attempt.id, attempt.staged)
    if listed != book.quarantine.rows:
        problem = Problem("balance", f"{listed} rows of quarantine in the staged files", f"{book.quarantine.rows}")
        raise BalanceError(f"{target.name} {attempt.batch.label}: nothing was published", [problem])
    return [*judged_rows(attempt, book.suite, checks), *judged_table(attempt, book.suite, book.around)]
