"""A lake on S3: what is published there is what the local disk has, row for row, killed or not."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from pyspark.sql import SparkSession

import aurify
from aurify.errors import DataError
from aurify.publish.target import Handle
from aurify.storage import Storage
from aurify.workflows.lake import Lake
from aurify.workflows.maintain import maintain
from aurify.workflows.restore import accept_change
from tests.cluster.on_yarn import assert_same_tables
from tests.cluster.processes import REPOSITORY
from tests.cluster.s3.server import S3Server
from tests.integration.lakes import outcomes
from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.deliveries import DAY_1, DAY_2, HEADER, Day
from tests.kills.harness import HERE as SHOP
from tests.kills.harness import Border, kill_at_borders
from tests.kills.picture import differences, rows_by_spark
from tests.kills.victim import __name__ as REFRESHES

BORDERS = (Border("silver.orders", "quarantined"), Border("gold.days", "published"))


class ShopOnS3:
    """The shop of the tests of kills, its landing folder and its tables in a bucket."""

    def __init__(self, root: Path, server: S3Server, spark: SparkSession, scheme: str) -> None:
        self.root, self._server, self._spark = root, server, spark
        server.bucket("shops")
        self.place = f"{scheme}://shops/{uuid4().hex}"
        shutil.copytree(SHOP / "project", root, ignore=shutil.ignore_patterns("__pycache__"))
        overlay = f"warehouse: {self.place}/lake\nsources: {self.place}/landing\n"
        (root / "conf" / "local" / "settings.yml").write_text(overlay, encoding="utf-8")

    def deliver(self, day: Day) -> None:
        """Put the files of a day there, each with its modification time."""
        for name, modified, lines in day:
            place = f"{self.place}/landing/orders/{name}"
            Storage().write(place, ("\n".join([HEADER, *lines]) + "\n").encode())
            self._server.date(place, modified)

    @property
    def lake(self) -> Lake:
        """It, in the session of the tests."""
        return aurify.connect("local", self.root, self._spark)

    def refresh(self) -> None:
        report = self.lake.refresh()
        assert report.exit_code == 0, report.as_dict()


@pytest.fixture
def open_shop(tmp_path: Path, s3: S3Server, spark: SparkSession) -> Callable[[str], ShopOnS3]:
    """Shops of their own, by the scheme of their places."""

    def opened(scheme: str) -> ShopOnS3:
        return ShopOnS3(tmp_path / uuid4().hex, s3, spark, scheme)

    return opened


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Bases:
    """The same shop on the local disk."""
    return Bases(tmp_path_factory.mktemp("bases"), spark)


def test_generated_days_are_the_tables_of_the_local_disk(
    local_lake: Lake, s3: S3Server, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    sources, bucket = Path(local_lake.settings.sources), s3.bucket("generated")
    for file in sources.rglob("*"):
        if file.is_file():
            place = f"{bucket}/sources/{file.relative_to(sources)}"
            Storage().upload(file, place)
            s3.date(place, file.stat().st_mtime)
    monkeypatch.setenv("AURIFY_WAREHOUSE", f"{bucket}/lake")
    monkeypatch.setenv("AURIFY_SOURCES", f"{bucket}/sources")
    lake = aurify.connect("local", REPOSITORY, spark)
    assert lake.refresh().exit_code == 0
    assert_same_tables(local_lake, lake.settings.warehouse)
    versions = {name: lake.state(name).handle for name in lake.specs}
    again = lake.refresh()
    assert set(outcomes(again).values()) == {"nothing new"}
    assert {name: handle.version for name, handle in versions.items() if handle} == {
        name: handle.version for name in lake.specs if (handle := lake.state(name).handle)
    }


@pytest.mark.parametrize("scheme", ["s3a", "s3"])
def test_two_days_are_those_of_the_local_disk(scheme: str, open_shop: Callable[[str], ShopOnS3], local: Bases) -> None:
    shop = open_shop(scheme)
    for day in (DAY_1, DAY_2):
        shop.deliver(day)
        shop.refresh()
    assert differences(rows_by_spark(shop.lake), local.by_spark("day 2")) == ""


def test_tables_that_spark_alone_writes_are_those_of_the_local_disk(
    open_shop: Callable[[str], ShopOnS3], local: Bases, spark: SparkSession
) -> None:
    shop = open_shop("s3a")
    shop.deliver(DAY_1)
    shop.refresh()
    lake = shop.lake
    for table, column in zip(TABLES, ("_source_row", "order_no", "placed_on"), strict=True):
        path = lake.target(table).path
        spark.newSession().sql(f"ALTER TABLE delta.`{path}` ADD CONSTRAINT sane CHECK ({column} IS NOT NULL)")
        handle = Handle.open(path)
        assert handle is not None
        accept_change(lake, table, handle.version)
    shop.deliver(DAY_2)
    shop.refresh()
    found, expected = rows_by_spark(shop.lake), local.by_spark("day 2")
    assert {table: found[table] for table in TABLES} == {table: expected[table] for table in TABLES}


def test_a_driver_killed_on_the_way_is_made_good_by_the_next(
    open_shop: Callable[[str], ShopOnS3], local: Bases, tmp_path: Path
) -> None:
    shops = [open_shop("s3a") for _ in BORDERS]
    for shop in shops:
        shop.deliver(DAY_1)
        shop.refresh()
        shop.deliver(DAY_2)
    lakes = {shop.root: border for shop, border in zip(shops, BORDERS, strict=True)}
    kill_at_borders(tmp_path / "victim", lakes, REFRESHES)
    for shop in shops:
        assert differences(rows_by_spark(shop.lake), local.by_spark("day 2")) != ""
        shop.refresh()
        assert differences(rows_by_spark(shop.lake), local.by_spark("day 2")) == ""


def test_a_run_that_lost_a_table_to_another_while_spark_committed_says_so(open_shop: Callable[[str], ShopOnS3]) -> None:
    lake = open_shop("s3a").lake
    path = lake.target("gold.days").path
    Handle.create(path, lake.target("gold.days").physical_schema, {"kind": "created"})

    def lose(by_spark: bool, claim: int) -> None:
        later = {"run": "other", "host": "elsewhere", "pid": 1, "process": "1", "beat": 0, "released": True}
        with lake.lease("gold.days", "slow", by_spark):
            Storage().write(f"{path}/_aurify/lease/{claim:09d}.json", json.dumps(later).encode())

    lose(by_spark=False, claim=10)  # delta-rs would have been refused
    with pytest.raises(DataError, match="another run took it over"):
        lose(by_spark=True, claim=20)


def test_maintenance_leaves_fewer_files_and_the_same_rows(open_shop: Callable[[str], ShopOnS3], local: Bases) -> None:
    shop, storage = open_shop("s3a"), Storage()
    for day in (DAY_1, DAY_2):
        shop.deliver(day)
        shop.refresh()

    def files() -> int:
        return sum(1 for table in TABLES for _ in storage.files(shop.lake.target(table).path, ".parquet"))

    before = files()
    maintain(shop.lake, retain_hours=0, sweep_after_s=0)
    assert files() < before
    found, expected = rows_by_spark(shop.lake), local.by_spark("day 2")
    assert {table: found[table] for table in TABLES} == {table: expected[table] for table in TABLES}
    assert [done.swept for done in maintain(shop.lake, retain_hours=0, sweep_after_s=0)] == [[], [], []]
    assert set(outcomes(shop.lake.refresh()).values()) == {"nothing new"}
