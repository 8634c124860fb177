"""What can be wrong with the inputs of one spec."""

from __future__ import annotations

import inspect
from datetime import timedelta
from pathlib import PurePosixPath

from aurify.errors import did_you_mean
from aurify.sources.encodings import java_name
from aurify.tables.reading import Reading, read_text
from aurify.tables.spec import Append, Changes, Folder, Recompute

FORMATS = ("csv", "parquet")


def check_inputs(reading: Reading) -> None:
    """Note every mistake of inputs and parameters."""
    _check_parameters(reading)
    folders = {name: i for name, i in reading.inputs.items() if isinstance(i, Folder)}
    if reading.inputs and len(reading.inputs) == len(reading.spec.inputs) and not folders:
        _check_driven(reading)
    for name, driver in reading.inputs.items():
        if isinstance(driver, Changes):
            _check_reach(reading, f"inputs.{name}.reach", driver)
            _check_only_new(reading, f"inputs.{name}.only_new", driver)
    if len(folders) > 1:
        reading.add("inputs", f"folders {', '.join(folders)}", "one folder", "make a bronze table of each folder")
    for name, given in folders.items():
        _check_folder(reading, f"inputs.{name}", given)


def _check_driven(reading: Reading) -> None:
    if not any(isinstance(i, Changes) for i in reading.inputs.values()):
        hint = "a snapshot alone never starts a batch; read one table with changes(...)"
        reading.add("inputs", f"only snapshots: {', '.join(reading.inputs)}", "an input that drives", hint)


def _check_reach(reading: Reading, key: str, driver: Changes) -> None:
    """Days touch later days only where a table computes days again."""
    reach: object = driver.reach
    after: object = driver.after
    lengths = [value for value in (reach, after) if not isinstance(value, timedelta) or value < timedelta(0)]
    for value in lengths:
        reading.add(key, repr(value), "a timedelta that is not negative", "like timedelta(days=30)")
    if lengths:
        return
    if driver.after > driver.reach:
        reading.add(key, f"after {after}, which is more than the reach {reach}", "a shorter one")
    elif driver.after > timedelta(0) and reading.spec.view is not None and driver.after > reading.spec.view.delay:
        found = f"after {after}, with a window that looks back {reading.spec.view.delay} at least"
        reading.add(key, found, "not more than the shortest delay", "a changed row would be missed")
    elif driver.reach > timedelta(0) and not _is_by_date(reading):
        hint = 'like Recompute(by=["sold_date"])'
        reading.add(key, f"{reach}, with {reading.spec.write!r}", "Recompute by one column that is a date", hint)


def _check_only_new(reading: Reading, key: str, driver: Changes) -> None:
    if driver.only_new and not isinstance(reading.spec.write, Append):
        hint = "the others follow their input when it changes"
        reading.add(key, f"True, with {reading.spec.write!r}", "Append, which only adds", hint)


def _is_by_date(reading: Reading) -> bool:
    write = reading.spec.write
    if not isinstance(write, Recompute) or len(write.by) != 1:
        return False
    kind = (reading.columns or {}).get(write.by[0])
    return kind is None or kind.typeName() in ("date", "void")


def _check_parameters(reading: Reading) -> None:
    """The function gets its frames by name."""
    function = reading.spec.function
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    by_name = [p for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
    names, required = {p.name for p in by_name}, {p.name for p in by_name if p.default is p.empty}
    inputs = [str(name) for name in reading.spec.inputs] if reading.inputs else []
    takes_any = any(p.kind is p.VAR_KEYWORD for p in parameters)
    if inputs and not (required <= set(inputs) and (takes_any or set(inputs) <= names)):
        name = getattr(function, "__name__", "function")
        found = f"{name}({', '.join(p.name for p in parameters)})"
        hint = "the parameters are named like the inputs"
        reading.add("function", found, f"{name}({', '.join(inputs)})", hint)


def _check_folder(reading: Reading, key: str, given: Folder) -> None:
    _check_path(reading, f"{key}.path", given.path)
    if given.format not in FORMATS:
        reading.add(f"{key}.format", repr(given.format), "csv or parquet", did_you_mean(str(given.format), FORMATS))
    for part, text in {"pattern": given.pattern, "encoding": given.encoding}.items():
        if not isinstance(text, str) or not text:
            reading.add(f"{key}.{part}", repr(text), "a text", "leave it out for the usual")
    if not isinstance(given.delimiter, str) or len(given.delimiter) != 1 or given.delimiter in '"\r\n':
        reading.add(f"{key}.delimiter", repr(given.delimiter), "one character", "like ';' or '\\t'")
    if given.encoding and isinstance(given.encoding, str) and java_name(given.encoding) is None:
        hint = "like UTF-8, ISO-8859-1 or windows-1252"
        reading.add(f"{key}.encoding", repr(given.encoding), "an encoding that can be read line by line", hint)
    if not isinstance(given.header, bool):
        reading.add(f"{key}.header", repr(given.header), "True or False")
    if given.columns != reading.spec.columns:
        read_text(reading, f"{key}.columns", given.columns)


def _check_path(reading: Reading, key: str, path: object) -> None:
    if not isinstance(path, str) or not path:
        reading.add(key, repr(path), "a folder below the source root")
    elif path.startswith(("/", "\\", "~")) or "://" in path:
        hint = "the source root is `sources` in conf/<environment>/settings.yml"
        reading.add(key, f"the absolute path '{path}'", "a path below the source root", hint)
    elif ".." in PurePosixPath(path).parts:
        reading.add(key, f"the path '{path}', which leaves the source root", "a path below the source root")
