"""Leakage: features that used what arrived after their row, found by computing rows again as of their time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta, timezone
from functools import reduce
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean
from aurify.tables.spec import Changes, Folder, Recompute, TableSpec
from aurify.tables.transform import call, contract_rows

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

    from aurify.workflows.lake import Lake

MOMENTS = 5
STRETCH = timedelta(days=1)
TOLERANCE = 1e-9
_THEN, _EXAMPLE = "_aurify_then", "example"


@dataclass(frozen=True)
class Leak:
    """A feature whose value is another one than could be known by then, in so many rows; one of them, as texts."""

    feature: str
    rows: int
    key: str
    stands: str
    known: str


@dataclass(frozen=True)
class LeakageReport:
    """What was computed again: rows within a day before each of the moments; `unknown` are rows not there by then."""

    table: str
    moments: Sequence[str]
    rows: int
    unknown: int
    leaks: Sequence[Leak]

    @property
    def exit_code(self) -> int:
        """1 where a feature, or a row, used what came later."""
        return 1 if self.leaks or self.unknown else 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": self.exit_code, **asdict(self)}


def leakage(lake: Lake, table: str, arrivals: Mapping[str, str] | None = None, moments: int = MOMENTS) -> LeakageReport:
    """Compute rows of a view again from what had arrived by their time, and compare.

    For each of some moments, spread over the table's own times, the function gets of every input the rows whose arrival
    is not later. A row of the day before that has another value in the table used something which came later still.
    The arrival is the `time` of an input's table, or the column that `arrivals` names by the function's parameter; a
    row without one never arrived. Any table with a time can be asked, declared features or not. What arrives within
    that day, after the row, is seen only for the rows of the moment itself.
    """
    spec = lake.spec(table)
    session = lake.work_session()
    columns = _arrival_columns(lake, spec, arrivals or {})
    held = lake.read(table, session=session)
    at = _moments(held, str(spec.time), moments)
    known = {name: _as_consumed(lake, spec, name, session) for name in spec.inputs}
    parts = [_compared(lake, spec, held, known, columns, moment) for moment in at]
    rows = [row.asDict() for row in reduce(_union, parts).collect()] if parts else []
    return _report(table, _features(spec), at, rows)


def _union(one: DataFrame, other: DataFrame) -> DataFrame:
    return one.unionByName(other)


def _features(spec: TableSpec) -> list[str]:
    """The columns that are compared: declared features, or all but keys, time and groups."""
    if spec.view is not None:
        return [feature.name for feature in spec.view.features]
    by = spec.write.by if isinstance(spec.write, Recompute) else ()
    return [name for name in spec.schema.names if name not in (*spec.keys, spec.time, *by)]


def _arrival_columns(lake: Lake, spec: TableSpec, arrivals: Mapping[str, str]) -> dict[str, str]:
    """The arrival column of every input; ConfigurationError names all that are missing."""
    problems = [
        Problem(spec.name, f"no input '{name}'", "one of its inputs", did_you_mean(name, spec.inputs), name)
        for name in arrivals
        if name not in spec.inputs
    ]
    if spec.time is None:
        problems.append(Problem(spec.name, "no time", "a table whose rows have one", "declare time=...", "time"))
    found: dict[str, str] = {}
    for name, given in spec.inputs.items():
        if isinstance(given, Folder):
            hint = "ask a table that is made of it"
            problems.append(Problem(spec.name, f"the folder '{given.path}'", "inputs that are tables", hint, name))
            continue
        above = lake.spec(given.table)
        column = arrivals.get(name) or above.time
        if column is None or column not in above.schema.names:
            hint = f"--arrival {name}=COLUMN; {did_you_mean(str(column), above.schema.names)}"
            problems.append(Problem(given.table, f"arrival {column!r}", "a column with its time", hint, name))
        else:
            found[name] = column
    if problems:
        raise ConfigurationError(f"leakage of {spec.name}", problems)
    return found


def _as_consumed(lake: Lake, spec: TableSpec, name: str, session: SparkSession) -> DataFrame:
    """An input at the version that the table's last batch read."""
    given = spec.inputs[name]
    assert not isinstance(given, Folder)
    span = lake.state(spec.name).consumed.versions.get(name)
    return lake.read(given.table, span.to if span is not None else None, session)


def _moments(held: DataFrame, time: str, moments: int) -> list[datetime]:
    """Times that rows have, spread evenly over them."""
    from pyspark.sql import functions as F

    shares = [(place + 1) / (moments + 1) for place in range(moments)]
    micros = F.unix_micros(F.col(quoted(time)).cast("timestamp"))
    row = held.agg(F.percentile_approx(micros, shares).alias("at")).first()
    found = sorted(set(row["at"])) if row is not None and row["at"] else []
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    return [epoch + timedelta(microseconds=at) for at in found]


def _compared(
    lake: Lake,
    spec: TableSpec,
    held: DataFrame,
    inputs: Mapping[str, DataFrame],
    arrivals: Mapping[str, str],
    moment: datetime,
) -> DataFrame:
    """One row: how many rows of the day before a moment were computed, and in how many each feature differs."""
    from pyspark.sql import functions as F

    target, time = lake.target(spec.name), F.col(quoted(str(spec.time))).cast("timestamp")
    near = (time <= F.lit(moment)) & (time > F.lit(moment - STRETCH))
    frames = {name: _by_then(spec, name, rows, arrivals[name], moment) for name, rows in inputs.items()}
    made = contract_rows(target, call(spec, target, frames, near)).where(near)
    keys = [F.col(quoted(key)) for key in spec.keys]
    key = F.concat_ws(", ", *(key.cast("string") for key in keys))
    names = _features(spec)
    then = made.select(*keys, F.struct(*map(quoted, names)).alias(_THEN))
    both = held.where(near).join(then, list(spec.keys), "left")
    is_there = F.col(_THEN).isNotNull()
    counts: list[Column] = [F.count(F.lit(1)).alias("rows"), F.count_if(~is_there).alias("unknown")]
    kinds = {field.name: field.dataType.typeName() for field in target.schema.fields}
    for place, name in enumerate(names):
        stands, known = F.col(quoted(name)), F.col(f"{_THEN}.{quoted(name)}")
        differs = is_there & ~_same(stands, known, kinds[name])
        told = F.struct(key.alias("key"), stands.cast("string").alias("stands"), known.cast("string").alias("known"))
        counts += [F.count_if(differs).alias(f"differ{place}"), F.min(F.when(differs, told)).alias(f"example{place}")]
    return both.agg(*counts)


def _by_then(spec: TableSpec, name: str, rows: DataFrame, arrival: str, moment: datetime) -> DataFrame:
    """The rows of an input that had arrived by a moment; of a view's, those within its reach."""
    from pyspark.sql import functions as F

    arrived = rows.where(F.col(quoted(arrival)).cast("timestamp") <= F.lit(moment))
    given = spec.inputs[name]
    if not isinstance(given, Changes) or not given.reach_days or not isinstance(spec.write, Recompute):
        return arrived
    oldest = (moment - STRETCH - timedelta(days=given.reach_days)).date()
    return arrived.where(F.col(quoted(spec.write.by[0])) >= F.lit(oldest))


def _same(one: Column, other: Column, kind: str) -> Column:
    """Whether two values are equal; numbers with a fraction may be added in another order."""
    from pyspark.sql import functions as F

    if kind not in ("double", "float"):
        return one.eqNullSafe(other)
    near = F.abs(one - other) <= TOLERANCE * F.greatest(F.abs(one), F.abs(other))
    return one.eqNullSafe(other) | F.coalesce(near, F.lit(False))


def _report(
    table: str, features: Sequence[str], moments: Sequence[datetime], rows: Sequence[Mapping[str, Any]]
) -> LeakageReport:
    leaks = []
    for place, feature in enumerate(features):
        differ = sum(row[f"differ{place}"] for row in rows)
        if differ:
            example = next(row[f"{_EXAMPLE}{place}"] for row in rows if row[f"{_EXAMPLE}{place}"] is not None)
            leaks.append(Leak(feature, differ, example["key"], str(example["stands"]), str(example["known"])))
    counted, unknown = (sum(row[name] for row in rows) for name in ("rows", "unknown"))
    return LeakageReport(table, [moment.isoformat() for moment in moments], counted, unknown, leaks)
