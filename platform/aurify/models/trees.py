"""Decision trees as arrays of their nodes: a row goes down all of them, level by level."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurify.models.columns import Numbers

Places = NDArray[np.int32]
ROWS_AT_ONCE = 8_192


@dataclass(frozen=True, eq=False)
class Trees:
    """The nodes of all trees, a parent before its children; a leaf leads to itself.

    A row goes left where `feature` is `threshold` or less. `roots` are the places of the trees' first nodes.
    """

    feature: Places
    threshold: Numbers
    left: Places
    right: Places
    value: Numbers
    roots: Places

    def sums(self, rows: Numbers, kind: type[np.floating[Any]] = np.float64) -> Numbers:
        """For each row the values of its leaves, added up in the order of the trees, in the precision of `kind`."""
        found = np.empty(len(rows))
        values = self.value.astype(kind)
        for start in range(0, len(rows), ROWS_AT_ONCE):
            leaves = self._leaves(rows[start : start + ROWS_AT_ONCE])
            total = np.zeros(len(leaves), kind)
            for tree in range(len(self.roots)):
                total += values[leaves[:, tree]]
            found[start : start + len(leaves)] = total
        return found

    def _leaves(self, rows: Numbers) -> Places:
        """The leaf of each row, a row each, in each tree, a column each."""
        at = np.repeat(self.roots[None, :], len(rows), axis=0)
        row = np.arange(len(rows))[:, None]
        while True:
            goes_left = rows[row, self.feature[at]] <= self.threshold[at]
            below = np.where(goes_left, self.left[at], self.right[at])
            if np.array_equal(below, at):
                return at
            at = below

    def content(self) -> bytes:
        """All of it as the content of an npz file."""
        file = BytesIO()
        np.savez(file, **{field.name: getattr(self, field.name) for field in fields(self)})
        return file.getvalue()

    @classmethod
    def of_content(cls, content: bytes) -> Trees:
        """What `content` gave."""
        with np.load(BytesIO(content), allow_pickle=False) as file:
            return cls(**{field.name: file[field.name] for field in fields(cls)})


@dataclass(frozen=True)
class Node:
    """A node of one tree: the places of its children in that tree, None of a leaf."""

    value: float
    feature: int = 0
    threshold: float = np.inf
    children: tuple[int, int] | None = None


def trees_of(trees: Sequence[Sequence[Node]]) -> Trees:
    """The arrays of trees that are told as nodes, each tree's in an order that has a parent before its children."""
    sizes = [len(tree) for tree in trees]
    roots = np.cumsum([0, *sizes[:-1]])
    feature, threshold, left, right, value = [], [], [], [], []
    for root, tree in zip(roots, trees, strict=True):
        for place, node in enumerate(tree):
            children = node.children or (place, place)
            feature.append(node.feature)
            threshold.append(node.threshold)
            left.append(root + children[0])
            right.append(root + children[1])
            value.append(node.value)
    return Trees(
        np.array(feature, np.int32),
        np.array(threshold, np.float64),
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(value, np.float64),
        roots.astype(np.int32),
    )


def is_incomplete(rows: Numbers) -> NDArray[np.bool_]:
    """Which rows lack a value that trees would need to send them left or right."""
    return np.asarray(np.isnan(rows).any(axis=1), np.bool_)
