"""The lakes that kills start from, each made once from the one before it, and what an undisturbed run makes of them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import aurify
from aurify.publish.target import Handle
from aurify.workflows.restore import accept_change
from aurify.workflows.row_decisions import decide_rows
from tests.kills.borders import TABLES
from tests.kills.deliveries import DAY_1, DAY_2, deliver
from tests.kills.harness import HERE, copy_lake
from tests.kills.picture import Rows, rows_by_log, rows_by_spark

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from aurify.workflows.lake import Lake


# What a suite says at first, and then: more rows pass.
RELAXED = (
    ("silver_orders.yml", "min_value: 0, max_value: 900", "min_value: -9, max_value: 900"),
    ("gold_days.yml", "max_value: 1500", "max_value: 1750"),
)


@dataclass
class Bases:
    """The shop at five moments. They are copied, never touched."""

    folder: Path
    spark: SparkSession
    _seen: dict[str, dict[str, Rows]] = field(default_factory=dict)

    def __getitem__(self, name: str) -> Path:
        made: Path = getattr(self, name.replace(" ", "_"))
        return made

    def copy(self, name: str, root: Path) -> Path:
        """A lake of its own at a moment."""
        return copy_lake(self[name], root)

    def open(self, root: Path) -> Lake:
        """A lake in the session of the tests."""
        return aurify.connect("local", root, self.spark)

    def by_log(self, name: str) -> dict[str, Rows]:
        """What the files of an undisturbed lake hold."""
        return rows_by_log(self[name])

    def by_spark(self, name: str) -> dict[str, Rows]:
        """What readers get of an undisturbed lake."""
        if name not in self._seen:
            self._seen[name] = rows_by_spark(self.open(self[name]))
        return self._seen[name]

    def _next(self, before: str, name: str, *selection: str) -> Path:
        root = self.copy(before, self.folder / name.replace(" ", "_"))
        report = self.open(root).refresh(*selection)
        assert report.exit_code == 0, report.as_dict()
        return root

    @cached_property
    def nothing(self) -> Path:
        """The files of the first day, and no table yet."""
        root = copy_lake(HERE / "project", self.folder / "nothing")
        deliver(root, DAY_1)
        return root

    @cached_property
    def day_1(self) -> Path:
        """The first day published, the files of the second delivered."""
        root = self._next("nothing", "day 1")
        deliver(root, DAY_2)
        return root

    @cached_property
    def bronze_of_day_2(self) -> Path:
        """The second day in bronze."""
        return self._next("day 1", "bronze of day 2", "bronze.orders")

    @cached_property
    def silver_of_day_2(self) -> Path:
        """The second day in bronze and silver."""
        return self._next("bronze of day 2", "silver of day 2", "silver.orders")

    @cached_property
    def day_2(self) -> Path:
        """Both days, undisturbed."""
        return self._next("silver of day 2", "day 2", "gold.days")

    @cached_property
    def before_replays(self) -> Path:
        """Both days, rules of silver and gold relaxed, and a row of bronze accepted as it is."""
        root = self.copy("day 2", self.folder / "before_replays")
        for suite, strict, relaxed in RELAXED:
            file = root / "quality" / "suites" / suite
            text = file.read_text(encoding="utf-8")
            assert strict in text
            file.write_text(text.replace(strict, relaxed), encoding="utf-8")
        decide_rows(self.open(root), "bronze.orders", "accept", rules=["row_shape"], reason="the field is a remark")
        return root

    def _replayed(self, table: str) -> Path:
        root = self.copy("before replays", self.folder / f"replayed_{table}")
        report = self.open(root).replay(table)
        assert report.exit_code == 0, report.as_dict()
        assert report.tables[table].batches, f"{table} has rows to replay"
        return root

    @cached_property
    def replayed_bronze(self) -> Path:
        """After an undisturbed replay of bronze."""
        return self._replayed("bronze.orders")

    @cached_property
    def replayed_silver(self) -> Path:
        """After an undisturbed replay of silver."""
        return self._replayed("silver.orders")

    @cached_property
    def replayed_gold(self) -> Path:
        """After an undisturbed replay of gold."""
        return self._replayed("gold.days")

    @cached_property
    def day_1_by_Spark(self) -> Path:  # noqa: N802 - named for what it is
        """The first day in tables with a constraint, which only Spark can write, and the second delivered."""
        root = self.copy("day 1", self.folder / "day_1_by_spark")
        shutil.rmtree(root / "landing")
        deliver(root, DAY_1)
        lake = self.open(root)
        for table, column in zip(TABLES, ("_source_row", "order_no", "placed_on"), strict=True):
            path = lake.target(table).path
            self.spark.newSession().sql(f"ALTER TABLE delta.`{path}` ADD CONSTRAINT sane CHECK ({column} IS NOT NULL)")
            handle = Handle.open(path)
            assert handle is not None
            accept_change(lake, table, handle.version)
        assert lake.refresh().exit_code == 0
        deliver(root, DAY_2)
        return root

    @cached_property
    def bronze_of_day_2_by_Spark(self) -> Path:  # noqa: N802
        """The second day in bronze, by Spark."""
        return self._next("day 1 by Spark", "bronze of day 2 by Spark", "bronze.orders")

    @cached_property
    def day_2_by_Spark(self) -> Path:  # noqa: N802
        """Both days, undisturbed, by Spark."""
        return self._next("bronze of day 2 by Spark", "day 2 by Spark")
