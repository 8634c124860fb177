"""The staged files of one attempt: written once, split by verdict, in no log yet."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aurify.storage import Storage, parquet_file, parquet_footer, parquet_rows

STATISTICS_COLUMNS = 32
LONGEST_TEXT = 32


@dataclass(frozen=True)
class StagedFile:
    """One Parquet file of an attempt: its rows, and what its footer says of its flat columns.

    The footer itself is let go: those of hundreds of files would fill the driver.
    """

    path: str
    size: int
    modified_ms: int
    records: int
    ranges: Mapping[str, ColumnRange]

    @classmethod
    def read(cls, path: str, size: int, modified_ms: int) -> StagedFile:
        """The file at a path, described by its footer."""
        footer = parquet_footer(path)
        return cls(path, size, modified_ms, int(footer.num_rows), _ranges(footer))

    def statistics(self, columns: Sequence[str]) -> str:
        """Delta's statistics of the file as JSON: rows, and minimum, maximum and NULLs by column."""
        low: dict[str, Any] = {}
        high: dict[str, Any] = {}
        nulls: dict[str, int] = {}
        for name in columns[:STATISTICS_COLUMNS]:
            found = self.column(name)
            if found is None:
                continue
            nulls[name] = found.nulls
            if found.low is not None:
                low[name], high[name] = found.low, found.high
        return json.dumps({"numRecords": self.records, "minValues": low, "maxValues": high, "nullCount": nulls})

    def column(self, name: str) -> ColumnRange | None:
        """Minimum, maximum and NULLs of a flat column over all row groups; None where the footer can't tell."""
        return self.ranges.get(name)


@dataclass(frozen=True)
class ColumnRange:
    """NULLs, and the smallest and largest value as Delta writes them."""

    nulls: int
    low: Any
    high: Any


def _ranges(footer: pq.FileMetaData) -> dict[str, ColumnRange]:
    """What the footer tells of every flat column."""
    schema = footer.schema
    names = set(schema.to_arrow_schema().names)
    places = {path: i for i, path in enumerate(schema.column(i).path for i in range(len(schema))) if path in names}
    told = {
        name: _range([footer.row_group(g).column(i) for g in range(footer.num_row_groups)])
        for name, i in places.items()
    }
    return {name: found for name, found in told.items() if found is not None}


def _range(chunks: Sequence[Any]) -> ColumnRange | None:
    stats = [c.statistics for c in chunks]
    if any(s is None or not s.has_null_count for s in stats):
        return None
    nulls = sum(s.null_count for s in stats)
    unbounded = ColumnRange(nulls, None, None)
    ranged = [s for s in stats if s.has_min_max]
    if not ranged or not all(s.has_min_max or s.num_values == 0 for s in stats):
        return unbounded
    try:
        low, high = _delta_value(min(s.min for s in ranged), -1), _delta_value(max(s.max for s in ranged), 1)
    except OverflowError:  # a date or a moment that Python can't hold
        return unbounded
    return ColumnRange(nulls, low, high) if low is not None and high is not None else unbounded


def _delta_value(value: Any, side: int) -> Any:
    """A footer's value as Delta's statistics write it; None for what they don't hold."""
    if isinstance(value, bool | bytes) or value is None:
        return None
    if isinstance(value, datetime):
        return _delta_time(value, side)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value) if float(value) == value else None
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    if isinstance(value, str):
        return value if len(value) <= LONGEST_TEXT else None
    return value if isinstance(value, int) else None


def _delta_time(value: datetime, side: int) -> str | None:
    """A time in milliseconds, rounded down for a minimum and up for a maximum; with Z where it is an instant."""
    beyond = value.microsecond % 1000 if side > 0 else 0
    try:
        whole = value + timedelta(microseconds=1000 - beyond) if beyond else value
    except OverflowError:
        return None
    instant = "" if value.tzinfo is None else "Z"
    return f"{whole.replace(tzinfo=None).isoformat(timespec='milliseconds')}{instant}"


class StagedFiles:
    """All files of an attempt by verdict, below `<folder>/verdict=<verdict>/`."""

    def __init__(self, storage: Storage, folder: str) -> None:
        self.storage = storage
        self.folder = folder

    @cached_property
    def by_verdict(self) -> dict[str, list[StagedFile]]:
        """The files of each verdict."""
        found: dict[str, list[StagedFile]] = {}
        for path, size, modified_ms in self.storage.files(self.folder, ".parquet"):
            verdict = os.path.basename(os.path.dirname(path)).removeprefix("verdict=")
            found.setdefault(verdict, []).append(StagedFile.read(path, size, modified_ms))
        return found

    def of(self, verdict: str) -> list[StagedFile]:
        """The files of one verdict that hold rows."""
        return [f for f in self.by_verdict.get(verdict, []) if f.records]

    def count(self, verdict: str) -> int:
        """Rows of one verdict, from the footers."""
        return sum(f.records for f in self.of(verdict))

    def paths(self, verdict: str) -> list[str]:
        """Where the files of one verdict lie."""
        return [f.path for f in self.of(verdict)]

    def values(self, verdict: str, column: str) -> list[Any]:
        """The distinct values of one column among the rows of a verdict, as Python values."""
        return distinct_values(self.paths(verdict), column)

    def true_count(self, verdict: str, column: str) -> int:
        """How many rows of a verdict have true in a boolean column."""
        total = 0
        for file in self.of(verdict):
            spread = file.column(column)
            if spread is None or spread.nulls < file.records:
                total += pc.sum(parquet_rows(file.path, [column])[column]).as_py() or 0
        return total

    def missing(self, *verdicts: str) -> list[str]:
        """The files of some verdicts that are no longer there, or not as they were when the folder was read."""
        found = {path: size for path, size, _ in self.storage.files(self.folder, ".parquet")}
        return [f.path for verdict in verdicts for f in self.of(verdict) if found.get(f.path) != f.size]

    def forget(self) -> None:
        """Read the folder again at the next question."""
        self.__dict__.pop("by_verdict", None)


def distinct_values(paths: Iterable[str], column: str) -> list[Any]:
    """The distinct values of one column over Parquet files, sorted, None last if there is a NULL."""
    seen: set[Any] = set()
    for path in paths:
        with parquet_file(path) as file:
            for batch in file.iter_batches(columns=[column]):
                array = batch.column(0)
                plain = array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
                seen.update(pc.unique(plain).to_pylist())
    return sorted(seen - {None}) + ([None] if None in seen else [])
