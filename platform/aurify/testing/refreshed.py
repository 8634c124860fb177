"""Test a table: its function, casts, suite and write mode, over batches of literal rows, on the real engine."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timezone
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.config.project import Project
from aurify.config.settings import Names, Settings, SparkSettings
from aurify.errors import ConfigurationError, did_you_mean
from aurify.publish.balance import Balance
from aurify.quality import empty_suite
from aurify.session import open_session
from aurify.tables.declare import ATTRIBUTE
from aurify.tables.discovery import Definition
from aurify.tables.spec import Folder, TableSpec
from aurify.testing.literal_rows import Feed, Given, Neighbours
from aurify.workflows.lake import Lake
from aurify.workflows.refresh import refresh as refresh_lake
from aurify.workflows.report import RunReport

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OWN_SPARK = SparkSettings(master="local[2]", driver_memory="1g")


@dataclass(frozen=True)
class Refreshed:
    """The table after all batches, sorted by its keys; its quarantine; and a balance for each published batch.

    Times are naive, in UTC. A row of `quarantined` has the ids of its failed rules under `_failed`.
    """

    rows: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    balances: list[Balance]


def refresh(
    table_function: Callable[..., DataFrame],
    batches: Sequence[Mapping[str, Given]],
    *,
    spark: SparkSession | None = None,
    suite: str | Path | None = None,
    root: str | Path | None = None,
) -> Refreshed:
    """Refresh a table in a lake of its own, batch by batch, and give what is in it then.

    A batch gives rows to the table's inputs by parameter name; a column that a row leaves out is NULL, and dates,
    times and decimals may be written as text. Each list of rows is one new file, or rows of one; to deliver a file
    again, or several, give lists by file name: `{"lines": {"monday": [...]}}`. The n-th batch is delivered on the
    n-th of January 2024 at midnight.

    Columns and write modes of the inputs, and the suite, are those of the project at `root` (the nearest project
    above the table's file); without one, the rows tell the columns. A row given later to an input that has keys
    replaces the earlier one of its key. Without `spark`, the session that is there is used, or one is started.

    >>> from pyspark.sql import functions as F
    >>> from aurify import Upsert, changes, table
    >>> @table("silver.prices", inputs={"rows": changes("bronze.prices")}, keys=["code"], owner="shop",
    ...        write=Upsert(order_by="changed_at"), columns="code string, price int, changed_at timestamp")
    ... def prices(rows):
    ...     return rows.select("code", "price", F.col("_delivered_at").alias("changed_at"))
    >>> monday = [{"code": "a", "price": "3"}]
    >>> tuesday = [{"code": "a", "price": "4"}, {"code": "b", "price": "four"}]
    >>> done = refresh(prices, batches=[{"rows": monday}, {"rows": tuesday}])
    >>> [(row["code"], row["price"]) for row in done.rows]
    [('a', 4)]
    >>> [(row["code"], row["_failed"]) for row in done.quarantined]
    [('b', ['cast(price)'])]
    >>> done.balances[1].updated
    1
    """
    spec = _spec_of(table_function)
    project = Neighbours.of(spec, root)
    feeds = {name: Feed.of(name, spec, batches, project) for name in spec.inputs}
    _refuse_unknown(spec, batches)
    with tempfile.TemporaryDirectory(prefix="aurify-") as scratch, _lake(spec, feeds, scratch, spark) as lake:
        lake.suites = {**dict.fromkeys(lake.specs, empty_suite("")), spec.name: project.suite(spec, suite)}
        for feed in feeds.values():
            Path(lake.settings.source_root, feed.folder.path).mkdir(parents=True, exist_ok=True)
        balances = []
        for number, batch in enumerate(batches, start=1):
            for name, given in batch.items():
                feeds[name].deliver(Path(lake.settings.source_root), given, number)
            report = refresh_lake(lake)
            _refuse_troubles(report, spec, number)
            balances += [done.balance for done in report.tables[spec.name].batches]
        return Refreshed(_rows(lake, spec), _quarantined(lake, spec), balances)


def _spec_of(function: object) -> TableSpec:
    spec = getattr(function, ATTRIBUTE, None)
    if not isinstance(spec, TableSpec):
        raise ConfigurationError.of(repr(function), "no table", "a function below @table(...)")
    return spec


def _refuse_unknown(spec: TableSpec, batches: Sequence[Mapping[str, Given]]) -> None:
    for name in (name for batch in batches for name in batch):
        if name not in spec.inputs:
            raise ConfigurationError.of(
                spec.name, f"rows for '{name}'", "rows for its inputs", did_you_mean(name, spec.inputs)
            )


def _as_in_the_project(function: Callable[..., DataFrame], feeds: Mapping[str, Feed]) -> Callable[..., DataFrame]:
    """The function on inputs that have their own columns, not those of their stand-ins."""

    @wraps(function)
    def called(**frames: DataFrame) -> DataFrame:
        return function(**{name: frame.drop(*feeds[name].hidden) for name, frame in frames.items()})

    return called


@contextmanager
def _lake(spec: TableSpec, feeds: Mapping[str, Feed], scratch: str, spark: SparkSession | None) -> Iterator[Lake]:
    """A lake in a folder of its own, whose names meet no other table's; its views are dropped at the end."""
    if spark is None:
        spark = open_session(OWN_SPARK, "aurify testing", f"{tempfile.gettempdir()}/aurify-{getpass.getuser()}")
    inputs = {name: feeds[name].folder if isinstance(i, Folder) else i for name, i in spec.inputs.items()}
    under_test = replace(spec, inputs=inputs, function=_as_in_the_project(spec.function, feeds))
    specs = {s.name: s for feed in feeds.values() for s in feed.specs} | {spec.name: under_test}
    settings = Settings(
        warehouse=f"{scratch}/warehouse",
        sources=f"{scratch}/sources",
        spark=OWN_SPARK,
        parallel=1,
        business_time_zone="UTC",
        names=Names(prefix=f"{Path(scratch).name.replace('-', '_').lower()}_"),
        env="testing",
        root=Path(scratch),
    )
    lake = Lake(Definition(Path(scratch), Project(project="testing", modules=("testing",)), settings, specs), spark)
    try:
        yield lake
    finally:
        for name in specs:
            layer, _, short = name.partition(".")
            if spark.catalog.databaseExists(layer):
                spark.sql(f"DROP VIEW IF EXISTS {layer}.{settings.names.prefix}{short}")


def _refuse_troubles(report: RunReport, spec: TableSpec, number: int) -> None:
    """Raise what went wrong: an error of a table, a file that can't be read, an input that was given no rows."""
    for table in report.tables.values():
        if table.error is not None:
            raise table.error
        for file in table.files:
            raise ConfigurationError.of(f"{table.table}: {file.path}", file.found, file.expected, file.hint)
        lost = sum(b.balance.quarantined + b.balance.dropped for b in table.batches)
        if table.table != spec.name and lost:
            raise ConfigurationError.of(
                f"{table.table} of batch {number}", f"{lost} rows without a key", "literal rows"
            )
    own = report.tables[spec.name]
    if own.outcome == "waiting":
        raise ConfigurationError.of(
            f"{spec.name} in batch {number}", own.because, "rows for every input by the first batch"
        )


def _rows(lake: Lake, spec: TableSpec) -> list[dict[str, Any]]:
    handle = lake.state(spec.name).handle
    if handle is None or handle.position == (0, 0):
        return []
    found = _collected(lake.read(spec.name))
    return sorted(found, key=lambda row: [(row[key] is None, row[key]) for key in spec.keys])


def _quarantined(lake: Lake, spec: TableSpec) -> list[dict[str, Any]]:
    found = _collected(lake.quarantine(spec.name).orderBy("_generation", "_batch"))
    own = spec.schema.names
    return [
        {**{name: row[name] for name in own}, "_failed": [reason["id"] for reason in row["_failed"]]} for row in found
    ]


def _collected(rows: DataFrame) -> list[dict[str, Any]]:
    """All rows; the driver gives times in its own zone, here they are in UTC."""
    times = [f.name for f in rows.schema.fields if f.dataType.typeName() == "timestamp"]
    collected = [row.asDict(recursive=True) for row in rows.collect()]
    for row in collected:
        for name in times:
            if row[name] is not None:
                row[name] = row[name].astimezone(timezone.utc).replace(tzinfo=None)
    return collected
