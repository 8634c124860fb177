"""The two committers under one contract; and tables that only Spark can write."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pyarrow as pa
import pytest
from pyspark.sql import SparkSession
from pyspark.sql.types import (
    DateType,
    DecimalType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from aurify.publish.committer import DeltaRsCommitter
from aurify.publish.target import Handle
from aurify.workflows.restore import accept_change
from tests.integration.committer_contract import CommitterContract, opened, staged, stamp
from tests.integration.lakes import EVENTS, Toy, outcomes

UTC = timezone.utc


class TestOnDisk(CommitterContract):
    @pytest.fixture
    def root(self, tmp_path: Path) -> str:
        return str(tmp_path)


def test_what_delta_rs_wrote_spark_finds_by_any_column(spark: SparkSession, tmp_path: Path) -> None:
    schema = StructType(
        [
            StructField("at", TimestampType()),
            StructField("local", TimestampNTZType()),
            StructField("day", DateType()),
            StructField("price", DecimalType(12, 4)),
            StructField("text", StringType()),
        ]
    )
    arrow = pa.schema(
        [
            ("at", pa.timestamp("us", "UTC")),
            ("local", pa.timestamp("us")),
            ("day", pa.date32()),
            ("price", pa.decimal128(12, 4)),
            ("text", pa.string()),
        ]
    )
    Handle.create(str(tmp_path / "t"), schema, {"kind": "created"})
    at_first, at_last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    moments = [datetime(2024, 1, 1, 12, 0, 0, 1, UTC), at_first, at_last]
    for number, moment in enumerate(moments, start=1):
        row = {
            "at": moment,
            "local": moment.replace(tzinfo=None),
            "day": moment.date(),
            "price": "0.1000" if number == 1 else f"{number}.2500",
            "text": "x" * 40 if number == 1 else f"t{number}",
        }
        handle = opened(str(tmp_path / "t"))
        row["price"] = pa.scalar(row["price"]).cast(pa.decimal128(12, 4)).as_py()
        DeltaRsCommitter().append(
            handle, staged(f"{tmp_path}/t/batches/1-{number}-a", [row], arrow), schema, stamp(handle, 1, number)
        )
    table = spark.read.format("delta").load(str(tmp_path / "t"))
    for number, moment in enumerate(moments, start=1):
        text = moment.replace(tzinfo=None).isoformat(" ", "microseconds")
        for condition in (
            f"at = timestamp'{text}'",
            f"local = timestamp_ntz'{text}'",
            f"local >= timestamp_ntz'{text}' AND local <= timestamp_ntz'{text}'",
            f"day = date'{moment.date()}'",
            f"price = {'0.1' if number == 1 else f'{number}.25'}",
            f"text = '{'x' * 40 if number == 1 else f't{number}'}'",
        ):
            assert table.where(condition).count() == 1, condition


HEADER = "k,d,g,v,op,at"


def event(key: str, v: int, second: int, op: str = "P") -> str:
    return f"{key},2024-01-0{key[1]},a,{v},{op},2024-01-01 00:00:0{second}"


PROPERTIES = {
    "silver.events": "delta.columnMapping.mode = 'name', delta.minReaderVersion = '2', delta.minWriterVersion = '5'",
    "silver.log": "delta.enableDeletionVectors = 'true'",
}


@pytest.fixture(scope="module")
def toy(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Toy:
    """Tables that a person gave a constraint, a column mapping and deletion vectors, and accepted the change."""
    toy = Toy(tmp_path_factory.mktemp("constrained"), EVENTS)
    toy.deliver("events/1.csv", HEADER, [event("k1", 1, 1), event("k2", 2, 1)], at=1)
    toy.refresh()
    changes = [f"ALTER TABLE delta.`{toy.path('bronze.events')}` ADD CONSTRAINT known CHECK (op IN ('P', 'D'))"]
    changes += [f"ALTER TABLE delta.`{toy.path(t)}` SET TBLPROPERTIES ({p})" for t, p in PROPERTIES.items()]
    for change in changes:
        spark.sql(change)
    return toy


def test_a_table_that_delta_rs_can_not_write_goes_to_the_spark_committer_and_plan_says_so(
    toy: Toy, spark: SparkSession
) -> None:
    assert toy.lake.refresh().exit_code == 1, "a change by hand is told first"
    for table in ("bronze.events", "silver.events", "silver.log"):
        accept_change(toy.lake, table, toy.version(table))
    planned = {name: table.committer for name, table in toy.lake.plan().tables.items()}
    assert planned["bronze.events"] == "spark (delta.constraints.known)"
    assert "columnMapping" in planned["silver.events"]
    assert "deletionVectors" in planned["silver.log"]
    assert planned["gold.groups"] == "delta-rs"

    toy.refresh()
    toy.deliver("events/2.csv", HEADER, [event("k1", 10, 2), event("k2", 2, 2, "D"), event("k3", 3, 2)], at=2)
    report = toy.refresh()
    assert set(outcomes(report).values()) == {"done"}
    assert {n: t.batches[0].committed for n, t in report.tables.items()}["silver.events"] == "merge"
    toy.deliver("events/3.csv", HEADER, [event("k1", 11, 3), event("k4", 4, 3)], at=3)
    toy.refresh()
    rows = toy.lake.read("silver.events").select("k", "v").collect()
    assert Counter(map(tuple, rows)) == Counter([("k1", 11), ("k3", 3), ("k4", 4)])
    assert toy.visible("gold.groups", ["id", "total"]) == Counter(
        {("2024-01-01|a", 11): 1, ("2024-01-03|a", 3): 1, ("2024-01-04|a", 4): 1}
    )
    assert toy.lake.read("silver.log").count() == toy.lake.read("bronze.events").count() == 7


def test_a_row_that_breaks_a_constraint_is_not_published(toy: Toy) -> None:
    version = toy.version("bronze.events")
    file = toy.deliver("events/4.csv", HEADER, [event("k5", 5, 4, "X")], at=4)
    report = toy.lake.refresh("bronze.events")
    assert report.exit_code != 0
    assert "known" in str(report.tables["bronze.events"].error)
    assert toy.version("bronze.events") == version
    file.unlink()
    assert toy.lake.refresh("bronze.events").exit_code == 0


def test_changes_of_mapped_and_deleted_rows_are_read_as_they_are(toy: Toy, spark: SparkSession) -> None:
    spark.sql(f"DELETE FROM delta.`{toy.path('silver.log')}` WHERE file = '1.csv' AND row = 1")
    accept_change(toy.lake, "silver.log", toy.version("silver.log"))
    toy.declare(
        EVENTS.replace('changes("silver.events")', 'changes("silver.log")')
        .replace('Recompute(by=["d", "g"])', 'Recompute(by=["file"])')
        .replace('keys=["id"]', 'keys=["file"]')
        .replace("id string, d date, g string, n bigint, total bigint", "file string, n bigint")
        .replace(
            'grouped = events.groupBy("d", "g").agg(F.count("*").alias("n"), F.sum("v").alias("total"))',
            'return events.groupBy("file").agg(F.count("*").alias("n"))',
        )
    )
    toy.refresh("gold.groups", full=True)
    assert toy.visible("gold.groups", ["file", "n"]) == Counter({("1.csv", 1): 1, ("2.csv", 3): 1, ("3.csv", 2): 1})


COPIES = '''
@table(
    "silver.log_copy",
    inputs={"log": changes("silver.log")},
    keys=["file", "row"],
    write=Upsert(order_by="row"),
    columns="file string, row bigint, k string",
    rows="same",
    owner="tests",
)
def log_copy(log):
    """One row a line that is there."""
    return log.select("file", "row", "k")


@table(
    "silver.events_copy",
    inputs={"events": changes("silver.events")},
    keys=["k"],
    write=Upsert(order_by="at"),
    columns="k string, v int, at timestamp",
    rows="same",
    owner="tests",
)
def events_copy(events):
    """One row a key."""
    return events.select("k", "v", "at")
'''


def test_an_upsert_takes_in_what_mapped_and_deleted_rows_say(toy: Toy, spark: SparkSession) -> None:
    spark.sql(f"DELETE FROM delta.`{toy.path('silver.log')}` WHERE file = '3.csv' AND row = 1")
    accept_change(toy.lake, "silver.log", toy.version("silver.log"))
    toy.declare(EVENTS + COPIES)
    for number, lines in enumerate(([], [event("k1", 12, 5), event("k3", 3, 5, "D"), event("k6", 6, 5)]), start=5):
        toy.deliver(f"events/{number}.csv", HEADER, lines, at=number)
        toy.refresh("bronze.events", "silver.*")
        log = toy.lake.read("silver.log")
        events = toy.lake.read("silver.events")
        for copied, original, columns in (
            ("silver.log_copy", log, ["file", "row", "k"]),
            ("silver.events_copy", events, ["k", "v", "at"]),
        ):
            expected = Counter(map(tuple, original.select(columns).collect()))
            assert Counter(map(tuple, toy.lake.read(copied).select(columns).collect())) == expected
    assert ("3.csv", 1) not in {(r.file, r.row) for r in toy.lake.read("silver.log_copy").collect()}
