"""Trees as arrays: every row ends in the leaf that walking down the tree finds."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from aurify.models.columns import Numbers
from aurify.models.isolation_trees import IsolationTrees, trees_of_texts, usual_path
from aurify.models.kinds import LEARNED, class_of
from aurify.models.spark_trees import ODDS, SHARES, SparkTrees
from aurify.models.trees import ROWS_AT_ONCE, Node, trees_of

DRAWN = np.random.default_rng(3)
BEGINNING = DRAWN.bit_generator.state


@pytest.fixture(autouse=True)
def _drawn_anew() -> None:
    """Each test draws the same, whichever ran before it."""
    DRAWN.bit_generator.state = BEGINNING


def grown(depth: int, chance: float = 0.8) -> list[Node]:
    """A tree of three features that splits at random."""
    found: list[Node] = []

    def add(left: int) -> int:
        place = len(found)
        found.append(Node(float(DRAWN.normal())))
        if left and DRAWN.random() < chance:
            children = add(left - 1), add(left - 1)
            found[place] = Node(0.0, int(DRAWN.integers(3)), float(DRAWN.integers(-3, 4)), children)
        return place

    add(depth)
    return found


def walked(tree: list[Node], row: Numbers) -> float:
    at = 0
    while (children := tree[at].children) is not None:
        at = children[0] if row[tree[at].feature] <= tree[at].threshold else children[1]
    return tree[at].value


def test_each_row_gets_the_leaves_that_a_walk_finds() -> None:
    told = [grown(depth) for depth in (0, 1, 4, 7, 7)]
    rows = DRAWN.integers(-4, 5, (ROWS_AT_ONCE + 300, 3)).astype(np.float64)  # many right at a threshold
    found = trees_of(told).sums(rows)
    for place in (*range(0, len(rows), 97), len(rows) - 1):
        assert found[place] == sum(walked(tree, rows[place]) for tree in told)


def test_no_rows_have_no_scores() -> None:
    learned = SparkTrees(trees_of([grown(2)]), ("a", "b", "c"), SHARES, (1.0, 0.0, 0.0))
    assert len(learned.predict({name: np.empty(0) for name in "abc"})) == 0


@pytest.mark.parametrize("adds_up", [ODDS, SHARES])
def test_trees_of_spark_are_kept_and_a_missing_value_has_no_score(adds_up: str) -> None:
    learned = SparkTrees(trees_of([grown(4), grown(4)]), ("a", "b", "c"), adds_up, (0.5, 0.25, 0.25))
    again = class_of(SparkTrees.kind, LEARNED).of_files(learned.files())
    assert again.files() == learned.files()
    columns = {name: DRAWN.normal(size=50) * 3 for name in "abc"}
    whole = again.predict(columns)
    columns["b"][7] = np.nan
    holed = again.predict(columns)
    assert np.isnan(holed[7])
    assert list(np.delete(holed, 7)) == list(np.delete(whole, 7))


def test_boosted_sums_far_out_stay_probabilities() -> None:
    learned = SparkTrees(trees_of([[Node(-800.0)], [Node(10.0)]]), ("a",), ODDS, (0.0,))
    assert learned.predict({"a": np.zeros(2)}) == pytest.approx([0.0, 0.0], abs=1e-300)


def printed(tree: list[Node], place: int = 0) -> str:
    """The tree as the library prints it; a leaf holds three rows."""
    node = tree[place]
    if node.children is None:
        return "ExternalNode(numInstances = 3)"
    left, right = (printed(tree, child) for child in node.children)
    value = "1.5E-4" if node.threshold == 0 else node.threshold
    return (
        f"InternalNode(splitAttribute = {node.feature}, splitValue = {value}, leftChild = ({left}),"
        f" rightChild = ({right}))"
    )


def path(tree: list[Node], row: Numbers) -> float:
    """How far down a walk goes, left below a value; and as far as three rows usually go on."""
    at, steps = 0, 0.0
    while (children := tree[at].children) is not None:
        limit = tree[at].threshold or 1.5e-4
        at, steps = children[0] if row[tree[at].feature] < limit else children[1], steps + 1
    return steps + 2 * (math.log(2) + 0.5772156649) - 4 / 3


def test_isolation_trees_are_read_as_they_are_printed_and_scored_by_their_paths() -> None:
    told = [grown(5, 0.9) for _ in range(12)]
    learned = IsolationTrees(trees_of_texts([printed(tree) for tree in told]), ("a", "b", "c"), 64)
    rows = DRAWN.integers(-4, 5, (60, 3)).astype(np.float64)
    usual = 2 * (np.log(63) + 0.5772156649) - 2 * 63 / 64
    expected = [2 ** -(np.mean([path(tree, row) for tree in told]) / usual) for row in rows]
    found = learned.predict({name: rows[:, place] for place, name in enumerate("abc")})
    assert found == pytest.approx(expected, abs=1e-6)
    assert len(set(found)) > 10
    again = class_of(IsolationTrees.kind, LEARNED).of_files(learned.files())
    assert again.files() == learned.files()
    assert json.loads(learned.files()["trees.json"]) == {"features": ["a", "b", "c"], "sample": 64}
    assert usual_path(1) == 0
    assert learned.importance() == {}


@pytest.mark.parametrize("text", ["", "Leaf(3)", "ExternalNode(numInstances = 3), and more", 2 * printed([Node(1.0)])])
def test_a_tree_that_is_printed_otherwise_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="tree of an isolation forest"):
        trees_of_texts([text])
