"""Rows through the gate, and into the staged files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import Problem, SuiteError
from aurify.publish.passed import ORIGIN
from aurify.publish.publication import Attempt
from aurify.publish.quarantine import ROW
from aurify.publish.ranges import ROWS_PER_TASK, rows_per_file
from aurify.publish.stage import write_staged
from aurify.publish.target import DELETED
from aurify.quality import Check, Suite, assay
from aurify.quality.bits import IS_MASK, MASK, UNJUDGED
from aurify.quality.row_rules.reference_rules import flags, is_reference, with_references
from aurify.tables.rulebook import Decision, Rulebook
from aurify.tables.spec import Upsert
from aurify.tables.transform import POINTERS, RAW, pointer_columns, pointers

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

REJECTED = "batch_rejected"
SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"


def spread(session: SparkSession, rows: int) -> None:
    """More tasks after a shuffle where the rows are many, so that those of one fit its memory."""
    tasks = -(-rows // ROWS_PER_TASK)
    if tasks > int(session.conf.get(SHUFFLE_PARTITIONS) or 0):
        session.conf.set(SHUFFLE_PARTITIONS, str(tasks))


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
    known = F.col(POINTERS) if POINTERS in rows.columns else pointers(names)
    kept = F.when(F.col("verdict") != "ok", known)
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


def unjudged(rows: DataFrame, checks: Sequence[Check]) -> DataFrame:
    """The rows, marked as ones that no check looks at."""
    from pyspark.sql import functions as F

    return rows.withColumn(f"{MASK}0", F.lit(UNJUDGED).cast("bigint")) if checks else rows


def with_delete_marks(write: Upsert, rows: DataFrame) -> DataFrame:
    """The rows with the mark of a delete, where the table tells deletes by a condition."""
    from pyspark.sql import functions as F

    mark = F.expr(write.delete_when) if write.delete_when else F.lit(None)
    return rows.withColumn(DELETED, F.when(mark.cast("boolean"), F.lit(True)))


def write_assayed(attempt: Attempt, rows: DataFrame, decision: Decision | None) -> int:
    """The one write of the batch; gives the rows that it was handed."""
    ready = _columns(attempt, rows, rejected=decision is not None and not decision.accept)
    what = f"{attempt.target.name} {attempt.batch.label}: transform, assay, stage"
    handed = write_staged(ready, attempt.folder, what, rows_per_file(attempt.target))
    attempt.staged.forget()
    return handed


def located(attempt: Attempt) -> dict[str, list[object]]:
    """The values of the columns that the target is clustered by, among the rows offered."""
    return {column: attempt.staged.values("ok", column) for column in attempt.target.locate_by}


def _columns(attempt: Attempt, rows: DataFrame, rejected: bool) -> DataFrame:
    """What the files hold: the table's columns, and what quarantine needs, NULL on rows that passed."""
    from pyspark.sql import functions as F

    own = [quoted(f.name) for f in attempt.target.physical_schema.fields]
    masks = [quoted(n) for n in rows.columns if IS_MASK.fullmatch(n)]
    bad = F.col("verdict") != "ok"
    raw: Column = F.col(RAW) if RAW in rows.columns else F.lit(None).cast("map<string,string>")
    # told apart within the attempt; a fingerprint of the row would leave compiled code
    id = F.when(F.col("verdict") == "quarantine", F.monotonically_increasing_id()).alias(ROW)
    origin = [ORIGIN] if ORIGIN in rows.columns else []
    columns: list[Column | str] = [*own, *masks, "_failed", F.when(bad, raw).alias(RAW), POINTERS, id, *origin]
    shown = rows.select(*columns, "verdict")
    if not rejected:
        return shown
    reason = F.struct(
        F.lit(REJECTED).alias("id"),
        F.lit("a person rejected the batch").alias("rule"),
        F.array().cast("array<string>").alias("columns"),
        F.array().cast("array<string>").alias("values"),
    )
    reasons = F.concat(F.coalesce("_failed", F.array().cast(shown.schema["_failed"].dataType)), F.array(reason))
    # rows that were withdrawn are no rows to keep: what they take away stays, since the batch does nothing
    is_withdrawn = F.col(f"{MASK}0").bitwiseAND(F.lit(UNJUDGED)) != 0 if masks else F.lit(False)
    verdict = F.when(F.coalesce(is_withdrawn, F.lit(False)), F.lit("drop")).otherwise(F.lit("quarantine"))
    all_bad = shown.withColumn("_failed", reasons).withColumn("verdict", verdict)
    return all_bad.withColumn(ROW, F.when(F.col("verdict") == "quarantine", F.monotonically_increasing_id()))
