"""Large batches are laid out by `locate_by`: files of one range each, of which a later batch meets few."""

from __future__ import annotations

import itertools
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession, Window
from pyspark.sql import functions as F

from aurify.publish import ranges
from aurify.publish.ranges import RANGE, between_files, in_ranges, spaced, task_values
from aurify.publish.target import Handle, LiveFile
from tests.integration.lakes import EVENTS, Toy

HEADER = "k,d,g,v,op,at"
DAYS = 40
FIRST = date(2024, 1, 1)


@pytest.mark.parametrize("tasks", [1, 2, 7, 40])
def test_each_range_is_one_task_of_its_own_and_windows_need_no_further_shuffle(spark: SparkSession, tasks: int) -> None:
    bounds = [10 * i for i in range(1, tasks)]
    rows = spark.range(0, 10 * tasks + 5).withColumn("id", F.when(F.col("id") != 3, F.col("id")))
    ranged = in_ranges(rows, "id", bounds)
    placed = ranged.select("id", F.spark_partition_id().alias("task")).collect()
    expected = {None: tasks - 1} | {i: sum(i > b for b in bounds) for i in range(10 * tasks + 5) if i != 3}
    assert {row.id: row.task for row in placed} == expected
    ranked = ranged.withColumn("place", F.row_number().over(Window.partitionBy(RANGE, "id").orderBy("id")))
    plan = ranked._jdf.queryExecution().executedPlan().toString()
    assert plan.count("Exchange") == 1, plan


def test_spark_sends_a_value_to_its_task(spark: SparkSession) -> None:
    values = task_values(11)
    rows = spark.createDataFrame([(v,) for v in values], "v int").selectExpr("v", "pmod(hash(v), 11) AS task")
    assert {row.v: row.task for row in rows.collect()} == {v: i for i, v in enumerate(values)}


def test_few_rows_have_no_ranges_and_many_have_rising_bounds() -> None:
    days = [FIRST + timedelta(days=i) for i in range(100)]
    assert spaced(days, ranges.MANY_ROWS) == []
    bounds = spaced([*days, None], 10 * ranges.ROWS_PER_TASK)
    assert len(bounds) == 9
    assert list(bounds) == sorted(set(bounds))
    assert spaced(days[:1], 10 * ranges.ROWS_PER_TASK) == []


def test_distant_files_are_not_joined_and_many_small_ones_are() -> None:
    def file(day: int, records: int) -> LiveFile:
        return LiveFile(f"{day}.parquet", 1, records, {"max.d": FIRST + timedelta(days=day)})

    apart = between_files([file(300, 2_000), file(5, 2_000)], "d", [FIRST], 10)
    assert list(apart) == [FIRST + timedelta(days=5), FIRST + timedelta(days=300)]
    small = between_files([file(day, 2_000) for day in range(100)], "d", [FIRST], 10)
    assert len(small) == 1
    assert between_files([LiveFile("x", 1, 5, {})], "d", [FIRST], 10) == []


def test_a_day_of_very_many_rows_is_not_one_task() -> None:
    two, rows = [FIRST, FIRST + timedelta(days=1)], 40 * ranges.ROWS_PER_TASK
    assert spaced(two, rows) == []
    assert between_files([LiveFile("x", 1, rows, {"max.d": FIRST})], "d", two, rows) == []


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few rows count as many."""
    monkeypatch.setattr(ranges, "MANY_ROWS", 50)
    monkeypatch.setattr(ranges, "ROWS_PER_TASK", 30)
    monkeypatch.setattr(ranges, "ROWS_PER_LOCATED_FILE", 20)


def event(number: int, day: int, v: int, second: int) -> str:
    return f"k{number},{FIRST + timedelta(days=day)},g,{v},P,2024-06-01 00:00:0{second}"


def spans(toy: Toy, table: str) -> list[tuple[date, date]]:
    handle = Handle.open(toy.path(table))
    assert handle is not None
    return sorted((f.statistics["min.d"], f.statistics["max.d"]) for f in handle.live_files())


@pytest.mark.usefixtures("spark", "many")
def test_a_correction_meets_one_file_of_a_long_history(tmp_path: Path) -> None:
    toy = Toy(tmp_path, EVENTS)
    held = {n: (n % DAYS, n) for n in range(240)}
    toy.deliver("events/1.csv", HEADER, [event(n, day, v, 1) for n, (day, v) in held.items()], at=1)
    toy.refresh()
    for table in ("silver.events", "gold.groups"):
        before = spans(toy, table)
        assert len(before) > 4
        assert all(low[1] <= high[0] for low, high in itertools.pairwise(before)), before
    changed = {7: (7, 1_000), 300: (DAYS, 1), 301: (DAYS + 30, 2)}
    toy.deliver("events/2.csv", HEADER, [event(n, day, v, 2) for n, (day, v) in changed.items()], at=2)
    report = toy.refresh()
    assert report.tables["silver.events"].batches[0].committed == "rewrite"
    held |= changed
    found = toy.visible("silver.events", ["k", "d", "v"])
    assert found == Counter({(f"k{n}", FIRST + timedelta(days=day), v): 1 for n, (day, v) in held.items()})
    totals: Counter[date] = Counter()
    for day, v in held.values():
        totals[FIRST + timedelta(days=day)] += v
    assert toy.visible("gold.groups", ["d", "total"]) == Counter(dict.fromkeys(totals.items(), 1))
    after = spans(toy, "silver.events")
    assert all(low[1] <= high[0] for low, high in itertools.pairwise(after)), after
    handle = Handle.open(toy.path("silver.events"))
    assert handle is not None
    commit = handle.commit(handle.version)
    assert commit is not None
    assert len(commit.removes) == 1
