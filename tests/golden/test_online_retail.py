"""Real till lines: however thirty days arrive, the tables are the same, row for row."""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from aurify.workflows.lake import Lake

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data" / "online_retail" / "by-day"
DAYS = 30
SEED = 20101201

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the real data is not beside the project")


@pytest.fixture(scope="module")
def land(
    tmp_path_factory: pytest.TempPathFactory, open_lake: Callable[[Path], Lake]
) -> Callable[[str, Sequence[Sequence[Path]]], Lake]:
    """Refresh a lake of its own over cuts of the files, one refresh a cut."""

    def landed(name: str, cuts: Sequence[Sequence[Path]]) -> Lake:
        home = tmp_path_factory.mktemp(name)
        lake = open_lake(home)
        folder = home / "sources" / "pos_lines"
        folder.mkdir(parents=True)
        for cut in cuts:
            for file in cut:
                shutil.copy2(file, folder / file.name)
            report = lake.refresh("+gold.daily_sales")
            assert report.exit_code == 0, [t.error for t in report.tables.values()]
        return lake

    return landed


@pytest.fixture(scope="module")
def files() -> list[Path]:
    """The first thirty days."""
    return sorted(DATA.glob("*.csv.gz"))[:DAYS]


@pytest.fixture(scope="module")
def at_once(land: Callable[[str, Sequence[Sequence[Path]]], Lake], files: list[Path]) -> Lake:
    """All days in one refresh."""
    return land("at-once", [files])


def assert_same(left: DataFrame, right: DataFrame) -> None:
    """Both hold the same rows, as often."""
    columns = sorted(left.columns)
    assert left.select(columns).exceptAll(right.select(columns)).take(3) == []
    assert right.select(columns).exceptAll(left.select(columns)).take(3) == []


def test_days_one_by_one_give_the_same_tables(
    land: Callable[[str, Sequence[Sequence[Path]]], Lake], files: list[Path], at_once: Lake
) -> None:
    daily = land("daily", [[file] for file in files])
    for table in ("silver.pos_lines", "gold.daily_sales"):
        assert_same(at_once.read(table), daily.read(table))


def test_shuffled_days_give_the_same_tables(
    land: Callable[[str, Sequence[Sequence[Path]]], Lake], files: list[Path], at_once: Lake
) -> None:
    draw = random.Random(SEED)
    mixed = draw.sample(files, len(files))
    borders = [0, *sorted(draw.sample(range(1, DAYS), 7)), DAYS]
    shuffled = land("shuffled", [mixed[a:b] for a, b in pairwise(borders)])
    for table in ("silver.pos_lines", "gold.daily_sales"):
        assert_same(at_once.read(table), shuffled.read(table))


def test_no_line_is_lost_on_the_way(at_once: Lake) -> None:
    bronze, silver = at_once.read("bronze.pos_lines"), at_once.read("silver.pos_lines")
    amount = F.sum(F.col("Quantity").cast("int") * F.col("UnitPrice").cast("decimal(12,4)"))
    raw = bronze.agg(F.count("*").alias("lines"), amount.alias("amount")).first()
    settled = silver.agg(F.count("*").alias("lines"), F.sum(F.expr("quantity * unit_price")).alias("amount")).first()
    gold = at_once.read("gold.daily_sales").agg(F.sum("net_amount").alias("amount")).first()
    assert raw is not None
    assert settled is not None
    assert gold is not None
    assert (settled["lines"], settled["amount"]) == (raw["lines"], raw["amount"])
    assert gold["amount"] == raw["amount"]
