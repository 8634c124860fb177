"""Window features on Spark: equal to pandas' rolling and to Spark's own range windows, whatever lies in the frame."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from pyspark.sql import Window as Over
from pyspark.sql import functions as F

from aurify import Window, with_windows
from aurify.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
COLUMNS = "id int, `card no.` string, terminal int, at timestamp, amount decimal(10,2), is_fraud boolean, shop string"
DAY, WEEK = timedelta(days=1), timedelta(days=7)
WINDOWS = [
    Window("count", DAY),
    Window("count", WEEK, "amount"),
    Window("sum", WEEK, "amount"),
    Window("mean", WEEK, "amount"),
    Window("std", WEEK, "amount"),
    Window("min", DAY, "amount"),
    Window("max", WEEK, "amount"),
    Window("distinct", WEEK, "shop"),
    Window("share", WEEK, "is_fraud", delay=DAY),
]


def payments(spark: SparkSession, rows: int = 600) -> DataFrame:
    pick = random.Random(5)
    told = [
        (
            number,
            pick.choice(["a", "b", "b", "b", None]),
            pick.choice([1, 2]),
            None
            if pick.random() < 0.02
            else START + timedelta(seconds=pick.randrange(30 * 86_400), microseconds=number),
            pick.choice([None, pick.randrange(10_000)]),
            pick.choice([True, False, None]),
            pick.choice(["x", "y", "z", None]),
        )
        for number in range(rows)
    ]
    frame = spark.createDataFrame(told, COLUMNS.replace("decimal(10,2)", "int"))
    return frame.withColumn("amount", (F.col("amount") / 100).cast("decimal(10,2)"))


def by_spark(events: DataFrame, keys: list[str]) -> DataFrame:
    """The same by range windows."""
    by = Over.partitionBy(*(f"`{key}`" for key in keys)).orderBy(F.unix_micros("at"))
    day, week = 86_400_000_000, 7 * 86_400_000_000
    over_day, over_week = by.rangeBetween(1 - day, 0), by.rangeBetween(1 - week, 0)
    amount, flag = F.col("amount").cast("double"), F.col("is_fraud").cast("int")
    return events.where("`card no.` IS NOT NULL AND at IS NOT NULL").select(
        "id",
        F.count(F.lit(1)).over(over_day).alias("count_1d"),
        F.count("amount").over(over_week).alias("count_amount_7d"),
        F.coalesce(F.sum(amount).over(over_week), F.lit(0.0)).alias("sum_amount_7d"),
        F.avg(amount).over(over_week).alias("mean_amount_7d"),
        F.stddev(amount).over(over_week).alias("std_amount_7d"),
        F.min(amount).over(over_day).alias("min_amount_1d"),
        F.max(amount).over(over_week).alias("max_amount_7d"),
        F.size(F.collect_set("shop").over(over_week)).cast("bigint").alias("distinct_shop_7d"),
        F.avg(flag).over(by.rangeBetween(1 - week - day, -day)).alias("share_is_fraud_7d_after_1d"),
    )


@pytest.mark.parametrize("keys", [["card no."], ["card no.", "terminal"]])
@pytest.mark.parametrize("rows_at_once", [100, 500_000])
def test_the_features_are_those_of_range_windows(spark: SparkSession, keys: list[str], rows_at_once: int) -> None:
    events = payments(spark).cache()
    made = with_windows(events, WINDOWS, entity=keys, event_time="at", rows_at_once=rows_at_once)
    assert made.columns == [*events.columns, *(window.name for window in WINDOWS)]
    names = [window.name for window in WINDOWS]
    found = {row.id: row.asDict() for row in made.collect()}
    expected = {row.id: row.asDict() for row in by_spark(events, keys).collect()}
    assert len(found) == events.count()
    for number, row in found.items():
        told = {name: row[name] for name in names}
        if number not in expected:
            assert set(told.values()) == {None}, "without entity or time nothing is known"
            continue
        wanted = {name: expected[number][name] for name in names}
        assert {n for n in names if told[n] is None} == {n for n in names if wanted[n] is None}, number
        there = {name: value for name, value in wanted.items() if value is not None}
        assert {name: told[name] for name in there} == pytest.approx(there, rel=1e-9, abs=1e-9), number
    events.unpersist()


def test_the_features_are_those_of_pandas(spark: SparkSession) -> None:
    events = payments(spark).where("`card no.` IS NOT NULL AND at IS NOT NULL AND amount IS NOT NULL")
    rows = [(r.id, r["card no."], r.at, float(r.amount)) for r in events.collect()]
    frame = pd.DataFrame(rows, columns=["id", "card", "at", "amount"]).sort_values(["card", "at"])
    rolling = frame.set_index("at").groupby("card").rolling("7D")["amount"]
    sums = dict(zip(frame["id"], rolling.sum().to_numpy(), strict=True))
    largest = dict(zip(frame["id"], rolling.max().to_numpy(), strict=True))
    made = with_windows(events, WINDOWS, entity="card no.", event_time="at", prefix="card_").collect()
    assert {row.id: row.card_sum_amount_7d for row in made} == pytest.approx(sums, rel=1e-9)
    assert {row.id: row.card_max_amount_7d for row in made} == largest


def test_what_arrives_later_is_not_known_before(spark: SparkSession) -> None:
    rows: list[Any] = [
        (1, "a", START, START, 10.0),
        (2, "a", START + DAY, START + 3 * DAY, 5.0),
        (3, "a", START + 2 * DAY, START + 2 * DAY, 1.0),
        (4, "a", START + 3 * DAY, START + 3 * DAY, 2.0),
        (5, "a", START + 4 * DAY, None, 7.0),
    ]
    events = spark.createDataFrame(rows, "id int, card string, at timestamp, came timestamp, amount double")
    made = with_windows(events, [Window("sum", WEEK, "amount")], entity="card", event_time="at", arrival_time="came")
    assert {row.id: row.sum_amount_7d for row in made.collect()} == {1: 10.0, 2: 10.0, 3: 11.0, 4: 18.0, 5: 18.0}


def test_all_that_does_not_fit_is_told_at_once(spark: SparkSession) -> None:
    windows = [
        Window("median", DAY, "amount"),
        Window("sum", DAY, "shop"),
        Window("mean", DAY, "amout"),
        Window("share", timedelta(0), "amount", delay=-DAY),
        Window("max", DAY),
        Window("count", DAY),
        Window("count", DAY),
    ]
    with pytest.raises(ConfigurationError) as told:
        with_windows(payments(spark, 1), windows, entity="card", event_time="amount")
    text = str(told.value)
    for part in (
        "aggregate 'median'", "shop is string", "did you mean 'amount'?", "over 0:00:00", "delay -1 day",
        "amount is decimal", "no column", "two columns named 'count_1d'", "'card'", "a timestamp or a date",
    ):  # fmt: skip
        assert part in text, part
