"""Training sets: labels with the features that were known at their time, kept as a Delta table of their own."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean, no_column
from aurify.features.joined import view_of, with_view
from aurify.publish.read import read_version
from aurify.publish.target import Handle
from aurify.tables.spec import TableSpec

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from aurify.workflows.lake import Lake

FOLDER = "training"
ONCE = ("aurify/training-set", 1)  # the transaction of the one commit
Moment = date | datetime | str


@dataclass(frozen=True)
class TrainingSet:
    """One training set as it was written: it does not change any more, and the same request finds it again.

    `versions` are those of the labels and views that it was made of, by table; `features` its columns that are
    features, in order; `kept` the others.
    """

    name: str
    path: str
    target: str
    time: str
    features: tuple[str, ...]
    kept: tuple[str, ...]
    versions: Mapping[str, int]

    def read(self, session: SparkSession) -> DataFrame:
        """The rows: labels with their features."""
        handle = Handle.open(self.path)
        assert handle is not None, f"{self.path} was removed"
        return read_version(session, handle)


@dataclass(frozen=True)
class Request:
    """What is asked for: rows of a table of labels, each with the features of its views at its time."""

    name: str
    labels: str
    views: tuple[str, ...]
    target: str
    time: str
    between: tuple[str | None, str | None] = (None, None)
    known_at: str | None = None
    known_by: str | None = None
    tolerance: timedelta | None = None


def training_set(
    lake: Lake,
    name: str,
    labels: str,
    views: Sequence[str],
    *,
    target: str,
    time: str | None = None,
    between: tuple[Moment | None, Moment | None] = (None, None),
    known_at: str | None = None,
    known_by: Moment | None = None,
    tolerance: timedelta | None = None,
) -> TrainingSet:
    """Write the labels of a table with the features of some views at the label's `time`, or find what was written.

    A view whose keys the labels have gives its row of that key, one that is not later than the label; any other the
    newest row of its entity by then, no older than `tolerance`. Labels are those with `from <= time < to` of `between`,
    and, with `known_by`, those whose `known_at` is not later. `time` and `known_at` are columns of the labels; without
    `time` it is that of their table. The set lies in `<warehouse>/training/<name>`, by what it was made of: the same
    request over the same versions is the same set. ConfigurationError tells what does not fit together.
    """
    spec = lake.spec(labels)
    span = (_text(between[0]), _text(between[1]))
    asked = Request(
        name, labels, tuple(views), target, str(time or spec.time), span, known_at, _text(known_by), tolerance
    )
    _refuse_misfits(lake, asked)
    handles = {table: lake.handle(table) for table in (labels, *views)}
    versions = {table: handle.version for table, handle in handles.items()}
    made = {"request": repr(asked), "tables": {t: (h.table_id, h.version) for t, h in handles.items()}}
    id = hashlib.sha256(json.dumps(made, sort_keys=True).encode()).hexdigest()[:16]
    path = f"{lake.settings.warehouse}/{FOLDER}/{name}/{id}"
    features, kept = _columns(lake, asked)
    if Handle.open(path) is None:
        _write(_joined(lake, asked, versions).select(*map(quoted, (*kept, *features))), path, asked, versions)
    return TrainingSet(name, path, target, asked.time, features, kept, versions)


def _text(moment: Moment | None) -> str | None:
    return None if moment is None else str(moment)


def _columns(lake: Lake, asked: Request) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The features, and the other columns: those of the labels, and of the views what the labels lack."""
    kept = list(lake.spec(asked.labels).schema.names)
    features: list[str] = []
    for name in asked.views:
        view = view_of(lake.spec(name))
        features += [feature.name for feature in view.features]
        kept += [column for column in view.kept if column not in kept]
    return tuple(features), tuple(kept)


def _joined(lake: Lake, asked: Request, versions: Mapping[str, int]) -> DataFrame:
    session = lake.work_session()
    rows = _labels(lake.read(asked.labels, versions[asked.labels], session), asked)
    for name in asked.views:
        rows = with_view(rows, lake.read(name, versions[name], session), lake.spec(name), asked.time, asked.tolerance)
    return rows


def _labels(rows: DataFrame, asked: Request) -> DataFrame:
    from pyspark.sql import functions as F

    since, until = asked.between
    if since is not None:
        rows = rows.where(F.col(quoted(asked.time)) >= F.lit(since).cast("timestamp"))
    if until is not None:
        rows = rows.where(F.col(quoted(asked.time)) < F.lit(until).cast("timestamp"))
    if asked.known_by is not None:
        rows = rows.where(F.col(quoted(str(asked.known_at))) <= F.lit(asked.known_by).cast("timestamp"))
    return rows


def _write(rows: DataFrame, path: str, asked: Request, versions: Mapping[str, int]) -> None:
    """One commit, once: a second writer of the same set finds it done."""
    note = {"training_set": asked.name, "target": asked.target, "versions": dict(versions), "request": repr(asked)}
    app, version = ONCE
    writer = rows.write.format("delta").mode("append").option("txnAppId", app).option("txnVersion", version)
    writer.option("userMetadata", json.dumps(note)).save(path)


def _refuse_misfits(lake: Lake, asked: Request) -> None:
    """ConfigurationError with all that does not fit: tables, views, columns, features of one name."""
    problems: list[Problem] = []
    where = f"training set {asked.name}"
    columns = lake.spec(asked.labels).schema.names
    for key, name in {"target": asked.target, "time": asked.time, "known_at": asked.known_at}.items():
        if name is not None and name not in columns:
            problems.append(no_column(where, name, columns, f"a column of {asked.labels}", key))
    if asked.known_by is not None and asked.known_at is None:
        problems.append(Problem(where, "known_by alone", "the column that says when", "give known_at", "known_at"))
    if not asked.views:
        problems.append(Problem(where, "no view", "one feature view or more", key="views"))
    views = {name: spec for name, spec in lake.specs.items() if spec.view is not None}
    found: dict[str, str] = {}
    for name in asked.views:
        if name not in views:
            told = "a table without declared features" if name in lake.specs else "no such view"
            problems.append(Problem(where, f"{name}: {told}", "a feature view", did_you_mean(name, views), "views"))
            continue
        problems += _of_view(where, asked, views[name], columns, found)
    if problems:
        raise ConfigurationError(where, problems)


def _of_view(
    where: str, asked: Request, spec: TableSpec, columns: Sequence[str], found: dict[str, str]
) -> list[Problem]:
    """What does not fit of one view; `found` are the columns so far, by the table that gave them."""
    problems = []
    view = view_of(spec)
    if not set(spec.keys) <= {*columns, *found} and not set(view.entity) <= {*columns, *found}:
        needed = f"{', '.join(spec.keys)}, or {', '.join(view.entity)}"
        hint = "name a view before it that has them"
        problems.append(Problem(where, f"{asked.labels} can't be joined with {spec.name}", needed, hint, "views"))
    for feature in view.features:
        if feature.name in columns or feature.name in found:
            other = found.get(feature.name, asked.labels)
            hint = "declare it in one of them"
            problems.append(
                Problem(where, f"{feature.name} in {other} and {spec.name}", "one of a name", hint, "views")
            )
    found.update({name: spec.name for name in (*view.kept, *(f.name for f in view.features)) if name not in columns})
    return problems
