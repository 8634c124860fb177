"""Lakes to kill, one victim for all planned kills, and the seed of the random ones."""

from __future__ import annotations

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.kills.bases import Bases
from tests.kills.harness import Border, Victim, start_victim

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# In the environment, so that every process of one test run draws the same moments.
SEED = os.environ.setdefault("AURIFY_KILL_SEED", str(random.randrange(1_000_000)))
LANDED = "random kill"


@dataclass(frozen=True)
class Kill:
    """A refresh, or a replay of the border's table, that starts from a known lake and is killed at a border."""

    border: Border
    start: str = "day 1"
    replays: bool = False

    def __str__(self) -> str:
        """As it stands in the name of a test."""
        told = {"nothing": " of the first refresh", "day 1 by Spark": " by Spark"}.get(self.start, "")
        return f"{self.border}{told}"


@dataclass(frozen=True)
class KilledLake:
    """A lake whose refresh was killed, and the victim that had done it."""

    root: Path
    kill: Kill
    victim: Victim


@pytest.fixture(scope="session")
def bases(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Bases:
    """The lakes that kills start from."""
    return Bases(tmp_path_factory.mktemp("bases"), spark)


@pytest.fixture(scope="module")
def planned(
    request: pytest.FixtureRequest, bases: Bases, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, KilledLake]:
    """A killed lake for every selected test of the file that asks for one, by test; one process, one kill for all."""
    asked: dict[str, Kill] = {
        item.nodeid: cast("Kill", item.callspec.params["killed"])
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec") and "killed" in item.callspec.params
        if item.path == request.path
    }
    folder = tmp_path_factory.mktemp("killed")
    lakes = {name: (bases.copy(kill.start, folder / f"{i}"), kill) for i, (name, kill) in enumerate(asked.items())}
    replays = {root for root, kill in lakes.values() if kill.replays}
    victim = start_victim(folder / "victim", [(root, kill.border) for root, kill in lakes.values()], replays=replays)
    try:
        victim.wait_for_step("all there")
    finally:
        victim.kill()
    return {name: KilledLake(root, kill, victim) for name, (root, kill) in lakes.items()}


@pytest.fixture
def killed(request: pytest.FixtureRequest, planned: Mapping[str, KilledLake]) -> KilledLake:
    """The lake of this test, killed at the border it asks for, and the proof of that."""
    lake = planned[request.node.nodeid]
    steps = lake.victim.steps(lake.root)
    assert steps, lake.victim.output()
    assert (steps[-1]["table"], steps[-1]["step"]) == (lake.kill.border.table, lake.kill.border.step)
    assert lake.victim.was_killed
    return lake


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which moments were drawn, so that a failure can be drawn again."""
    reports = [r for found in terminalreporter.stats.values() for r in found if isinstance(r, pytest.TestReport)]
    landed = [value for r in reports if r.when == "call" for name, value in r.user_properties if name == LANDED]
    if landed:
        terminalreporter.section(f"random kills, AURIFY_KILL_SEED={SEED}")
        for line in landed:
            terminalreporter.write_line(str(line))
