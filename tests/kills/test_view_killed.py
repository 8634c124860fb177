"""kill -9 at every border of a feature view whose days reach into later ones: the next refresh makes it good."""

from __future__ import annotations

from pathlib import Path

import pytest

from aurify.publish.target import Handle
from tests.kills.bases import Bases
from tests.kills.harness import Border, copy_lake, start_victim
from tests.kills.picture import differences, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

VIEW = "gold.order_habits"
FILE = '''
"""What was known at each order."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from aurify import Lag, Window, changes, feature_view

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

THREE_DAYS = timedelta(days=3)


@feature_view(
    "gold.order_habits",
    inputs={"orders": changes("silver.orders")},
    entity="status",
    event_time="placed_on",
    by="placed_on",
    keys="order_no",
    columns="order_no string, status string, placed_on date",
    features=[Window("count", THREE_DAYS), Window("sum", THREE_DAYS, "amount"), Lag("amount", THREE_DAYS)],
    units={"amount": "EUR"},
    owner="shop",
)
def order_habits(orders: DataFrame) -> DataFrame:
    """One row per order."""
    return orders
'''
SUITE = """
table: gold.order_habits
expectations:
  - expect_column_values_to_be_between: {column: sum_amount_3d, max_value: 1000}
"""
STEPS = ("recorded", "staged", "moved", "committed", "published")


@pytest.fixture(scope="module")
def day_1(bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first day in the view, too; the second delivered."""
    root = bases.copy("day 1", tmp_path_factory.mktemp("view") / "day-1")
    (root / "platform/shop/views.py").write_text(FILE, encoding="utf-8")
    (root / "quality/suites/gold_order_habits.yml").write_text(SUITE, encoding="utf-8")
    project = root / "conf/base/project.yml"
    project.write_text(project.read_text().replace("[shop.tables]", "[shop.tables, shop.views]"), encoding="utf-8")
    report = bases.open(root).refresh(VIEW)
    assert report.tables[VIEW].outcome == "done", report.as_dict()
    return root


def test_a_view_killed_at_any_border_is_made_good(bases: Bases, day_1: Path, tmp_path: Path) -> None:
    undisturbed = bases.open(copy_lake(day_1, tmp_path / "undisturbed"))
    assert undisturbed.refresh().exit_code == 0
    expected = rows_by_spark(undisturbed, [VIEW])
    last = max((row for row in undisturbed.batches_ledger.rows() if row["table"] == VIEW), key=lambda r: r["batch"])
    assert last["updated"] + last["unchanged"] > 0, "the second day reaches rows that were there"
    assert last["quarantined"], "and some fail"
    lakes = [(copy_lake(day_1, tmp_path / step.replace(" ", "-")), Border(VIEW, step)) for step in STEPS]
    killed = start_victim(tmp_path / "victim", lakes)
    killed.process.wait(900)
    killed.kill()
    assert killed.was_killed, killed.output()
    for root, border in lakes:
        handle = Handle.open(str(root / "lake" / "gold" / "order_habits"))
        assert handle is not None
        is_public = border.step in ("committed", "published", "balanced")
        assert handle.position[1] == (2 if is_public else 1), border
        assert bases.open(root).refresh().exit_code == 0, border
        lake = bases.open(root)
        assert not differences(rows_by_spark(lake, [VIEW]), expected), border
        assert {table.outcome for table in lake.refresh().tables.values()} == {"nothing new"}, border
