"""The check: a suite over the rows of a table, or of a file, without publishing anything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.publish.names import quoted
from aurify.quality import Check, RuleResult, Suite, assay, checks_of
from aurify.quality.bits import Slot, Tally, slots_of
from aurify.quality.result import MASKED, RowCounts
from aurify.quality.row_rules import looked_at
from aurify.quality.row_rules.domain import column
from aurify.quality.row_rules.places import place_of
from aurify.quality.row_rules.reference_rules import is_reference, with_references
from aurify.quality.sample import VALUES
from aurify.quality.table_rules import judges_batch
from aurify.quality.table_rules.measure import judge_rules
from aurify.quality.values import plain
from aurify.tables.judging import Surroundings, personal_columns
from aurify.tables.transform import RAW, built_in_checks, castable_columns, contract_rows, refuse_columns
from aurify.workflows.file_rows import rows_of_file
from aurify.workflows.neighbourhood import Neighbourhood

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from aurify.workflows.lake import Lake

SAMPLED_ROWS = 200


@dataclass(frozen=True)
class Checked:
    """What a suite found in some rows."""

    table: str
    source: str
    rows: int
    results: Sequence[RuleResult]

    @property
    def exit_code(self) -> int:
        """1 where a rule failed that does more than warn."""
        return 1 if any(r.stops or (r.failed and r.scope == "row" and r.on_fail != "warn") for r in self.results) else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        rules = [{**result.as_dict(), "text": result.text} for result in self.results]
        return {"table": self.table, "source": self.source, "rows": self.rows, "rules": rules}


def check(lake: Lake, table: str, file: str | None = None) -> Checked:
    """Run the suite of a table over its rows as they are, or over those of a file as if it were taken in."""
    spec, suite, target = lake.spec(table), lake.suites[table], lake.target(table)
    session = lake.work_session()
    rows = lake.read(table, session=session) if file is None else rows_of_file(session, file)
    built_in: list[Check] = []
    if file is not None:
        refuse_columns(replace(spec, file=file), target, rows)
        built_in = built_in_checks(spec, target, castable_columns(target, rows))
        rows = contract_rows(target, rows).select(*(quoted(f.name) for f in target.schema.fields), RAW)
    else:
        rows = rows.select(*(quoted(f.name) for f in target.schema.fields))
    checks = [*built_in, *checks_of(suite, target.schema)]
    around = Neighbourhood(lake, spec, session)
    total, of_rows = _of_rows(rows, checks, suite, around, personal_columns(target))
    of_all = _of_all(rows.drop(RAW), total, suite, around, personal_columns(target))
    return Checked(table, file or table, total, [*of_rows, *of_all])


def _of_rows(
    rows: DataFrame, checks: Sequence[Check], suite: Suite, around: Surroundings, personal: set[str]
) -> tuple[int, list[RuleResult]]:
    """The number of rows, and what every check found in them: one job for all, one for samples."""
    from pyspark.sql import functions as F

    counting = [_counting(check, suite, rows) for check in checks]
    slots = slots_of(counting)
    references = [rule for rule in suite.rules if is_reference(rule)]
    known = with_references(rows, references, around.others(references)) if references else rows
    judged = assay(known, counting)
    counts = [F.count_if(_has(slot, bit)) for slot in slots for bit in slot.bits]
    found = judged.agg(F.count(F.lit(1)), *counts).first()
    assert found is not None
    total, numbers = int(found[0]), list(found)[1:]
    tallies = [Tally(*numbers[4 * i : 4 * i + 4]) for i in range(len(counting))]
    broken = [(c, slot) for c, slot, tally in zip(counting, slots, tallies, strict=True) if tally.failed]
    told = _sample(judged, broken, personal) if broken else {}
    return total, [
        RuleResult.of_rows(
            suite.rule(c.id),
            c.id,
            c.text,
            c.on_fail,
            RowCounts(total - t.outside, t.skipped, t.failed, t.unknown),
            told.get(c.id, ()),
        )
        for c, t in zip(counting, tallies, strict=True)
    ]


def _of_all(rows: DataFrame, total: int, suite: Suite, around: Surroundings, personal: set[str]) -> list[RuleResult]:
    """What the rules of a batch find in all the rows; those of its history have none to look at."""
    rules = [rule for rule in suite.rules if judges_batch(rule)]
    known = {"row_count": total, "batch_time": datetime.now(timezone.utc)}
    found = judge_rules(rows, rules, around.others(rules), known, around.history(rules)) if rules and total else {}
    return [RuleResult.of_table(rule, found.get(rule.id), personal=personal) for rule in rules]


def _counting(check: Check, suite: Suite, rows: DataFrame) -> Check:
    """The check with a bit for the rows that it passes over: there is no footer that counts NULLs."""
    rule = suite.rule(check.id)
    if rule is None or not check.nulls_of:
        return check
    over: Any = partial(looked_at, rule, rows.schema)
    return replace(check, looked_at=over, nulls_of="")


def _has(slot: Slot, bit: int) -> Column:
    from pyspark.sql import functions as F

    return column(slot.column).bitwiseAND(F.lit(bit).cast("bigint")) != 0


def _sample(judged: DataFrame, broken: Sequence[tuple[Check, Slot]], personal: set[str]) -> dict[str, list[object]]:
    """Some failing values of each check, as far as they are among the first rows that fail any."""
    from functools import reduce
    from operator import or_

    failing = [_has(slot, slot.failed) for _, slot in broken]
    wanted = dict.fromkeys(name for c, _ in broken for name in c.columns)
    names = {name: f"_{number}" for number, name in enumerate(wanted)}
    places = {name: place_of(name, judged.schema) for name in wanted}
    values = [(p.column if (p := places[name]) else column(name)).alias(alias) for name, alias in names.items()]
    flags = [flag.alias(f"_failed{number}") for number, flag in enumerate(failing)]
    rows = judged.where(reduce(or_, failing)).select(*values, *flags).limit(SAMPLED_ROWS).collect()
    found: dict[str, list[object]] = {}
    for number, (c, _) in enumerate(broken):
        of_check = [row for row in rows if row[f"_failed{number}"]][:VALUES]
        hidden = {n for n in c.columns if n.split(".")[0] in personal}
        shown = [{n: MASKED if n in hidden else plain(row[names[n]]) for n in c.columns} for row in of_check]
        found[c.id] = [one[c.columns[0]] for one in shown] if len(c.columns) == 1 else list(shown)
    return found
