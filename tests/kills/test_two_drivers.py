"""Two drivers on one table: a living one keeps it, a stopped one loses it and publishes nothing twice."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aurify.workflows.report import RunReport
from tests.kills.bases import Bases
from tests.kills.borders import TABLES
from tests.kills.harness import Border, victim
from tests.kills.picture import differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

BRONZE, SILVER, GOLD = TABLES
VOID_AFTER_S = 6.0
# Where the first driver is while the second one comes, and from which lake both start.
ALIVE = {Border(SILVER, "staged"): "bronze of day 2", Border(SILVER, "published"): "bronze of day 2"}
STOPPED = {
    Border(BRONZE, "recorded"): "day 1",
    Border(BRONZE, "quarantined"): "day 1",
    Border(SILVER, "claimed"): "bronze of day 2",
    Border(SILVER, "moved"): "bronze of day 2",
    Border(SILVER, "settled"): "bronze of day 2",
    Border(SILVER, "committed"): "bronze of day 2",
    Border(GOLD, "decided"): "silver of day 2",
    Border(SILVER, "quarantined"): "nothing",
}


@dataclass(frozen=True)
class Meeting:
    """What two drivers said of one lake."""

    root: Path
    first: Mapping[str, Any]
    second: RunReport
    undisturbed: str


@pytest.fixture(scope="module")
def meetings(bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> Mapping[Border, Meeting]:
    """One process waits in many lakes, each at its border, while the process of the tests refreshes them.

    In some lakes its lease is alive; in the others it is stopped by SIGSTOP until its lease is void, and continued.
    """
    folder = tmp_path_factory.mktemp("meetings")
    starts = {**ALIVE, **STOPPED}
    roots = {border: bases.copy(start, folder / f"{i}") for i, (border, start) in enumerate(starts.items())}
    with victim(folder / "victim", [(root, border) for border, root in roots.items()]) as first:
        first.wait_for_step("all there")
        second = {border: bases.open(roots[border]).refresh() for border in ALIVE}
        first.signal(signal.SIGSTOP)
        time.sleep(VOID_AFTER_S + 1)
        second |= {border: bases.open(roots[border]).refresh() for border in STOPPED}
        first.signal(signal.SIGCONT)
        (first.folder / "resume").touch()
        first.wait_for_step("all done")
    said = {step["root"]: step for step in first.steps() if step["step"] in ("finished", "raised")}
    return {
        border: Meeting(root, said[str(root)], second[border], "day 1" if starts[border] == "nothing" else "day 2")
        for border, root in roots.items()
    }


def test_a_table_that_another_run_holds_is_left_to_it_and_the_holder_named(meetings: Mapping[Border, Meeting]) -> None:
    meeting = meetings[Border(SILVER, "staged")]
    error = meeting.second.tables[SILVER].error
    assert error is not None
    assert (meeting.second.exit_code, error.exit_code) == (3, 3)
    assert f"process {meeting.first['pid']}" in error.render()
    assert meeting.first["run"] in error.render()
    assert meeting.second.tables[GOLD].outcome == "skipped"


def test_a_second_driver_leaves_alone_what_the_first_has_yet_to_count(meetings: Mapping[Border, Meeting]) -> None:
    meeting = meetings[Border(SILVER, "published")]
    assert meeting.second.exit_code == 0, meeting.second.as_dict()


@pytest.mark.parametrize("border", [*ALIVE, *STOPPED], ids=str)
def test_two_drivers_publish_every_batch_once(border: Border, meetings: Mapping[Border, Meeting], bases: Bases) -> None:
    meeting = meetings[border]
    assert meeting.first["step"] == "finished", meeting.first
    assert meeting.first["exit_code"] == 0, meeting.first
    assert not differences(rows_by_log(meeting.root), bases.by_log(meeting.undisturbed))
    assert not differences(rows_by_spark(bases.open(meeting.root)), bases.by_spark(meeting.undisturbed))


@pytest.mark.parametrize("border", STOPPED, ids=str)
def test_the_driver_that_took_over_has_done_all_of_it(border: Border, meetings: Mapping[Border, Meeting]) -> None:
    assert meetings[border].second.exit_code == 0, meetings[border].second.as_dict()
