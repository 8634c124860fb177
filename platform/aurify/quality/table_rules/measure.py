"""Rules of a batch judged: what they need is measured once, in as few Spark jobs as possible."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any

from aurify.errors import Problem, SuiteError
from aurify.quality.plugins import THEIRS, take_theirs
from aurify.quality.result import Judgement
from aurify.quality.table_rules import table_expectation_of
from aurify.quality.table_rules.aggregates import AGGREGATES
from aurify.quality.table_rules.elsewhere import (
    asked,
    take_other_row_counts,
    take_query_counts,
    take_query_rows,
    take_time,
)
from aurify.quality.table_rules.measures import Found, Measure
from aurify.quality.table_rules.one_pass import take_aggregates
from aurify.quality.table_rules.orders import take_disorder
from aurify.quality.table_rules.registry import Kind
from aurify.quality.table_rules.rows import Rows, Taker
from aurify.quality.table_rules.value_lists import (
    DISTINCT_AT_ONCE,
    take_distinct_counts,
    take_failing_values,
    take_most_common,
    take_value_counts,
)

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.quality.rule import Rule

Batches = Sequence[Mapping[str, object]]

PASS = "one pass over the rows for all aggregates"
PASS_AGAIN = "a second pass for z-scores and outliers"
DISTINCT = "passes for the counts of different values"

_TAKERS: Mapping[str, Taker] = {
    **dict.fromkeys(AGGREGATES, take_aggregates),
    "batch_time": take_time,
    "disorder": take_disorder,
    "distinct_count": take_distinct_counts,
    "failing_values": take_failing_values,
    "most_common": take_most_common,
    "other_row_count": take_other_row_counts,
    "query_count": take_query_counts,
    "query_rows": take_query_rows,
    "value_counts": take_value_counts,
    THEIRS: take_theirs,
}
# A query that a suite gives runs as the session has it.
_OF_THE_SUITE = (take_query_counts, take_query_rows)


def judge_rules(
    frame: DataFrame,
    rules: Sequence[Rule],
    others: Mapping[str, DataFrame] | None = None,
    known: Mapping[str, object] | None = None,
    history: Mapping[str, Batches] | None = None,
) -> dict[str, Judgement | None]:
    """What each rule found in the rows, by rule id; None where a rule has too few earlier batches to judge.

    `others` are the frames of other tables by name. `known` are measures that need not be taken, by name, such as
    `row_count`, `null_count(price)` or `batch_time`. `history` are the measures of earlier batches by rule id,
    oldest first. SuiteError names the rules that Spark can't read.
    """
    measured = measure_rules(frame, rules, others, known)
    return judge_measured(frame, rules, measured, history or {})


def measure_rules(
    frame: DataFrame,
    rules: Sequence[Rule],
    others: Mapping[str, DataFrame] | None = None,
    known: Mapping[str, object] | None = None,
) -> dict[str, object]:
    """All measures that the rules need, by name; those that hang on others are taken after these."""
    from pyspark.errors import AnalysisException

    measured = dict(known or {})
    rows = Rows(frame, others or {})
    while missing := _missing(rules, measured):
        try:
            measured.update(_taken(rows, missing))
        except AnalysisException as fault:
            _blame(rows, rules, fault)
            raise
    return measured


def judge_measured(
    frame: DataFrame, rules: Sequence[Rule], measured: Found, history: Mapping[str, Batches]
) -> dict[str, Judgement | None]:
    """The judgements of rules all of whose measures are there."""
    return {rule.id: _judged(rule, frame, measured, history.get(rule.id, ())) for rule in rules}


def measures_kept(rules: Sequence[Rule]) -> dict[str, list[str]]:
    """The names of the measures that a ledger must keep of a batch, by rule id, for the rules that look at history.

    What was measured under these names can be written as JSON.
    """
    return {rule.id: [m.name for m in _kept(rule).values()] for rule in rules if _is_of_history(rule)}


def needs_no_rows(rule: Rule, known: Mapping[str, object]) -> bool:
    """Whether all that the rule needs is known already, so that it can be judged without a row."""
    wanted = table_expectation_of(rule).measures(rule, {})
    return bool(wanted) and all(measure.name in known for measure in wanted.values())


def jobs_needed(rules: Sequence[Rule]) -> list[tuple[str, int]]:
    """What the rules need Spark for, and how many jobs each of it takes; nothing for rules of the schema.

    Where rules fail, one more job looks for some of the values that do.
    """
    wanted = {m.name: m for rule in rules for m in table_expectation_of(rule).measures(rule, {}).values()}
    needed: list[tuple[str, int]] = []
    by_taker = _by_taker(wanted.values())
    shared = {take_aggregates: PASS, take_disorder: "rows in order, on one task"}
    for taker, measures in by_taker.items():
        if taker is take_distinct_counts:
            needed.append((DISTINCT, -(-len(measures) // DISTINCT_AT_ONCE)))
        elif taker in shared:
            needed.append((shared[taker], 1))
        elif taker is take_theirs:
            needed += [(f"{measure.given[0]} in Great Expectations itself, at least", 1) for measure in measures]
        elif taker is not take_time:
            needed += [(_told(measure), 1) for measure in measures]
    if any(table_expectation_of(rule).passes > 1 for rule in rules):
        needed.append((PASS_AGAIN, 1))
    return needed


def _told(measure: Measure) -> str:
    where = f" where {measure.condition.text}" if measure.condition is not None else ""
    if measure.of == "query_count":
        return f"the query {measure.given[0]}{where}"
    if measure.of == "other_row_count":
        return f"the rows of {measure.given[0]}"
    return f"the values of {measure.column}{where}"


def _missing(rules: Sequence[Rule], measured: Found) -> list[Measure]:
    """What the rules want next and is not measured yet, each measure once."""
    wanted = {m.name: m for rule in rules for m in _wanted(rule, measured).values()}
    return [measure for name, measure in wanted.items() if name not in measured]


def _wanted(rule: Rule, measured: Found) -> Mapping[str, Measure]:
    """The measures of a rule by role, as far as those measured already tell."""
    expectation = table_expectation_of(rule)
    wanted = expectation.measures(rule, {})
    while all(measure.name in measured for measure in wanted.values()):
        further = expectation.measures(rule, {role: measured[measure.name] for role, measure in wanted.items()})
        if further.keys() == wanted.keys():
            break
        wanted = further
    return wanted


def _taken(rows: Rows, measures: Sequence[Measure]) -> Iterator[tuple[str, object]]:
    for taker, of_taker in _by_taker(measures).items():
        with nullcontext() if taker in _OF_THE_SUITE else _one_job_each(rows.frame):
            yield from taker(rows, of_taker)


def _by_taker(measures: Any) -> dict[Taker, list[Measure]]:
    grouped: dict[Taker, list[Measure]] = {}
    for measure in measures:
        grouped.setdefault(_TAKERS[measure.of], []).append(measure)
    return grouped


def _judged(rule: Rule, frame: DataFrame, measured: Found, batches: Batches) -> Judgement | None:
    wanted = _wanted(rule, measured)
    found: dict[str, object] = {role: measured[measure.name] for role, measure in wanted.items()}
    if _is_of_history(rule):
        kept = _kept(rule)
        whole = [batch for batch in batches if all(measure.name in batch for measure in kept.values())]
        found["history"] = [{role: batch[measure.name] for role, measure in kept.items()} for batch in whole]
    return table_expectation_of(rule).judge(rule, frame.schema, found)


def _is_of_history(rule: Rule) -> bool:
    return table_expectation_of(rule).kind is Kind.HISTORY


def _kept(rule: Rule) -> Mapping[str, Measure]:
    wanted = table_expectation_of(rule).measures(rule, {})
    return {role: measure for role, measure in wanted.items() if measure.of != "batch_time"}


def _blame(rows: Rows, rules: Sequence[Rule], fault: Exception) -> None:
    """SuiteError where Spark can't read a condition or a query that a suite gives."""
    from pyspark.errors import AnalysisException

    problems: list[Problem] = []
    for rule in rules:
        try:
            if rule.condition is not None:
                rows.frame.where(rule.condition.column())
            for measure in table_expectation_of(rule).measures(rule, {}).values():
                if measure.of == "query_count":
                    with asked(rows, measure):
                        pass
        except AnalysisException as own:
            told = str(own).strip().splitlines()[0]
            problems.append(Problem(rule.id, told, "a condition and a query that Spark can read"))
    if problems:
        raise SuiteError("rules of the batch", problems) from fault


@contextmanager
def _one_job_each(frame: DataFrame) -> Iterator[None]:
    """Aggregates are planned once and run as one job; adaptive plans would make one job of each of their stages."""
    conf, key = frame.sparkSession.conf, "spark.sql.adaptive.enabled"
    before = conf.get(key)
    conf.set(key, "false")
    try:
        yield
    finally:
        if before is not None:
            conf.set(key, before)
