"""A toy project on disk: events with a time of their own, and price lists that replace each other."""

from __future__ import annotations

import gzip
import linecache
import os
import shutil
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deltalake import DeltaTable

import aurify
from aurify.workflows.lake import Lake
from aurify.workflows.report import RunReport, TableReport

SETTINGS = """
warehouse: lake
sources: landing
spark:
  master: local[2]
  driver_memory: 2g
  conf: {spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1 -XX:+UseSerialGC}
parallel: 2
business_time_zone: Europe/London
"""

HEAD = '''
"""Toy tables."""

from pyspark.sql import functions as F

from aurify import Append, Recompute, Upsert, changes, folder, snapshot, table

'''

EVENTS = '''
@table(
    "bronze.events",
    inputs={"files": folder("events")},
    write=Append(),
    columns="k string, d string, g string, v string, op string, at string",
    rows="same",
    owner="tests",
)
def bronze_events(files):
    """One row a line."""
    return files


@table(
    "silver.events",
    inputs={"events": changes("bronze.events")},
    keys=["k"],
    write=Upsert(order_by="at", locate_by="d", delete_when="op = 'D'"),
    columns="k string, d date, g string, v int, op string, at timestamp",
    rows="same",
    owner="tests",
)
def silver_events(events):
    """The newest event of a key."""
    return events.select("k", "d", "g", "v", "op", "at", "_source_file", "_source_row")


@table(
    "silver.log",
    inputs={"events": changes("bronze.events")},
    keys=["file", "row"],
    write=Append(),
    columns="file string, row bigint, k string, v string",
    rows="same",
    owner="tests",
)
def silver_log(events):
    """Every line that ever came."""
    return events.select(F.col("_source_file").alias("file"), F.col("_source_row").alias("row"), "k", "v")


@table(
    "gold.groups",
    inputs={"events": changes("silver.events")},
    keys=["id"],
    write=Recompute(by=["d", "g"]),
    columns="id string, d date, g string, n bigint, total bigint",
    owner="tests",
)
def gold_groups(events):
    """Events by day and group, the group without a name among them."""
    grouped = events.groupBy("d", "g").agg(F.count("*").alias("n"), F.sum("v").alias("total"))
    return grouped.withColumn("id", F.concat_ws("|", "d", F.coalesce("g", F.lit("none"))))
'''

LISTS = '''
@table(
    "bronze.lists",
    inputs={"files": folder("lists")},
    write=Append(),
    columns="k string, d string, v string",
    rows="same",
    owner="tests",
)
def bronze_lists(files):
    """One row a line of every delivery."""
    return files


@table(
    "silver.prices",
    inputs={"lines": changes("bronze.lists")},
    keys=["k"],
    write=Upsert(order_by="at", locate_by="d"),
    columns="k string, d date, v int, at timestamp",
    rows="same",
    owner="tests",
)
def silver_prices(lines):
    """The newest price of a product."""
    return lines.select("k", "d", "v", F.col("_delivered_at").alias("at"), "_source_file", "_source_row")


@table(
    "gold.lines",
    inputs={"lines": changes("bronze.lists")},
    keys=["d"],
    write=Recompute(by=["d"]),
    columns="d string, n bigint, total bigint",
    owner="tests",
)
def gold_lines(lines):
    """Lines of the newest delivery of every file, by day."""
    return lines.groupBy("d").agg(F.count("*").alias("n"), F.sum(F.expr("try_cast(v AS int)")).alias("total"))
'''

LAYERS = '''
def layers(name, columns, time):
    """Bronze and silver of one file kind."""

    @table(f"bronze.{name}", inputs={"files": folder(name)}, write=Append(), rows="same", owner="tests",
           columns=", ".join(f"{column.split()[0]} string" for column in columns.split(", ")))
    def bronze(files):
        """One row a line."""
        return files

    @table(f"silver.{name}", inputs={"lines": changes(f"bronze.{name}")}, keys=["id"], rows="same", owner="tests",
           time=time, write=Upsert(order_by="changed", locate_by="day"), columns=f"{columns}, changed timestamp")
    def silver(lines):
        """The newest line of an id."""
        return lines.withColumn("changed", F.col("_delivered_at")).drop("_delivered_at")

    return bronze, silver
'''

Row = tuple[Any, ...]


class Toy:
    """A project below `root`, its landing folder and its lake."""

    def __init__(self, root: Path, tables: str, suites: Mapping[str, str] | None = None) -> None:
        self.root = root
        self._write("conf/base/project.yml", "project: toy\nmodules: [toy.tables]\n")
        self._write("conf/base/settings.yml", SETTINGS)
        self._write("conf/local/settings.yml", "{}\n")
        self._write("platform/toy/__init__.py", "")
        for name, text in (suites or {}).items():
            self.suite(name, text)
        self.lake = self.declare(tables)

    @classmethod
    def at(cls, root: Path) -> Toy:
        """The project that there is at `root`."""
        toy = cls.__new__(cls)
        toy.root = root
        toy.reopen()
        return toy

    def copied(self, root: Path) -> Toy:
        """A project of its own that goes on from what this one's lake holds; trained models are those of this one."""
        shutil.copytree(self.root, root, ignore=shutil.ignore_patterns("__pycache__"))
        return Toy.at(root)

    def _write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def suite(self, table: str, expectations: str) -> None:
        """Say what must hold of a table, in YAML, one expectation a line; a lake opened later obeys."""
        lines = "".join(f"  - {line.strip()}\n" for line in expectations.strip().splitlines())
        self._write(f"quality/suites/{table.replace('.', '_')}.yml", f"table: {table}\nexpectations:\n{lines}")

    def declare(self, tables: str) -> Lake:
        """Write the tables and open the lake anew."""
        self._write("platform/toy/tables.py", HEAD + tables)
        return self.reopen()

    def reopen(self) -> Lake:
        """The lake as a new process would open it."""
        for name in [name for name in sys.modules if name.split(".")[0] == "toy"]:
            del sys.modules[name]
        linecache.checkcache()
        kept, sys.dont_write_bytecode = sys.dont_write_bytecode, True
        try:
            self.lake = aurify.connect("local", project=self.root)
        finally:
            sys.dont_write_bytecode = kept
        for spec in self.lake.specs.values():
            if spec.folder is not None:
                (self.root / "landing" / spec.folder.path).mkdir(parents=True, exist_ok=True)
        return self.lake

    def deliver(self, path: str, header: str, lines: Iterable[str], at: float) -> Path:
        """Put a file into the landing folder, modified `at` seconds after 1970."""
        file = self.root / "landing" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        content = "".join(f"{line}\n" for line in (header, *lines)).encode()
        file.write_bytes(gzip.compress(content, mtime=0) if path.endswith(".gz") else content)
        os.utime(file, ns=(round(at * 1000) * 1_000_000,) * 2)
        return file

    def refresh(self, *selection: str, full: bool = False) -> RunReport:
        """Refresh, and raise what went wrong."""
        report = self.lake.refresh(*selection, full=full)
        for table in report.tables.values():
            if table.error is not None:
                raise table.error
        return report

    def path(self, table: str) -> str:
        """Where a table lies."""
        return self.lake.target(table).path

    def held(self, table: str) -> list[dict[str, Any]]:
        """The rows that lie at a table's path, tombstones included, read without Spark."""
        rows: list[dict[str, Any]] = DeltaTable(self.path(table)).to_pyarrow_table().to_pylist()
        return rows

    def visible(self, table: str, columns: Sequence[str]) -> Counter[Row]:
        """The rows that readers see, each with how often it is there."""
        return Counter(tuple(r[c] for c in columns) for r in self.held(table) if not r.get("_deleted"))

    def version(self, table: str) -> int:
        """The newest version of a table."""
        return int(DeltaTable(self.path(table)).version())


def outcomes(report: RunReport) -> dict[str, str]:
    """What became of every table."""
    return {name: table.outcome for name, table in report.tables.items()}


def only_batch(report: TableReport) -> dict[str, int]:
    """The terms of the one batch of a table that are not 0."""
    (batch,) = report.batches
    return {name: count for name, count in batch.balance.as_dict().items() if count}
