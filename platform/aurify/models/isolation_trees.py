"""An isolation forest as arrays: how few random splits set a row apart from a sample (Liu, Ting and Zhou 2008)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.trees import Node, Trees, is_incomplete, trees_of

NODES, DESCRIBED = "trees.npz", "trees.json"
EULER = np.float32(0.5772156649)
_NODE = re.compile(
    r"InternalNode\(splitAttribute = (?P<feature>\d+), splitValue = (?P<threshold>[-+.\dE]+), leftChild = \("
    r"|ExternalNode\(numInstances = (?P<rows>\d+)\)"
)
_BETWEEN = re.compile(r"(\)|, rightChild = \()*")


@dataclass(frozen=True, eq=False)
class IsolationTrees:
    """A forest of trees that were each grown on `sample` rows.

    A score is between 0 and 1, above 0.5 where a row is easier to set apart than most; it is no probability. A row
    where a feature is missing has the score NaN. Scores are those of SynapseML, which counts in 4-byte numbers.
    """

    trees: Trees
    features: tuple[str, ...]
    sample: int
    kind: ClassVar[str] = "isolation_trees"

    def predict(self, columns: Columns) -> Numbers:
        """The outlier score of every row, higher where it is odder."""
        rows = matrix(columns, self.features)
        with np.errstate(over="ignore"):
            narrow = rows.astype(np.float32).astype(np.float64)
        mean = self.trees.sums(narrow, np.float32).astype(np.float32) / np.float32(len(self.trees.roots))
        found = np.exp2((-mean / np.float32(usual_path(self.sample))).astype(np.float64))
        found[is_incomplete(rows)] = np.nan
        return np.asarray(found, np.float64)

    def importance(self) -> Mapping[str, float]:
        """Nothing: its splits are drawn, not chosen."""
        return {}

    def files(self) -> dict[str, bytes]:
        """The nodes, and what they are."""
        described = {"features": self.features, "sample": self.sample}
        return {NODES: self.trees.content(), DESCRIBED: json.dumps(described, indent=1).encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> IsolationTrees:
        """What `files` gave."""
        told = json.loads(files[DESCRIBED])
        return cls(Trees.of_content(files[NODES]), tuple(told["features"]), told["sample"])


def usual_path(rows: int) -> float:
    """The mean length of a path to a leaf of a tree grown until each of so many rows is alone, as a 4-byte number."""
    if rows <= 1:
        return 0.0
    below = np.float32(rows) - np.float32(1)
    harmonic = np.float32(np.log(np.float64(below))) + EULER
    found = np.float32(2) * harmonic - np.float32(2) * below / np.float32(rows)
    return float(found)


def trees_of_texts(texts: Sequence[str]) -> Trees:
    """The trees as their library prints them, a tree a text; ValueError where it prints them in another way."""
    return trees_of([_nodes(text) for text in texts])


def _nodes(text: str) -> list[Node]:
    """The nodes of one tree, a parent before its children; a leaf's value is the length of the path that it tells.

    >>> leaves = "leftChild = (ExternalNode(numInstances = 1)), rightChild = (ExternalNode(numInstances = 3))"
    >>> for node in _nodes(f"InternalNode(splitAttribute = 1, splitValue = 0.5, {leaves})"):
    ...     print(round(node.value, 3), node.feature, node.children)
    0.0 1 (1, 2)
    1.0 0 None
    2.207 0 None
    """
    tokens = list(_NODE.finditer(text))
    if not tokens or not _BETWEEN.fullmatch(_NODE.sub("", text)):
        raise ValueError(f"no tree of an isolation forest: {text[:200]}")
    found: list[Node] = []

    def add(depth: int) -> int:
        place = len(found)
        token = tokens[place]
        if token["rows"]:
            found.append(Node(float(np.float32(depth) + np.float32(usual_path(int(token["rows"]))))))
            return place
        found.append(Node(0.0))
        children = add(depth + 1), add(depth + 1)
        # The library goes left below the value, here a row goes left up to it.
        up_to = float(np.nextafter(float(token["threshold"]), -np.inf))
        found[place] = Node(0.0, int(token["feature"]), up_to, children)
        return place

    add(0)
    if len(found) < len(tokens):
        raise ValueError(f"more than one tree of an isolation forest: {text[:200]}")
    return found
