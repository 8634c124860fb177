"""What rules find in the rows of any frame: of a table as it is or would be, or of a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.quality import Check, Rule, RuleResult, assay
from aurify.quality.bits import Slot, Tally, slots_of
from aurify.quality.result import MASKED, RowCounts, is_personal
from aurify.quality.row_rules import looked_at
from aurify.quality.row_rules.domain import column
from aurify.quality.row_rules.places import place_of
from aurify.quality.row_rules.reference_rules import is_reference, with_references
from aurify.quality.sample import VALUES
from aurify.quality.table_rules import judges_batch
from aurify.quality.table_rules.measure import judge_rules, needs_no_rows
from aurify.quality.values import plain
from aurify.tables.judging import Surroundings
from aurify.tables.transform import RAW

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

SAMPLED_ROWS = 200


def judged_frame(
    rows: DataFrame,
    checks: Sequence[Check],
    rules: Sequence[Rule],
    around: Surroundings,
    personal: set[str],
    known: Mapping[str, object],
) -> tuple[int, list[RuleResult]]:
    """The number of rows, the result of every check, and of every rule that judges them as a whole.

    `known` are measures that need not be taken.
    """
    total, found = _of_rows(rows, checks, rules, around, personal)
    whole = [rule for rule in rules if judges_batch(rule)]
    return total, [*found, *_of_all(rows.drop(RAW), whole, {**known, "row_count": total}, around, personal)]


def _of_rows(
    rows: DataFrame, checks: Sequence[Check], rules: Sequence[Rule], around: Surroundings, personal: set[str]
) -> tuple[int, list[RuleResult]]:
    """The number of rows, and what every check found in them: one job for all, one for samples."""
    from pyspark.sql import functions as F

    by_id = {rule.id: rule for rule in rules}
    counting = [_counting(check, by_id.get(check.id), rows) for check in checks]
    slots = slots_of(counting)
    references = [rule for rule in rules if is_reference(rule)]
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
            by_id.get(c.id),
            c.id,
            c.text,
            c.on_fail,
            RowCounts(total - t.outside, t.skipped, t.failed, t.unknown),
            told.get(c.id, ()),
        )
        for c, t in zip(counting, tallies, strict=True)
    ]


def _of_all(
    rows: DataFrame, rules: Sequence[Rule], known: Mapping[str, object], around: Surroundings, personal: set[str]
) -> list[RuleResult]:
    """What rules find in all the rows; there is nothing to find where there are none."""
    some = rules if known["row_count"] else [rule for rule in rules if needs_no_rows(rule, known)]
    found = judge_rules(rows, some, around.others(some), known, around.history(some)) if some else {}
    return [RuleResult.of_table(rule, found.get(rule.id), personal=personal) for rule in rules]


def _counting(check: Check, rule: Rule | None, rows: DataFrame) -> Check:
    """The check with a bit for the rows that it passes over: there is no footer that counts NULLs."""
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
        hidden = {name for name in c.columns if is_personal(name, personal)}
        shown = [{n: MASKED if n in hidden else plain(row[names[n]]) for n in c.columns} for row in of_check]
        found[c.id] = [one[c.columns[0]] for one in shown] if len(c.columns) == 1 else list(shown)
    return found
