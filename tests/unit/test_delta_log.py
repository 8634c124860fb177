"""The Delta log read without Spark, from commits as Spark, delta-rs and strangers write them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import write_deltalake
from pyspark.sql.types import IntegerType, StructField, StructType

from aurify.errors import EnvironmentFailure
from aurify.publish.delta_log import Commit, commits, foreign_commits, log_path, newest_note, read_commit
from aurify.publish.target import Handle

Action = Mapping[str, Mapping[str, Any]]


def write(table: Path, version: int, *actions: Action) -> None:
    file = Path(log_path(str(table), version))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("\n".join(json.dumps(action) for action in actions) + "\n\n", encoding="utf-8")


def info(operation: str = "WRITE", **more: Any) -> Action:
    return {"commitInfo": {"operation": operation, "timestamp": 1700000000123, **more}}


def said(**note: Any) -> str:
    return json.dumps({"aurify": note})


def add(path: str, data_change: bool = True, stats: str | None = '{"numRecords": 2}') -> Action:
    return {"add": {"path": path, "dataChange": data_change, "partitionValues": {}, "stats": stats}}


def remove(path: str, data_change: bool = True) -> Action:
    return {"remove": {"path": path, "dataChange": data_change}}


def read(table: Path, version: int = 0) -> Commit:
    commit = read_commit(str(table), version)
    assert commit is not None
    return commit


def test_a_commit_tells_its_files_its_metrics_and_our_note(tmp_path: Path) -> None:
    metrics = {"numTargetRowsInserted": "3", "executionTimeMs": "12", "path": "/x", "delta": "-1"}
    merged = info("MERGE", operationMetrics=metrics, userMetadata=said(batch=7))
    images = {"cdc": {"path": "_change_data/c-0.parquet", "dataChange": False}}
    write(tmp_path, 0, merged, add("a.parquet"), remove("b.parquet"), images)
    commit = read(tmp_path)
    assert (commit.version, commit.operation, commit.timestamp_ms) == (0, "MERGE", 1700000000123)
    assert commit.note == {"batch": 7}
    assert commit.metrics == {"numTargetRowsInserted": 3, "executionTimeMs": 12, "delta": -1}
    assert [f.path for f in (*commit.adds, *commit.removes, *commit.change_files)] == [
        "a.parquet",
        "b.parquet",
        "_change_data/c-0.parquet",
    ]
    assert (commit.added_records, commit.changes_data, commit.is_foreign) == (2, True, False)


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("batches/1-1-r/verdict%3Dok/part%20%25%2F0.parquet", "batches/1-1-r/verdict=ok/part %/0.parquet"),
        ("d=2024-01-01%2000%253A00/%C3%A4.parquet", "d=2024-01-01 00%3A00/ä.parquet"),
        ("plain+plus.parquet", "plain+plus.parquet"),
    ],
)
def test_paths_are_decoded_once(tmp_path: Path, written: str, path: str) -> None:
    write(tmp_path, 0, info(), add(written))
    assert read(tmp_path).adds[0].path == path


def test_a_file_without_statistics_has_an_unknown_number_of_records(tmp_path: Path) -> None:
    write(tmp_path, 0, add("a.parquet", stats=None), add("b.parquet", stats="{}"), {"txn": {"appId": "x"}})
    commit = read(tmp_path)
    assert [f.records for f in commit.adds] == [None, None]
    assert (commit.operation, commit.metrics, commit.added_records) == ("UNKNOWN", {}, 0)


@pytest.mark.parametrize("metadata", [None, "", "a text of a person", "[1]", "7", '{"aurify": 7}', '{"other": {}}'])
def test_what_others_say_of_their_commits_is_no_note_of_ours(tmp_path: Path, metadata: str | None) -> None:
    write(tmp_path, 0, info(userMetadata=metadata), add("a.parquet"))
    commit = read(tmp_path)
    assert commit.note is None
    assert commit.is_foreign


def test_compaction_and_vacuum_by_others_change_nothing_and_a_new_schema_does(tmp_path: Path) -> None:
    write(tmp_path, 0, info("OPTIMIZE"), add("a.parquet", data_change=False), remove("b.parquet", data_change=False))
    write(tmp_path, 1, info("VACUUM START"))
    write(tmp_path, 2, info("DELETE"), remove("a.parquet"))
    write(tmp_path, 3, info("SET TBLPROPERTIES"), {"metaData": {"id": "x"}})
    write(tmp_path, 4, info("MERGE", userMetadata=said(batch=1)), add("c.parquet"))
    write(tmp_path, 5, info("UPGRADE PROTOCOL"), {"protocol": {}})
    assert [read(tmp_path, v).is_foreign for v in range(6)] == [False, False, True, True, False, True]
    assert [c.version for c in foreign_commits(str(tmp_path), -1, 5)] == [2, 3, 5]
    assert [c.version for c in foreign_commits(str(tmp_path), 2, 4)] == [3]


def test_a_lost_version_is_named(tmp_path: Path) -> None:
    for version in (0, 1, 3):
        write(tmp_path, version, info())
    assert [c.version for c in commits(str(tmp_path), -1, 1)] == [0, 1]
    assert list(commits(str(tmp_path), 3, 3)) == []
    with pytest.raises(LookupError, match="2"):
        list(commits(str(tmp_path), 0, 3))
    assert read_commit(str(tmp_path), 2) is None


def test_the_newest_note_is_found_behind_the_commits_of_others(tmp_path: Path) -> None:
    write(tmp_path, 0, info(userMetadata=said(batch=1, shape={"mode": "append"})))
    write(tmp_path, 1, info(userMetadata=said(kind="maintenance")))
    write(tmp_path, 2, info())
    newest, shaped = newest_note(str(tmp_path), 2), newest_note(str(tmp_path), 2, "shape")
    assert newest is not None
    assert shaped is not None
    assert (newest.version, shaped.version) == (1, 0)
    Path(log_path(str(tmp_path), 1)).unlink()
    assert newest_note(str(tmp_path), 2) is None, "beyond a lost version nobody can tell"


def test_the_note_of_a_commit_by_delta_rs_is_ours(tmp_path: Path) -> None:
    schema = StructType([StructField("k", IntegerType())])
    handle = Handle.create(str(tmp_path), schema, {"kind": "created", "text": 'ä "quoted"'})
    commit = handle.commit(0)
    assert commit is not None
    assert commit.note == {"kind": "created", "text": 'ä "quoted"'}
    assert Handle.create(str(tmp_path), schema, {"kind": "again"}).version == 0, "a table is made once"


def test_a_log_that_lost_a_commit_is_told_with_the_ways_on(tmp_path: Path) -> None:
    table = str(tmp_path / "t")
    for _ in range(3):
        write_deltalake(table, pa.table({"k": [1]}), mode="append")
    Path(log_path(table, 1)).unlink()
    with pytest.raises(EnvironmentFailure, match="found gap") as told:
        Handle.open(table)
    assert table in str(told.value)
    assert "from a copy" in str(told.value)
    assert len(str(told.value)) < 1000
