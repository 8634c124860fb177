"""A spec as far as it can be read: one wrong value must not hide the next."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.columns import parse_columns, read_columns
from aurify.errors import Problem, did_you_mean
from aurify.tables.spec import SOURCE_COLUMNS, Changes, Folder, Input, Snapshot, TableSpec

if TYPE_CHECKING:
    from pyspark.sql.types import DataType

NAME = re.compile(r"[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*")
ENGINE_LAYERS = ("ledger", "quarantine")


@dataclass
class Reading:
    """What is right in a spec, and every problem found so far.

    `columns` maps names to types (NullType where the type can't be read); None if there is no column text.
    """

    spec: TableSpec
    where: str
    name: str
    inputs: dict[str, Input] = field(default_factory=dict)
    columns: dict[str, DataType] | None = None
    problems: list[Problem] = field(default_factory=list)

    def add(self, key: str, found: str, expected: str, hint: str = "") -> None:
        """Note a problem of this spec."""
        self.problems.append(Problem(self.where, found, expected, hint, f"{self.name}.{key}"))

    def column(self, key: str, name: object) -> DataType | None:
        """The type of a column that the spec names under `key`; None, with a problem noted, if it isn't one."""
        from pyspark.sql.types import NullType

        if not isinstance(name, str) or not name:
            self.add(key, repr(name), "the name of a column, as text")
        elif self.columns is not None and name not in self.columns:
            self.add(key, repr(name), f"a column of {self.name}", did_you_mean(name, self.columns))
        elif self.columns is not None and not isinstance(self.columns[name], NullType):
            return self.columns[name]
        return None

    def named_columns(self, key: str, names: object) -> dict[str, DataType | None]:
        """The types of the columns that a tuple names, with problems noted for all that aren't columns."""
        if not isinstance(names, tuple):
            self.add(key, repr(names), "the name of a column or a list of names")
            return {}
        texts = [name for name in names if isinstance(name, str)]
        for name in [name for name in names if not isinstance(name, str)]:
            self.column(key, name)
        for name in [name for name in dict.fromkeys(texts) if texts.count(name) > 1]:
            self.add(key, f"{name!r} twice", "each column once")
        return {name: self.column(key, name) for name in dict.fromkeys(texts)}


def relative(file: str, root: Path) -> str:
    """A file as it is told to a person: from the project root, if it lies there."""
    path = Path(file)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else file


def read_spec(spec: TableSpec, root: Path) -> Reading:
    """Read name, inputs and columns of a spec."""
    reading = Reading(spec, relative(spec.file, root) or "a notebook", str(spec.name))
    _read_name(reading)
    _read_inputs(reading)
    _read_columns(reading)
    return reading


def _read_name(reading: Reading) -> None:
    name: object = reading.spec.name
    if not isinstance(name, str) or not NAME.fullmatch(name):
        hint = "lower-case letters, digits and _, like silver.pos_lines"
        reading.add("name", repr(name), "layer.table", hint)
    elif reading.spec.layer in ENGINE_LAYERS:
        reading.add("name", f"the layer '{reading.spec.layer}'", "a layer of your own", "the engine keeps this layer")


def _read_inputs(reading: Reading) -> None:
    given: object = reading.spec.inputs
    forms = "changes(...), snapshot(...) or folder(...)"
    if not isinstance(given, Mapping) or not given:
        found = "no input" if isinstance(given, Mapping) else repr(given)
        reading.add("inputs", found, f"parameter names with {forms}", 'like {"lines": changes("bronze.pos_lines")}')
        return
    for name, value in given.items():
        if not isinstance(value, (Changes, Snapshot, Folder)):
            hint = f'did you mean changes("{value}")?' if isinstance(value, str) else ""
            reading.add(f"inputs.{name}", repr(value), forms, hint)
        elif not isinstance(value, Folder) and not isinstance(value.table, str):
            reading.add(f"inputs.{name}", repr(value.table), "the name of a table, as text")
        else:
            reading.inputs[str(name)] = value


def _read_columns(reading: Reading) -> None:
    reading.columns = read_text(reading, "columns", reading.spec.columns)
    if reading.columns is None or not any(isinstance(i, Folder) for i in reading.inputs.values()):
        return
    added = parse_columns(SOURCE_COLUMNS)
    for name in [name for name in reading.columns if name.lower() in added.names]:
        reading.add(f"columns.{name}", f"the name '{name}'", "another name", "the engine adds this column itself")
    reading.columns |= {column.name: column.dataType for column in added.fields}


def read_text(reading: Reading, key: str, text: object) -> dict[str, DataType] | None:
    """The columns of a column text, with its problems noted under `key`; None if it is no text."""
    if not isinstance(text, str) or not text.strip():
        reading.add(key, repr(text), "columns as text", 'like "line_id string, quantity int"')
        return None
    schema, problems = read_columns(text)
    for problem in problems:
        reading.problems.append(replace(problem, where=reading.where, key=f"{reading.name}.{key}.{problem.key}"))
    return {column.name: column.dataType for column in schema.fields}
