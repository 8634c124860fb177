"""The trees of a LightGBM model in ONNX, with LightGBM's rules of missing values, zeros and codes, in doubles."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.booster import Booster, booster_of
from aurify.models.onnx_graph import TREES_DOMAIN, Graph, tensor

AT_MOST, MEMBER = 0, 6  # BRANCH_LEQ and BRANCH_MEMBER of TreeEnsemble
ZERO = float(np.float32(1e-35))  # LightGBM's kZeroThreshold, a 4-byte number
ENDLESS = 1e300  # how LightGBM dumps a threshold without end
MOST_CODE = 2.0**31
OF_ODDS, OF_LOGARITHMS = ("binary", "cross_entropy"), ("poisson", "gamma", "tweedie")
AS_THEY_ARE = ("regression", "regression_l1", "huber", "fair", "quantile", "mape")


@dataclass
class _Nodes:
    """The nodes and leaves of all trees, as the attributes of TreeEnsemble want them."""

    features: list[int] = field(default_factory=list)
    modes: list[int] = field(default_factory=list)
    splits: list[float] = field(default_factory=list)
    missing: list[int] = field(default_factory=list)
    # For each side, true first: the places of children, and whether these are leaves.
    children: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    leaves: tuple[list[int], list[int]] = field(default_factory=lambda: ([], []))
    values: list[float] = field(default_factory=list)
    members: list[float] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)

    def add_tree(self, root: Mapping[str, Any]) -> None:
        """A tree as LightGBM dumps it; a leaf alone is a split whose sides are the same."""
        self.roots.append(len(self.features))
        if "split_index" not in root:
            self._add_split({"split_feature": 0, "decision_type": "<=", "threshold": 0.0, "default_left": True})
            self._add_leaves(self.roots[-1], (root, root))
            return
        waiting = [(root, self._add_split(root))]
        while waiting:
            node, place = waiting.pop()
            below = (node["left_child"], node["right_child"])
            self._add_leaves(place, below)
            for side, child in zip(self.children, below, strict=True):
                if "split_index" in child:
                    side[place] = self._add_split(child)
                    waiting.append((child, side[place]))

    def _add_split(self, node: Mapping[str, Any]) -> int:
        is_code = node["decision_type"] == "=="
        threshold = 0.0 if is_code else _as_read(float(node["threshold"]))
        is_zero = node.get("missing_type") == "None"  # a missing number is 0 there
        self.features.append(int(node["split_feature"]))
        self.modes.append(MEMBER if is_code else AT_MOST)
        self.splits.append(threshold)
        self.missing.append(int(threshold >= 0 if is_zero else bool(node["default_left"])))
        if is_code:
            self.members += [*map(float, str(node["threshold"]).split("||")), np.nan]
        for side in (*self.children, *self.leaves):
            side.append(0)
        return len(self.features) - 1

    def _add_leaves(self, place: int, below: Sequence[Mapping[str, Any]]) -> None:
        for side, is_leaf, child in zip(self.children, self.leaves, below, strict=True):
            if "split_index" not in child:
                side[place], is_leaf[place] = len(self.values), 1
                self.values.append(float(child["leaf_value"]))

    def attributes(self) -> dict[str, Any]:
        """All of it by the names of TreeEnsemble."""
        members = {"membership_values": tensor(np.asarray(self.members))} if self.members else {}
        return {
            "n_targets": 1,
            "aggregate_function": 1,
            "tree_roots": self.roots,
            "nodes_featureids": self.features,
            "nodes_modes": tensor(np.asarray(self.modes, np.uint8)),
            "nodes_splits": tensor(np.asarray(self.splits)),
            "nodes_missing_value_tracks_true": self.missing,
            "nodes_truenodeids": self.children[0],
            "nodes_falsenodeids": self.children[1],
            "nodes_trueleafs": self.leaves[0],
            "nodes_falseleafs": self.leaves[1],
            "leaf_targetids": [0] * len(self.values),
            "leaf_weights": tensor(np.asarray(self.values)),
            **members,
        }


def tree_scores(graph: Graph, learned: Booster, columns: Mapping[str, str]) -> str:
    """The scores of the booster, of columns that the graph has; ConfigurationError where ONNX has no form for it."""
    told = booster_of(learned.text).dump_model()
    _refuse(learned, told)
    trees = [tree["tree_structure"] for tree in told["tree_info"]]
    nodes = _Nodes()
    for tree in trees:
        nodes.add_tree(tree)
    kinds = _kinds(trees)
    read = [_read(graph, columns[name], kinds.get(place, set()), name) for place, name in enumerate(learned.features)]
    axis = graph.constant(np.asarray([1], np.int64))
    matrix = graph.add("Concat", *(graph.add("Unsqueeze", name, axis) for name in read), axis=1)
    sums = graph.add("TreeEnsemble", matrix, domain=TREES_DOMAIN, **nodes.attributes())
    raw = graph.add("Squeeze", sums, axis)
    if told.get("average_output"):
        raw = graph.add("Div", raw, graph.constant(float(len(trees))))
    return _linked(graph, raw, _objective(told))


def _as_read(threshold: float) -> float:
    """The threshold that sends each value where LightGBM's does, which reads one that is nearly 0 as 0."""
    if abs(threshold) >= ENDLESS:
        return math.copysign(math.inf, threshold)
    if -ZERO <= threshold < 0:
        return float(np.nextafter(-ZERO, -1.0))
    return ZERO if 0 <= threshold < ZERO else threshold


def thresholds(learned: Booster) -> dict[str, list[float]]:
    """The numbers at which each feature is split, or the codes of those that are."""
    found: dict[str, list[float]] = {name: [] for name in learned.features}
    for tree in booster_of(learned.text).dump_model()["tree_info"]:
        for node in _splits(tree["tree_structure"]):
            found[learned.features[node["split_feature"]]] += map(float, str(node["threshold"]).split("||"))
    return found


def _objective(told: Mapping[str, Any]) -> list[str]:
    return str(told.get("objective", "")).split()


def _refuse(learned: Booster, told: Mapping[str, Any]) -> None:
    objective = (_objective(told) or ["none"])[0]
    odd = ""
    if objective not in (*OF_ODDS, *OF_LOGARITHMS, *AS_THEY_ARE) or told.get("num_class", 1) != 1:
        odd = f"the objective {objective}"
    if learned.is_linear:
        odd = "linear trees"
    if odd:
        raise ConfigurationError.of("ONNX", odd, "trees with a number in each leaf, and one score")


def _splits(root: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        if "split_index" in node:
            found.append(node)
            waiting += [node["left_child"], node["right_child"]]
    return found


def _kinds(trees: Sequence[Mapping[str, Any]]) -> dict[int, set[str]]:
    """How the splits of each feature take what is missing; `code` where they look for codes."""
    found: dict[int, set[str]] = {}
    for tree in trees:
        for node in _splits(tree):
            kind = "code" if node["decision_type"] == "==" else str(node["missing_type"])
            found.setdefault(int(node["split_feature"]), set()).add(kind)
    return found


def _read(graph: Graph, column: str, kinds: set[str], name: str) -> str:
    """A column as the trees read it: zeros that count as missing are missing, a code is a whole number."""
    if kinds & {"code", "Zero"} and len(kinds) > 1:
        found = f"{name} is split in {len(kinds)} ways: {', '.join(sorted(kinds))}"
        raise ConfigurationError.of("ONNX", found, "one way to take what is missing in a feature")
    missing = graph.constant(np.nan)
    if kinds == {"Zero"}:
        is_zero = graph.add("LessOrEqual", graph.add("Abs", column), graph.constant(ZERO))
        return graph.add("Where", is_zero, missing, column)
    if kinds != {"code"}:
        return column
    # LightGBM cuts off what follows the point; a missing code goes right, as does one that no split names
    known = graph.add("Where", graph.add("IsNaN", column), graph.constant(-1.0), column)
    within = graph.add("Min", graph.add("Max", known, graph.constant(-1.0)), graph.constant(MOST_CODE))
    rounded = graph.add("Floor", graph.add("Abs", within))
    return graph.add("Mul", graph.add("Sign", within), rounded)


def _linked(graph: Graph, raw: str, objective: Sequence[str]) -> str:
    """What the objective makes of the sum of the leaves."""
    name, options = objective[0], dict(told.split(":", 1) for told in objective[1:] if ":" in told)
    if name in OF_LOGARITHMS:
        return graph.add("Exp", raw)
    if name in OF_ODDS:
        steep = graph.constant(-float(options.get("sigmoid", 1.0)))
        one = graph.constant(1.0)
        return graph.add("Div", one, graph.add("Add", one, graph.add("Exp", graph.add("Mul", raw, steep))))
    if "sqrt" in objective:
        return graph.add("Mul", graph.add("Abs", raw), raw)
    return raw
