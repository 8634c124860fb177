"""Rules of a whole batch on small literal frames: what they find, and how many Spark jobs that takes."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.errors import ConfigurationError, SuiteError
from aurify.quality.conditions import read_condition
from aurify.quality.result import Judgement, RowCounts
from aurify.quality.rule import OnFail, Rule
from aurify.quality.table_rules.measure import jobs_needed, judge_rules, measure_rules, measures_kept
from tests.integration.spark_jobs import jobs_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

UTC = timezone.utc
COLUMNS = "n int, x double, d decimal(12,4), s string, day date, at timestamp"
SCHEMA = parse_columns(COLUMNS)
AT = [datetime(2024, 2, 29, hour, 30, 0, 1, tzinfo=UTC) for hour in range(5)]
ROWS = [
    (1, 0.5, Decimal("0.1"), "a", date(2024, 2, 29), AT[3]),
    (2, math.nan, Decimal("0.2"), "b", date(1582, 10, 4), AT[1]),
    (3, 2.5, None, "a", None, AT[2]),
    (None, None, Decimal("0.4"), None, date(9999, 12, 31), None),
]


def _rule(name: str, column: str = "", where: str = "", order_by: Sequence[str] = (), **kwargs: Any) -> Rule:
    condition = read_condition(where, None, SCHEMA) if where else None
    told = f"{name}({column}) {where} {kwargs}"
    columns = (column,) if column else ()
    return Rule(told, name, columns, kwargs, OnFail.FAIL, "", condition=condition, order_by=tuple(order_by))


def _frame(spark: SparkSession) -> DataFrame:
    return spark.createDataFrame(ROWS, SCHEMA)


def _observed(frame: DataFrame, rules: Sequence[Rule]) -> list[object]:
    judged = judge_rules(frame, rules)
    return [found.observed for rule in rules if (found := judged[rule.id]) is not None]


def _jobs(spark: SparkSession, work: Callable[[], object]) -> int:
    """How many jobs the work takes."""
    with jobs_of(spark) as jobs:
        work()
    return jobs[0]


def _between(what: str) -> str:
    return f"expect_column_{what}_to_be_between"


def test_numbers_dates_and_moments_come_back_as_they_are(spark: SparkSession) -> None:
    rules = [
        *(_rule(_between("max"), column, min_value=0) for column in ("n", "d", "s", "day", "at")),
        *(_rule(_between("min"), column, max_value=0) for column in ("day", "at")),
        *(_rule(_between(what), "n", min_value=0) for what in ("sum", "mean", "median", "stdev", "unique_value_count")),
        _rule(_between("mean"), "d", min_value=Decimal(0)),
    ]
    judged = measure_rules(_frame(spark), rules)
    assert list(judged.values()) == [
        3, Decimal("0.4000"), "b", date(9999, 12, 31), AT[3], date(1582, 10, 4), AT[1], 6, 2.0, 2.0, 1.0,
        Decimal("0.23333333"), 3,
    ]  # fmt: skip


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata"])
def test_moments_are_in_utc_wherever_the_driver_runs(
    spark: SparkSession, monkeypatch: pytest.MonkeyPatch, zone: str
) -> None:
    import time

    frame = _frame(spark)
    rules = [
        _rule(_between("max"), "at", max_value=AT[3]),
        _rule("expect_column_distinct_values_to_be_in_set", "at", value_set=(AT[1], AT[2])),
        _rule("expect_column_most_common_value_to_be_in_set", "at", value_set=(AT[1],), ties_okay=True),
    ]
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        judged = judge_rules(frame, rules)
    finally:
        monkeypatch.undo()
        time.tzset()
    largest, others, modes = (judged[rule.id] for rule in rules)
    assert largest == Judgement(True, AT[3])
    assert others is not None
    assert others.details == {"unexpected_count": 1, "partial_unexpected_list": [AT[3]]}
    assert modes == Judgement(True, AT[1:4])


def test_nan_makes_an_aggregate_none_and_is_no_quantile(spark: SparkSession) -> None:
    rules = [_rule(_between(what), "x", min_value=0) for what in ("max", "min", "mean", "sum", "stdev", "median")]
    assert _observed(_frame(spark), rules) == [None, 0.5, None, None, None, 1.5]


def test_a_sum_of_long_integers_is_exact(spark: SparkSession) -> None:
    values = [2**63 - 1, 2**63 - 1, -(2**63), -1, -(2**32), 2**62, 7]
    frame = spark.createDataFrame([(value,) for value in values], "n bigint")
    assert _observed(frame, [_rule(_between("sum"), "n", min_value=0)]) == [sum(values)]


def test_quantiles_are_those_of_approx_quantile_with_no_error(spark: SparkSession) -> None:
    pick = random.Random(3)
    levels = (0.0, 0.01, 0.1, 0.25, 1 / 3, 0.5, 0.51, 0.75, 0.9, 0.999, 1.0)
    pools: Sequence[Sequence[float]] = [[1.0, 2.0], [math.nan, math.inf, -math.inf, 0.0], [i / 7 for i in range(1000)]]
    for size in (1, 2, 3, 4, 5, 10, 11, 100, 101):
        rows = [(*(pick.choice(pool) for pool in pools), None) for _ in range(size)]
        frame = spark.createDataFrame(rows, "a double, b double, c double, e double").cache()
        for name in frame.columns:
            ranges = tuple((level, None, None) for level in levels)
            (found,) = _observed(
                frame, [_rule("expect_column_quantile_values_to_be_between", name, quantile_ranges=ranges)]
            )
            expected: list[float | None] = list(frame.approxQuantile(name, list(levels), 0.0))
            assert isinstance(found, dict)
            assert found["values"] == (expected if expected else [None for _ in levels]), (size, name)
            (median,) = _observed(frame, [_rule(_between("median"), name, min_value=0)])
            middle = frame.approxQuantile(name, [0.5, 0.5 + 1 / (2 + 2 * size)], 0.0)
            mean = sum(middle) / 2 if middle else None
            assert median == (None if mean is None or math.isnan(mean) else mean), (size, name)
        frame.unpersist()


def test_different_values_are_counted_whatever_their_type(spark: SparkSession) -> None:
    schema = (
        "x double, f float, d decimal(12,4), raw binary, tags array<string>, place struct<a:int,b:int>, flag boolean"
    )
    rows = [
        (0.0, 0.1, Decimal("1.0"), b"\xff", ["a, b"], (1, None), True),
        (-0.0, 0.1, Decimal("1.0000"), b"\xfe", ["a", "b"], (None, 1), False),
        (math.nan, math.nan, None, b"", [], (None, None), None),
        (math.nan, math.nan, None, b"", [None], None, None),
    ]
    frame = spark.createDataFrame(rows, schema)
    rules = [_rule(_between("unique_value_count"), name, min_value=0) for name in frame.columns]
    assert _observed(frame, rules) == [row[0] for row in _distinct(frame)]


def _distinct(frame: DataFrame) -> list[Any]:
    from pyspark.sql import functions as F

    return [frame.agg(F.count_distinct(F.col(name))).collect()[0] for name in frame.columns]


def test_a_condition_is_of_one_rule_only(spark: SparkSession) -> None:
    rules = [
        _rule("expect_table_row_count_to_equal", value=4),
        _rule("expect_table_row_count_to_equal", where="n >= 2", value=2),
        _rule(_between("sum"), "n", where="s = 'a'", min_value=0),
        _rule(_between("unique_value_count"), "s", where="n >= 2", min_value=0),
        _rule("expect_column_most_common_value_to_be_in_set", "s", where="n >= 2", value_set=("a",)),
        _rule("unexpected_rows_expectation", where="n >= 2", unexpected_rows_query="SELECT * FROM {batch}"),
        _rule(_between("sum"), "n", where="n > 99", min_value=0),
    ]
    assert _observed(_frame(spark), rules) == [4, 2, 4, 2, ["a", "b"], 2, None]


def test_values_out_of_order_are_counted(spark: SparkSession) -> None:
    rows = [(1, 1, 3.0), (2, 3, math.nan), (3, None, 5.0), (3, 2, 5.0), (4, 3, 4.0), (None, 9, 1.0)]
    frame = spark.createDataFrame(rows, "at int, n int, x double").repartition(3)

    def found(what: str, column: str, **kwargs: Any) -> RowCounts | None:
        rule = _rule(f"expect_column_values_to_be_{what}", column, order_by=["at"], **kwargs)
        judgement = judge_rules(frame, [rule])[rule.id]
        assert judgement is not None
        return judgement.counts

    assert found("increasing", "n") == RowCounts(6, 1, 2)
    assert found("increasing", "n", where="at is not null") == RowCounts(5, 1, 1)
    assert found("decreasing", "n") == RowCounts(6, 1, 2)
    assert found("increasing", "x") == RowCounts(6, 0, 1)
    assert found("increasing", "x", strictly=True) == RowCounts(6, 0, 2)


def test_values_far_out_are_counted_and_told(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(v,) for v in [*range(1, 10), 100, -100, None]], "n int")
    z = _rule("expect_column_value_z_scores_to_be_less_than", "n", threshold=2.0, double_sided=True)
    above = _rule("expect_column_value_z_scores_to_be_less_than", "n", threshold=2.0, double_sided=False)
    fences = _rule("expect_column_values_to_not_be_outliers", "n")
    alike = _rule("expect_column_value_z_scores_to_be_less_than", "n", "n = 5", threshold=2.0, double_sided=True)
    judged = judge_rules(frame, [z, above, fences, alike])
    assert judged[z.id] == Judgement(False, counts=RowCounts(12, 1, 2), sample=[-100, 100])
    assert judged[above.id] == Judgement(False, counts=RowCounts(12, 1, 1), sample=[100])
    assert judged[fences.id] == Judgement(False, counts=RowCounts(12, 1, 2), sample=[-100, 100])
    assert judged[alike.id] == Judgement(True, counts=RowCounts(1, 0, 0, 1))


def test_few_of_many_failing_values_are_told(spark: SparkSession) -> None:
    frame = spark.range(1000).selectExpr("cast(id as int) as n", "concat('v', id) as s")
    rules = [
        _rule("expect_column_distinct_values_to_be_in_set", "n", value_set=(1,)),
        _rule("expect_column_distinct_values_to_equal_set", "s", value_set=("v1", "w")),
        _rule("unexpected_rows_expectation", unexpected_rows_query="SELECT n FROM {batch} WHERE n >= 5"),
    ]
    numbers, texts, query = (judge_rules(frame, rules)[rule.id] for rule in rules)
    assert numbers is not None
    assert numbers.details == {"unexpected_count": 999, "partial_unexpected_list": [0, *range(2, 21)]}
    assert texts is not None
    assert (texts.details["missing_count"], texts.details["partial_missing_list"]) == (1, ["w"])
    assert query is not None
    assert (query.observed, len(query.sample)) == (995, 20)


def test_a_whole_suite_takes_as_many_jobs_as_it_says(spark: SparkSession) -> None:
    frame = _frame(spark)
    rules = [_rule(_between(what), "n", min_value=0) for what in ("max", "min", "mean", "sum", "median", "stdev")]
    rules += [_rule(_between("max"), name, min_value=None, where="n > 1") for name in ("x", "d", "s", "day", "at")]
    rules.append(_rule("expect_table_column_count_to_equal", value=6))
    assert jobs_needed(rules) == [("one pass over the rows for all aggregates", 1)]
    assert _jobs(spark, lambda: judge_rules(frame, rules)) == 1
    rules += [_rule(_between("unique_value_count"), name, min_value=0) for name in frame.columns]
    rules += [_rule(_between("proportion_of_unique_values"), "s", min_value=0)]
    assert _jobs(spark, lambda: judge_rules(frame, rules)) == sum(jobs for _, jobs in jobs_needed(rules)) == 2
    rules += [
        _rule("expect_column_most_common_value_to_be_in_set", "s", value_set=("a",)),
        _rule("expect_column_values_to_not_be_outliers", "n"),
        _rule("expect_column_values_to_be_increasing", "n", order_by=["n"]),
        _rule("expect_column_values_to_be_decreasing", "at", order_by=["at"]),
        _rule("expect_table_row_count_to_equal_other_table", other_table_name="silver.t"),
    ]
    work = lambda: judge_rules(frame, rules, {"silver.t": frame})  # noqa: E731
    assert _jobs(spark, work) == sum(jobs for _, jobs in jobs_needed(rules)) == 6
    assert spark.conf.get("spark.sql.adaptive.enabled") == "true"


def test_rules_whose_measures_are_known_take_no_job(spark: SparkSession) -> None:
    rules = [
        _rule("expect_table_row_count_to_equal", value=7),
        _rule(_between("proportion_of_non_null_values"), "n", min_value=0.5),
        _rule("expect_column_type_to_be", "n", type_="IntegerType"),
    ]
    known = {"row_count": 7, "null_count(n)": 1}
    frame = _frame(spark)
    assert _jobs(spark, lambda: judge_rules(frame, rules, known=known)) == 0
    counted, share, kind = judge_rules(frame, rules, known=known).values()
    assert (counted, share, kind) == (Judgement(True, 7), Judgement(True, 6 / 7), Judgement(True, "IntegerType"))


def test_history_is_kept_as_json_and_judged(spark: SparkSession) -> None:
    import json

    frame = spark.range(100).selectExpr(
        "cast(id as double) as x", "concat('v', id % 3) as s", "timestamp'2024-02-29' as at"
    )
    rules = [
        _rule("expect_table_row_count_to_be_near_history"),
        _rule("expect_column_distribution_to_be_near_history", "x", told_by="quantiles"),
        _rule("expect_column_distribution_to_be_near_history", "s", told_by="values"),
        _rule("expect_column_max_to_be_recent", "at", max_age="1 day"),
    ]
    known = {"batch_time": datetime(2024, 2, 29, 12, tzinfo=UTC)}
    measured = measure_rules(frame, rules, known=known)
    kept = {
        id: json.loads(json.dumps({name: measured[name] for name in names}))
        for id, names in measures_kept(rules).items()
    }
    history = {id: [batch] * 5 for id, batch in kept.items()}
    assert list(judge_rules(frame, rules, known=known).values())[:3] == [None] * 3
    judged = list(judge_rules(frame, rules, known=known, history=history).values())
    assert [found.holds for found in judged if found is not None] == [True] * 4
    moved = frame.selectExpr("x * x as x", "concat('w', s) as s", "at - interval 1 day as at").limit(50)
    judged = list(judge_rules(moved, rules, known=known, history=history).values())
    assert [found.holds for found in judged if found is not None] == [False] * 4


def test_a_condition_or_query_that_spark_can_t_read_blames_its_rule(spark: SparkSession) -> None:
    before = spark.catalog.listTables()
    good = _rule(_between("max"), "n", min_value=0)
    bad = _rule(_between("max"), "n", where="nobody > 0", min_value=0)
    with pytest.raises(SuiteError) as caught:
        judge_rules(_frame(spark), [good, bad])
    assert [problem.where for problem in caught.value.problems] == [bad.id]
    query = _rule("unexpected_rows_expectation", unexpected_rows_query="SELECT nobody FROM {batch}")
    with pytest.raises(SuiteError) as caught:
        judge_rules(_frame(spark), [good, query])
    assert [problem.where for problem in caught.value.problems] == [query.id]
    other = _rule("expect_table_row_count_to_equal_other_table", other_table_name="silver.u")
    with pytest.raises(ConfigurationError, match=r"silver\.u"):
        judge_rules(_frame(spark), [other], {"silver.t": _frame(spark)})
    assert spark.catalog.listTables() == before


def test_three_hundred_rules_on_a_hundred_columns_are_judged(spark: SparkSession) -> None:
    names = [f"c{i}" for i in range(100)]
    frame = spark.range(50).selectExpr(*(f"cast(id + {i} as int) as {name}" for i, name in enumerate(names)))
    whats: Mapping[str, Callable[[int], float]] = {
        "max": lambda i: 49 + i, "mean": lambda i: 24.5 + i, "unique_value_count": lambda i: 50,
    }  # fmt: skip
    rules = [_rule(_between(what), name, min_value=0) for what in whats for name in names]
    expected = [value(i) for value in whats.values() for i in range(100)]
    assert _observed(frame, rules) == expected
    one_for_all, twenty_distinct_each = 1, 5
    assert _jobs(spark, lambda: judge_rules(frame, rules)) == one_for_all + twenty_distinct_each
