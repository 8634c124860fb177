"""kill -9 while scores are made: the next run loses no row, and no version scores one twice."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.lakes import Toy
from tests.integration.test_score import SCORES, land, scores, scoring_toy
from tests.integration.test_train import DAYS
from tests.kills.conftest import SEED
from tests.kills.harness import NOWHERE, Border, asked_steps, copy_lake, kill_at_borders, victim

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.timeout(1800)

MODULE = "tests.kills.score_victim"
ALWAYS = ("recorded", "staged", "committed", "published")
WHEN_ASKED = ("claimed", "decided", "quarantined", "balanced")
LEDGERS = ("batches ledger",)
IN_EVERY_RUN, IN_ALL = 1, 50
MOMENTS = [
    *range(IN_EVERY_RUN),
    *(pytest.param(number, marks=pytest.mark.kills) for number in range(IN_EVERY_RUN, IN_ALL)),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """A lake whose champion has scored all days but the last, and a version 2 that has scored nothing."""
    toy = scoring_toy(tmp_path_factory.mktemp("scored"))
    assert toy.lake.score("risk").exit_code == 0
    land(toy, day=DAYS, rows=9)
    return toy.root


@pytest.fixture(scope="module")
def expected(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """The scores that a run leaves which nobody disturbs."""
    toy = Toy.at(base).copied(tmp_path_factory.mktemp("undisturbed") / "toy")
    assert toy.lake.score("risk", shadow=2).exit_code == 0
    found = told(toy)
    assert sum(1 for row in found if row[1] == 2) == 9
    return found


def told(toy: Toy) -> list[Any]:
    """All scores, without the time that they were made at."""
    rows = [tuple(value for name, value in row.items() if name != "scored_at") for row in scores(toy)]
    return sorted(((row["id"], row["model_version"]) for row in scores(toy)), key=str) + sorted(map(repr, rows))


@pytest.fixture(scope="module")
def killed(request: pytest.FixtureRequest, base: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A killed lake for each border of the selected tests, all by one kill."""
    steps = asked_steps(request)
    folder = tmp_path_factory.mktemp("killed")
    roots = {step: copy_lake(base, folder / f"lake {place}") for place, step in enumerate(steps)}
    borders = {root: Border("" if step in LEDGERS else SCORES, step) for step, root in roots.items()}
    kill_at_borders(folder / "victim", borders, MODULE)
    return roots


@pytest.mark.parametrize(
    "step", [*ALWAYS, *(pytest.param(step, marks=pytest.mark.kills) for step in (*WHEN_ASKED, *LEDGERS))]
)
def test_a_run_killed_at_a_border_is_made_good_by_the_next(
    step: str, killed: dict[str, Path], expected: list[Any], spark: SparkSession
) -> None:
    assert_made_good(killed[step], expected)


@pytest.fixture(scope="module")
def timeline(base: Path, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """When a run that nobody kills passes its steps, up to the shadow's commit."""
    folder = tmp_path_factory.mktemp("timeline")
    with victim(folder / "victim", [(copy_lake(base, folder / "lake"), NOWHERE)], MODULE) as undisturbed:
        undisturbed.wait_for_step("all done")
    steps = undisturbed.steps()
    last = max(place for place, step in enumerate(steps) if step["step"] == "committed")
    return [step["seconds"] for step in steps[: last + 1]]


@pytest.mark.parametrize("number", MOMENTS)
def test_a_run_killed_at_a_random_moment_is_made_good_by_the_next(
    number: int, base: Path, timeline: list[float], expected: list[Any], tmp_path: Path, spark: SparkSession
) -> None:
    moment = random.Random(f"{SEED} scores {number}").uniform(timeline[0], timeline[-1])
    root = copy_lake(base, tmp_path / "lake")
    with victim(tmp_path / "victim", [(root, NOWHERE)], MODULE) as killed:
        killed.kill_at(moment, timeline)
    assert_made_good(root, expected)


def assert_made_good(root: Path, expected: list[Any]) -> None:
    """One run more scores what was left, and a second one finds nothing."""
    toy = Toy.at(root)
    assert toy.lake.score("risk", shadow=2).exit_code == 0
    assert told(toy) == expected
    assert not toy.lake.score("risk", shadow=2).tables[SCORES].batches
    assert told(toy) == expected
