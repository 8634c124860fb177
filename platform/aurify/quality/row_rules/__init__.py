"""Rules that look at one row at a time: Great Expectations' names, each a Spark column."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.quality.row_rules.column_rules import COLUMN_RULES
from aurify.quality.row_rules.domain import Domain, Over
from aurify.quality.row_rules.multicolumn_rules import MULTICOLUMN_RULES
from aurify.quality.row_rules.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import Column
    from pyspark.sql.types import StructType

    from aurify.quality.suite import Rule

ROW_RULES = Registry(COLUMN_RULES, MULTICOLUMN_RULES)

_PASSED_OVER = {
    Over.COLUMN: "any_value_is_missing",
    Over.PAIR: "both_values_are_missing",
    Over.COLUMNS: "all_values_are_missing",
}
_NOT_OF_THE_ROW = ("mostly", "ignore_row_if")


def failing(rule: Rule, schema: StructType) -> Column:
    """TRUE where the row fails the rule, FALSE where it passes or is passed over, NULL where that is undetermined."""
    expectation = ROW_RULES[rule.expectation]
    ignore = "never" if expectation.looks_at_null else rule.kwargs.get("ignore_row_if", _PASSED_OVER[expectation.over])
    domain = Domain(rule.columns, schema, str(ignore))
    arguments = {name: value for name, value in rule.kwargs.items() if name not in _NOT_OF_THE_ROW}
    fails = expectation.fails(domain, **arguments)
    is_looked_at = domain.is_looked_at
    return fails if is_looked_at is None else is_looked_at & fails
