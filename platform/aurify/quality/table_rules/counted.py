"""Expectations of rows that are judged over the whole batch, because a row alone does not tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.quality.result import Judgement, RowCounts
from aurify.quality.table_rules.measures import Found, Measure, over_column, over_rows

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

    from aurify.quality.rule import Rule


def rows_and_nulls(rule: Rule) -> Mapping[str, Measure]:
    """The rows that the rule is for, and those among them that it passes over."""
    return {"rows": over_rows(rule, "row_count"), "nulls": over_column(rule, "null_count")}


def judge_counts(rule: Rule, schema: StructType, found: Found) -> Judgement:
    """Whether enough rows pass, as Great Expectations counts them."""
    rows, nulls = _number(found["rows"]), _number(found["nulls"])
    counts = RowCounts(rows, nulls, _number(found.get("unexpected")), _number(found.get("undetermined")))
    sample = found.get("sample")
    return Judgement(
        holds=counts.hold(rule.mostly), counts=counts, sample=sample if isinstance(sample, Sequence) else ()
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
