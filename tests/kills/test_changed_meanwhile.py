"""What people change between a kill and the next refresh: suite, code, files of the tables, the batch log."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from aurify.publish.sweep import sweep
from aurify.workflows.maintain import maintain
from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.conftest import Kill, KilledLake
from tests.kills.harness import Border
from tests.kills.picture import Rows, committed_notes, differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

BRONZE, SILVER, GOLD = TABLES
BEFORE_THE_COMMIT = [
    Kill(Border(SILVER, "decided"), "bronze of day 2"),
    Kill(Border(SILVER, "settled"), "bronze of day 2"),
]
AFTER_THE_COMMIT = [Kill(Border(SILVER, "committed"), "bronze of day 2")]


def stricter_suite(root: Path) -> None:
    """From now on silver takes no order above 800."""
    suite = root / "quality" / "suites" / "silver_orders.yml"
    suite.write_text(suite.read_text(encoding="utf-8").replace("max_value: 900", "max_value: 800"), encoding="utf-8")


def other_code(root: Path) -> None:
    """From now on silver writes the status in capitals."""
    code = root / "platform" / "shop" / "tables.py"
    text = code.read_text(encoding="utf-8")
    changed = text.replace(
        '        "status",\n',
        '        F.when(F.col("status") == "placed", "PLACED").otherwise(F.col("status")).alias("status"),\n',
        1,
    )
    assert changed != text
    code.write_text(changed, encoding="utf-8")


def a_new_column(root: Path) -> None:
    """From now on silver has one column more."""
    code = root / "platform" / "shop" / "tables.py"
    text = code.read_text(encoding="utf-8")
    changed = text.replace("status string, changed_at timestamp", "status string, changed_at timestamp, note string")
    changed = changed.replace('alias("changed_at"),\n', 'alias("changed_at"),\n        F.lit("new").alias("note"),\n')
    assert changed.count("note") == 2
    code.write_text(changed, encoding="utf-8")


CHANGES = {"suite": stricter_suite, "code": other_code, "columns": a_new_column}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("killed", BEFORE_THE_COMMIT[:1], indirect=True, ids=str)
def test_a_batch_killed_before_its_commit_is_made_by_what_holds_today(
    killed: KilledLake, change: str, bases: Bases, tmp_path: Path
) -> None:
    undisturbed = bases.copy("bronze of day 2", tmp_path / "undisturbed")
    for root in (killed.root, undisturbed):
        CHANGES[change](root)
        report = bases.open(root).refresh()
        assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(killed.root), rows_by_log(undisturbed))
    assert differences(rows_by_log(killed.root), bases.by_log("day 2")), "the change changes nothing"
    assert not differences(
        rows_by_spark(bases.open(killed.root), [SILVER]), rows_by_spark(bases.open(undisturbed), [SILVER])
    )


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("killed", AFTER_THE_COMMIT, indirect=True, ids=str)
def test_a_committed_batch_is_only_settled_whatever_holds_today(killed: KilledLake, change: str, bases: Bases) -> None:
    CHANGES[change](killed.root)
    report = bases.open(killed.root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(killed.root), bases.by_log("day 2"))


@pytest.mark.parametrize(
    "killed",
    [
        Kill(Border(SILVER, "staged"), "bronze of day 2"),
        Kill(Border(SILVER, "moved"), "bronze of day 2"),
        Kill(Border(SILVER, "settled"), "bronze of day 2"),
        Kill(Border(GOLD, "committed"), "silver of day 2"),
    ],
    indirect=True,
    ids=str,
)
def test_a_vacuum_between_kill_and_refresh_takes_nothing_that_is_needed(
    killed: KilledLake, bases: Bases, spark: SparkSession
) -> None:
    vacuum(spark, killed.root, BRONZE, f"quarantine/{BRONZE}", f"quarantine/{SILVER}", killed.kill.border.table)
    report = bases.open(killed.root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(after_vacuum(rows_by_log(killed.root)), after_vacuum(bases.by_log("day 2")))


@pytest.mark.parametrize("killed", AFTER_THE_COMMIT, indirect=True, ids=str)
def test_a_vacuum_that_takes_unread_changes_is_told_with_the_way_on(
    killed: KilledLake, bases: Bases, spark: SparkSession
) -> None:
    vacuum(spark, killed.root, SILVER)
    report = bases.open(killed.root).refresh()
    error = report.tables[GOLD].error
    assert error is not None, report.as_dict()
    assert (report.exit_code, error.exit_code) == (2, 2), report.as_dict()
    assert "--full" in error.render()
    found, expected = (after_vacuum(rows_by_log(root, [SILVER])) for root in (killed.root, bases["day 2"]))
    assert not differences(found, expected)
    assert bases.open(killed.root).refresh(GOLD, full=True).exit_code == 0
    assert rows_by_spark(bases.open(killed.root), [GOLD])[GOLD] == bases.by_spark("day 2")[GOLD]


@pytest.mark.parametrize(
    "killed",
    [Kill(Border(SILVER, step), "bronze of day 2") for step in ("staged", "committed")],
    indirect=True,
    ids=str,
)
def test_a_batch_log_lost_between_kill_and_refresh_is_rebuilt_and_nothing_taken_twice(
    killed: KilledLake, bases: Bases
) -> None:
    for table in TABLES:
        shutil.rmtree(killed.root / "lake" / table.replace(".", "/") / "_aurify")
    report = bases.open(killed.root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(killed.root), bases.by_log("day 2"))
    assert {t.outcome for t in bases.open(killed.root).refresh().tables.values()} == {"nothing new"}


@pytest.mark.parametrize(
    "killed",
    [Kill(Border(SILVER, step), "bronze of day 2") for step in ("staged", "quarantined", "settled")],
    indirect=True,
    ids=str,
)
def test_what_a_killed_attempt_left_is_swept_and_nothing_else(killed: KilledLake, bases: Bases) -> None:
    lake = bases.open(killed.root)
    assert sweep(lake.state(SILVER), older_than_s=0) == []
    report = lake.refresh()
    assert report.exit_code == 0, report.as_dict()
    target = killed.root / "lake" / "silver" / "orders"
    quarantine = killed.root / "lake" / "quarantine" / "silver_orders"
    attempts = {note["attempt"] for note in committed_notes(target)}
    maintain(lake, [SILVER], sweep_after_s=0)
    left = {file.parent.name.split("-", 2)[2] for root in (target, quarantine) for file in root.glob("batches/*/*")}
    assert left <= attempts
    expected = bases.by_spark("day 2")
    assert not differences(rows_by_spark(lake), expected)


def after_vacuum(picture: Mapping[str, Rows]) -> dict[str, Rows]:
    """What VACUUM leaves: it takes change images, and commits twice itself, so that later versions are other ones."""
    left = {name: rows for name, rows in picture.items() if not name.startswith(("changes of", "commits of"))}
    ledger = [{**json.loads(row), "version": None} for row in left["ledger of batches"]]
    return {**left, "ledger of batches": sorted(json.dumps(row, sort_keys=True) for row in ledger)}


def vacuum(spark: SparkSession, root: Path, *tables: str) -> None:
    """VACUUM by hand, keeping nothing that the newest version does not name."""
    session = spark.newSession()
    session.conf.set("spark.databricks.delta.retentionDurationCheck.enabled", "false")
    for table in tables:
        layer, name = table.split("/") if "/" in table else ("", table)
        path = root / "lake" / (layer or name.split(".")[0]) / (name.replace(".", "_") if layer else name.split(".")[1])
        session.sql(f"VACUUM delta.`{path}` RETAIN 0 HOURS")
