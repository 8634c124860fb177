"""Where a rule of a batch says that it differs from Great Expectations on Spark, it does, in the way it says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.table_rules import TABLE_RULES
from aurify.quality.table_rules.measure import judge_rules
from tests.integration.great_expectations_rows import GreatExpectations
from tests.integration.great_expectations_tables import TableCase, in_json, our_result, their_result, their_results

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Great Expectations, and what it brings along, warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

UTC = timezone.utc
SCHEMA = parse_columns(
    "row int, big bigint, small smallint, d decimal(12,4), day date, at timestamp, s string, `a.b` int"
)
MORNING, NOON = datetime(2024, 2, 29, 6, tzinfo=UTC), datetime(2024, 2, 29, 12, tzinfo=UTC)
ROWS = [
    (1, 2**62, 1, Decimal("0.1000"), date(2024, 2, 29), NOON, "b", 1),
    (2, 2**62, 2, Decimal("0.1000"), date(2024, 2, 29), MORNING, "a", 1),
    (3, 2**62, 3, Decimal("0.1000"), date(2024, 3, 1), NOON, "c", 1),
]
MIDDLE = {"quantiles": [0.5], "value_ranges": [[2, 2]]}


@dataclass(frozen=True)
class Difference:
    """What is asked, and what each finds: of the results, what is named here; or of theirs, why there is none."""

    kwargs: Mapping[str, Any]
    ours: Mapping[str, Any]
    theirs: Mapping[str, Any] | str
    rows: Sequence[tuple[Any, ...]] = field(default_factory=lambda: ROWS)


DIFFERENCES: Mapping[str, Difference] = {
    "expect_column_min_to_be_between": Difference(
        {"column": "big", "min_value": 2**62 + 1}, {"success": False}, {"success": True}
    ),
    "expect_column_max_to_be_between": Difference(
        {"column": "at", "max_value": "2024-02-29T13:00:00+01:00"},
        {"success": True, "observed_value": "2024-02-29T12:00:00+00:00"},
        "can't compare offset-naive and offset-aware datetimes",
    ),
    "expect_column_mean_to_be_between": Difference(
        {"column": "small", "min_value": 2}, {"success": True, "observed_value": 2.0}, "Expected numeric column type"
    ),
    "expect_column_value_z_scores_to_be_less_than": Difference(
        {"column": "small", "threshold": 3, "double_sided": True},
        {"success": True, "unexpected_count": 0},
        "Expected numeric column type",
    ),
    "expect_column_sum_to_be_between": Difference(
        {"column": "big", "min_value": 1},
        {"success": True, "observed_value": 3 * 2**62},
        {"success": False, "observed_value": 3 * 2**62 - 2**64},
    ),
    "expect_column_quantile_values_to_be_between": Difference(
        {"column": "row", "quantile_ranges": MIDDLE, "allow_relative_error": 1.0},
        {"success": True, "observed_value": {"quantiles": [0.5], "values": [2.0]}},
        "requires relative error to be False or to be a float",
    ),
    "expect_column_distinct_values_to_contain_set": Difference(
        {"column": "row", "value_set": [1, 1]},
        {"success": True, "missing_count": 0},
        {"success": False, "missing_count": 1},
    ),
    "expect_column_distinct_values_to_equal_set": Difference(
        {"column": "day", "value_set": ["2024-02-29", "2024-03-01"]},
        {"success": True, "partial_missing_list": []},
        {"success": True, "partial_missing_list": ["2024-02-29", "2024-03-01"]},
    ),
    "expect_column_most_common_value_to_be_in_set": Difference(
        {"column": "day", "value_set": ["2024-02-29"]}, {"success": True}, {"success": False}
    ),
    "expect_column_kl_divergence_to_be_less_than": Difference(
        {"column": "d", "partition_object": {"values": [0.1], "weights": [1]}, "threshold": 0.1},
        {"success": True, "observed_value": 0},
        {"success": False, "observed_value": None},
    ),
    "expect_column_values_to_be_increasing": Difference(
        {"column": "at"}, {"success": False, "unexpected_count": 1}, {"success": True, "unexpected_count": 0}
    ),
    "expect_column_values_to_be_decreasing": Difference(
        {"column": "s"}, {"success": False, "unexpected_count": 1}, {"success": True, "unexpected_count": 0}
    ),
    "expect_column_to_exist": Difference({"column": "a.b", "column_index": -1}, {"success": True}, {"success": False}),
    "expect_table_columns_to_match_ordered_list": Difference(
        {"column_list": SCHEMA.names}, {"success": True}, {"success": False}
    ),
    "expect_table_columns_to_match_set": Difference(
        {"column_set": SCHEMA.names}, {"success": True}, {"success": False}
    ),
    "expect_table_row_count_to_equal_other_table": Difference(
        {"other_table_name": "silver.t"},
        {"success": True, "observed_value": {"self": 3, "other": 3}},
        "does not currently support multiple named tables",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def theirs() -> Iterator[GreatExpectations]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        yield GreatExpectations()


def test_every_difference_is_shown() -> None:
    stated = {name for name, e in TABLE_RULES.items() if e.difference}
    assert stated == {*DIFFERENCES, "unexpected_rows_expectation"}


@pytest.mark.parametrize("name", DIFFERENCES)
def test_both_differ_as_stated(spark: SparkSession, theirs: GreatExpectations, name: str) -> None:
    told = DIFFERENCES[name]
    case = TableCase(name, told.kwargs, SCHEMA)
    frame = spark.createDataFrame(list(told.rows), SCHEMA).coalesce(1)
    judgement = judge_rules(frame, [case.rule("rule")], {"silver.t": frame})["rule"]
    assert judgement is not None
    ours = in_json(our_result(case, judgement))
    assert {key: ours[key] for key in told.ours} == told.ours
    (result,) = their_results(theirs, frame, [case])
    if isinstance(told.theirs, str):
        assert told.theirs in str(result.exception_info)
    else:
        found = in_json(their_result(result))
        assert {key: found[key] for key in told.theirs} == told.theirs


def test_great_expectations_runs_a_query_that_does_not_name_the_batch(
    spark: SparkSession, theirs: GreatExpectations
) -> None:
    case = TableCase("unexpected_rows_expectation", {"unexpected_rows_query": "SELECT 1 WHERE 1 = 0"}, SCHEMA)
    (result,) = their_results(theirs, spark.createDataFrame(ROWS, SCHEMA), [case])
    assert result.success


def test_of_more_than_20_equally_common_values_20_are_told(spark: SparkSession, theirs: GreatExpectations) -> None:
    frame = spark.range(25).selectExpr("cast(id as int) as row")
    case = TableCase(
        "expect_column_most_common_value_to_be_in_set", {"column": "row", "value_set": [24], "ties_okay": True}, SCHEMA
    )
    judgement = judge_rules(frame, [case.rule("rule")])["rule"]
    assert judgement is not None
    assert (judgement.holds, judgement.observed) == (True, list(range(20)))
    (result,) = their_results(theirs, frame, [case])
    assert (result.success, result.result["observed_value"]) == (True, list(range(25)))
