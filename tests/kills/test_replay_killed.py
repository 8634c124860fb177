"""kill -9 at every border of a replay, then a replay or a refresh: each row has entered once, and none is lost."""

from __future__ import annotations

import pytest

from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.conftest import Kill, KilledLake
from tests.kills.harness import Border
from tests.kills.picture import differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

STEPS = (
    "claimed",
    "recorded",
    "staged",
    "decided",
    "moved",
    "quarantine committed",
    "committed",
    "published",
    "balanced",
)
# No row of bronze or gold fails again, so that nothing of theirs is moved into quarantine.
NONE_FAILS = ("moved", "quarantine committed")
FULL = "silver.orders"
KILLS = [
    pytest.param(
        Kill(Border(table, step), "before replays", replays=True),
        id=f"{table} {step}",
        marks=() if table == FULL or step in ("staged", "committed") else pytest.mark.kills,
    )
    for table in TABLES
    for step in STEPS
    if table == FULL or step not in NONE_FAILS
]


@pytest.mark.parametrize("killed", KILLS, indirect=True)
def test_the_replay_after_a_kill_leaves_what_an_undisturbed_one_does(killed: KilledLake, bases: Bases) -> None:
    table = killed.kill.border.table
    undisturbed = f"replayed {table.split('.')[0]}"
    lake = bases.open(killed.root)
    # A refresh goes on with a replay that is recorded; before that only a replay knows that there is one.
    goes_on = killed.kill.border.step in ("staged", "moved", "committed")
    report = lake.refresh(table) if goes_on else lake.replay(table)
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(killed.root), bases.by_log(undisturbed))
    assert not differences(rows_by_spark(lake, [table]), of_one(bases.by_spark(undisturbed), table))
    assert bases.open(killed.root).replay(table).tables[table].outcome == "nothing new"
    assert not differences(rows_by_log(killed.root), bases.by_log(undisturbed))


def of_one(picture: dict[str, list[str]], table: str) -> dict[str, list[str]]:
    """The parts of a picture that are of one table or of the ledger."""
    return {n: rows for n, rows in picture.items() if n in (table, f"quarantine of {table}") or n.startswith("ledger")}
