"""kill -9 while a model is monitored: each batch is compared once, no alert is lost and none is told twice."""

from __future__ import annotations

import random
from collections.abc import Iterator
from http.server import HTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.integration.lakes import Toy
from tests.integration.test_monitor import drifted_toy
from tests.kills.conftest import SEED
from tests.kills.harness import NOWHERE, Border, asked_steps, copy_lake, kill_at_borders, victim
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
    return drifted_toy(tmp_path_factory.mktemp("monitored")).root


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


@pytest.fixture(scope="module")
def killed(
    request: pytest.FixtureRequest, base: Path, receiver: Any, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """A killed lake for each border of the selected tests, all by one kill."""
    steps = asked_steps(request)
    folder = tmp_path_factory.mktemp("killed")
    roots = {step: copied(base, folder / f"lake {place}", receiver) for place, step in enumerate(steps)}
    kill_at_borders(folder / "victim", {root: Border("", step) for step, root in roots.items()}, MODULE)
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
    with victim(folder / "victim", [(copied(base, folder / "timed", receiver), NOWHERE)], MODULE) as undisturbed:
        undisturbed.wait_for_step("all done")
    return [step["seconds"] for step in undisturbed.steps()]


@pytest.mark.parametrize("number", MOMENTS)
def test_a_monitor_killed_at_a_random_moment_is_made_good_by_the_next(
    number: int, base: Path, timeline: list[float], expected: Any, receiver: Any, tmp_path: Path
) -> None:
    moment = random.Random(f"{SEED} monitor {number}").uniform(timeline[0], timeline[-1])
    root = copied(base, tmp_path / f"moment {number}", receiver)
    with victim(tmp_path / "victim", [(root, NOWHERE)], MODULE) as killed:
        killed.kill_at(moment, timeline)
    assert left(root, receiver) == expected
