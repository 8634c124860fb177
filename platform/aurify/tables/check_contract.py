"""What can be wrong with keys, time, rows, owner, text and write mode of one spec."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify.config.columns import render_type
from aurify.errors import did_you_mean
from aurify.features.view import view_problems
from aurify.tables.reading import Reading
from aurify.tables.spec import Append, Folder, Recompute, Upsert

if TYPE_CHECKING:
    from pyspark.sql.types import DataType

TIMES = ("date", "timestamp", "timestamp_ntz")
LOCATING = (*TIMES, "tinyint", "smallint", "int", "bigint", "string")
UNORDERED = ("array", "binary", "map", "struct")
ROWS = ("any", "same")


def check_contract(reading: Reading) -> None:
    """Note every mistake of what the table promises."""
    _check_keys(reading)
    spec = reading.spec
    if spec.time is not None:
        _expect_kind(reading, "time", spec.time, TIMES)
    if spec.rows not in ROWS:
        reading.add("rows", repr(spec.rows), "same or any", did_you_mean(str(spec.rows), ROWS))
    if not isinstance(spec.owner, str) or not spec.owner.strip():
        reading.add("owner", repr(spec.owner), "the team that answers for the table", 'like owner="retail-data"')
    if not spec.doc.strip():
        reading.add("docstring", "nothing", "one sentence: what a row is", "write it as the function's docstring")
    _check_write(reading)
    if spec.view is not None:
        for problem in view_problems(spec.view):
            reading.add(problem.key, problem.found, problem.expected, problem.hint)


def _check_keys(reading: Reading) -> None:
    types = reading.named_columns("keys", reading.spec.keys)
    for name, kind in types.items():
        if kind is not None and kind.typeName() == "map":
            reading.add("keys", f"{name} {render_type(kind)}", "a type that can be compared")
    if reading.spec.keys == ():
        upsert = isinstance(reading.spec.write, Upsert)
        hint = "an Upsert finds the row to change by its key" if upsert else "a row is told from all others by its key"
        reading.add("keys", "nothing", "the columns that make a row one of its kind", hint)


def _check_write(reading: Reading) -> None:
    write: object = reading.spec.write
    if isinstance(write, Upsert):
        _check_upsert(reading, write)
    elif isinstance(write, Recompute):
        _check_recompute(reading, write)
    elif not isinstance(write, Append):
        found = f"the class {write.__name__}" if isinstance(write, type) else repr(write)
        hint = f"call it: {write.__name__}(...)" if isinstance(write, type) else ""
        reading.add("write", found, "Append(), Upsert(...) or Recompute(...)", hint)


def _check_upsert(reading: Reading, write: Upsert) -> None:
    kind = reading.column("write.order_by", write.order_by)
    if kind is not None and kind.typeName() in UNORDERED:
        found = f"{write.order_by} {render_type(kind)}"
        reading.add("write.order_by", found, "a type with an order", "take the source's time of change")
    for name in reading.named_columns("write.locate_by", write.locate_by):
        if reading.columns is not None and name in reading.columns:
            _expect_kind(reading, "write.locate_by", name, LOCATING)
    if write.delete_when is not None and not (isinstance(write.delete_when, str) and write.delete_when.strip()):
        hint = "like \"status = 'gone'\"; leave it out if no row is a delete"
        reading.add("write.delete_when", repr(write.delete_when), "a SQL condition", hint)
    if write.tombstones is not None:
        _check_tombstones(reading, write, kind)


def _check_tombstones(reading: Reading, write: Upsert, order: DataType | None) -> None:
    horizon: object = write.tombstones
    if not isinstance(horizon, timedelta) or horizon <= timedelta(0):
        reading.add("write.tombstones", repr(horizon), "a positive timedelta", "like timedelta(days=90)")
    if order is not None and render_type(order) not in TIMES:
        found = f"a horizon in time, with order_by {write.order_by} {render_type(order)}"
        hint = "leave tombstones out, and deletes are remembered for ever"
        reading.add("write.tombstones", found, "an order_by that is a date or timestamp", hint)


def _check_recompute(reading: Reading, write: Recompute) -> None:
    if write.by == ():
        reading.add("write.by", "nothing", "the columns of a group", 'like Recompute(by=["sold_date"])')
    for name, kind in reading.named_columns("write.by", write.by).items():
        if kind is not None and kind.typeName() == "map":
            reading.add("write.by", f"{name} {render_type(kind)}", "a type that can be compared")
    if reading.spec.rows == "same":
        hint = "a group has as many rows as it has; leave rows out"
        reading.add("rows", "'same' with Recompute", "any", hint)
    if any(isinstance(i, Folder) for i in reading.inputs.values()):
        hint = "keep the files in a bronze table with Append(), and read its changes"
        reading.add("write", "Recompute fed by a folder", "a table whose changes touch groups", hint)


def _expect_kind(reading: Reading, key: str, name: str, kinds: tuple[str, ...]) -> None:
    kind = reading.column(key, name)
    if kind is not None and render_type(kind) not in kinds:
        reading.add(key, f"{name} {render_type(kind)}", f"a column that is {' or '.join(kinds)}")
