"""What a table file says: the `@table` decorator and its inputs."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, TypeVar

from aurify.errors import ConfigurationError, Problem
from aurify.tables.spec import Append, Changes, Columns, Folder, Input, Snapshot, TableSpec, WriteMode, as_names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Function = TypeVar("Function", bound="Callable[..., DataFrame]")

ATTRIBUTE = "__aurify_table__"
SOURCE_KEYS = ("_source_file", "_delivery", "_source_row")


def changes(
    table: str, *, reach: timedelta = timedelta(0), after: timedelta = timedelta(0), only_new: bool = False
) -> Changes:
    """A driving input: rows of `table` that are new, changed or removed.

    `reach` is for a table that computes days again, from rows of earlier days too: how far back they may lie. `after`
    is how far they lie back at least: 7 days for facts that nothing looks at in their first week. `only_new` is for an
    Append that keeps what was true of a row when it came: rows of new keys, and nothing when they change or go away.
    """
    return Changes(table, reach, after, only_new)


def snapshot(table: str) -> Snapshot:
    """A lookup: the whole of `table`, at the version pinned by the batch."""
    return Snapshot(table)


def folder(
    path: str,
    *,
    columns: str = "",
    format: Literal["csv", "parquet"] = "csv",
    pattern: str = "**/*",
    delimiter: str = ",",
    encoding: str = "UTF-8",
    header: bool = True,
) -> Folder:
    """A driving input: the files under `path` of the source root; `columns` are the table's own if not given."""
    return Folder(path, columns, format, pattern, delimiter, encoding, header)


def table(
    name: str,
    *,
    inputs: Mapping[str, Input],
    columns: str,
    write: WriteMode,
    keys: Columns | None = None,
    time: str | None = None,
    rows: Literal["same", "any"] = "any",
    owner: str = "",
) -> Callable[[Function], Function]:
    """Attach a table's spec to its pure function, and return the function unchanged.

    Wrong values are kept as they are: `check_specs` names all of them at once, before a session starts.
    """

    def attach(function: Function) -> Function:
        _refuse_nonsense(name, function)
        fed = {key: _with_columns(i, columns) for key, i in inputs.items()} if isinstance(inputs, Mapping) else inputs
        by_folder = isinstance(fed, Mapping) and any(isinstance(i, Folder) for i in fed.values())
        default_keys = SOURCE_KEYS if by_folder and isinstance(write, Append) else ()
        spec = TableSpec(
            name=name,
            inputs=fed,
            keys=default_keys if keys is None else as_names(keys),
            columns=columns,
            write=write,
            function=function,
            time=time,
            rows=rows,
            owner=owner,
            doc=next(iter((inspect.getdoc(function) or "").splitlines()), ""),
            file=_file_of(function),
        )
        setattr(function, ATTRIBUTE, spec)
        return function

    return attach


def _refuse_nonsense(name: str, function: object) -> None:
    if not callable(function):
        found, hint = repr(function), "write @table(...) above a def"
        raise ConfigurationError(f"table {name}", [Problem(str(name), found, "a function", hint, "function")])
    if earlier := getattr(function, ATTRIBUTE, None):
        found = f"{getattr(function, '__name__', 'a function')}, which makes {earlier.name} already"
        hint = "make the function inside the template, so that every table has its own"
        problem = Problem(_file_of(function), found, "a function of its own for every table", hint, f"{name}.function")
        raise ConfigurationError(f"table {name}", [problem])


def _with_columns(given: Input, columns: str) -> Input:
    return replace(given, columns=columns) if isinstance(given, Folder) and given.columns == "" else given


def _file_of(function: object) -> str:
    inner = getattr(function, "func", function)  # the function of a functools.partial
    code = getattr(inspect.unwrap(inner), "__code__", None) if callable(inner) else None
    return code.co_filename if code else ""
