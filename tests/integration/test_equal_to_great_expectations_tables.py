"""Every rule of a whole batch finds what Great Expectations finds on Spark, with and without a row_condition."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.table_rules import TABLE_RULES
from aurify.quality.table_rules.measure import judge_rules
from tests.integration.great_expectations_rows import GreatExpectations
from tests.integration.great_expectations_tables import (
    TableCase,
    are_alike,
    in_json,
    our_result,
    their_result,
    their_results,
)

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Great Expectations, and what it brings along, warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

UTC = timezone.utc
SCHEMA = parse_columns(
    "row int, n int, big bigint, x double, z double, f float, d decimal(12,4), s string, day date, at timestamp,"
    " flag boolean, tags array<string>, place struct<city: string, zip: int>, `net price` double, gone string"
)
TEXT = ["", " ", "a", "A", "ab", "12345", "é", "日本", "\U0001f600", "a\nb", "NULL", "'", "\\d"]
DAYS = [date(1, 1, 1), date(1582, 10, 4), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]
MOMENTS = [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)]
POOLS: Mapping[str, Sequence[Any]] = {
    "n": [-2, 0, 1, 2, 3, 40], "big": [-(2**40), 0, 1, 2**40], "x": [0.0, -0.0, 0.1, -1.5, 0.5, 3.0, 40.0, 1e6],
    "z": [0.0, 1.0, -1.5, math.nan, math.inf, -math.inf], "f": [0.5, 0.25, -1.5, 100.0],
    "d": [Decimal(v) for v in ("0.1000", "0.2000", "0.3000", "-1.0000", "99999999.9999")], "s": TEXT, "day": DAYS,
    "at": MOMENTS, "flag": [True, False], "tags": [[], ["a"], ["a", None], ["b"]],
    "place": [("Lyon", 69000), ("Paris", None), (None, None)], "net price": [1.0, 2.5, 2.5, 9.0], "gone": [None],
}  # fmt: skip
ROWS = 200
SQL = {"condition_parser": "spark"}
CONDITIONS: Sequence[Mapping[str, Any]] = [
    {}, {},
    {"row_condition": "n >= 1 or s is null", **SQL},
    {"row_condition": 'col("n") > 0', "condition_parser": "great_expectations"},
    {"row_condition": {"type": "comparison", "column": {"name": "net price"}, "operator": "<", "parameter": 9}},
    {"row_condition": "n > 1000", **SQL},
]  # fmt: skip
NUMBERS = ["n", "big", "x", "z", "f", "d", "net price", "place.zip"]
FLAT = [name for name in NUMBERS if name != "place.zip"]
ONE = [name for name in POOLS if name != "place"] + ["place.city", "place.zip"]
MEMBERS = ["n", "big", "x", "s", "flag", "net price", "place.city", "gone"]
UNTYPED: dict[str, Sequence[Any]] = {"place.city": ["Lyon", "Rome"], "place.zip": [1, 69000], "gone": ["a"]}
COLUMNS = ["row", "n", "big", "x", "z", "f", "d", "s", "day", "at", "flag", "tags", "place", "place.city", "place.zip",
           "net price", "gone"]  # fmt: skip
MOSTLY = [1.0, 0.5, 0.9]
SORTED = ["n", "big", "x", "row"]
LISTED_COLUMNS = [COLUMNS, COLUMNS[::-1], COLUMNS[1:], [*COLUMNS, "more"]]
QUERIES = ["SELECT * FROM {batch} WHERE n < 0;", "SELECT s, count(*) FROM {batch} GROUP BY s HAVING count(*) > 20"]
BINS: list[dict[str, Any]] = [
    {"bins": [-2, 0, 1, 40], "weights": [0.25, 0.25, 0.5]},
    {"bins": [0, 0.5, 3], "weights": [0.25, 0.25], "tail_weights": [0.25, 0.25]},
    {"bins": [-math.inf, 0, 1, math.inf], "weights": [0.25, 0.5, 0.25]},
    {"bins": [-math.inf, 0, 1], "weights": [0.5, 0.5]},
    {"bins": [0, 1, math.inf], "weights": [0.0, 1.0]},
]


@pytest.fixture(scope="module")
def theirs() -> Iterator[GreatExpectations]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        yield GreatExpectations()


def _pool(column: str) -> Sequence[Any]:
    return UNTYPED[column] if column in UNTYPED else POOLS[column]


def _range(pool: Sequence[Any], pick: random.Random) -> dict[str, Any]:
    low, high = sorted(pick.choices([value for value in pool if value == value], k=2))
    ends = pick.choice([{"min_value": low}, {"max_value": high}, {"min_value": low, "max_value": high}])
    return {**ends, "strict_min": pick.random() < 0.3, "strict_max": pick.random() < 0.3}


def _members(pick: random.Random) -> dict[str, Any]:
    column = pick.choice(MEMBERS)
    pool = list(dict.fromkeys(_pool(column)))
    return {"column": column, "value_set": pick.sample(pool, k=pick.randint(1, len(pool)))}


def _partition(pick: random.Random) -> dict[str, Any]:
    kwargs: dict[str, Any] = {"threshold": pick.choice([0.01, 0.5, 5])}
    if pick.random() < 0.5:
        column = pick.choice(["s", "n", "flag"])
        values = pick.sample(_pool(column), k=pick.randint(2, len(_pool(column))))
        partition: dict[str, Any] = {"values": values, "weights": [1 / len(values)] * len(values)}
        kwargs["tail_weight_holdout"] = pick.choice([0, 0.1])
    else:
        column, partition = pick.choice(NUMBERS), pick.choice(BINS)
        infinite = [math.isinf(partition["bins"][side]) for side in (0, -1)]
        if "tail_weights" not in partition and not all(infinite):
            kwargs["tail_weight_holdout"] = pick.choice([0, 0.1])
        kwargs["internal_weight_holdout"] = pick.choice([0, 0.1])
    return {"column": column, "partition_object": partition, **kwargs}


def _quantiles(pick: random.Random) -> dict[str, Any]:
    levels = sorted(pick.choices([0.0, 0.05, 0.25, 0.5, 0.75, 0.9, 1.0], k=3))
    ranges = [pick.choice([[0, 1], [None, 0.5], [-1.5, None], [0.1, 40]]) for _ in levels]
    return {"column": pick.choice(NUMBERS), "quantile_ranges": {"quantiles": levels, "value_ranges": ranges}}


def _of_numbers(bounds: Sequence[float], columns: Sequence[str] = NUMBERS) -> Any:
    return lambda pick: {"column": pick.choice(columns), **_range(bounds, pick)}


def _of_extremes(pick: random.Random) -> dict[str, Any]:
    column = pick.choice(["n", "big", "x", "z", "f", "day", "net price"])
    return {"column": column, **_range(_pool(column), pick)}


def _one(**choices: Sequence[Any]) -> Any:
    return lambda pick: {name: pick.choice(values) for name, values in choices.items()}


MAKE: Mapping[str, Any] = {
    "expect_column_min_to_be_between": _of_extremes,
    "expect_column_max_to_be_between": _of_extremes,
    "expect_column_mean_to_be_between": _of_numbers([-1.5, 0, 1, 5.5, 1e9], FLAT),
    "expect_column_median_to_be_between": _of_numbers([-1.5, 0, 0.5, 1, 1e9]),
    "expect_column_stdev_to_be_between": _of_numbers([0, 1, 5.5, 1e9]),
    "expect_column_sum_to_be_between": _of_numbers([-100, 0, 200, 1e12]),
    "expect_column_quantile_values_to_be_between": _quantiles,
    "expect_column_unique_value_count_to_be_between": _of_numbers([0, 2, 3, 5], ONE),
    "expect_column_proportion_of_unique_values_to_be_between": _of_numbers([0, 0.02, 0.5], ONE),
    "expect_column_proportion_of_non_null_values_to_be_between": _of_numbers([0, 0.5, 0.75, 1], ONE),
    "expect_column_distinct_values_to_be_in_set": _members,
    "expect_column_distinct_values_to_contain_set": _members,
    "expect_column_distinct_values_to_equal_set": _members,
    "expect_column_most_common_value_to_be_in_set": lambda pick: {**_members(pick), "ties_okay": pick.random() < 0.5},
    "expect_column_kl_divergence_to_be_less_than": _partition,
    "expect_column_value_z_scores_to_be_less_than": _one(
        column=FLAT, threshold=[-1, 0, 1, 2], double_sided=[True, False], mostly=MOSTLY
    ),
    "expect_column_values_to_not_be_outliers": _one(
        column=NUMBERS, method=["iqr", "std"], multiplier=[0, 0.5, 1.5], mostly=MOSTLY
    ),
    "expect_column_values_to_be_increasing": _one(column=SORTED, strictly=[True, False], mostly=MOSTLY),
    "expect_column_values_to_be_decreasing": _one(column=SORTED, strictly=[True, False], mostly=MOSTLY),
    "expect_table_row_count_to_be_between": lambda pick: _range([0, 100, 200], pick),
    "expect_table_row_count_to_equal": _one(value=[0, ROWS]),
    "unexpected_rows_expectation": _one(unexpected_rows_query=QUERIES),
    "expect_column_to_exist": _one(column=["n", "place.zip", "other"], column_index=[None, 1, 14, -1]),
    "expect_column_type_to_be": _one(column=ONE, type_=["StringType", "DataType", "IntegralType"]),
    "expect_column_values_to_be_of_type": _one(column=ONE, type_=["StringType", "DoubleType"]),
    "expect_column_values_to_be_in_type_list": _one(column=ONE, type_list=[["int64", "DateType", "IntegerType"]]),
    "expect_table_column_count_to_equal": _one(value=[17, 15]),
    "expect_table_column_count_to_be_between": _one(min_value=[10, 17], max_value=[18]),
    "expect_table_columns_to_match_ordered_list": _one(column_list=LISTED_COLUMNS),
    "expect_table_columns_to_match_set": _one(column_set=LISTED_COLUMNS, exact_match=[True, False]),
}
UNCONDITIONAL = [name for name in MAKE if TABLE_RULES[name].kind == "schema"] + ["unexpected_rows_expectation"]
NOT_THERE = ["expect_table_row_count_to_equal_other_table"]


def _case(name: str, pick: random.Random) -> TableCase:
    conditions = CONDITIONS[:1] if name in UNCONDITIONAL else CONDITIONS[:-1] if "kl_" in name else CONDITIONS
    condition = pick.choice(conditions)
    return TableCase(name, {**MAKE[name](pick), **condition}, SCHEMA)


def _rows(pick: random.Random) -> list[tuple[Any, ...]]:
    return [(i, *(None if pick.random() < 0.25 else pick.choice(pool) for pool in POOLS.values())) for i in range(ROWS)]


def test_every_expectation_is_compared() -> None:
    theirs = {name for name, e in TABLE_RULES.items() if not e.is_ours and not e.unsupported}
    assert theirs == {*MAKE, *NOT_THERE}


@pytest.mark.parametrize("seed", [1, 2])
def test_both_find_the_same(spark: SparkSession, theirs: GreatExpectations, seed: int) -> None:
    pick = random.Random(seed)
    cases = [_case(name, pick) for name in MAKE]
    frame = spark.createDataFrame(_rows(pick), SCHEMA).coalesce(1).cache()
    rules = [case.rule(str(number)) for number, case in enumerate(cases)]
    judged = judge_rules(frame, rules)
    wrong = []
    for case, rule, result in zip(cases, rules, their_results(theirs, frame, cases), strict=True):
        judgement = judged[rule.id]
        assert judgement is not None
        found, expected = in_json(our_result(case, judgement)), in_json(their_result(result))
        if not are_alike(found, expected):
            wrong.append(f"{case.name} {case.kwargs}\n  ours   {found}\n  theirs {expected} {result.exception_info}")
    frame.unpersist()
    assert not wrong, "\n".join(wrong)
