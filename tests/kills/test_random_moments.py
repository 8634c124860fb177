"""kill -9 at moments drawn from an undisturbed refresh, and the same proof as at the borders."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.kills.bases import Bases
from tests.kills.conftest import LANDED, SEED
from tests.kills.harness import NOWHERE, victim
from tests.kills.picture import committed_notes, differences, rows_by_log, rows_by_spark

pytestmark = pytest.mark.timeout(1800)

IN_EVERY_RUN, IN_ALL = 5, 50
MOMENTS = [
    *range(IN_EVERY_RUN),
    *(pytest.param(number, marks=pytest.mark.kills) for number in range(IN_EVERY_RUN, IN_ALL)),
]
LAST_COMMIT = ("gold.days", "committed")


@pytest.fixture(scope="module")
def timeline(bases: Bases, tmp_path_factory: pytest.TempPathFactory) -> Sequence[dict[str, Any]]:
    """The steps of a process that nobody kills, up to its last commit."""
    folder = tmp_path_factory.mktemp("timeline")
    root = bases.copy("day 1", folder / "lake")
    with victim(folder / "victim", [(root, NOWHERE)]) as undisturbed:
        undisturbed.wait_for_step("all done")
    assert not differences(rows_by_log(root), bases.by_log("day 2"))
    steps = undisturbed.steps()
    last = next(i for i, step in enumerate(steps) if (step["table"], step["step"]) == LAST_COMMIT)
    return steps[: last + 1]


@pytest.fixture(scope="module")
def landed() -> list[str]:
    """Where the kills landed, in words."""
    return []


@pytest.mark.parametrize("number", MOMENTS)
def test_a_refresh_killed_at_a_random_moment_is_made_good_by_the_next(
    number: int,
    timeline: Sequence[dict[str, Any]],
    bases: Bases,
    landed: list[str],
    record_property: Callable[[str, object], None],
    tmp_path: Path,
) -> None:
    seconds = [step["seconds"] for step in timeline]
    moment = random.Random(f"{SEED} {number}").uniform(seconds[0], seconds[-1])
    root = bases.copy("day 1", tmp_path / "lake")
    with victim(tmp_path / "victim", [(root, NOWHERE)]) as killed:
        killed.kill_at(moment, seconds)
    last = killed.steps()[-1]
    late = len(committed_notes(root / "lake" / "gold" / "days")) > 1
    place = f"{last['table']} {last['step']}".strip()
    landed.append(f"{number}: {moment - seconds[0]:.3f} s, after '{place}'{', after the last commit' if late else ''}")
    record_property(LANDED, landed[-1])
    report = bases.open(root).refresh()
    assert report.exit_code == 0, report.as_dict()
    assert not differences(rows_by_log(root), bases.by_log("day 2")), landed[-1]
    assert not differences(rows_by_spark(bases.open(root)), bases.by_spark("day 2")), landed[-1]


def test_nine_in_ten_random_kills_land_before_the_last_commit(landed: list[str]) -> None:
    if not landed:
        pytest.skip("no random kill was selected")
    late = [line for line in landed if line.endswith("after the last commit")]
    assert len(late) <= max(1, len(landed) // 10), late
