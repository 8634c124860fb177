"""A log that is long to read gets a checkpoint, from which everything reads the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.publish import publication
from aurify.publish.delta_log import unread_bytes
from aurify.workflows.restore import restore
from tests.integration.lakes import EVENTS, Toy

HEADER = "k,d,g,v,op,at"
DAYS = (
    [
        "a,2024-01-01,x,1,P,2024-01-01 00:00:01",
        "b,2024-01-02,y,2,P,2024-01-01 00:00:01",
        "c,2024-01-02,,q,P,2024-01-01",
    ],
    ["a,2024-01-01,x,5,P,2024-01-01 00:00:02", "d,2024-01-03,x,4,P,2024-01-01 00:00:02"],
    ["b,2024-01-02,y,2,D,2024-01-01 00:00:03"],
)
TABLES = ("bronze.events", "silver.events", "silver.log", "gold.groups")


def refreshed(root: Path) -> Toy:
    toy = Toy(root, EVENTS)
    for number, lines in enumerate(DAYS):
        toy.deliver(f"events/{number}.csv", HEADER, lines, at=number + 1)
        toy.refresh()
    return toy


def told(toy: Toy, table: str) -> list[str]:
    """The rows as Spark, through our reader and through Delta's own, and delta-rs have them."""
    names = toy.lake.spec(table).schema.fieldNames()
    own = toy.lake.read(table).select(*names).collect()
    delta = toy.lake.session.read.format("delta").load(toy.path(table))
    seen = delta.where("NOT coalesce(_deleted, false)") if "_deleted" in delta.columns else delta
    rows = sorted(map(str, own))
    assert rows == sorted(map(str, seen.select(*names).collect()))
    assert len(rows) == sum(toy.visible(table, names[:1]).values())
    return rows


def test_tables_with_checkpoints_are_the_same_tables(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = refreshed(tmp_path / "plain")
    expected = {table: told(plain, table) for table in TABLES}
    assert not list(Path(plain.path("silver.events")).glob("_delta_log/*checkpoint*"))
    monkeypatch.setattr(publication, "LONG_LOG", 0)
    often = refreshed(tmp_path / "often")
    assert len(list(Path(often.path("silver.events")).glob("_delta_log/*.checkpoint.parquet"))) == len(DAYS)
    assert unread_bytes(often.path("silver.events")) == 0
    assert {table: told(often, table) for table in TABLES} == expected
    assert {t.outcome for t in often.refresh().tables.values()} == {"nothing new"}
    restore(often.lake, "silver.events", 1)
    assert sum(often.visible("silver.events", ["k"]).values()) == 2
    often.refresh()
    assert told(often, "gold.groups") == expected["gold.groups"]
