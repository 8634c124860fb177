"""What people decide about single rows of quarantine: a log beside the table, a row a decision, the newest counts."""

from __future__ import annotations

import getpass
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.publish.passed import PLACE
from aurify.publish.quarantine import ROW
from aurify.publish.state import TableState
from aurify.publish.target import Handle, Target
from aurify.tables.replaying import ACCEPTED, NEEDED, VALUES, row_name
from aurify.workflows.row_states import ACCEPTED as ACCEPTED_STATE
from aurify.workflows.row_states import OPEN, REJECTED, STANDING
from aurify.workflows.run import Run, quiet

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from aurify.workflows.lake import Lake

RowVerb = Literal["accept", "reject", "reopen"]
DECIDED = {"accept": ACCEPTED_STATE, "reject": REJECTED, "reopen": OPEN}
DECISION, _LAST = "_aurify_decision", "_aurify_last"
_IS_NAME = re.compile(r"\d+-\d+-\d+")


def decisions_path(target: Target) -> str:
    """Where the decisions on the rows of a table lie."""
    return f"{target.path}/_aurify/decisions"


def decisions_version(target: Target) -> int | None:
    """The newest version of the decisions; None where none was made."""
    handle = Handle.open(decisions_path(target))
    return None if handle is None else handle.version


def newest_decisions(rows: DataFrame, session: SparkSession, target: Target, version: int | None) -> DataFrame:
    """Rows of quarantine with the newest decision on each, `DECISION`, and what it says; NULL where there is none."""
    from pyspark.sql import functions as F

    newest = decisions_version(target) if version is None else version
    if newest is None:
        none = {DECISION: "string", ACCEPTED: "array<string>", VALUES: "map<string,string>"}
        return rows.withColumns({name: F.lit(None).cast(kind) for name, kind in none.items()})
    made = session.read.format("delta").option("versionAsOf", newest).load(decisions_path(target))
    last = F.max_by(F.struct("state", "rules", "values"), "number").alias(_LAST)
    found = rows.join(made.groupBy(*PLACE).agg(last), list(PLACE), "left")
    told = {DECISION: "state", ACCEPTED: "rules", VALUES: "values"}
    return found.withColumns({name: F.col(f"{_LAST}.{field}") for name, field in told.items()}).drop(_LAST)


def record(lake: Lake, target: Target, decisions: DataFrame, reason: str) -> None:
    """Append decisions with `_generation`, `_batch`, `_row`, `state`, `rules` and `values`; under the table's lease."""
    from pyspark.sql import functions as F

    schema = _schema()
    # made here: Spark would take a new folder within a table for a partition of it
    handle = Handle.create(decisions_path(target), schema, {"kind": "decisions", "table": target.name})
    said = {
        "number": F.lit(handle.version + 1).cast("bigint"),
        "reason": F.lit(reason),
        "by": F.lit(getpass.getuser()),
        "at": F.current_timestamp(),
    }
    rows = decisions.withColumns(said).select(*map(quoted, schema.fieldNames()))
    rows.coalesce(1).write.format("delta").mode("append").save(decisions_path(target))


def _schema() -> StructType:
    from pyspark.sql import types as T

    text = T.StringType()
    kinds: dict[str, T.DataType] = {
        **dict(zip(PLACE, (T.IntegerType(), T.IntegerType(), T.LongType()), strict=True)),
        "number": T.LongType(),
        "state": text,
        "rules": T.ArrayType(text),
        "values": T.MapType(text, text),
        "reason": text,
        "by": text,
        "at": T.TimestampType(),
    }
    return T.StructType([T.StructField(name, kind) for name, kind in kinds.items()])


def decide_rows(
    lake: Lake, table: str, verb: RowVerb, *, rows: Sequence[str] = (), rules: Sequence[str] = (), reason: str = ""
) -> int:
    """Settle rows of quarantine by their names, like `1-7-42`, or all that failed a rule; gives how many.

    An accepted row passes, at the next replay, the rules that are named, or else all that it failed.
    """
    from pyspark.sql import functions as F

    _refuse_mistakes(table, verb, rows, rules, reason)
    with lake.lease(table, Run(lake, [table], quiet).id):
        standing = standing_rows(lake, table)
        _refuse_unknown(table, standing, rows, rules)
        failed = F.transform("_failed", lambda reason: reason["id"])
        chosen = standing
        if rows:
            chosen = chosen.where(row_name().isin(list(rows)))
        if rules:
            chosen = chosen.where(F.arrays_overlap(failed, F.array(*map(F.lit, rules))))
        excused = F.array(*map(F.lit, rules)) if rules else failed
        decided = chosen.select(
            *PLACE,
            F.lit(DECIDED[verb]).alias("state"),
            F.when(F.lit(verb == "accept"), excused).alias("rules"),
            F.lit(None).cast("map<string,string>").alias("values"),
        )
        count = chosen.count()
        record(lake, lake.target(table), decided, reason)
    return count


def standing_rows(lake: Lake, table: str) -> DataFrame:
    """The rows of quarantine that people can decide about: no replay took them, and nothing replaced them.

    A row of a group that was accepted stays accepted in every later batch, so it can be taken back.
    """
    from pyspark.sql import functions as F

    from aurify.workflows.quarantine import STATE, with_states

    state = lake.state(table)
    _refuse_open_replay(table, state)
    rows = with_states(lake, lake.spec(table), state, lake.work_session())
    stands = F.col(STATE).isin(*STANDING)
    if state.target.mode == "recompute":
        stands = stands | (F.col(DECISION) == ACCEPTED_STATE)
    return rows.where(stands & F.col(ROW).isNotNull())


def _refuse_open_replay(table: str, state: TableState) -> None:
    """A replay that was begun takes the rows as they were decided then."""
    batch = state.open_batch
    if batch is not None and batch.kind == "replay":
        expected, hint = "no replay that was begun and not ended", f"end it: aurify replay {table}"
        raise ConfigurationError.of(table, f"{batch.label}, a replay, is open", expected, hint)


def _refuse_mistakes(table: str, verb: str, rows: Sequence[str], rules: Sequence[str], reason: str) -> None:
    problems = []
    if not rows and not rules:
        problems.append(Problem(table, "no rows named", "which rows", "--rule ID, or --row and its name"))
    expected = "the name of a row, like 1-7-42"
    problems += [Problem(table, f"the row {row!r}", expected) for row in rows if not _IS_NAME.fullmatch(row)]
    needed = [rule for rule in rules if rule.startswith(NEEDED)] if verb == "accept" else []
    hint = "repair the rows: --export, then --import"
    problems += [Problem(table, f"accepting {rule}", "a row with its key and order", hint) for rule in needed]
    if not reason.strip():
        problems.append(Problem(table, "no reason", "why the rows are decided so", "--reason 'TEXT'"))
    if problems:
        raise ConfigurationError(f"{table}: nothing was decided", problems)


def _refuse_unknown(table: str, standing: DataFrame, rows: Sequence[str], rules: Sequence[str]) -> None:
    """Stop where a name is that of no row, or no row failed a rule."""
    from pyspark.sql import functions as F

    problems = []
    if rows:
        there = {
            r["name"] for r in standing.select(row_name().alias("name")).where(F.col("name").isin(list(rows))).collect()
        }
        hint = f"aurify quarantine {table}"
        gone = [row for row in rows if row not in there]
        problems += [Problem(table, f"no row {row}", "a row that stands in quarantine", hint) for row in gone]
    if rules:
        known = {r["id"] for r in standing.select(F.explode("_failed.id").alias("id")).distinct().collect()}
        odd = [rule for rule in rules if rule not in known]
        expected = "a rule that rows in quarantine failed"
        problems += [Problem(table, f"no row failed {rule}", expected, did_you_mean(rule, known)) for rule in odd]
    if problems:
        raise ConfigurationError(f"{table}: nothing was decided", problems)
