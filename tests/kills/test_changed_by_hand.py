"""Tables that people change without Aurify, and logs that they lose: told, with ways on that lead on."""

from __future__ import annotations

import shutil
from collections import defaultdict
from contextlib import nullcontext
from decimal import Decimal
from pathlib import Path

import pytest
from deltalake import DeltaTable
from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from aurify.publish.publication import ForeignCommit
from aurify.publish.target import Handle
from aurify.workflows.lake import Lake
from aurify.workflows.refresh import refresh
from aurify.workflows.restore import accept_change, restore
from aurify.workflows.run import Step
from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.picture import committed_notes, differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

BRONZE, SILVER, GOLD = TABLES
BY_HAND = {
    "DELETE": "DELETE FROM delta.`{path}` WHERE order_no = 'o1'",
    "RESTORE": "RESTORE TABLE delta.`{path}` TO VERSION AS OF 1",
}


@pytest.fixture
def changed(request: pytest.FixtureRequest, bases: Bases, spark: SparkSession, tmp_path: Path) -> Lake:
    """An undisturbed lake whose silver table was changed by hand."""
    root = bases.copy("day 2", tmp_path / "lake")
    spark.newSession().sql(BY_HAND[request.param].format(path=root / "lake" / "silver" / "orders"))
    return bases.open(root)


def silver_version(lake: Lake) -> int:
    """The newest version of the silver table."""
    handle = Handle.open(lake.target(SILVER).path)
    assert handle is not None
    return handle.version


def rows(lake: Lake, *tables: str) -> dict[str, list[str]]:
    """What readers get of some tables."""
    picture = rows_by_spark(lake, tables)
    return {table: picture[table] for table in tables}


@pytest.mark.parametrize("changed", BY_HAND, indirect=True)
def test_a_change_by_hand_stops_the_table_and_names_its_version_and_both_ways_on(changed: Lake) -> None:
    version = silver_version(changed)
    for _ in range(2):
        report = changed.refresh()
        error = report.tables[SILVER].error
        assert isinstance(error, ForeignCommit), report.as_dict()
        assert report.exit_code == 1
        assert f"version {version}" in error.render()
        assert f"aurify restore {SILVER} --to" in error.render()
        assert f"aurify accept-change {SILVER} {version}" in error.render()
    assert silver_version(changed) == version


@pytest.mark.parametrize("changed", BY_HAND, indirect=True)
def test_restore_brings_back_the_last_batch_and_what_reads_it(changed: Lake, bases: Bases) -> None:
    restore(changed, SILVER, to=2)
    report = changed.refresh()
    assert report.exit_code == 0, report.as_dict()
    assert rows(changed, *TABLES) == {table: bases.by_spark("day 2")[table] for table in TABLES}
    assert {t.outcome for t in changed.refresh().tables.values()} == {"nothing new"}


@pytest.mark.parametrize("changed", ["DELETE"], indirect=True)
def test_an_earlier_batch_restored_is_followed_by_the_later_input_again(changed: Lake, bases: Bases) -> None:
    restore(changed, SILVER, to=1)
    report = changed.refresh()
    assert report.exit_code == 0, report.as_dict()
    assert rows(changed, *TABLES) == {table: bases.by_spark("day 2")[table] for table in TABLES}


@pytest.mark.parametrize("changed", ["DELETE"], indirect=True)
def test_an_accepted_change_stays_and_reaches_what_reads_the_table(changed: Lake, bases: Bases) -> None:
    accept_change(changed, SILVER, silver_version(changed))
    report = changed.refresh()
    assert report.exit_code == 0, report.as_dict()
    expected = bases.by_spark("day 2")
    assert rows(changed, SILVER)[SILVER] == [row for row in expected[SILVER] if '"o1"' not in row]
    days: dict[str, Decimal] = defaultdict(Decimal)
    for row in changed.read(SILVER).collect():
        days[str(row["placed_on"])] += row["amount"]
    told = {
        str(row["placed_on"]): row["amount"]
        for row in changed.read(GOLD).groupBy("placed_on").agg({"amount": "sum"}).toDF("placed_on", "amount").collect()
    }
    assert told["2024-01-01"] == days["2024-01-01"]


@pytest.mark.parametrize("changed", ["DELETE"], indirect=True)
@pytest.mark.parametrize("way", ["restore", "accept"])
def test_quarantined_rows_stay_readable_after_a_change_by_hand_is_settled(
    changed: Lake, way: str, bases: Bases
) -> None:
    if way == "restore":
        restore(changed, SILVER, to=2)
    else:
        accept_change(changed, SILVER, silver_version(changed))
    name = f"quarantine of {SILVER}"
    assert rows_by_spark(changed, [SILVER])[name] == bases.by_spark("day 2")[name]


@pytest.mark.parametrize("changed", ["DELETE"], indirect=True)
def test_a_second_change_by_hand_can_be_undone_like_the_first(changed: Lake, bases: Bases, spark: SparkSession) -> None:
    restore(changed, SILVER, to=2)
    spark.newSession().sql(BY_HAND["DELETE"].format(path=changed.target(SILVER).path))
    report = changed.refresh(SILVER)
    error = report.tables[SILVER].error
    assert isinstance(error, ForeignCommit), report.as_dict()
    batch = error.render().split("--to ")[1].split()[0].strip(";.,")
    restore(changed, SILVER, to=int(batch) if batch.isdigit() else 0)
    assert rows(changed, SILVER) == {SILVER: bases.by_spark("day 2")[SILVER]}


def test_a_change_by_hand_while_a_batch_is_under_way_stops_the_table_for_good(
    bases: Bases, spark: SparkSession, tmp_path: Path
) -> None:
    root = bases.copy("bronze of day 2", tmp_path / "lake")
    statements = [BY_HAND["DELETE"].format(path=root / "lake" / "silver" / "orders")]

    def interfere(step: Step) -> None:
        if (step.table, step.name) == (SILVER, "settled") and statements:
            spark.newSession().sql(statements.pop())

    for _ in range(2):
        report = refresh(bases.open(root), [SILVER], listen=interfere)
        assert isinstance(report.tables[SILVER].error, ForeignCommit), report.as_dict()
    assert len(committed_notes(root / "lake" / "silver" / "orders")) == 1


def test_a_lost_batch_log_is_rebuilt_and_nothing_is_taken_twice(bases: Bases, tmp_path: Path) -> None:
    root = bases.copy("day 1", tmp_path / "lake")
    for table in TABLES:
        shutil.rmtree(root / "lake" / table.replace(".", "/") / "_aurify")
    report = bases.open(root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(root), bases.by_log("day 2"))


@pytest.mark.parametrize("readable", [True, False], ids=["readable", "unreadable"])
def test_a_lost_batch_log_with_a_gap_in_the_commits_is_refused_and_can_be_rebuilt(
    bases: Bases, tmp_path: Path, readable: bool
) -> None:
    root = bases.copy("day 2", tmp_path / "lake")
    silver = root / "lake" / "silver" / "orders"
    DeltaTable(silver).create_checkpoint()
    for file in sorted((silver / "_delta_log").glob("*.json"))[: -1 if readable else None]:
        file.unlink()
    shutil.rmtree(silver / "_aurify")
    shutil.rmtree(root / "lake" / "gold")
    with nullcontext() if readable else pytest.warns(UserWarning, match=f"{SILVER} .* can't be read"):
        report = bases.open(root).refresh()
    error = report.tables[SILVER].error
    assert isinstance(error, ConfigurationError), report.as_dict()
    assert report.exit_code == 2
    assert "--full" in error.render()
    assert report.tables[BRONZE].outcome == "nothing new"
    if readable:
        assert bases.open(root).refresh(SILVER, full=True).exit_code == 0
        assert rows(bases.open(root), SILVER) == {SILVER: bases.by_spark("day 2")[SILVER]}
