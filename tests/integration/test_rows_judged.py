"""Which rows and values a rule is about: names of columns and fields, conditions, rows passed over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.conditions import read_condition
from aurify.quality.row_rules import failing, looked_at
from aurify.quality.rule import OnFail, Rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PLACES = parse_columns(
    'id int, `a.b` int, a struct<b: int, `c d`: struct<`e.f`: int>>, `it\'s "so"` string, `x``y` string'
)
PLACED = [
    (1, 1, (7, (1,)), "a", "a"),
    (2, None, (7, (2,)), "b", None),
    (3, 1, (8, None), "'", "'"),
    (4, 1, None, None, "a"),
]


@pytest.mark.parametrize(
    ("expectation", "columns", "failed"),
    [
        ("expect_column_values_to_be_unique", ["a.b"], [1, 3, 4]),
        ("expect_column_values_to_be_unique", ["`a`.`b`"], [1, 2]),
        ("expect_column_values_to_not_be_null", ["a.c d.e.f"], [3, 4]),
        ("expect_column_values_to_not_be_null", ["x`y"], [2]),
        ("expect_column_pair_values_to_be_equal", ['it\'s "so"', "x`y"], [2, 4]),
        ("expect_compound_columns_to_be_unique", ["`a`.b", "`a.b`"], []),
    ],
)
def test_a_name_leads_to_a_column_or_into_structs(
    spark: SparkSession, expectation: str, columns: Sequence[str], failed: Sequence[int]
) -> None:
    rule = Rule("", expectation, tuple(columns), {}, OnFail.WARN, "")
    frame = spark.createDataFrame(PLACED, PLACES)
    found = frame.select("id", failing(rule, PLACES).alias("fails")).collect()
    assert sorted(row.id for row in found if row.fails) == failed


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("`a.b` = 1 and a.b > 7", [3]),
        ({"type": "nullity", "column": {"name": "a.c d.e.f"}, "is_null": True}, [3, 4]),
        ({"type": "comparison", "column": {"name": 'it\'s "so"'}, "operator": "==", "parameter": "'"}, [3]),
        ({"type": "comparison", "column": {"name": "x`y"}, "operator": "!=", "parameter": "a"}, [3]),
        ({"type": "comparison", "column": {"name": "x`y"}, "operator": "NOT_IN", "parameter": ["a"]}, [3]),
        ({"type": "comparison", "column": {"name": "a.b"}, "operator": "<", "parameter": "1.5"}, [1, 3, 4]),
    ],
)
def test_a_condition_meets_the_rows_that_it_names(spark: SparkSession, condition: object, met: Sequence[int]) -> None:
    frame = spark.createDataFrame(PLACED, PLACES)
    assert [row.id for row in frame.where(read_condition(condition, None, PLACES).column()).collect()] == met


def test_values_are_unique_among_the_rows_that_meet_the_condition(spark: SparkSession) -> None:
    schema = parse_columns("id int, value string, kept boolean")
    rows = [(1, "a", True), (2, "a", False), (3, "a", None), (4, "b", True), (5, "b", True), (6, None, True)]
    rule = Rule("", "expect_column_values_to_be_unique", ("value",), {}, OnFail.WARN, "")
    rule = replace(rule, condition=read_condition("kept", None, schema))
    found = spark.createDataFrame(rows, schema).where("kept").select("id", failing(rule, schema).alias("fails"))
    before = spark.createDataFrame(rows, schema).select("*", failing(rule, schema).alias("fails")).where("kept")
    for frame in (found, before):
        assert sorted(row.id for row in frame.collect() if row.fails) == [4, 5]


@pytest.mark.parametrize(
    ("expectation", "kwargs", "judged"),
    [
        ("expect_compound_columns_to_be_unique", {}, [1, 2]),
        ("expect_compound_columns_to_be_unique", {"ignore_row_if": "any_value_is_missing"}, [1]),
        ("expect_compound_columns_to_be_unique", {"ignore_row_if": "never"}, None),
        ("expect_column_pair_values_to_be_equal", {}, [1, 2]),
        ("expect_column_pair_values_to_be_equal", {"ignore_row_if": "either_value_is_missing"}, [1]),
        ("expect_column_pair_values_to_be_equal", {"ignore_row_if": "neither"}, None),
    ],
)
def test_a_rule_says_which_rows_it_judges(
    spark: SparkSession, expectation: str, kwargs: Mapping[str, str], judged: Sequence[int] | None
) -> None:
    schema = parse_columns("id int, a int, b int")
    frame = spark.createDataFrame([(1, 1, 1), (2, None, 1), (3, None, None)], schema)
    is_looked_at = looked_at(Rule("", expectation, ("a", "b"), kwargs, OnFail.WARN, ""), schema)
    assert judged == (None if is_looked_at is None else [row.id for row in frame.where(is_looked_at).collect()])


def test_a_sum_that_is_too_long_is_another_one(spark: SparkSession) -> None:
    schema = parse_columns("a decimal(38,0), b decimal(38,0)")
    rule = Rule("", "expect_multicolumn_sum_to_equal", ("a", "b"), {"sum_total": 1}, OnFail.WARN, "")
    frame = spark.createDataFrame([(Decimal(10**38 - 1), Decimal(1)), (Decimal(0), Decimal(1))], schema)
    assert [row.fails for row in frame.select(failing(rule, schema).alias("fails")).collect()] == [True, False]
