"""Rules that look at a batch or a table as a whole: Great Expectations' names, judged by measures taken in few jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.quality.table_rules.column_statistics import COLUMN_STATISTICS
from aurify.quality.table_rules.divergence import DIVERGENCE
from aurify.quality.table_rules.history import HISTORY
from aurify.quality.table_rules.queries import QUERIES
from aurify.quality.table_rules.registry import Registry, TableExpectation
from aurify.quality.table_rules.shape import SHAPE
from aurify.quality.table_rules.sorted_values import SORTED_VALUES
from aurify.quality.table_rules.spread import SPREAD
from aurify.quality.table_rules.value_sets import VALUE_SETS

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

TABLE_RULES = Registry(SHAPE, COLUMN_STATISTICS, VALUE_SETS, SPREAD, SORTED_VALUES, DIVERGENCE, QUERIES, HISTORY)

__all__ = ["TABLE_RULES", "judges_batch", "table_expectation_of"]


def judges_batch(rule: Rule) -> bool:
    """Whether the rule judges a batch as a whole."""
    return isinstance(rule.own, TableExpectation) or rule.expectation in TABLE_RULES


def table_expectation_of(rule: Rule) -> TableExpectation:
    """What the rule expects of a batch."""
    return rule.own if isinstance(rule.own, TableExpectation) else TABLE_RULES[rule.expectation]
