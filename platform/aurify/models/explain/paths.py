"""The way of one row through the trees of a LightGBM model, the trees that count most first."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.booster import Booster, booster_of
from aurify.models.columns import matrix
from aurify.models.explain.contributions import boosted, trees_averaged
from aurify.models.fitted import FittedModel, is_text, staged

ZERO = 1e-35  # what LightGBM takes for zero


@dataclass(frozen=True)
class Step:
    """One split: `limit` is the number that goes left at most, or the codes that go left; no value is missing."""

    feature: str
    value: float | None
    limit: float | tuple[int, ...]
    direction: Literal["left", "right"]

    def text(self) -> str:
        """The step as a sentence.

        >>> Step("amount", 12.5, 10.0, "right").text()
        'amount = 12.5 is above 10'
        """
        value = "missing" if self.value is None else f"{self.value:g}"
        if isinstance(self.limit, tuple):
            told = f"{'' if self.direction == 'left' else 'not '}one of {', '.join(map(str, self.limit))}"
        else:
            told = f"{'at most' if self.direction == 'left' else 'above'} {self.limit:g}"
        return f"{self.feature} = {value} {'goes with' if self.value is None else 'is'} {told}"


@dataclass(frozen=True)
class TreePath:
    """The way through one tree: `push` is what its leaf adds to the raw score beyond the mean of the tree."""

    tree: int
    steps: tuple[Step, ...]
    leaf: int
    push: float


@dataclass(frozen=True)
class DecisionPath:
    """Why one row has its score: `expected` and the pushes of all trees add up to `raw`.

    `paths` are those of the trees that push most, up or down; `trees` is how many there are in all.
    """

    score: float
    raw: float
    expected: float
    trees: int
    paths: tuple[TreePath, ...]

    def text(self) -> str:
        """All of it, a line for each step."""
        head = f"score {self.score:.6g}: raw {self.raw:.6g}, {self.expected:.6g} of it expected"
        lines = [head, f"the {len(self.paths)} of {self.trees} trees that count most:"]
        for path in self.paths:
            lines += [f"tree {path.tree}: {path.push:+.6g}", *(f"  {step.text()}" for step in path.steps)]
        return "\n".join(lines)


def decision_path(model: FittedModel, row: Mapping[str, Any], most: int = 10) -> DecisionPath:
    """The path of one row, its inputs by name with None where missing, as `Row.asDict()` gives it; no Spark job.

    It reads the whole model, so it is for a row that someone asks about.
    """
    learned = boosted("decision_path", model)
    _refuse_misfits(model, row, most)
    columns = {name: _column(row[name], kind) for name, kind in model.inputs.items()}
    values = matrix(staged(columns, model.stages), learned.features)
    averaged = trees_averaged(learned)
    told = booster_of(learned.text).dump_model()["tree_info"]
    expected = sum(_mean(tree["tree_structure"]) for tree in told) / averaged
    paths = [_path(tree, values[0], learned, averaged) for tree in told]
    best = sorted(paths, key=lambda path: (-abs(path.push), path.tree))[:most]
    raw = expected + math.fsum(path.push for path in paths)
    return DecisionPath(float(model.predict(columns)[0]), raw, expected, len(paths), tuple(best))


def _refuse_misfits(model: FittedModel, row: Mapping[str, Any], most: int) -> None:
    problems = [
        no_column("decision_path", name, row, "a value for it, or None") for name in model.inputs if name not in row
    ]
    for name, kind in model.inputs.items():
        if not is_text(kind) and not _is_number(row.get(name)):
            problems.append(Problem("decision_path", f"{name} is {row[name]!r}", f"{kind}, as in training"))
    if most < 1:
        problems.append(Problem("decision_path", f"most {most}", "1 tree or more"))
    if problems:
        raise ConfigurationError("decision_path", problems)


def _is_number(value: Any) -> bool:
    if value is None:
        return True
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return not isinstance(value, str)


def _column(value: Any, kind: str) -> NDArray[Any]:
    """The value as a column of one row, as `columns_of` would read it."""
    if not is_text(kind):
        return np.array([math.nan if value is None else float(value)])
    column = np.empty(1, object)
    column[0] = value
    return column


def _path(tree: Mapping[str, Any], values: NDArray[np.float64], learned: Booster, averaged: int) -> TreePath:
    node, steps = tree["tree_structure"], []
    mean = _mean(node)
    while "split_index" in node:
        value = float(values[node["split_feature"]])
        limit = _limit(node)
        goes_left = _goes_left(node, value, limit)
        told = None if math.isnan(value) else value
        steps.append(Step(learned.features[node["split_feature"]], told, limit, "left" if goes_left else "right"))
        node = node["left_child" if goes_left else "right_child"]
    push = (float(node["leaf_value"]) - mean) / averaged
    return TreePath(int(tree["tree_index"]), tuple(steps), int(node.get("leaf_index", 0)), push)


def _limit(node: Mapping[str, Any]) -> float | tuple[int, ...]:
    if node["decision_type"] == "==":
        return tuple(int(code) for code in str(node["threshold"]).split("||"))
    return float(node["threshold"])


def _goes_left(node: Mapping[str, Any], value: float, limit: float | tuple[int, ...]) -> bool:
    """LightGBM's rule: a missing code goes right; a missing number where the split says, or as 0 where it does not."""
    if isinstance(limit, tuple):
        return not math.isnan(value) and int(value) in limit
    kind = node["missing_type"]
    if math.isnan(value) and kind != "NaN":
        value = 0.0
    if math.isnan(value) or (kind == "Zero" and abs(value) <= ZERO):
        return bool(node["default_left"])
    return value <= limit


def _mean(node: Mapping[str, Any]) -> float:
    """The mean of a tree over its training rows."""
    leaves = list(_leaves(node))
    rows = sum(count for _, count in leaves)
    return sum(value * count for value, count in leaves) / rows if rows else leaves[0][0]


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[float, int]]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if "split_index" in here:
            waiting += [here["left_child"], here["right_child"]]
        else:
            yield float(here["leaf_value"]), int(here.get("leaf_count", 0))
