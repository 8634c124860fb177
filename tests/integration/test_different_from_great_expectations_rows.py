"""Where a row rule says that it differs from Great Expectations on Spark, it does, in the way it says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.row_rules import ROW_RULES
from tests.integration.great_expectations_rows import Case, GreatExpectations, our_counts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Great Expectations, and what it brings along, warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

UTC = timezone.utc


@pytest.fixture(scope="module")
def theirs() -> Iterator[GreatExpectations]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        yield GreatExpectations()


DIFFERENT_SCHEMA = parse_columns("n int, m int, big bigint, at timestamp, s string, doc string, t string")
DIFFERENT_ROWS = [
    (2**31 - 1, 1, 2**53 + 1, datetime(2024, 2, 29, tzinfo=UTC), "a", '{"a": 1}', "3 Feb 2024"),
    (1, 2, 2**53, datetime(2024, 2, 29, 12, tzinfo=UTC), "B", "no document", "no date"),
    (3, 3, 0, datetime(2024, 3, 1, tzinfo=UTC), "b%", '{"a": "1"}', "2024-02-30"),
    (None, None, None, None, None, None, None),
]
SQL = {"condition_parser": "spark"}
NOON = "2024-02-29T12:00:00"
HAS_NO_LIKE = "No provider found for column_values.{}.unexpected_count using SparkDFExecutionEngine"


@dataclass(frozen=True)
class Difference:
    """What it comes to: rows judged and failed, with Aurify and with Great Expectations, or why not there."""

    kwargs: Mapping[str, Any]
    ours: tuple[int, int]
    theirs: tuple[int, int] | str


DIFFERENCES: Mapping[str, Difference] = {
    "expect_column_values_to_be_in_set": Difference({"column": "at", "value_set": [NOON]}, (3, 2), (3, 3)),
    "expect_column_values_to_not_be_in_set": Difference({"column": "at", "value_set": [NOON]}, (3, 1), (3, 0)),
    "expect_column_values_to_be_between": Difference({"column": "big", "max_value": 2**53}, (3, 1), (3, 0)),
    "expect_column_values_to_match_regex_list": Difference(
        {"column": "s", "regex_list": ["(?i)A", "^b$"]}, (3, 2), (3, 1)
    ),
    "expect_column_values_to_match_like_pattern": Difference(
        {"column": "s", "like_pattern": "_\\%"}, (3, 2), HAS_NO_LIKE.format("match_like_pattern")
    ),
    "expect_column_values_to_not_match_like_pattern": Difference(
        {"column": "s", "like_pattern": "_!%", "escape": "!"}, (3, 1), HAS_NO_LIKE.format("not_match_like_pattern")
    ),
    "expect_column_values_to_match_like_pattern_list": Difference(
        {"column": "s", "like_pattern_list": ["a", "b_"]}, (3, 1), HAS_NO_LIKE.format("match_like_pattern_list")
    ),
    "expect_column_values_to_not_match_like_pattern_list": Difference(
        {"column": "s", "like_pattern_list": ["a", "b_"]}, (3, 2), HAS_NO_LIKE.format("not_match_like_pattern_list")
    ),
    "expect_column_values_to_match_json_schema": Difference(
        {"column": "doc", "json_schema": {"properties": {"a": {"type": "integer"}}}}, (3, 2), "JSONDecodeError"
    ),
    "expect_column_values_to_be_dateutil_parseable": Difference({"column": "t"}, (3, 2), "dateutil_parseable"),
    "expect_column_pair_values_to_be_in_set": Difference(
        {"column_A": "n", "column_B": "m", "value_pairs_set": [[1, 2]], "row_condition": "n < 3", **SQL},
        (1, 0),
        "InvalidCacheValueError",
    ),
    "expect_multicolumn_sum_to_equal": Difference({"column_list": ["n", "m"], "sum_total": -(2**31)}, (3, 3), (3, 2)),
}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_the_difference_is_as_it_is_said(spark: SparkSession, theirs: GreatExpectations, name: str) -> None:
    difference = DIFFERENCES[name]
    case = Case(name, difference.kwargs, DIFFERENT_SCHEMA)
    frame = spark.createDataFrame(DIFFERENT_ROWS, DIFFERENT_SCHEMA).coalesce(1)
    (counts,), (result,) = our_counts(frame, [case]), theirs.results(frame, [case])
    assert (counts.looked_at, counts.unexpected) == difference.ours
    if isinstance(difference.theirs, str):
        assert difference.theirs in str(result.exception_info)
    else:
        found = result.result
        assert (found["element_count"] - found["missing_count"], found["unexpected_count"]) == difference.theirs


@pytest.fixture
def new_york(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


@pytest.mark.usefixtures("new_york")
def test_great_expectations_takes_a_bound_in_the_zone_of_the_machine(
    spark: SparkSession, theirs: GreatExpectations
) -> None:
    case = Case("expect_column_values_to_be_between", {"column": "at", "min_value": NOON}, DIFFERENT_SCHEMA)
    frame = spark.createDataFrame(DIFFERENT_ROWS, DIFFERENT_SCHEMA).coalesce(1)
    (counts,), (result,) = our_counts(frame, [case]), theirs.results(frame, [case])
    assert (counts.unexpected, result.result["unexpected_count"]) == (1, 2)


def test_great_expectations_refuses_bounds_of_text() -> None:
    from great_expectations.expectations.registry import get_expectation_impl

    bounds: dict[str, Any] = {"column": "s", "min_value": "b"}
    with pytest.raises(ValueError, match="min_value"):
        get_expectation_impl("expect_column_values_to_be_between")(**bounds)


def test_great_expectations_keeps_no_more_than_the_name_of_multicolumn_uniqueness() -> None:
    from great_expectations.exceptions.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    with pytest.raises(ExpectationNotFoundError):
        get_expectation_impl("expect_multicolumn_values_to_be_unique")


def test_every_difference_that_a_rule_states_is_shown() -> None:
    stated = {name for name, expectation in ROW_RULES.items() if expectation.difference}
    assert stated == {*DIFFERENCES, "expect_multicolumn_values_to_be_unique"}
