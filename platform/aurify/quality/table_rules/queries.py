"""Expectations that a suite writes as a query, and those that can't run on Spark."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.quality.result import Judgement
from aurify.quality.table_rules import arguments as arg
from aurify.quality.table_rules.measures import Found, Measure, over_rows
from aurify.quality.table_rules.registry import Registry, Traits, Whole

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

QUERIES = Registry()

BATCH_ONLY = "The query must name {batch}, which Great Expectations only advises; it may have a row_condition."
NO_CODE = "{}: Great Expectations 1.24 has the name, but no code behind it"


def _measures(rule: Rule, found: Found) -> Mapping[str, Measure]:
    query = rule.kwargs["unexpected_rows_query"]
    wanted = {"rows": over_rows(rule, "query_count", query)}
    return {**wanted, "sample": over_rows(rule, "query_rows", query)} if found.get("rows") else wanted


@QUERIES.measured(
    "unexpected_rows_expectation",
    "no row answers {unexpected_rows_query}",
    _measures,
    Traits(over=Whole.TABLE, difference=BATCH_ONLY),
    unexpected_rows_query=arg.THE_QUERY,
)
def has_no_answer(found: Found, unexpected_rows_query: str) -> Judgement:
    """`{batch}` stands for the rows that meet the row_condition."""
    sample = found.get("sample")
    return Judgement(not found["rows"], found["rows"], sample=sample if isinstance(sample, Sequence) else ())


for _way_on, _names in {
    "expect_column_kl_divergence_to_be_less_than": (
        "expect_column_bootstrapped_ks_test_p_value_to_be_greater_than",
        "expect_column_chisquare_test_p_value_to_be_greater_than",
        "expect_column_chi_square_test_p_value_to_be_greater_than",
    ),
    "expect_column_quantile_values_to_be_between": (
        "expect_column_parameterized_distribution_ks_test_p_value_to_be_greater_than",
    ),
    "unexpected_rows_expectation": ("expect_column_pair_cramers_phi_value_to_be_less_than",),
}.items():
    for _name in _names:
        QUERIES.unsupported(_name, NO_CODE.format(_way_on))
QUERIES.unsupported(
    "expect_query_results_to_match_comparison",
    "unexpected_rows_expectation with a query that joins both sides: Great Expectations compares SQL databases only",
)
