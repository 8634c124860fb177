"""Expectations of values that rise or fall from row to row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from aurify.quality.row_rules import arguments as row_arg
from aurify.quality.row_rules.domain import hashable
from aurify.quality.table_rules.measures import Found, Measure, over_column
from aurify.quality.table_rules.registry import Registry, Traits

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

SORTED_VALUES = Registry()

ORDERED = (
    "Rows are put in the order of `order_by`, NULL and NaN are passed over, and values are compared as their type has"
    " them; Great Expectations takes rows as Spark hands them over, takes the difference of two values, in days for"
    " moments and none for text or equal infinities, and passes whatever follows a NULL unless it is a number."
)


_IN_ORDER = Traits(wants=hashable, needs_order=True, difference=ORDERED)


@SORTED_VALUES.counted(
    "expect_column_values_to_be_increasing", "{column} never falls from row to row", _IN_ORDER, strictly=row_arg.FLAG
)
def falls(rule: Rule, found: Found, strictly: bool = False) -> Mapping[str, Measure]:
    """Each value is compared with the last one before it in the order of `order_by`, where NULL comes first.

    Rows that `order_by` does not tell apart stand in the order that is right; with `strictly`, equal values fail.
    """
    return {"unexpected": over_column(rule, "disorder", "increasing", strictly, *rule.order_by)}


@SORTED_VALUES.counted(
    "expect_column_values_to_be_decreasing", "{column} never rises from row to row", _IN_ORDER, strictly=row_arg.FLAG
)
def rises(rule: Rule, found: Found, strictly: bool = False) -> Mapping[str, Measure]:
    """The opposite, in the same order."""
    return {"unexpected": over_column(rule, "disorder", "decreasing", strictly, *rule.order_by)}
