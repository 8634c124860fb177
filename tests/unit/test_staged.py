"""Staged files: counted by their footers, described as Delta wants its statistics."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aurify.publish.staged import StagedFile, StagedFiles, distinct_values
from aurify.storage import Storage

UTC = timezone.utc


def stage(folder: Path, verdict: str, columns: Mapping[str, Any], name: str = "part-0", **options: Any) -> Path:
    file = folder / f"verdict={verdict}" / f"{name}.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), file, **options)
    return file


def one(tmp_path: Path, values: Sequence[Any], kind: pa.DataType, **options: Any) -> StagedFile:
    stage(tmp_path, "ok", {"c": pa.array(values, kind)}, **options)
    (file,) = StagedFiles(Storage(), str(tmp_path)).of("ok")
    return file


def test_rows_are_counted_by_verdict_from_footers(tmp_path: Path) -> None:
    stage(tmp_path, "ok", {"c": [1, 2]})
    stage(tmp_path, "ok", {"c": [3]}, "part-1")
    stage(tmp_path, "quarantine", {"c": [4]})
    stage(tmp_path, "drop", {"c": pa.array([], pa.int64())})
    (tmp_path / "verdict=ok" / "_SUCCESS").touch()
    (tmp_path / "verdict=ok" / ".part-9.parquet.crc").touch()
    staged = StagedFiles(Storage(), str(tmp_path))
    counts = {v: staged.count(v) for v in ("ok", "quarantine", "drop", "superseded")}
    assert counts == {"ok": 3, "quarantine": 1, "drop": 0, "superseded": 0}
    assert staged.of("drop") == [], "a file without rows is committed nowhere"
    assert [Path(p).name for p in staged.paths("ok")] == ["part-0.parquet", "part-1.parquet"]
    stage(tmp_path, "ok", {"c": [5]}, "part-2")
    assert staged.count("ok") == 3
    staged.forget()
    assert staged.count("ok") == 4


def test_a_file_that_went_or_changed_is_missing(tmp_path: Path) -> None:
    kept, changed, gone = (stage(tmp_path, "ok", {"c": [1]}, name) for name in ("a", "b", "c"))
    staged = StagedFiles(Storage(), str(tmp_path))
    assert staged.missing("ok", "removed") == []
    pq.write_table(pa.table({"c": list(range(100))}), changed)
    gone.unlink()
    assert staged.missing("ok") == [str(changed), str(gone)]
    assert str(kept) not in staged.missing("ok")


@pytest.mark.parametrize(
    ("values", "kind", "low", "high"),
    [
        ([3, None, -1], pa.int32(), -1, 3),
        ([0.5, -0.25], pa.float64(), -0.25, 0.5),
        (["b", "ä", "a"], pa.string(), "a", "ä"),
        ([date(2024, 1, 2), date(999, 1, 1)], pa.date32(), "0999-01-01", "2024-01-02"),
        ([Decimal("1.50"), Decimal("-2.25")], pa.decimal128(12, 4), -2.25, 1.5),
    ],
)
def test_the_range_of_a_column_is_told(
    tmp_path: Path, values: list[Any], kind: pa.DataType, low: Any, high: Any
) -> None:
    told = json.loads(one(tmp_path, values, kind).statistics(["c"]))
    nulls = sum(v is None for v in values)
    assert told == {
        "numRecords": len(values),
        "minValues": {"c": low},
        "maxValues": {"c": high},
        "nullCount": {"c": nulls},
    }


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["short", "x" * 33], pa.string()),
        ([b"a"], pa.binary()),
        ([True, False], pa.bool_()),
        ([float("inf"), 1.0], pa.float64()),
        ([Decimal("0.1")], pa.decimal128(12, 4)),
        ([None], pa.int32()),
    ],
)
def test_what_delta_can_not_hold_exactly_has_no_range(tmp_path: Path, values: list[Any], kind: pa.DataType) -> None:
    told = json.loads(one(tmp_path, values, kind).statistics(["c"]))
    assert (told["minValues"], told["maxValues"], list(told["nullCount"])) == ({}, {}, ["c"])


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (pa.array([0, 5_000_000], pa.int32()), pa.date32()),  # the year 15659
        (pa.array([0, 10**18], pa.int64()), pa.timestamp("us", "UTC")),
        (pa.array([-(10**17), 0], pa.int64()), pa.timestamp("us")),
    ],
)
def test_a_time_that_python_can_not_hold_has_no_range_and_stops_nothing(
    tmp_path: Path, values: pa.Array, kind: pa.DataType
) -> None:
    stage(tmp_path, "drop", {"c": values.cast(kind)})
    (file,) = StagedFiles(Storage(), str(tmp_path)).of("drop")
    told = json.loads(file.statistics(["c"]))
    assert (file.records, told["minValues"], told["maxValues"], told["nullCount"]) == (2, {}, {}, {"c": 0})


def test_times_are_told_in_milliseconds_that_hold_every_value(tmp_path: Path) -> None:
    low = datetime(2024, 1, 1, 12, 0, 0, 1_999, UTC)
    high = datetime(2024, 1, 1, 12, 0, 0, 5_001, UTC)
    found = one(tmp_path, [low, high], pa.timestamp("us", "UTC")).column("c")
    assert found is not None
    assert (found.low, found.high) == ("2024-01-01T12:00:00.001Z", "2024-01-01T12:00:00.006Z")


def test_times_at_the_end_of_a_second_and_of_early_years_keep_their_range(tmp_path: Path) -> None:
    last = datetime(2024, 12, 31, 23, 59, 59, 999_500, UTC)
    first = datetime(987, 1, 1, 0, 0, 0, 0, UTC)
    found = one(tmp_path, [first, last], pa.timestamp("us", "UTC")).column("c")
    assert found is not None
    assert (found.low, found.high) == ("0987-01-01T00:00:00.000Z", "2025-01-01T00:00:00.000Z")


def test_a_column_without_statistics_or_with_fields_below_it_is_left_out(tmp_path: Path) -> None:
    nested = pa.array([{"x": 1}], pa.struct([("x", pa.int32())]))
    stage(tmp_path, "ok", {"s": nested, "x": [5]}, write_statistics=["x"])
    (file,) = StagedFiles(Storage(), str(tmp_path)).of("ok")
    told = json.loads(file.statistics(["s", "x", "nowhere"]))
    assert told == {"numRecords": 1, "minValues": {"x": 5}, "maxValues": {"x": 5}, "nullCount": {"x": 0}}


def test_the_range_covers_all_row_groups(tmp_path: Path) -> None:
    file = one(tmp_path, [5, 1, None, None, 9, 2], pa.int64(), row_group_size=2)
    found = file.column("c")
    assert found is not None
    assert (found.nulls, found.low, found.high) == (2, 1, 9)


def test_distinct_values_come_sorted_with_null_last(tmp_path: Path) -> None:
    stage(tmp_path, "ok", {"c": pa.array(["b", None, "a"]).dictionary_encode()})
    stage(tmp_path, "ok", {"c": pa.array(["b", "c"])}, "part-1")
    staged = StagedFiles(Storage(), str(tmp_path))
    assert staged.values("ok", "c") == ["a", "b", "c", None]
    assert staged.values("drop", "c") == []
    assert distinct_values(staged.paths("ok")[:0], "c") == []


def test_true_values_are_counted(tmp_path: Path) -> None:
    stage(tmp_path, "ok", {"c": pa.array([True, None, False, True])})
    stage(tmp_path, "ok", {"c": pa.array([None, None], pa.bool_())}, "part-1")
    assert StagedFiles(Storage(), str(tmp_path)).true_count("ok", "c") == 2
