"""Maintenance: fewer files and old tombstones forgotten, and nobody downstream sees a change or misses one."""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.errors import DataError
from aurify.workflows.maintain import Maintained, maintain
from tests.integration.lakes import EVENTS, Row, Toy, only_batch, outcomes

HEADER = "k,d,g,v,op,at"
FORGETFUL = "from datetime import timedelta\n" + EVENTS.replace(
    "delete_when=\"op = 'D'\"", "delete_when=\"op = 'D'\", tombstones=timedelta(minutes=1)"
)


def event(key: str, v: int, minute: int, op: str = "P") -> str:
    return f"{key},2024-01-0{key[1]},a,{v},{op},2024-01-01 00:{minute:02}:00"


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Three batches in bronze and silver, of which gold has read the first."""
    toy = Toy(tmp_path_factory.mktemp("maintain"), FORGETFUL)
    toy.deliver("events/1.csv", HEADER, [event("k1", 1, 1), event("k2", 2, 1), event("k3", 3, 1)], at=1)
    toy.refresh()
    toy.deliver("events/2.csv", HEADER, [event("k1", 10, 2), event("k3", 3, 2, "D")], at=2)
    toy.refresh("bronze.events", "silver.events")
    toy.deliver("events/3.csv", HEADER, [event("k4", 4, 3), event("k2", 20, 3)], at=3)
    toy.refresh("bronze.events", "silver.events")
    return toy


def silver(toy: Toy) -> Counter[Row]:
    return toy.visible("silver.events", ["k", "v"])


def data_files(toy: Toy, table: str) -> int:
    """Parquet files that lie in a table's folder, live or not."""
    return sum(1 for _ in Path(toy.path(table)).rglob("*.parquet"))


def maintained(toy: Toy, *tables: str, hours: int = 0) -> dict[str, Maintained]:
    return {m.table: m for m in maintain(toy.lake, tables, retain_hours=hours)}


def test_nothing_that_a_reader_has_yet_to_read_is_vacuumed(toy: Toy) -> None:
    rows = silver(toy)
    done = maintained(toy, "bronze.events", "silver.events")
    assert "gold.groups has read it up to version" in done["silver.events"].held_back_by
    assert done["silver.events"].retained_hours >= 1
    assert "silver.log" in done["bronze.events"].held_back_by
    assert silver(toy) == rows == Counter({("k1", 10): 1, ("k2", 20): 1, ("k4", 4): 1})
    toy.refresh("gold.groups", "silver.log")
    assert toy.visible("gold.groups", ["id", "total"]) == Counter(
        {("2024-01-01|a", 10): 1, ("2024-01-02|a", 20): 1, ("2024-01-04|a", 4): 1}
    )
    assert toy.visible("silver.log", ["file", "row"]).total() == 7


def test_compaction_and_vacuum_are_no_changes_downstream(toy: Toy) -> None:
    rows, gold = silver(toy), toy.version("gold.groups")
    before = {t: data_files(toy, t) for t in ("bronze.events", "silver.events")}
    done = maintained(toy)
    assert {m.files_after for m in done.values()} == {1}
    assert set(outcomes(toy.refresh("silver.log", "gold.groups")).values()) == {"nothing new"}
    assert toy.version("gold.groups") > gold, "gold was maintained too"
    assert silver(toy) == rows
    assert {t: data_files(toy, t) < n for t, n in before.items()} == {"bronze.events": True, "silver.events": True}
    assert [r["exit_code"] for r in toy.lake.runs_ledger.rows()] == [0] * len(toy.lake.runs_ledger.rows())


def test_a_maintained_table_still_knows_how_it_was_built(toy: Toy) -> None:
    toy.declare(FORGETFUL.replace('keys=["k"]', 'keys=["k", "d"]'))
    assert toy.lake.plan("silver.events").exit_code == 2
    toy.declare(FORGETFUL)
    assert toy.lake.plan("silver.events").exit_code == 0


def test_tombstones_beyond_the_horizon_are_forgotten_and_older_rows_are_stale(toy: Toy) -> None:
    toy.deliver("events/4.csv", HEADER, [event("k2", 2, 9, "D"), event("k1", 11, 10)], at=4)
    toy.refresh()
    gold = toy.visible("gold.groups", ["id", "total"])
    done = maintained(toy, "silver.events")
    assert done["silver.events"].tombstones_forgotten == 1
    assert {r["k"] for r in toy.held("silver.events") if r["_deleted"]} == {"k2"}, "k2 died within the horizon"
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}
    old = [event("k3", 33, 1), event("k5", 5, 8), event("k2", 22, 8), event("k6", 6, 9)]
    toy.deliver("events/5.csv", HEADER, old, at=5)
    counted = only_batch(toy.refresh("bronze.events", "silver.events").tables["silver.events"])
    assert silver(toy) == Counter({("k1", 11): 1, ("k4", 4): 1, ("k6", 6): 1})
    assert {name: counted[name] for name in ("offered", "inserted", "stale")} == {
        "offered": 4,
        "inserted": 1,
        "stale": 3,
    }
    toy.refresh()
    assert toy.visible("gold.groups", ["id", "total"]) == gold + Counter({("2024-01-06|a", 6): 1})


def test_the_horizon_holds_for_every_later_batch_and_after_maintenance(toy: Toy) -> None:
    maintained(toy, "silver.events")
    toy.deliver("events/6.csv", HEADER, [event("k3", 33, 1)], at=6)
    counted = only_batch(toy.refresh("bronze.events", "silver.events").tables["silver.events"])
    assert counted["stale"] == 1
    assert ("k3", 33) not in silver(toy)


def test_the_sweep_removes_what_killed_attempts_left_and_nothing_that_a_commit_names(toy: Toy) -> None:
    rows = toy.visible("bronze.events", ["k", "v"])
    batches = Path(toy.path("bronze.events")) / "batches"
    generation, number = (toy.lake.state("bronze.events").handle or pytest.fail("no table")).position
    toy.deliver("events/7.csv", HEADER, [event("k7", 7, 11)], at=7)
    toy.refresh("bronze.events", "silver.events")
    rows += Counter({("k7", "7"): 1})
    dead, young, ahead = (batches / name for name in ("1-1-dead-1", "1-1-young-1", f"{generation}-{number + 5}-next-1"))
    for folder in (dead, young, ahead):
        (folder / "verdict=ok").mkdir(parents=True)
        (folder / "verdict=ok" / "part-0.parquet").write_bytes(b"no rows")
        age = 0 if folder == young else 7200
        for path in (folder / "verdict=ok", folder):
            os.utime(path, (path.stat().st_mtime - age,) * 2)
    (done,) = maintain(toy.lake, ["bronze.events"], retain_hours=1)
    assert [Path(folder).name for folder in done.swept] == ["1-1-dead-1"]
    assert (young.exists(), ahead.exists()) == (True, True)
    assert toy.visible("bronze.events", ["k", "v"]) == rows
    assert toy.lake.read("bronze.events").count() == rows.total()


def test_a_key_on_two_days_is_told(toy: Toy) -> None:
    toy.deliver("events/8.csv", HEADER, [event("k8", 8, 12)], at=8)
    toy.refresh("bronze.events", "silver.events")
    toy.deliver("events/9.csv", HEADER, [event("k8", 8, 13).replace("2024-01-08", "2024-01-09")], at=9)
    toy.refresh("bronze.events", "silver.events")
    with pytest.raises(DataError, match=r"keys with several rows: .*k8[^$]*d must follow from k"):
        maintain(toy.lake, ["silver.events"])


def test_a_table_that_another_run_works_on_is_left_alone(toy: Toy) -> None:
    version = toy.version("silver.log")
    with toy.lake.lease("silver.log", "a run at work"), pytest.raises(Exception, match="a run at work"):
        maintain(toy.lake, ["silver.log"])
    assert toy.version("silver.log") == version
    assert json.loads(json.dumps(Maintained("x").as_dict()))["table"] == "x"
