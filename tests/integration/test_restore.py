"""Restore and accept-change: the ways on from a table that somebody changed, each one commit and a new generation."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.publish.publication import ForeignCommit
from aurify.workflows.restore import accept_change, restore
from tests.integration.lakes import EVENTS, LISTS, Row, Toy, outcomes

HEADER = "k,d,g,v,op,at"


def event(key: str, v: str, second: int, op: str = "P") -> str:
    return f"{key},2024-01-0{key[1]},a,{v},{op},2024-01-01 00:00:0{second}"


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Three batches: rows, changes, a delete; with a row in quarantine in the first and in the last."""
    toy = Toy(tmp_path_factory.mktemp("restore"), EVENTS)
    toy.deliver("events/1.csv", HEADER, [event("k1", "1", 1), event("k2", "2", 1), event("k1bad", "x", 1)], at=1)
    toy.refresh()
    toy.deliver("events/2.csv", HEADER, [event("k1", "10", 2), event("k3", "3", 2)], at=2)
    toy.refresh()
    toy.deliver("events/3.csv", HEADER, [event("k2", "2", 3, "D"), event("k3bad", "x", 3)], at=3)
    toy.refresh()
    return toy


FIRST = Counter({("k1", 1): 1, ("k2", 2): 1})
LAST = Counter({("k1", 10): 1, ("k3", 3): 1})


def silver(toy: Toy) -> Counter[Row]:
    return toy.visible("silver.events", ["k", "v"])


def gold(toy: Toy) -> Counter[Row]:
    return toy.visible("gold.groups", ["id", "total"])


GOLD_LAST = Counter({("2024-01-01|a", 10): 1, ("2024-01-03|a", 3): 1})


def bad_keys(toy: Toy) -> set[str]:
    return {row["k"] for row in toy.lake.quarantine("silver.events").collect()}


def test_restore_brings_back_the_rows_after_a_batch_and_later_input_is_taken_in_again(toy: Toy) -> None:
    version = toy.version("silver.events")
    assert restore(toy.lake, "silver.events", 1) == version + 1
    assert silver(toy) == FIRST
    assert bad_keys(toy) == {"k1bad"}, "the quarantine of what was undone is undone with it"
    assert toy.lake.state("silver.events").generation == 2
    report = toy.refresh()
    assert {n for n, o in outcomes(report).items() if o == "done"} == {"silver.events", "gold.groups"}
    assert (silver(toy), gold(toy)) == (LAST, GOLD_LAST)
    assert bad_keys(toy) == {"k1bad", "k3bad"}
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}


def test_the_log_of_a_restored_table_is_found_again_from_its_commits(toy: Toy) -> None:
    before = toy.lake.state("silver.events").consumed
    shutil.rmtree(f"{toy.path('silver.events')}/_aurify")
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}
    assert toy.lake.state("silver.events").consumed == before
    assert silver(toy) == LAST


def test_restore_to_what_is_no_batch_is_refused(toy: Toy, tmp_path_factory: pytest.TempPathFactory) -> None:
    for number in (-1, 9):
        with pytest.raises(ConfigurationError, match=f"found batch {number}"):
            restore(toy.lake, "silver.events", number)
    with pytest.raises(ConfigurationError, match="no published batch"):
        restore(Toy(tmp_path_factory.mktemp("empty"), EVENTS).lake, "silver.events", 1)
    with pytest.raises(ConfigurationError, match="no foreign commit"):
        accept_change(toy.lake, "silver.events", 3)


def test_a_change_by_hand_stops_the_table_until_it_is_accepted(toy: Toy, spark: SparkSession) -> None:
    spark.sql(f"OPTIMIZE delta.`{toy.path('silver.events')}`").collect()
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}, "who compacts changes nothing"
    spark.sql(f"DELETE FROM delta.`{toy.path('silver.events')}` WHERE k = 'k1'")
    version = toy.version("silver.events")
    report = toy.lake.refresh()
    error = report.tables["silver.events"].error
    assert isinstance(error, ForeignCommit)
    assert f"version {version} (DELETE)" in str(error)
    assert f"aurify accept-change silver.events {version}" in str(error)
    assert "aurify restore silver.events --to BATCH" in str(error)
    assert (report.exit_code, report.tables["gold.groups"].outcome) == (1, "skipped")
    assert toy.lake.plan("silver.events").exit_code == 1

    with pytest.raises(ConfigurationError, match=f"foreign versions {version}"):
        accept_change(toy.lake, "silver.events", version - 1)
    assert accept_change(toy.lake, "silver.events", version) == version + 1
    report = toy.refresh()
    assert {n for n, o in outcomes(report).items() if o == "done"} == {"gold.groups"}
    assert silver(toy) == Counter({("k3", 3): 1})
    assert gold(toy) == Counter({("2024-01-03|a", 3): 1})
    assert bad_keys(toy) == {"k1bad", "k3bad"}

    toy.deliver("events/4.csv", HEADER, [event("k3", "30", 4), event("k1", "11", 4)], at=4)
    toy.refresh()
    assert silver(toy) == Counter({("k1", 11): 1, ("k3", 30): 1})
    assert gold(toy) == Counter({("2024-01-01|a", 11): 1, ("2024-01-03|a", 30): 1})


def test_a_restore_by_hand_stops_the_table_until_it_is_undone(toy: Toy, spark: SparkSession) -> None:
    number = toy.lake.state("silver.events").committed
    before = silver(toy)
    spark.sql(f"RESTORE TABLE delta.`{toy.path('silver.events')}` TO VERSION AS OF 1")
    toy.deliver("events/5.csv", HEADER, [event("k1", "12", 5)], at=5)
    report = toy.lake.refresh()
    assert isinstance(report.tables["silver.events"].error, ForeignCommit)
    restore(toy.lake, "silver.events", number)
    assert silver(toy) == before
    toy.refresh()
    assert silver(toy) == Counter({("k1", 12): 1, ("k3", 30): 1})


def test_a_change_by_hand_during_a_rebuild_that_failed_is_accepted_without_reading_input_twice(
    toy: Toy, spark: SparkSession
) -> None:
    rows = toy.visible("silver.log", ["file", "row"])
    said = '"""Every line that ever came."""'
    broken = EVENTS.replace(said, f"{said}\n    raise ArithmeticError")
    toy.declare(broken)
    assert toy.lake.refresh("silver.log", full=True).exit_code != 0
    spark.sql(f"DELETE FROM delta.`{toy.path('silver.log')}` WHERE file = '1.csv'")
    toy.declare(EVENTS)
    accept_change(toy.lake, "silver.log", toy.version("silver.log"))
    toy.refresh()
    left = Counter({row: n for row, n in rows.items() if row[0] != "1.csv"})
    assert toy.visible("silver.log", ["file", "row"]) == left


def test_a_restored_folder_table_knows_which_deliveries_stand(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory
) -> None:
    toy = Toy(tmp_path_factory.mktemp("deliveries"), LISTS)
    toy.deliver("lists/a.csv", "k,d,v", ["a1,2024-01-01,1", "a2,2024-01-01,2"], at=1)
    toy.refresh()
    toy.deliver("lists/a.csv", "k,d,v", ["a1,2024-01-01,10"], at=2)
    toy.refresh()
    toy.deliver("lists/b.csv", "k,d,v", ["b1,2024-01-02,1"], at=3)
    toy.refresh()
    restore(toy.lake, "bronze.lists", 2)
    report = toy.refresh()
    assert set(outcomes(report).values()) == {"done"}
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("a1", 10): 1, ("b1", 1): 1})
    assert toy.visible("gold.lines", ["d", "n", "total"]) == Counter(
        {("2024-01-01", 1, 10): 1, ("2024-01-02", 1, 1): 1}
    )
    restore(toy.lake, "bronze.lists", 0)
    (toy.root / "landing/lists/b.csv").unlink()
    toy.deliver("lists/a.csv", "k,d,v", ["a1,2024-01-01,100", "a3,2024-01-01,3"], at=9)
    toy.refresh()
    assert toy.visible("silver.prices", ["k", "v"]) == Counter({("a1", 100): 1, ("a3", 3): 1})
    assert toy.visible("gold.lines", ["d", "n", "total"]) == Counter({("2024-01-01", 2, 103): 1})
