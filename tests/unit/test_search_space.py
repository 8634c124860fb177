"""What a search declares: every mistake at once, paths into the estimator, the points of a grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from aurify.errors import Problem
from aurify.models.estimator import Learned, Learning
from aurify.models.search import Choice, Real, Search, Whole, paths
from aurify.models.search.declared import Space
from aurify.models.search.paths import with_values
from aurify.models.search.run import problems


@dataclass(frozen=True)
class Stopping:
    rounds: int = 5


@dataclass(frozen=True)
class Trees:
    rounds: int = 100
    stopping: Stopping = Stopping()
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"num_leaves": 31, "deep": {"er": 1}})

    def problems(self, where: str) -> list[Problem]:
        return []

    def fit(self, learning: Learning) -> Learned:
        raise NotImplementedError


TREES = Trees()


def told(found: list[Problem]) -> str:
    return "\n".join(line for problem in found for line in problem.lines())


def test_a_sound_search_has_no_problems() -> None:
    space: Space = {
        "rounds": Whole(10, 100, step=10),
        "stopping.rounds": Choice([5, None]),
        "parameters.num_leaves": Whole(4, 256, log=True),
        "parameters.lambda_l1": Real(1e-8, 10.0, log=True),
        "parameters.deep.er": Real(-1.0, 1.0),
    }
    assert problems("search", Search(space, time_limit=timedelta(hours=1)), TREES) == []


@pytest.mark.parametrize(
    ("values", "part"),
    [
        (Choice([]), "a sequence of one value or more"),
        (Choice("gbdt"), "Choice('gbdt')"),
        (Choice([1, True]), "with 1 twice"),
        (Choice([(1, 2)]), "Choice of a tuple"),  # type: ignore[list-item]
        (Whole(5, 5), "low below high"),
        (Whole(1, 10, step=4), "high=9"),
        (Whole(1, 10, step=0), "a step of 1 or more"),
        (Whole(0, 10, log=True), "a low of 1 or more and no step"),
        (Whole(1.5, 10), "whole numbers"),  # type: ignore[arg-type]
        (Real(1.0, 0.5), "low below high"),
        (Real(0.0, float("inf")), "numbers, low below high"),
        (Real(0.0, 1.0, log=True), "a low above 0"),
    ],
)
def test_values_that_can_not_be_tried_are_told(values: Any, part: str) -> None:
    found = Search({"rounds": values}).problems("model fraud")
    assert part in told(found)
    assert {problem.where for problem in found} == {"model fraud: rounds"}


def test_all_mistakes_are_told_at_once() -> None:
    space: Space = {"round": Whole(9, 1), "parameters.learning_rate": Real(0.0, 0.1, log=True)}
    wrong: Any = {"sampler": "tep"}
    declared = Search(space, trials=0, side_by_side=-1, time_limit=timedelta(0), **wrong)
    text = told(problems("search", declared, TREES))
    for part in (
        "low below high", "a low above 0", "trials: found 0", "side_by_side: found -1", "time_limit: found 0:00:00",
        "did you mean 'tpe'?", "no field 'round'", "did you mean 'rounds'?",
    ):  # fmt: skip
        assert part in text, part
    assert "an empty space" in told(Search({}).problems("search"))


@pytest.mark.parametrize(
    ("path", "part"),
    [
        ("stoping.rounds", "did you mean 'stopping'?"),
        ("stopping.round", "one of Stopping"),
        ("stopping", "stopping.<name>"),
        ("parameters", "parameters.<name>"),
        ("parameters.deep", "parameters.deep.<name>"),
        ("parameters.deeq.er", "did you mean 'deep'?"),
        ("rounds.first", "'first' within 100"),
    ],
)
def test_a_path_that_leads_nowhere_is_told(path: str, part: str) -> None:
    assert part in told(paths.problems("search", [path], TREES))


def test_a_grid_has_an_end_and_a_trial_for_each_point() -> None:
    space: Space = {"rounds": Whole(1, 3), "parameters.num_leaves": Choice([7, 31])}
    assert Search(space, sampler="grid", trials=6).problems("search") == []
    assert "5 trials for a grid of 6 points" in told(Search(space, sampler="grid", trials=5).problems("search"))
    endless: Space = {**space, "parameters.lambda_l1": Real(0.0, 1.0)}
    assert "a Choice or a Whole" in told(Search(endless, sampler="grid").problems("search"))


def test_the_points_of_a_grid_do_not_depend_on_how_the_space_is_written() -> None:
    space: Space = {"rounds": Whole(1, 5, step=2), "parameters.num_leaves": Choice([7, 31])}
    turned = dict(reversed(list(space.items())))
    grid = Search(space, sampler="grid").grid
    assert grid == Search(turned, sampler="grid").grid
    assert sorted((point["parameters.num_leaves"], point["rounds"]) for point in grid) == [
        (7, 1), (7, 3), (7, 5), (31, 1), (31, 3), (31, 5),
    ]  # fmt: skip
    assert Search(space, sampler="grid").turns == 6
    assert Search(space, trials=4).turns == 4


def test_values_are_put_in_and_the_estimator_stays_as_it_is() -> None:
    values = {"rounds": 7, "stopping.rounds": 2, "parameters.num_leaves": 3, "parameters.new": 0.5}
    made = with_values(TREES, {**values, "parameters.deep.er": 9})
    assert made == Trees(7, Stopping(2), {"num_leaves": 3, "deep": {"er": 9}, "new": 0.5})
    assert Trees() == TREES
