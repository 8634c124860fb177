"""Some of the values that failed, for people: few, short, and those of personal columns masked."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from aurify.publish.staged import StagedFile
from aurify.quality.bits import Slot, has_bits, slots_of
from aurify.quality.gate import Check
from aurify.quality.result import MASKED
from aurify.quality.values import plain
from aurify.storage import parquet_file

VALUES = 5
MOST_FILES = 8


def samples(
    files: Sequence[StagedFile], checks: Sequence[Check], failed: Collection[str], personal: Collection[str]
) -> dict[str, list[object]]:
    """At most five failing values of each check named by `failed`, as far as the first files of the gate hold some.

    A check of several columns shows one mapping a row.
    """
    pairs = zip(checks, slots_of(checks), strict=True)
    missing = {check.id: (check, slot) for check, slot in pairs if check.id in failed}
    found: dict[str, list[object]] = {}
    opened = 0
    for staged in files:
        if opened == MOST_FILES or not missing:
            break
        if not any(has_bits(staged, slot.column) for _, slot in missing.values()):
            continue
        opened += 1
        with parquet_file(staged.path) as file:
            rows = _failing_rows(file, missing.values())
            for id, places in rows.items():
                check, _ = missing[id]
                found.setdefault(id, []).extend(_values(file, check, places, personal))
                if len(found[id]) >= VALUES:
                    missing.pop(id)
    return {id: values[:VALUES] for id, values in found.items()}


def _failing_rows(file: pq.ParquetFile, wanted: Collection[tuple[Check, Slot]]) -> dict[str, list[int]]:
    """The first rows of the file that failed each check."""
    names = set(file.schema_arrow.names)
    masks = {slot.column for _, slot in wanted if slot.column in names}
    values = {mask: file.read(columns=[mask]).column(0) for mask in masks}
    numbers = {mask: np.asarray(v.fill_null(0).to_numpy(), dtype=np.int64) for mask, v in values.items()}
    found = {}
    for check, slot in wanted:
        if slot.column in numbers:
            places = np.flatnonzero(numbers[slot.column] & np.int64(slot.failed))[:VALUES]
            if len(places):
                found[check.id] = [int(place) for place in places]
    return found


def _values(file: pq.ParquetFile, check: Check, places: Sequence[int], personal: Collection[str]) -> list[object]:
    tops = list(dict.fromkeys(_top(name, file.schema_arrow.names) for name in check.columns))
    if not tops or any(top not in file.schema_arrow.names for top in tops):
        return []
    rows = file.read(columns=tops).take(pa.array(places)).to_pylist()
    told = [{name: _told(row, name, personal) for name in check.columns} for row in rows]
    return [row[check.columns[0]] for row in told] if len(check.columns) == 1 else list(told)


def _top(name: str, known: Collection[str]) -> str:
    """The column that holds a value: itself, or the one that a nested field lies in."""
    return name if name in known else name.split(".", 1)[0]


def _told(row: Mapping[str, Any], name: str, personal: Collection[str]) -> object:
    if name in personal or _top(name, row) in personal:
        return MASKED
    if name in row:
        return plain(row[name])
    value: Any = row
    for part in name.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return plain(value)
