"""Generations and drift: a rebuild is one commit that readers do not feel; what only a rebuild can do is refused."""

from __future__ import annotations

from collections import Counter

import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.plan import plan
from aurify.workflows.refresh import refresh
from aurify.workflows.run import Step
from tests.integration.lakes import EVENTS, Row, Toy, outcomes

HEADER = "k,d,g,v,op,at"
SILVER = ["k", "v"]
SELECTED = '"k", "d", "g", "v", "op", "at", "_source_file"'
TENFOLD = EVENTS.replace(SELECTED, SELECTED.replace('"v"', 'F.expr("try_cast(v AS int) * 10").alias("v")'))
WITH_NOTE = EVENTS.replace(
    "g string, v int, op string, at timestamp", "g string, v int, op string, at timestamp, note string"
)
WITH_NOTE = WITH_NOTE.replace(SELECTED, SELECTED.replace('"at"', '"at", F.lit("new").alias("note")'))
WIDER = EVENTS.replace("g string, v int, op", "g string, v bigint, op")


def event(key: str, v: int, second: int = 1) -> str:
    return f"{key},2024-01-0{key[1]},a,{v},P,2024-01-01 00:00:{second:02}"


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A lake with two batches of everything."""
    toy = Toy(tmp_path_factory.mktemp("generations"), EVENTS)
    toy.deliver("events/1.csv", HEADER, [event("k1", 1), event("k2", 2)], at=1)
    toy.refresh()
    toy.deliver("events/2.csv", HEADER, [event("k1", 3, 2), event("k3", 4)], at=2)
    toy.refresh()
    return toy


def positions(toy: Toy) -> dict[str, tuple[int, int]]:
    """Generation and number of the newest batch of every table."""
    states = {name: toy.lake.state(name) for name in toy.lake.specs}
    return {name: state.handle.position for name, state in states.items() if state.handle}


def test_readers_keep_the_old_rows_until_the_one_commit_of_a_rebuild(toy: Toy) -> None:
    old = toy.visible("silver.events", SILVER)
    reader = toy.lake.read("silver.events")
    version = toy.version("silver.events")
    seen: dict[str, Counter[Row]] = {}

    def listen(step: Step) -> None:
        if step.table == "silver.events":
            seen[step.name] = toy.visible("silver.events", SILVER)

    toy.declare(TENFOLD)
    report = refresh(toy.lake, ["silver.events"], full=True, listen=listen)
    new = Counter({("k1", 30): 1, ("k2", 20): 1, ("k3", 40): 1})
    assert report.exit_code == 0
    assert {name: rows == old for name, rows in seen.items()} == {
        "recorded": True,
        "staged": True,
        "decided": True,
        "quarantined": True,
        "published": False,
        "balanced": False,
    }
    assert toy.visible("silver.events", SILVER) == new
    assert Counter((r["k"], r["v"]) for r in reader.collect()) == old, "who began to read before goes on"
    assert toy.version("silver.events") == version + 1
    assert positions(toy)["silver.events"] == (2, 1)
    assert toy.lake.read("silver.events", version).count() == 3


def test_what_reads_a_rebuilt_table_is_rebuilt_and_nothing_else(toy: Toy) -> None:
    planned = toy.lake.plan().tables
    assert planned["gold.groups"].action == "rebuild"
    assert planned["gold.groups"].notes[0] == "silver.events was rebuilt, so this table is too"
    report = toy.refresh()
    assert {n for n, outcome in outcomes(report).items() if outcome == "done"} == {"gold.groups"}
    assert positions(toy) == {
        "bronze.events": (1, 2),
        "silver.events": (2, 1),
        "silver.log": (1, 2),
        "gold.groups": (2, 1),
    }
    assert toy.visible("gold.groups", ["id", "total"]) == Counter(
        {("2024-01-01|a", 30): 1, ("2024-01-02|a", 20): 1, ("2024-01-03|a", 40): 1}
    )
    assert {r["generation"] for r in toy.lake.batches_ledger.rows() if r["table"] == "gold.groups"} == {1, 2}
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}


def test_a_batch_after_a_rebuild_goes_on_from_it(toy: Toy) -> None:
    toy.deliver("events/3.csv", HEADER, [event("k1", 5, 3)], at=3)
    toy.refresh()
    assert toy.visible("silver.events", SILVER)[("k1", 50)] == 1
    assert toy.visible("gold.groups", ["id", "total"])[("2024-01-01|a", 50)] == 1
    assert (positions(toy)["silver.events"], positions(toy)["gold.groups"]) == ((2, 2), (2, 2))


def test_a_new_nullable_column_is_added_by_the_next_batch(toy: Toy) -> None:
    toy.declare(WITH_NOTE)
    assert toy.lake.plan().tables["silver.events"].notes == ["column note is added by the next batch"]
    version = toy.version("gold.groups")
    assert set(outcomes(toy.refresh()).values()) == {"nothing new"}, "there is no batch that could add it"
    toy.deliver("events/4.csv", HEADER, [event("k4", 6), "k5,2024-01-01,a,x,P,2024-01-01 00:00:01"], at=4)
    toy.refresh()
    assert toy.visible("silver.events", ["k", "note"]) == Counter(
        {("k1", None): 1, ("k2", None): 1, ("k3", None): 1, ("k4", "new"): 1}
    )
    assert toy.lake.spark.table("silver.events").where("note = 'new'").count() == 1
    assert [r["note"] for r in toy.lake.quarantine("silver.events").collect()] == ["new"]
    assert toy.version("gold.groups") == version + 1


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('keys=["k"]', 'keys=["k", "d"]', r"keys: found keys \['k', 'd'\][^$]*\['k'\], as the table was built"),
        ('order_by="at"', 'order_by="v"', r"order_by 'v'[^$]*'at', as the table was built"),
        ('locate_by="d"', 'locate_by="g"', r"locate_by \['g'\][^$]*\['d'\]"),
        ("g string, v int, op", "g string, v bigint, op", r"v: found type bigint[^$]*int, as in the table"),
        (", note string", "", r"note: found no such column[^$]*which the table has"),
        ('write=Upsert(order_by="at", locate_by="d", delete_when="op = \'D\'")', "write=Append()", r"mode 'append'"),
    ],
)
def test_what_only_a_rebuild_can_do_is_refused_with_the_way_on(toy: Toy, old: str, new: str, told: str) -> None:
    head, tail = WITH_NOTE.split('    "silver.events"', 1)
    silver, rest = tail.split("@table", 1)
    if not new:
        silver = silver.replace(', F.lit("new").alias("note")', "")
    toy.declare(f'{head}    "silver.events"{silver.replace(old, new)}@table{rest}')
    assert old in silver
    planned = toy.lake.plan("silver.events").tables["silver.events"]
    assert planned.exit_code == 2
    assert all("aurify refresh silver.events --full" in problem.hint for problem in planned.drift)
    assert plan(toy.lake, ["silver.events"], full=True).tables["silver.events"].drift == []
    toy.deliver("events/5.csv", HEADER, [event("k6", 1)], at=5)
    toy.refresh("bronze.events")
    version = toy.version("silver.events")
    report = toy.lake.refresh()
    assert (report.exit_code, toy.version("silver.events")) == (2, version)
    assert report.tables["gold.groups"].outcome == "skipped"
    with pytest.raises(ConfigurationError, match=told):
        toy.refresh("silver.events")


def test_a_rebuild_may_change_types_and_take_columns_away(toy: Toy) -> None:
    toy.declare(WIDER)
    toy.refresh("silver.events", full=True)
    assert dict(toy.lake.spark.table("silver.events").dtypes)["v"] == "bigint"
    assert "note" not in toy.lake.spark.table("silver.events").columns
    assert toy.visible("silver.events", SILVER) == Counter(
        {("k1", 5): 1, ("k2", 2): 1, ("k3", 4): 1, ("k4", 6): 1, ("k6", 1): 1}
    )
    assert positions(toy)["silver.events"] == (3, 1)
    toy.deliver("events/6.csv", HEADER, [event("k2", 7, 9)], at=6)
    toy.refresh()
    assert toy.visible("gold.groups", ["id", "total"])[("2024-01-02|a", 7)] == 1
    assert (positions(toy)["silver.events"], positions(toy)["gold.groups"]) == ((3, 2), (3, 1))


def test_a_rebuild_reads_the_files_that_are_there_now(toy: Toy) -> None:
    (toy.root / "landing/events/1.csv").unlink()
    toy.refresh("bronze.events", full=True)
    assert "1.csv" not in {r["_source_file"] for r in toy.held("bronze.events")}
    toy.refresh()
    lines = toy.visible("silver.log", ["file", "row"])
    assert "1.csv" not in {file for file, _ in lines}
    assert lines.total() == len(toy.held("bronze.events"))
    assert set(lines.values()) == {1}
