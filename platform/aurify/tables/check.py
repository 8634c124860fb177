"""Every mistake of every spec, named at once and before a session starts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from pathlib import Path

from aurify.config.columns import render_type
from aurify.errors import Problem, did_you_mean
from aurify.tables.check_contract import check_contract
from aurify.tables.check_inputs import check_inputs
from aurify.tables.graph import cycles
from aurify.tables.reading import Reading, read_spec
from aurify.tables.spec import Append, Changes, Folder, Recompute, TableSpec, Upsert


def check_specs(specs: Sequence[TableSpec], root: Path, unread: Collection[str] = ()) -> list[Problem]:
    """All that is wrong with the specs, by file and table.

    `unread` are names that stand in files which could not be imported: nobody can tell whether these tables exist.
    """
    readings = [read_spec(spec, root) for spec in specs]
    for reading in readings:
        check_inputs(reading)
        check_contract(reading)
    tables = {reading.name: reading for reading in readings}
    _check_duplicates(readings)
    for reading in readings:
        _check_upstream(reading, tables, unread)
    _check_cycles(tables)
    found = [problem for reading in readings for problem in reading.problems]
    return sorted(dict.fromkeys(found), key=lambda problem: (problem.where, problem.key))


def _check_duplicates(readings: list[Reading]) -> None:
    """Tables of one name; tables whose quarantine and suite would have one name."""
    by_file_name: dict[str, list[Reading]] = defaultdict(list)
    for reading in readings:
        by_file_name[reading.name.replace(".", "_")].append(reading)
    for same in by_file_name.values():
        for at, reading in enumerate(same[1:], start=1):
            first = next((other for other in same[:at] if other.name == reading.name), same[0])
            if first.name == reading.name:
                found = f"the name a second time, after {_function(first)} in {first.where}"
                reading.add("name", found, "one function for each table", "rename one of them")
            else:
                found = f"{reading.name} beside {first.name} in {first.where}"
                hint = "quarantine and suite of both would be called the same; rename one of them"
                reading.add("name", found, "names that differ by more than . and _", hint)


def _function(reading: Reading) -> str:
    return f"{getattr(reading.spec.function, '__name__', 'a function')}()"


def _check_upstream(reading: Reading, tables: dict[str, Reading], unread: Collection[str]) -> None:
    for parameter, given in reading.inputs.items():
        if isinstance(given, Folder):
            continue
        if given.table in tables:
            if isinstance(given, Changes) and not given.only_new:
                _check_groups(reading, tables[given.table])
        elif given.table not in unread:
            hint = did_you_mean(given.table, tables.keys() - {reading.name})
            reading.add(f"inputs.{parameter}", f"the table '{given.table}'", "a table of the project", hint)


def _check_groups(reading: Reading, driver: Reading) -> None:
    """Recompute finds the touched groups in the rows of its driver, so their columns are there, of the same type."""
    write = reading.spec.write
    _check_order(reading, driver)
    if not isinstance(write, Recompute) or not isinstance(write.by, tuple) or driver.columns is None:
        return
    for name, kind in (reading.columns or {}).items():
        if name not in write.by:
            continue
        if name not in driver.columns:
            hint = f"{did_you_mean(name, driver.columns)} Or add the column to {driver.name}"
            reading.add("write.by", f"'{name}', which {driver.name} lacks", f"a column of {driver.name}", hint)
            continue
        ours, theirs = render_type(kind), render_type(driver.columns[name])
        if ours != theirs and "void" not in (ours, theirs):
            found = f"{name} {ours}, which is {theirs} in {driver.name}"
            reading.add("write.by", found, "one type in both", "a group is found again by its values")


def _check_order(reading: Reading, driver: Reading) -> None:
    """Rows that are replaced without an order, or replaced at all, can't feed what needs one, or what only adds."""
    ours, theirs = reading.spec.write, driver.spec.write
    key = f"changes({driver.name})"
    if isinstance(theirs, Recompute) and not isinstance(ours, Recompute):
        found = f"a Recompute table, whose rows have no order, feeding {type(ours).__name__}"
        reading.add(key, found, "Recompute, which computes touched groups again", "or read it as a snapshot(...)")
    elif isinstance(theirs, Upsert) and isinstance(ours, Append):
        found = "an Upsert table, whose rows change, feeding Append"
        reading.add(key, found, "Upsert or Recompute", "an Append would keep every state that it happened to see")


def _check_cycles(tables: dict[str, Reading]) -> None:
    graph = {
        name: {i.table for i in reading.inputs.values() if not isinstance(i, Folder) and i.table in tables}
        for name, reading in tables.items()
    }
    for path in cycles(graph):
        tables[path[0]].add("inputs", " -> ".join(path), "a graph without circles", "take one of these inputs away")
