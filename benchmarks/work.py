"""The work that is measured, as it runs in the process of `program.run`: data made, Aurify, the rival."""

from __future__ import annotations

import os
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.meter import Meter
from benchmarks.program import ROOT

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from aurify.workflows.lake import Lake

WARM_UP_DAYS, WARM_UP_ROWS = 3, 2_000


def generate(spark: SparkSession, meter: Meter, out: str, days: int, rows_per_day: int, landed: int = 0) -> int:
    """Write what arrives on the days from `landed` up to `days`; gives the lines written."""
    from retail.generate import generate as make

    made = make(
        spark,
        out,
        days=days,
        rows_per_day=rows_per_day,
        landed=landed,
        seed=7,
        start=date(2015, 1, 1),
        payments_per_day=0,
    )
    return made.lines


def aurify(
    spark: SparkSession, meter: Meter, sources: str, warehouse: str, warm_up: str = "", name: str = "aurify"
) -> dict[str, int]:
    """One refresh of the tables of sales, after one of a small lake where `warm_up` names its sources."""
    if warm_up:
        refresh(open_lake(spark, warm_up, f"{warehouse}-warm"))
        shutil.rmtree(f"{warehouse}-warm")
    lake = open_lake(spark, sources, warehouse)
    with meter.section(name):
        return refresh(lake)


def hand_written(spark: SparkSession, meter: Meter, sources: str, warehouse: str) -> dict[str, str]:
    """One refresh by the rival, in the same session."""
    from benchmarks.rivals.hand_written import refresh as refresh_by_hand

    with meter.section("hand_written"):
        return refresh_by_hand(spark, f"{sources}/pos_lines", warehouse)


def open_lake(spark: SparkSession, sources: str, warehouse: str) -> Lake:
    """The project's lake on these folders."""
    from aurify import connect

    os.environ.update(AURIFY_SOURCES=sources, AURIFY_WAREHOUSE=warehouse)
    return connect("local", project=ROOT, spark=spark)


def refresh(lake: Lake) -> dict[str, int]:
    """Refresh the sales of days, and what they are made of; gives the rows read by table, stops where one failed."""
    report = lake.refresh("+gold.daily_sales")
    if report.exit_code:
        raise SystemExit(f"the refresh ended with {report.exit_code}: {report.as_dict()}")
    return {t.table: sum(b.balance.read for b in t.batches) for t in report.tables.values()}


def land(folder: Path, file: Path) -> None:
    """Put one file into a source folder, with its time."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy2(file, folder / file.name)
