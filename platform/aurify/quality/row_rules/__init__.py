"""Rules that look at one row at a time: Great Expectations' names, each a Spark column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.quality.row_rules.column_rules import COLUMN_RULES
from aurify.quality.row_rules.domain import Domain, Over
from aurify.quality.row_rules.multicolumn_rules import MULTICOLUMN_RULES
from aurify.quality.row_rules.parsing_rules import PARSING_RULES
from aurify.quality.row_rules.pattern_rules import PATTERN_RULES
from aurify.quality.row_rules.reference_rules import REFERENCE_RULES
from aurify.quality.row_rules.registry import Registry, RowExpectation

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import StructType

    from aurify.quality.rule import Rule

ROW_RULES = Registry(COLUMN_RULES, PATTERN_RULES, PARSING_RULES, MULTICOLUMN_RULES, REFERENCE_RULES)

_PASSED_OVER = {
    Over.COLUMN: "any_value_is_missing",
    Over.PAIR: "both_values_are_missing",
    Over.COLUMNS: "all_values_are_missing",
}
_IGNORE = "ignore_row_if"


def judges_rows(rule: Rule) -> bool:
    """Whether the rule judges one row at a time."""
    return isinstance(rule.own, RowExpectation) or rule.expectation in ROW_RULES


def row_expectation_of(rule: Rule) -> RowExpectation:
    """What the rule expects of a row."""
    return rule.own if isinstance(rule.own, RowExpectation) else ROW_RULES[rule.expectation]


def failing(rule: Rule, schema: StructType) -> Column:
    """TRUE where the row fails the rule, FALSE where it passes or is passed over, NULL where that is undetermined.

    The rule's condition is not asked: of rows outside it the answer means nothing.
    """
    domain = _domain(rule, schema)
    arguments = {name: value for name, value in rule.kwargs.items() if name != _IGNORE}
    fails = row_expectation_of(rule).fails(domain, **arguments)
    is_looked_at = domain.is_looked_at
    return fails if is_looked_at is None else is_looked_at & fails


def looked_at(rule: Rule, schema: StructType) -> Column | None:
    """TRUE where the rule judges the row, FALSE where it passes over its NULLs; None where it judges every row."""
    return _domain(rule, schema).is_looked_at


def _domain(rule: Rule, schema: StructType) -> Domain:
    expectation = row_expectation_of(rule)
    ignore = "never" if expectation.looks_at_null else rule.kwargs.get(_IGNORE, _PASSED_OVER[expectation.over])
    return Domain(rule.columns, schema, str(ignore), rule.condition)
