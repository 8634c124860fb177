"""kill -9 while a model is monitored: each batch is compared once, no alert is lost and none is told twice."""

from __future__ import annotations

import random
import time
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from http.server import HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.lakes import Toy
from tests.integration.test_score import land, scoring_toy
from tests.integration.test_train import DAYS
from tests.kills.conftest import SEED
from tests.kills.harness import NOWHERE, Border, Victim, copy_lake, started
from tests.unit.test_alerts import Hook, serving

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytestmark = pytest.mark.timeout(1800)

MODULE = "tests.kills.monitor_victim"
ALWAYS = ("batch 2 seen", "batch 2 kept", "page")
WHEN_ASKED = ("batch 1 seen", "batch 1 kept", "labels seen", "labels kept")
MOMENTS = [pytest.param(number, marks=pytest.mark.kills) for number in range(25)]


class ByLake(Hook):
    """Keeps notices with the path that they came to."""

    def kept(self, body: Any) -> tuple[str, Any]:
        """The name of the lake, and the notice."""
        return self.path.strip("/"), body


@pytest.fixture(scope="module")
def receiver() -> Iterator[Any]:
    """What takes the notices of all lakes; `got` has each with its lake's name."""
    server: Any = HTTPServer(("127.0.0.1", 0), ByLake)
    server.got = []
    with serving(server):
        yield server


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """A lake of two scored batches, the second of which drifted; nobody has looked at them."""
    toy = scoring_toy(tmp_path_factory.mktemp("monitored"))
    assert toy.lake.score("risk").exit_code == 0
    land(toy, day=DAYS, rows=60, amount="180.00")
    assert toy.lake.score("risk").exit_code == 0
    return toy.root


def copied(base: Path, root: Path, receiver: Any) -> Path:
    """A copy of the lake, whose alerts go to the receiver under a name of its own."""
    found = copy_lake(base, root)
    sink = f'{{kind: webhook, url: "http://127.0.0.1:{receiver.server_address[1]}/{root.name.replace(" ", "-")}"}}'
    alerts = f"alerts: {{sinks: {{team: {sink}}}, rules: [{{sinks: [team]}}]}}\n"
    (found / "conf" / "local" / "settings.yml").write_text(alerts, encoding="utf-8")
    return found


@pytest.fixture(scope="module")
def expected(base: Path, receiver: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a run leaves which nobody disturbs."""
    return left(copied(base, tmp_path_factory.mktemp("undisturbed") / "whole", receiver), receiver)


def left(root: Path, receiver: Any) -> Any:
    """What is kept and told after one more run, and that a second one adds nothing."""
    toy = Toy.at(root)
    home = toy.lake.monitor("risk").home
    found = kept(toy, home), told(root, receiver)
    assert toy.lake.monitor("risk").batches == ()
    assert (kept(toy, home), told(root, receiver)) == found
    return found


def kept(toy: Toy, home: str) -> list[str]:
    columns = toy.lake.session.read.format("delta").load(f"{home}/columns")
    alerts = [(one.alert.key, one.severity, one.seen, one.notices) for one in toy.lake.alerts.open_alerts()]
    return sorted(map(repr, columns.collect())) + sorted(map(repr, alerts))


def told(root: Path, receiver: Any) -> dict[str, list[str]]:
    """The alerts by notice, as they came to the receiver; one that came twice has the same number."""
    own = [body for name, body in receiver.got if name == root.name.replace(" ", "-")]
    return {body["id"]: [one["alert"]["column"] for one in body["alerts"]] for body in own}


def begun(folder: Path, lakes: Mapping[Path, Border], die: bool) -> Victim:
    plan = {
        "resume": str(folder / "resume"),
        "lakes": [
            {"root": str(root), "until": [border.table, border.step], "replays": False}
            for root, border in lakes.items()
        ],
        "die": die,
    }
    return started(MODULE, folder, plan)


@pytest.fixture(scope="module")
def killed(
    request: pytest.FixtureRequest, base: Path, receiver: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A killed lake for each border of the selected tests, all by one kill."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    steps = [str(item.callspec.params["step"]) for item in items if "step" in getattr(item, "fixturenames", ())]
    folder = tmp_path_factory.mktemp("killed")
    roots = {step: copied(base, folder / f"lake {place}", receiver) for place, step in enumerate(steps)}
    victim = begun(folder / "victim", {root: Border("", step) for step, root in roots.items()}, die=True)
    try:
        victim.process.wait(600)
    finally:
        victim.kill()
    assert victim.was_killed, victim.output()
    for step, root in roots.items():
        assert victim.steps(root)[-1]["step"] == step, victim.output()
    return roots


@pytest.mark.parametrize("step", [*ALWAYS, *(pytest.param(step, marks=pytest.mark.kills) for step in WHEN_ASKED)])
def test_a_monitor_killed_at_a_border_is_made_good_by_the_next(
    step: str, killed: dict[str, Path], expected: Any, receiver: Any
) -> None:
    assert left(killed[step], receiver) == expected


@pytest.fixture(scope="module")
def timeline(base: Path, receiver: Any, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """When a run that nobody kills passes its steps."""
    folder = tmp_path_factory.mktemp("timeline")
    victim = begun(folder / "victim", {copied(base, folder / "timed", receiver): NOWHERE}, die=False)
    try:
        victim.wait_for_step("all done")
    finally:
        victim.kill()
    return [step["seconds"] for step in victim.steps()]


@pytest.mark.parametrize("number", MOMENTS)
def test_a_monitor_killed_at_a_random_moment_is_made_good_by_the_next(
    number: int, base: Path, timeline: list[float], expected: Any, receiver: Any, tmp_path: Path
) -> None:
    moment = random.Random(f"{SEED} monitor {number}").uniform(timeline[0], timeline[-1])
    before = bisect_right(timeline, moment) - 1
    root = copied(base, tmp_path / f"moment {number}", receiver)
    victim = begun(tmp_path / "victim", {root: NOWHERE}, die=False)
    try:
        victim.wait_for(lambda steps: len(steps) > before, f"step {before}")
        time.sleep(moment - timeline[before])
    finally:
        victim.kill()
    assert victim.was_killed, victim.output()
    assert left(root, receiver) == expected
