"""kill -9 at every border of a training, and at random moments: the same training once more makes it good."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from aurify.errors import EnvironmentFailure
from aurify.models.registry import Version
from aurify.workflows.models import card, listed, rollback
from aurify.workflows.unfinished import claimed
from tests.integration.lakes import Toy
from tests.integration.test_train import TABLES, delivered
from tests.kills.conftest import LANDED, SEED
from tests.kills.harness import Victim, copy_lake, started

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

pytestmark = pytest.mark.timeout(1800)

MODULE = "tests.kills.train_victim"
ALWAYS = ("fitting", "registered")
WHEN_ASKED = (
    "set written", "record kept", "judge", "judged", "files kept", "card kept", "tagged", "alias moved", "promoted",
)  # fmt: skip
HALF_MADE = "registry half made"
# Each border has a model of its own in one lake, and all of them learn the same.
MODELS = {border: f"killed_{border.replace(' ', '_')}" for border in (*ALWAYS, *WHEN_ASKED)}
FAST = """
spark:
  conf:
    spark.driver.extraJavaOptions: -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC
    spark.sql.shuffle.partitions: "2"
    spark.databricks.delta.snapshotPartitions: "1"
"""
Place = tuple[str, str]  # a border, and the model that is killed there
UNDISTURBED, SECOND = "undisturbed", "second"
RANDOM = 10


def declared(name: str) -> str:
    gate = 'Gate(at_least={"roc_auc": 0.6}, margin=0.5)'
    return f'{name} = risk("{name}", ["amount", "count_3d"], rounds=5, gate={gate})\n'


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    """A lake with rows and without a registry."""
    names = (*MODELS.values(), UNDISTURBED, SECOND)
    toy = Toy(tmp_path_factory.mktemp("trainings") / "toy", TABLES + "".join(map(declared, names)))
    (toy.root / "conf/local/settings.yml").write_text(FAST, encoding="utf-8")
    delivered(toy)
    toy.refresh()
    return toy


@pytest.fixture(scope="module")
def fresh(toy: Toy) -> Path:
    """A copy of it that nothing was trained in."""
    return copy_lake(toy.root, toy.root.with_name("fresh"))


@pytest.fixture(scope="module")
def expected(toy: Toy, fresh: Path) -> str:
    """The fingerprint of a training that nobody disturbs; of one model there is a champion by now."""
    assert toy.lake.train(SECOND, until=datetime.fromisoformat("2024-01-20")).passed
    assert toy.lake.train(UNDISTURBED).passed
    return toy.lake.registry.versions(UNDISTURBED)[0].fingerprint


@pytest.fixture(scope="module")
def killed(
    request: pytest.FixtureRequest, toy: Toy, fresh: Path, expected: str, tmp_path_factory: pytest.TempPathFactory
) -> Lake:
    """The lake whose trainings were killed at the borders of the selected tests, all by one kill; the proof of that."""
    items = [item for item in request.session.items if isinstance(item, pytest.Function) and item.path == request.path]
    asked = [cast("Place", item.callspec.params["killed_at"]) for item in items if "killed_at" in item.fixturenames]
    trainings = [
        {"root": str(fresh if border == HALF_MADE else toy.root), "model": model, "border": border}
        for border, model in sorted(asked, key=lambda case: case[0] == HALF_MADE)  # last: it holds a lock of MLflow
    ]
    victim = started(MODULE, tmp_path_factory.mktemp("killed") / "victim", {"trainings": trainings, "die": True})
    try:
        victim.process.wait(400)
    finally:
        victim.kill()
    assert victim.was_killed, victim.output()
    for training in trainings:
        steps = [s for s in victim.steps(Path(training["root"])) if s["table"] == training["model"]]
        assert steps, training
        assert steps[-1]["step"] == training["border"], steps[-1]
    return toy.lake


@pytest.mark.parametrize(
    "killed_at",
    [
        *((border, MODELS[border]) for border in ALWAYS),
        *(pytest.param((border, MODELS[border]), marks=pytest.mark.kills) for border in WHEN_ASKED),
    ],
    ids=str,
)
def test_a_training_killed_at_a_border_is_made_good_by_the_next(killed_at: Place, killed: Lake, expected: str) -> None:
    border, model = killed_at
    for version in listed(killed, model):
        assert_whole(killed, version)
    report = killed.train(model)
    assert report.is_new == (border not in ("tagged", "alias moved", "promoted"))
    assert_made_good(killed, model, expected)
    assert len(listed(killed, model)) == 1


@pytest.mark.parametrize("killed_at", [("alias moved", SECOND)], ids=str)
def test_a_champion_killed_on_its_way_takes_the_place_of_the_one_before(
    killed_at: Place, killed: Lake, expected: str
) -> None:
    assert killed.train(SECOND).version == 2
    assert_made_good(killed, SECOND, expected)
    assert [move.version for move in killed.registry.moves(SECOND)] == [1, 2]
    assert rollback(killed, SECOND).number == 1


@pytest.mark.kills
@pytest.mark.parametrize("killed_at", [(HALF_MADE, UNDISTURBED)], ids=str)
def test_a_registry_that_was_killed_while_it_was_made_is_made_by_the_next(
    killed_at: Place, killed: Lake, toy: Toy, fresh: Path, expected: str
) -> None:
    lake = reopened(toy, fresh)
    assert lake.train(UNDISTURBED).version == 1
    assert_made_good(lake, UNDISTURBED, expected)


def test_a_model_is_trained_by_one_process_at_a_time(toy: Toy, expected: str) -> None:
    with claimed(toy.lake, UNDISTURBED), pytest.raises(EnvironmentFailure, match="is working on it"):
        toy.lake.train(UNDISTURBED)


@pytest.fixture(scope="module")
def timeline(toy: Toy, fresh: Path, tmp_path_factory: pytest.TempPathFactory) -> list[float]:
    """When a training that nobody kills passes its borders, from the open session to its end."""
    folder = tmp_path_factory.mktemp("timeline")
    victim = begun(folder / "victim", copy_lake(fresh, folder / "lake"))
    try:
        victim.wait_for_step("all there")
    finally:
        victim.kill()
    steps = victim.steps()
    assert steps[-2]["step"] == "finished", victim.output()
    return [step["seconds"] for step in steps[:-1]]


def begun(folder: Path, root: Path) -> Victim:
    trainings = [{"root": str(root), "model": UNDISTURBED, "border": None}]
    return started(MODULE, folder, {"trainings": trainings, "die": False})


@pytest.mark.kills
@pytest.mark.parametrize("number", range(RANDOM))
def test_a_training_killed_at_a_random_moment_is_made_good_by_the_next(
    number: int,
    toy: Toy,
    fresh: Path,
    expected: str,
    timeline: list[float],
    record_property: Callable[[str, object], None],
    tmp_path: Path,
) -> None:
    moment = random.Random(f"{SEED} training {number}").uniform(timeline[0], timeline[-1])
    root = copy_lake(fresh, tmp_path / "lake")
    victim = begun(tmp_path / "victim", root)
    try:
        victim.kill_at(moment, timeline)
    finally:
        victim.kill()
    landed = f"training {number}: {moment - timeline[0]:.3f} s, after '{victim.steps()[-1]['step']}'"
    record_property(LANDED, landed)
    lake = reopened(toy, root)
    lake.train(UNDISTURBED)
    assert_made_good(lake, UNDISTURBED, expected)
    assert len(listed(lake, UNDISTURBED)) == 1, landed


def reopened(toy: Toy, root: Path) -> Lake:
    """The lake at another root in the session of the tests."""
    import aurify

    return aurify.connect("local", root, toy.lake.session)


def assert_whole(lake: Lake, version: Version) -> None:
    """A version loads as it was registered, and has its card."""
    assert lake.registry.load(version).fingerprint == version.fingerprint
    assert "</html>" in card(lake, version.model, version.number)


def assert_made_good(lake: Lake, model: str, expected: str) -> None:
    """One champion, whole, found again, as an undisturbed training makes it; nothing is left of the killed one."""
    registry = lake.registry
    champion = registry.champion(model)
    assert champion is not None
    assert champion.fingerprint == expected
    again = [lake.train(model) for _ in range(2)]
    assert [(report.version, report.is_new) for report in again] == [(champion.number, False)] * 2
    assert [move.version for move in registry.moves(model)][-1:] == [champion.number]
    for version in listed(lake, model):
        assert_whole(lake, version)
    held = registry.client.search_model_versions(f"name = '{registry.name_of(model)}'")
    assert [int(made.version) for made in held] == [version.number for version in listed(lake, model)]
    run = registry.client.get_run(champion.run_id)
    runs = registry.client.search_runs([run.info.experiment_id])
    assert run.info.status == "FINISHED"
    assert {other.info.status for other in runs if other.info.run_id not in finished(lake, model)} <= {"KILLED"}
    assert not list(Path(lake.settings.warehouse, "training", "_work", model).glob("scratch*"))


def finished(lake: Lake, model: str) -> set[str]:
    return {version.run_id for version in listed(lake, model)}
