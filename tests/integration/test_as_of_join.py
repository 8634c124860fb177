"""The as-of join against brute force, and against pandas where facts arrive as they happen."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from aurify import as_of_join
from aurify.errors import ConfigurationError

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

START = datetime(2024, 1, 1, tzinfo=timezone.utc)
Asked = tuple[int, str | None, datetime | None]
Fact = tuple[str | None, datetime | None, datetime | None, int | None, str]
ROWS = "id int, k string, at timestamp"
FACTS = "k string, happened timestamp, arrived timestamp, v int, w string"
KEYS = ["a", "b", "c", None]


def moment(pick: random.Random, spread: int = 12) -> datetime | None:
    """Few moments, so that there are ties; sometimes none."""
    return None if pick.random() < 0.08 else START + timedelta(minutes=pick.randrange(spread))


def drawn(seed: int, rows: int = 60, facts: int = 80) -> tuple[list[Asked], list[Fact]]:
    pick = random.Random(seed)
    asked = [(i, pick.choice(KEYS), moment(pick)) for i in range(rows)]
    told: list[Fact] = []
    for _ in range(facts):
        happened = moment(pick)
        late = timedelta(minutes=pick.choice([0, 0, 1, 5, -3]))
        arrived = None if happened is None or pick.random() < 0.05 else happened + late
        told.append((pick.choice(KEYS), happened, arrived, pick.choice([1, 2, None]), pick.choice(["x", "y"])))
    return asked, told


def by_force(
    asked: Sequence[Asked], facts: Sequence[Fact], tolerance: timedelta | None = None
) -> dict[int, tuple[int | None, str | None]]:
    """The same, looking at every fact for every row."""

    def rank(fact: Fact) -> tuple[Any, ...]:
        _, happened, arrived, v, w = fact
        return happened, arrived, v is not None, v or 0, w

    found: dict[int, tuple[int | None, str | None]] = {}
    for id, key, at in asked:
        known = [
            f
            for f in facts
            if None not in (key, at, f[0], f[1], f[2]) and f[0] == key and max(f[1], f[2]) <= at  # type: ignore[type-var,operator]
        ]
        best = max(known, key=rank, default=None)
        if best is not None and tolerance is not None and best[1] < at - tolerance:  # type: ignore[operator]
            best = None
        found[id] = (None, None) if best is None else (best[3], best[4])
    return found


@pytest.mark.parametrize("tolerance", [None, timedelta(0), timedelta(minutes=2, seconds=30)], ids=str)
@pytest.mark.parametrize("heavy_rows", [1_000_000, 10], ids=["whole keys", "keys in pieces"])
def test_it_finds_what_a_look_at_every_pair_finds(
    spark: SparkSession, tolerance: timedelta | None, heavy_rows: int
) -> None:
    drawings = [drawn(seed) for seed in range(20)]
    rows = [(n, *row) for n, (asked, _) in enumerate(drawings) for row in asked]
    facts = [(n, *fact) for n, (_, told) in enumerate(drawings) for fact in told]
    found = as_of_join(
        spark.createDataFrame(rows, f"n int, {ROWS}"),
        spark.createDataFrame(facts, f"n int, {FACTS}"),
        on=["n", "k"],
        time="at",
        event_time="happened",
        arrival_time="arrived",
        tolerance=tolerance,
        heavy_rows=heavy_rows,
    )
    assert found.columns == ["n", "id", "k", "at", "v", "w"]
    collected = found.collect()
    assert len(collected) == len(rows), "every row once"
    for n, (asked, told) in enumerate(drawings):
        mine = {row["id"]: (row["v"], row["w"]) for row in collected if row["n"] == n}
        assert mine == by_force(asked, told, tolerance), f"drawing {n}"


def test_it_finds_what_pandas_finds_where_facts_arrive_as_they_happen(spark: SparkSession) -> None:
    pick = random.Random(7)
    moments = pick.sample(range(100_000), 400)  # pandas leaves ties to the order of the rows
    facts = [(pick.choice("abc"), START + timedelta(seconds=s), i) for i, s in enumerate(moments[:200])]
    rows = [(pick.choice("abcd"), START + timedelta(seconds=s), i) for i, s in enumerate(moments[200:])]
    left = pd.DataFrame(rows, columns=["k", "at", "id"]).sort_values("at")
    right = pd.DataFrame(facts, columns=["k", "at", "v"]).sort_values("at")
    for tolerance in (None, timedelta(hours=2)):
        theirs = pd.merge_asof(left, right, on="at", by="k", tolerance=pd.Timedelta(tolerance) if tolerance else None)
        found = as_of_join(
            spark.createDataFrame(rows, "k string, at timestamp, id int"),
            spark.createDataFrame(facts, "k string, happened timestamp, v int"),
            on="k",
            time="at",
            event_time="happened",
            tolerance=tolerance,
        )
        ours = {row["id"]: row["v"] for row in found.collect()}
        assert ours == {row.id: None if pd.isna(row.v) else int(row.v) for row in theirs.itertuples()}


def test_the_declared_order_breaks_ties_and_values_of_any_type_are_taken(spark: SparkSession) -> None:
    at = date(2024, 1, 2)
    facts = spark.createDataFrame(
        [("a", at, 1, {"x": 1}, [1]), ("a", at, 2, {"y": 2}, None), ("a", at, 0, {"z": 3}, [3])],
        "`k.1` string, day date, seq int, labels map<string,int>, numbers array<int>",
    )
    rows = spark.createDataFrame(
        [("a", at, {"own": 1}), ("a", date(2024, 1, 1), None)], "`k.1` string, day date, m map<string,int>"
    )
    found = as_of_join(
        rows,
        facts,
        on="k.1",
        time="day",
        event_time="day",
        columns=["labels", "numbers"],
        prefix="f_",
        order_by=["seq"],
    )
    assert sorted(map(tuple, found.select("f_labels", "f_numbers", "day").collect()), key=lambda row: row[2]) == [
        (None, None, date(2024, 1, 1)),
        ({"y": 2}, None, at),
    ]


def test_all_that_does_not_fit_is_told_at_once(spark: SparkSession) -> None:
    rows = spark.createDataFrame([], ROWS)
    facts = spark.createDataFrame([], "k int, happened date, v int")
    with pytest.raises(ConfigurationError) as told:
        as_of_join(rows, facts, on="k", time="at", event_time="happend", columns=["v", "x"])
    assert [p.found for p in told.value.problems] == ["no column 'happend'", "no column 'x'"]
    with pytest.raises(ConfigurationError) as told:
        as_of_join(rows, facts.withColumnRenamed("v", "id"), on="k", time="at", event_time="happened")
    assert [p.found for p in told.value.problems] == ["string in rows, int in facts", "date", "two columns named 'id'"]
    with pytest.raises(ConfigurationError, match="nothing to take"):
        as_of_join(rows, facts.drop("v"), on="k", time="at", event_time="happened")
