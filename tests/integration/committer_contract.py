"""What both committers do, wherever a table lies."""

from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from pyspark.sql import Row, SparkSession
from pyspark.sql import functions as F
from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType, TimestampType

from aurify.publish.committer import Committer, DeltaRsCommitter, SparkCommitter, Stamp
from aurify.publish.staged import StagedFile, StagedFiles
from aurify.publish.target import Handle, transaction
from aurify.session import work_session
from aurify.storage import Storage

DATA = StructType([StructField("k", LongType()), StructField("name", StringType())])
PARTITION = StructType(
    [
        StructField("p_text", StringType()),
        StructField("p_day", DateType()),
        StructField("p_at", TimestampType()),
        StructField("p_number", LongType()),
    ]
)


PARTITIONS: list[tuple[str | None, str | None, str | None, str | None]] = [
    (None, None, None, None),
    ("plain", "2024-02-29", "2024-03-31 01:30:00", "7"),
    ("a/b", "0999-12-31", "1969-12-31 23:59:59.999999", "-1"),
    ("100%", "9999-12-31", "2024-01-01 00:00:00.000001", "0"),
    (" ", "1582-10-04", "1582-10-04 00:00:00", "9223372036854775807"),
    ("a b=c:d", "2024-01-01", "2024-10-27 01:30:00.5", "1"),
    ("ä%2F'\"", "1970-01-01", "1970-01-01 00:00:00", "2"),
]


def staged(folder: str, rows: Sequence[dict[str, Any]], schema: pa.Schema | None = None) -> list[StagedFile]:
    content = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema), content)
    Storage().write(f"{folder}/verdict=ok/part-0.parquet", content.getvalue())
    return StagedFiles(Storage(), folder).of("ok")


def keyed(table: str, attempt: str, *keys: int) -> list[StagedFile]:
    schema = pa.schema([("k", pa.int64()), ("name", pa.string())])
    return staged(f"{table}/batches/{attempt}", [{"k": k, "name": f"n{k}"} for k in keys], schema)


def opened(path: str) -> Handle:
    handle = Handle.open(path)
    assert handle is not None
    return handle


def stamp(handle: Handle, generation: int, number: int) -> Stamp:
    said = {"generation": generation, "batch": number, "text": 'ä "quoted" \\'}
    return Stamp(handle.app_id, transaction(generation, number), said)


class CommitterContract:
    """Subclasses give `root`: an empty folder of the store, as a path or URI."""

    table_name = "a table"

    @pytest.fixture(params=["delta-rs", "spark"])
    def committer(self, request: pytest.FixtureRequest, spark: SparkSession) -> Committer:
        made: Committer = DeltaRsCommitter() if request.param == "delta-rs" else SparkCommitter(work_session(spark))
        assert made.name == request.param
        return made

    def test_the_contract_of_a_committer(self, committer: Committer, spark: SparkSession, root: str) -> None:
        table = f"{root}/{self.table_name}"
        Handle.create(table, DATA, {"kind": "created"})

        def keys() -> list[int]:
            return sorted(row["k"] for row in spark.read.format("delta").load(table).collect())

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

    def test_partition_values_read_back_as_they_were_written(
        self, committer: Committer, spark: SparkSession, root: str
    ) -> None:
        table, schema = f"{root}/parts", StructType([*DATA.fields, *PARTITION.fields])
        Handle.create(table, schema, {"kind": "created"}, PARTITION.fieldNames())
        for number, values in enumerate(PARTITIONS, start=1):
            handle = opened(table)
            partition = dict(zip(PARTITION.fieldNames(), values, strict=True))
            committer.append(handle, keyed(table, f"1-{number}-a", number), schema, stamp(handle, 1, number), partition)
        rows = (
            spark.read.format("delta")
            .load(table)
            .select(
                "k", "p_text", "p_day", F.date_format("p_at", "yyyy-MM-dd HH:mm:ss.SSSSSS").alias("p_at"), "p_number"
            )
        )
        found = {row["k"]: tuple(row)[1:] for row in rows.collect()}
        for number, (text, day, at, count) in enumerate(PARTITIONS, start=1):
            moment = None if at is None else f"{at}{'' if '.' in at else '.'}".ljust(26, "0")
            wanted = (text, day and date.fromisoformat(day), moment, count and int(count))
            assert found[number] == wanted
            if text is not None:
                assert rows.where((F.col("p_text") == text) & (F.col("p_day") == F.lit(day))).count() == 1
        by_rust = DeltaTable(table).to_pyarrow_table(columns=["k", "p_text", "p_day", "p_number"]).to_pylist()
        assert {row["k"]: (row["p_text"], row["p_day"], row["p_number"]) for row in by_rust} == {
            number: (*values[:2], values[3]) for number, values in found.items()
        }

    def test_an_empty_text_as_partition_value_is_null_for_every_reader(
        self, committer: Committer, spark: SparkSession, root: str
    ) -> None:
        table, part = f"{root}/parts", StructType([StructField("p_text", StringType())])
        schema = StructType([*DATA.fields, *part.fields])
        Handle.create(table, schema, {"kind": "created"}, ["p_text"])
        handle = opened(table)
        committer.append(handle, keyed(table, "1-1-a", 1), schema, stamp(handle, 1, 1), {"p_text": ""})
        assert spark.read.format("delta").load(table).collect() == [Row(k=1, name="n1", p_text=None)]
        assert DeltaTable(table).to_pyarrow_table()["p_text"].to_pylist() == [None]
