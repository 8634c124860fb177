"""Rows of quarantine to a file and back: every type, every odd text, and mistakes told before anything is taken."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.workflows.quarantine_files import export_rows, import_rows
from tests.integration.lakes import EVENTS, Toy

TYPES = '''
@table(
    "bronze.things",
    inputs={"files": folder("things")},
    write=Append(),
    columns="k string, n string, amount string, day string, at string, note string",
    rows="same",
    owner="tests",
)
def bronze_things(files):
    """One row a line."""
    return files


@table(
    "silver.things",
    inputs={"things": changes("bronze.things")},
    keys=["k"],
    write=Upsert(order_by="at"),
    columns="""
        k string, n int, amount decimal(9,2), day date, at timestamp, note string, bits binary,
        tags array<string>, place struct<x: int, y: string>, counts map<string, int>, ratio double, yes boolean
    """,
    rows="same",
    owner="tests",
)
def silver_things(things):
    """Every type."""
    return things.select(
        "k", "n", "amount", "day", "at",
        F.when(F.col("k") == "empty", F.lit("")).otherwise(F.col("note")).alias("note"),
        F.unhex(F.lit("00FF10")).alias("bits"),
        F.array(F.lit('a"b'), F.lit(None), F.lit("")).alias("tags"),
        F.struct(F.lit(1).alias("x"), F.lit("ü, ").alias("y")).alias("place"),
        F.create_map(F.lit("one"), F.lit(1)).alias("counts"),
        F.lit(0.1).alias("ratio"),
        F.lit(True).alias("yes"),
        "_source_file", "_source_row",
    )
'''
SUITE = "expect_column_values_to_be_between: {column: n, min_value: 0, max_value: 10, id: n_in_range}"
HEADER = "k,n,amount,day,at,note"
LINES = [
    'sound,1,1.50,2024-01-01,2024-01-01 00:00:01.123456,"plain"',
    'high,99,1.50,2024-01-01,2024-01-01 00:00:01.123456,"one, ""quoted"""',
    "text,seven,1.50,2024-02-30,2024-01-01 00:00:01,",
    'empty,98,1.50,2024-01-01,2024-01-01 00:00:01.000001,""',
]
Repair = Callable[[list[dict[str, Any]]], None]


@pytest.fixture(scope="module")
def lake_once(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("things"), TYPES, {"silver.things": SUITE})
    toy.deliver("things/1.csv", HEADER, LINES, at=1)
    toy.refresh()
    return toy


def changed(file: Path, repair: Repair) -> Path:
    """The file with its rows repaired, as a person with a spreadsheet, or a program, would."""
    out = file.with_name(f"repaired{file.suffix}")
    if file.suffix == ".parquet":
        found = pq.read_table(file)
        rows = found.to_pylist()
        repair(rows)
        pq.write_table(pa.Table.from_pylist(rows, schema=found.schema), out)
        return out
    with file.open(newline="", encoding="utf-8") as came:
        reader = csv.DictReader(came)
        rows, names = list(reader), list(reader.fieldnames or ())
    repair(rows)
    with out.open("w", newline="", encoding="utf-8") as made:
        writer = csv.DictWriter(made, names, quoting=csv.QUOTE_MINIMAL)
        writer.writeheader()
        writer.writerows(rows)
    return out


def held(toy: Toy) -> dict[str, dict[str, Any]]:
    return {row["k"]: row for row in toy.held("silver.things")}


def test_an_export_holds_the_rows_as_they_came(lake_once: Toy, tmp_path: Path) -> None:
    assert export_rows(lake_once.lake, "silver.things", tmp_path / "bad.csv") == 3
    with (tmp_path / "bad.csv").open(newline="", encoding="utf-8") as file:
        rows = {row["k"]: row for row in csv.DictReader(file)}
    assert rows["text"]["n"] == "seven"
    assert rows["text"]["day"] == "2024-02-30"
    assert rows["high"]["note"] == 'one, "quoted"'
    assert rows["high"]["_why"].startswith("n_in_range: ")
    assert '"98","1.50","2024-01-01","2024-01-01 00:00:01.000001","",' in (tmp_path / "bad.csv").read_text()
    assert export_rows(lake_once.lake, "silver.things", tmp_path / "bad.parquet") == 3
    typed = {row["k"]: row for row in pq.read_table(tmp_path / "bad.parquet").to_pylist()}
    assert typed["text"]["n"] is None
    assert dict(typed["text"]["_raw"]) == {"n": "seven", "day": "2024-02-30"}
    assert not list(tmp_path.glob(".*")), "no draft is left"


@pytest.mark.parametrize("ending", [".csv", ".parquet"])
def test_repaired_rows_enter_with_every_type_whole(ending: str, lake_once: Toy, tmp_path: Path) -> None:
    toy = lake_once.copied(tmp_path / "toy")
    sound = held(toy)["sound"]
    file = tmp_path / f"bad{ending}"
    export_rows(toy.lake, "silver.things", file)

    def repair(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            if row["k"] != "text":
                row["n"] = 5 if ending == ".parquet" else "5"
            if row["k"] == "high":
                row["note"] = 'two\nlines, "quoted"'

    assert import_rows(toy.lake, "silver.things", changed(file, repair), "asked the shop") == 2, (
        "a row as it was is no repair"
    )
    report = toy.lake.replay("silver.things")
    assert report.exit_code == 0, report.as_dict()
    rows = held(toy)
    assert set(rows) == {"sound", "high", "empty"}
    nested = ("bits", "tags", "place", "counts", "ratio", "yes", "amount", "day")
    assert all(rows[k][name] == sound[name] for k in rows for name in nested)
    assert rows["high"]["note"] == 'two\nlines, "quoted"'
    assert rows["empty"]["note"] == {".csv": None, ".parquet": ""}[ending], "the csv module writes no empty text"
    assert rows["high"]["at"] == sound["at"]
    assert rows["high"]["n"] == 5
    failed = [r for r in toy.lake.quarantine("silver.things").collect() if r["_state"] == "open"]
    assert [(r["k"], dict(r["_raw"])) for r in failed] == [("text", {"n": "seven", "day": "2024-02-30"})]
    assert {f["id"] for f in failed[0]["_failed"]} == {"cast(n)", "cast(day)"}
    assert export_rows(toy.lake, "silver.things", file) == 1
    assert import_rows(toy.lake, "silver.things", file, "nothing changed") == 0
    assert toy.lake.replay("silver.things").tables["silver.things"].outcome == "nothing new"


def test_mistakes_of_a_file_are_told_at_once_and_nothing_is_taken(lake_once: Toy, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    export_rows(lake_once.lake, "silver.things", file)

    def double(rows: list[dict[str, Any]]) -> None:
        rows.append(dict(rows[2]))
        rows[1]["_row"] = "1-1-gone"

    with pytest.raises(ConfigurationError) as told:
        import_rows(lake_once.lake, "silver.things", changed(file, double), "why")
    assert len(told.value.problems) == 2, told.value.render()
    (tmp_path / "few.csv").write_text("_row,k,n\n1,2,3\n")
    with pytest.raises(ConfigurationError) as told:
        import_rows(lake_once.lake, "silver.things", tmp_path / "few.csv", "why")
    assert len(told.value.problems) == 10, told.value.render()
    with pytest.raises(ConfigurationError, match="no reason"):
        import_rows(lake_once.lake, "silver.things", file, " ")
    (tmp_path / "bad.xlsx").write_text("")
    with pytest.raises(ConfigurationError, match=r"\.csv or \.parquet"):
        import_rows(lake_once.lake, "silver.things", tmp_path / "bad.xlsx", "why")
    (tmp_path / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(ConfigurationError, match="a file that the export wrote"):
        import_rows(lake_once.lake, "silver.things", tmp_path / "torn.parquet", "why")
    assert {r["_state"] for r in lake_once.lake.quarantine("silver.things").collect()} == {"open"}


def test_rows_of_recomputed_groups_are_repaired_where_they_come_from(
    spark: SparkSession, tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    toy = Toy(tmp_path_factory.mktemp("groups"), EVENTS)
    file = tmp_path / "x.csv"
    file.write_text("")
    with pytest.raises(ConfigurationError, match=r"silver\.events"):
        import_rows(toy.lake, "gold.groups", file, "why")
