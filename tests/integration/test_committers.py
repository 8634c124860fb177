"""The two committers under one contract; and tables that only Spark can write."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import (
    DateType,
    DecimalType,
    LongType,
    StringType,
    StructField,
    StructType,
    TimestampNTZType,
    TimestampType,
)

from aurify.publish.committer import Committer, DeltaRsCommitter, SparkCommitter, Stamp
from aurify.publish.staged import StagedFile, StagedFiles
from aurify.publish.target import Handle, transaction
from aurify.session import work_session
from aurify.storage import Storage
from aurify.workflows.restore import accept_change
from tests.integration.lakes import EVENTS, Toy, outcomes

UTC = timezone.utc
DATA = StructType([StructField("k", LongType()), StructField("name", StringType())])
PARTITION = StructType(
    [
        StructField("p_text", StringType()),
        StructField("p_day", DateType()),
        StructField("p_at", TimestampType()),
        StructField("p_number", LongType()),
    ]
)


@pytest.fixture(params=["delta-rs", "spark"])
def committer(request: pytest.FixtureRequest, spark: SparkSession) -> Committer:
    made: Committer = DeltaRsCommitter() if request.param == "delta-rs" else SparkCommitter(work_session(spark))
    assert made.name == request.param
    return made


def staged(folder: Path, rows: Sequence[dict[str, Any]], schema: pa.Schema | None = None) -> list[StagedFile]:
    target = folder / "verdict=ok"
    target.mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(list(rows), schema), target / "part-0.parquet")
    return StagedFiles(Storage(), str(folder)).of("ok")


def keyed(table: Path, attempt: str, *keys: int) -> list[StagedFile]:
    schema = pa.schema([("k", pa.int64()), ("name", pa.string())])
    return staged(table / "batches" / attempt, [{"k": k, "name": f"n{k}"} for k in keys], schema)


def opened(path: Path) -> Handle:
    handle = Handle.open(str(path))
    assert handle is not None
    return handle


def stamp(handle: Handle, generation: int, number: int) -> Stamp:
    said = {"generation": generation, "batch": number, "text": 'ä "quoted" \\'}
    return Stamp(handle.app_id, transaction(generation, number), said)


def test_the_contract_of_a_committer(committer: Committer, spark: SparkSession, tmp_path: Path) -> None:
    table = tmp_path / "a table"
    Handle.create(str(table), DATA, {"kind": "created"})

    def keys() -> list[int]:
        return sorted(row["k"] for row in spark.read.format("delta").load(str(table)).collect())

    handle = opened(table)
    committer.append(handle, keyed(table, "1-1-a", 1, 2), DATA, stamp(handle, 1, 1))
    after = opened(table)
    assert (keys(), after.position, after.version) == ([1, 2], (1, 1), 1)
    commit = after.commit(1)
    assert commit is not None
    assert commit.note == {"generation": 1, "batch": 1, "text": 'ä "quoted" \\'}
    assert (commit.added_records, commit.is_foreign) == (2, False)

    committer.append(opened(table), keyed(table, "1-1-b", 9), DATA, stamp(handle, 1, 1))
    assert (keys(), opened(table).version) == ([1, 2], 1), "a transaction is committed once"

    handle = opened(table)
    committer.append(handle, [], DATA, stamp(handle, 1, 2))
    assert (keys(), opened(table).position, opened(table).version) == ([1, 2], (1, 2), 2), "a batch without rows"

    handle = opened(table)
    committer.replace(handle, keyed(table, "2-1-a", 3), DATA, stamp(handle, 2, 1))
    assert (keys(), opened(table).position, opened(table).version) == ([3], (2, 1), 3)
    committer.append(opened(table), keyed(table, "1-3-a", 9), DATA, stamp(handle, 1, 3))
    assert (keys(), opened(table).version) == ([3], 3), "an older generation is over"


PARTITIONS: list[tuple[str | None, str | None, str | None, str | None]] = [
    (None, None, None, None),
    ("plain", "2024-02-29", "2024-03-31 01:30:00", "7"),
    ("a/b", "0999-12-31", "1969-12-31 23:59:59.999999", "-1"),
    ("100%", "9999-12-31", "2024-01-01 00:00:00.000001", "0"),
    (" ", "1582-10-04", "1582-10-04 00:00:00", "9223372036854775807"),
    ("a b=c:d", "2024-01-01", "2024-10-27 01:30:00.5", "1"),
    ("ä%2F'\"", "1970-01-01", "1970-01-01 00:00:00", "2"),
]


def test_partition_values_read_back_as_they_were_written(
    committer: Committer, spark: SparkSession, tmp_path: Path
) -> None:
    table, schema = tmp_path / "parts", StructType([*DATA.fields, *PARTITION.fields])
    Handle.create(str(table), schema, {"kind": "created"}, PARTITION.fieldNames())
    for number, values in enumerate(PARTITIONS, start=1):
        handle = opened(table)
        partition = dict(zip(PARTITION.fieldNames(), values, strict=True))
        committer.append(handle, keyed(table, f"1-{number}-a", number), schema, stamp(handle, 1, number), partition)
    rows = (
        spark.read.format("delta")
        .load(str(table))
        .select("k", "p_text", "p_day", F.date_format("p_at", "yyyy-MM-dd HH:mm:ss.SSSSSS").alias("p_at"), "p_number")
    )
    found = {row["k"]: tuple(row)[1:] for row in rows.collect()}
    for number, (text, day, at, count) in enumerate(PARTITIONS, start=1):
        moment = None if at is None else f"{at}{'' if '.' in at else '.'}".ljust(26, "0")
        wanted = (text, day and date.fromisoformat(day), moment, count and int(count))
        assert found[number] == wanted
        if text is not None:
            assert rows.where((F.col("p_text") == text) & (F.col("p_day") == F.lit(day))).count() == 1
    by_rust = DeltaTable(str(table)).to_pyarrow_table(columns=["k", "p_text", "p_day", "p_number"]).to_pylist()
    assert {row["k"]: (row["p_text"], row["p_day"], row["p_number"]) for row in by_rust} == {
        number: (*values[:2], values[3]) for number, values in found.items()
    }


def test_an_empty_text_as_partition_value_is_null_for_every_reader(
    committer: Committer, spark: SparkSession, tmp_path: Path
) -> None:
    table, part = tmp_path / "parts", StructType([StructField("p_text", StringType())])
    schema = StructType([*DATA.fields, *part.fields])
    Handle.create(str(table), schema, {"kind": "created"}, ["p_text"])
    handle = opened(table)
    committer.append(handle, keyed(table, "1-1-a", 1), schema, stamp(handle, 1, 1), {"p_text": ""})
    assert spark.read.format("delta").load(str(table)).collect() == [Row(k=1, name="n1", p_text=None)]
    assert DeltaTable(str(table)).to_pyarrow_table()["p_text"].to_pylist() == [None]


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
        handle = opened(tmp_path / "t")
        row["price"] = pa.scalar(row["price"]).cast(pa.decimal128(12, 4)).as_py()
        DeltaRsCommitter().append(
            handle, staged(tmp_path / "t" / "batches" / f"1-{number}-a", [row], arrow), schema, stamp(handle, 1, number)
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
