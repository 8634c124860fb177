"""The delta-rs committer: each transaction once, through the handle it was read from, files named where they lie."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError
from pyspark.sql.types import DateType, LongType, StringType, StructField, StructType, TimestampType

from aurify.publish.committer import DeltaRsCommitter, Stamp
from aurify.publish.staged import StagedFile, StagedFiles
from aurify.publish.target import Handle, transaction
from aurify.storage import Storage

SCHEMA = StructType(
    [
        StructField("k", LongType()),
        StructField("name", StringType()),
        StructField("day", DateType()),
        StructField("at", TimestampType()),
    ]
)
ARROW = pa.schema([("k", pa.int64()), ("name", pa.string()), ("day", pa.date32()), ("at", pa.timestamp("us", "UTC"))])
COMMITTER = DeltaRsCommitter()


@pytest.fixture
def table(tmp_path: Path) -> str:
    path = str(tmp_path / "a table, 100%")
    Handle.create(path, SCHEMA, {"kind": "created"})
    return path


def opened(path: str) -> Handle:
    handle = Handle.open(path)
    assert handle is not None
    return handle


def staged(path: str, attempt: str, keys: Sequence[int]) -> list[StagedFile]:
    """Rows of an attempt, in a folder of its own inside the table."""
    folder = Path(path) / "batches" / attempt / "verdict=ok"
    folder.mkdir(parents=True)
    at = datetime(2024, 1, 1, 12, tzinfo=timezone.utc)
    rows = [{"k": k, "name": f"n{k}", "day": date(2024, 1, k), "at": at} for k in keys]
    pq.write_table(pa.Table.from_pylist(rows, ARROW), folder / "part 0%.parquet")
    return StagedFiles(Storage(), str(folder.parent)).of("ok")


def stamp(handle: Handle, number: int, generation: int = 1, **note: object) -> Stamp:
    return Stamp(handle.app_id, transaction(generation, number), {"batch": number, **note})


def keys(path: str) -> list[int]:
    return sorted(DeltaTable(path).to_pyarrow_table()["k"].to_pylist())


def test_files_are_named_where_they_lie(table: str) -> None:
    handle = opened(table)
    files = staged(table, "1-1-run", [1, 2])
    COMMITTER.append(handle, files, SCHEMA, stamp(handle, 1))
    after = opened(table)
    assert keys(table) == [1, 2]
    assert (after.version, after.position, after.committed(1), after.committed(2)) == (1, (1, 1), 1, 0)
    (live,) = after.live_files()
    assert f"{table}/{live.path}" == files[0].path
    commit = after.commit(1)
    assert commit is not None
    assert [f.path for f in commit.adds] == [live.path]
    assert (commit.note, commit.added_records) == ({"batch": 1}, 2)


def test_the_log_knows_the_range_of_every_column(table: str) -> None:
    handle = opened(table)
    COMMITTER.append(handle, staged(table, "1-1-run", [3, 9]), SCHEMA, stamp(handle, 1))
    (live,) = opened(table).live_files()
    assert live.records == 2
    assert live.may_hold("day", [date(2024, 1, 5)])
    assert not live.may_hold("day", [date(2024, 1, 2), date(2024, 1, 10)])
    assert not live.may_hold("day", [])
    assert live.may_hold("k", [9])
    assert live.may_hold("name", ["n31"]), "as texts are ordered, n31 lies between n3 and n9"
    assert not live.may_hold("name", ["n10", "n90"])
    assert live.may_hold("nowhere", ["anything"]), "what the log does not know may be there"


def test_a_transaction_that_the_table_has_seen_changes_nothing(table: str) -> None:
    handle = opened(table)
    files = staged(table, "1-2-run", [1])
    COMMITTER.append(handle, files, SCHEMA, stamp(handle, 2))
    for number in (2, 1):
        again = opened(table)
        COMMITTER.append(again, staged(table, f"1-{number}-again", [7]), SCHEMA, stamp(again, number))
    assert (opened(table).version, keys(table), opened(table).position) == (1, [1], (1, 2))


def test_an_older_generation_can_not_commit_after_a_newer_one(table: str) -> None:
    handle = opened(table)
    COMMITTER.replace(handle, staged(table, "2-1-run", [1]), SCHEMA, stamp(handle, 1, generation=2))
    late = opened(table)
    COMMITTER.append(late, staged(table, "1-9-run", [9]), SCHEMA, stamp(late, 9, generation=1))
    assert (keys(table), opened(table).position) == ([1], (2, 1))


def test_of_two_handles_that_saw_the_same_version_one_commits(table: str) -> None:
    fast, slow = opened(table), opened(table)
    COMMITTER.append(fast, staged(table, "1-1-fast", [1]), SCHEMA, stamp(fast, 1, who="fast"))
    with pytest.raises(CommitFailedError):
        COMMITTER.append(slow, staged(table, "1-1-slow", [2]), SCHEMA, stamp(slow, 1, who="slow"))
    assert keys(table) == [1]
    assert (opened(table).commit(1) or pytest.fail("no commit")).note == {"batch": 1, "who": "fast"}


def test_a_stale_handle_commits_nothing_whoever_was_faster(table: str) -> None:
    slow, slower, slowest = opened(table), opened(table), opened(table)
    write_deltalake(table, pa.Table.from_pylist([{"k": 1}], ARROW), mode="append")
    with pytest.raises(CommitFailedError):
        COMMITTER.append(slow, staged(table, "1-1-slow", [2]), SCHEMA, stamp(slow, 1))
    with pytest.raises(CommitFailedError):
        COMMITTER.replace(slower, staged(table, "2-1-slow", [3]), SCHEMA, stamp(slower, 1, generation=2))
    with pytest.raises(CommitFailedError):
        COMMITTER.append(slowest, [], SCHEMA, stamp(slowest, 1))
    assert (keys(table), opened(table).position) == ([1], (0, 0))


def test_files_are_exchanged_in_one_commit(table: str) -> None:
    for number, rows in ((1, [1, 2]), (2, [3])):
        handle = opened(table)
        COMMITTER.append(handle, staged(table, f"1-{number}-run", rows), SCHEMA, stamp(handle, number))
    handle = opened(table)
    touched = [f for f in handle.live_files() if f.may_hold("k", [2])]
    COMMITTER.exchange(handle, touched, staged(table, "1-3-run", [1, 4]), SCHEMA, stamp(handle, 3))
    commit = opened(table).commit(3)
    assert commit is not None
    assert keys(table) == [1, 3, 4]
    assert [f.path for f in commit.removes] == [f.path for f in touched]
    late = opened(table)
    COMMITTER.exchange(late, late.live_files(), [], SCHEMA, stamp(late, 3))
    assert keys(table) == [1, 3, 4], "a transaction that the table has seen removes nothing"


def test_replace_makes_the_files_the_whole_content_even_if_there_are_none(table: str) -> None:
    for number, rows in ((1, [1, 2]), (2, [3])):
        handle = opened(table)
        COMMITTER.append(handle, staged(table, f"1-{number}-run", rows), SCHEMA, stamp(handle, number))
    handle = opened(table)
    COMMITTER.replace(handle, staged(table, "2-1-run", [8, 9]), SCHEMA, stamp(handle, 1, generation=2))
    assert keys(table) == [8, 9]
    handle = opened(table)
    COMMITTER.replace(handle, [], SCHEMA, stamp(handle, 1, generation=3))
    assert keys(table) == []
    assert opened(table).position == (3, 1)


def test_a_batch_without_rows_is_a_commit_that_carries_its_note(table: str) -> None:
    handle = opened(table)
    COMMITTER.append(handle, [], SCHEMA, stamp(handle, 1, state="rejected"))
    after = opened(table)
    commit = after.commit(1)
    assert commit is not None
    assert (after.position, commit.note) == ((1, 1), {"batch": 1, "state": "rejected"})
    assert not commit.changes_data


def test_a_note_may_hold_any_text(table: str) -> None:
    handle = opened(table)
    said: dict[str, Any] = {
        "reason": 'ä "quoted" \\ {json} \n line',
        "record": {"files": [{"path": "x y%20.csv"}]},
        "none": None,
    }
    COMMITTER.append(handle, [], SCHEMA, stamp(handle, 1, **said))
    commit = opened(table).commit(1)
    assert commit is not None
    assert commit.note == {"batch": 1, **said}
