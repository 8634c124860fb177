"""kill -9 at every border of the protocol, then a refresh: the lake is what an undisturbed run makes of it."""

from __future__ import annotations

import pytest

from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.conftest import Kill, KilledLake
from tests.kills.harness import Border
from tests.kills.picture import differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

STARTS = dict(zip(TABLES, ("day 1", "bronze of day 2", "silver of day 2"), strict=True))
TOLD = ("recorded", "staged", "decided", "quarantined", "published", "balanced")
WITHIN = ("claimed", "moved", "quarantine committed", "committed")
OF_THE_RUN = ("batches ledger", "rules ledger", "ledger", "runs ledger", "ended")
OF_THE_FIRST_REFRESH = (
    ("bronze.orders", "created"),
    ("bronze.orders", "published"),
    ("silver.orders", "created"),
    ("silver.orders", "moved"),
    ("silver.orders", "committed"),
    ("gold.days", "created"),
    ("", "batches ledger"),
)
BY_SPARK = (
    ("bronze.orders", "quarantined"),
    ("bronze.orders", "committed"),
    ("silver.orders", "quarantined"),
    ("silver.orders", "committed"),
    ("gold.days", "committed"),
)
KILLS = [
    *(Kill(Border(table, step), STARTS[table]) for table in TABLES for step in TOLD),
    *(Kill(Border(table, step), STARTS[table]) for table in TABLES for step in WITHIN),
    *(Kill(Border(table, "settled"), STARTS[table]) for table in TABLES[1:]),
    *(Kill(Border("", step)) for step in OF_THE_RUN),
    Kill(Border("bronze.orders", "cleaned")),
    *(Kill(Border(table, step), "day 1 by Spark") for table, step in BY_SPARK),
    *(Kill(Border(table, step), "nothing") for table, step in OF_THE_FIRST_REFRESH),
]


@pytest.mark.parametrize("killed", KILLS, indirect=True, ids=str)
def test_the_refresh_after_a_kill_leaves_what_an_undisturbed_one_does(killed: KilledLake, bases: Bases) -> None:
    undisturbed = {"nothing": "day 1", "day 1 by Spark": "day 2 by Spark"}.get(killed.kill.start, "day 2")
    lake = bases.open(killed.root)
    report = lake.refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(killed.root), bases.by_log(undisturbed))
    table = killed.kill.border.table or "gold.days"
    expected = {name: rows for name, rows in bases.by_spark(undisturbed).items() if of_one(name, table)}
    assert not differences(rows_by_spark(lake, [table]), expected)
    again = bases.open(killed.root).refresh()
    assert {t.outcome for t in again.tables.values()} == {"nothing new"}
    assert not differences(rows_by_log(killed.root), bases.by_log(undisturbed))


def of_one(name: str, table: str) -> bool:
    """Whether a part of the picture is of one table or of the ledger."""
    return name in (table, f"quarantine of {table}") or name.startswith("ledger")
