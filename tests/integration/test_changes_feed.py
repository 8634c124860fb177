"""What the engine says changed between two versions is what Spark's own change data feed says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from typing import Any

import pytest
from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError
from aurify.publish.batch_log import VersionRange
from aurify.publish.changes import ChangeReader
from aurify.workflows.maintain import maintain
from tests.integration.lakes import EVENTS, Row, Toy

HEADER = "k,d,g,v,op,at"
CAME, WENT = ("insert", "update_postimage"), ("delete", "update_preimage")


def events(*told: str) -> list[str]:
    """Lines of an events file from key, value, operation and second; the second digit of a key is its day."""
    lines = []
    for text in told:
        k, v, op, second = text.split()
        lines.append(f"{k},2024-01-0{k[1]},{'ab'[int(v) % 2]},{v},{op},2024-01-01 00:00:{second}")
    return lines


BATCHES = {
    "first rows, one of them deleted before it was known": events(
        "k1a 1 P 10", "k1b 2 P 10", "k2a 3 P 10", "k2b 1 D 10"
    ),
    "rows of a new day, in place": events("k3a 1 P 10", "k3b 2 P 10"),
    "updates, a delete and inserts": events("k1a 2 P 20", "k1b 2 D 20", "k1c 5 P 20", "k2c 6 P 20"),
    "nothing but old rows": events("k1a 9 P 05", "k2a 9 P 05", "k1b 9 P 15"),
    "the same rows again": events("k1a 2 P 20", "k1c 5 P 20"),
    "a deleted row comes back and another is deleted": events("k1b 7 P 30", "k3a 1 D 30"),
    "a batch without a sound row": [",2024-01-01,a,1,P,2024-01-01 00:00:10"],
    "a row twice, deleted, and there again": events(
        "k2a 4 P 40", "k2a 4 P 40", "k2b 4 P 40", "k3b 1 D 41", "k3b 8 P 42"
    ),
}


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """A lake with a long history, compacted in the middle of it."""
    toy = Toy(tmp_path_factory.mktemp("changes"), EVENTS)
    for number, lines in enumerate(BATCHES.values()):
        toy.deliver(f"events/{number}.csv", HEADER, lines, at=number)
        toy.refresh("bronze.events", "silver.events")
        if number == 3:
            maintain(toy.lake, ["silver.events", "bronze.events"])
    return toy


def feed(spark: SparkSession, path: str, columns: list[str]) -> dict[int, Counter[Row]]:
    """By version, the rows that came (positive) and went (negative), from Spark's change data feed."""
    options = {"readChangeFeed": "true", "startingVersion": "0"}
    net: dict[int, Counter[Row]] = {v: Counter() for v in range(DeltaTable(path).version() + 1)}
    for row in spark.read.format("delta").options(**options).load(path).collect():
        values = tuple(row[c] for c in columns)
        net[row["_commit_version"]][values] += 1 if row["_change_type"] in CAME else -1
    return net


def rows_of(frame: DataFrame, columns: list[str]) -> Counter[Row]:
    return Counter(tuple(row[c] for c in columns) for row in frame.collect())


def span(toy: Toy, table: str, after: int, to: int) -> VersionRange:
    table_id = str(DeltaTable(toy.path(table)).metadata().id)
    return VersionRange(table=table, table_id=table_id, generation=1, after=after, to=to)


def reader(toy: Toy, spark: SparkSession, table: str, after: int, to: int) -> ChangeReader:
    return ChangeReader(spark, toy.lake.storage, toy.lake.target(table), span(toy, table, after, to))


def groups(rows: Iterable[Row], columns: list[str], by: list[str]) -> Counter[Row]:
    places = [columns.index(name) for name in by]
    return Counter({tuple(row[p] for p in places) for row in rows})


SPANS = [(-1, 2), (0, 1), (1, 20), (2, 4), (3, 5), (2, 20), (4, 9), (6, 20), (-1, 20)]


def test_the_changes_of_an_upsert_table_are_those_of_its_change_data_feed(toy: Toy, spark: SparkSession) -> None:
    columns = ["k", "d", "g", "v", "op", "at", "_deleted"]
    path = toy.path("silver.events")
    net, newest = feed(spark, path, columns), DeltaTable(path).version()
    assert newest > len(BATCHES), "the compaction is a version of its own"
    for after, to in dict.fromkeys((a, min(t, newest)) for a, t in SPANS):
        found = reader(toy, spark, "silver.events", after, to)
        last: dict[Any, Row] = {}
        for version in range(after + 1, to + 1):
            last |= {row[0]: row for row, n in net[version].items() if n > 0}
        came = Counter(row[:-1] for row in last.values() if not row[-1])
        gone = Counter(row[:-1] for row in last.values() if row[-1])
        told = f"versions {after + 1} to {to}"
        assert rows_of(found.put(), columns[:-1]) == came, told
        assert found.count() == came.total(), told
        assert (rows_of(found.withdrawn(), columns[:-1]) if found.has_withdrawn else Counter()) == gone, told
        moved = {row for version in range(after + 1, to + 1) for row, n in net[version].items() if n}
        if after >= 0:
            assert rows_of(found.touched(["d", "g"]), ["d", "g"]) == groups(moved, columns, ["d", "g"]), told
        assert found.files.is_empty == (not moved), told


def test_the_changes_of_an_append_table_are_the_rows_that_came(toy: Toy, spark: SparkSession) -> None:
    columns = ["_source_file", "_source_row", "k", "v"]
    path = toy.path("bronze.events")
    net, newest = feed(spark, path, columns), DeltaTable(path).version()
    for after, to in dict.fromkeys((a, min(t, newest)) for a, t in SPANS):
        found = reader(toy, spark, "bronze.events", after, to)
        came = sum((net[v] for v in range(after + 1, to + 1)), Counter())
        assert rows_of(found.put(), columns) == came
        assert (found.count(), found.has_withdrawn) == (came.total(), False)


def test_every_span_of_versions_joined_to_the_next_gives_the_table(toy: Toy, spark: SparkSession) -> None:
    newest = DeltaTable(toy.path("silver.events")).version()
    cuts = [-1, 2, 4, 7, newest]
    state: dict[str, Row] = {}
    for after, to in pairwise(cuts):
        found = reader(toy, spark, "silver.events", after, to)
        state |= {row["k"]: tuple(row) for row in found.put().select("k", "v").collect()}
        if found.has_withdrawn:
            state = {k: row for k, row in state.items() if not found.withdrawn().where(F.col("k") == k).count()}
    assert Counter(state.values()) == toy.visible("silver.events", ["k", "v"])


def test_what_is_no_change_moves_nothing_downstream(toy: Toy) -> None:
    toy.lake.refresh("gold.groups")
    version = toy.version("gold.groups")
    toy.deliver("events/again.csv", HEADER, BATCHES["the same rows again"], at=50)
    report = toy.refresh("bronze.events", "silver.events", "gold.groups")
    assert report.tables["silver.events"].outcome == "done"
    assert report.tables["gold.groups"].outcome == "nothing new"
    assert toy.version("gold.groups") == version


def test_a_table_that_was_made_anew_at_the_same_path_is_told(toy: Toy, spark: SparkSession) -> None:
    version = toy.version("silver.events")
    other = span(toy, "silver.events", 0, version).model_copy(update={"table_id": "another"})
    with pytest.raises(ConfigurationError, match=r"another table lies at its path.*") as gone:
        ChangeReader(spark, toy.lake.storage, toy.lake.target("silver.events"), other).put()
    assert "--full" in str(gone.value)


def test_a_change_whose_file_was_vacuumed_or_whose_version_expired_is_told(toy: Toy, spark: SparkSession) -> None:
    found = reader(toy, spark, "silver.events", 2, toy.version("silver.events"))
    lost = f"{toy.path('silver.events')}/{found.files.images[0]}"
    toy.lake.storage.remove(lost)
    with pytest.raises(ConfigurationError, match=r"was vacuumed[^$]*--full"):
        reader(toy, spark, "silver.events", 2, toy.version("silver.events"))
    early = span(toy, "bronze.events", 1, 3)
    toy.lake.storage.remove(f"{toy.path('bronze.events')}/_delta_log/{2:020d}.json")
    with pytest.raises(ConfigurationError, match=r"no longer holds version 2[^$]*--full"):
        ChangeReader(spark, toy.lake.storage, toy.lake.target("bronze.events"), early)
