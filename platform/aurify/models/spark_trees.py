"""Trees that Spark ML has grown, read from what it saves, then scored without it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar
from uuid import uuid4

import numpy as np

from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.trees import Node, Trees, is_incomplete, trees_of
from aurify.storage import Storage

if TYPE_CHECKING:
    from pyspark.ml.classification import GBTClassificationModel, RandomForestClassificationModel
    from pyspark.sql import DataFrame, Row, SparkSession

NODES, DESCRIBED = "trees.npz", "trees.json"
ODDS, SHARES = "odds", "shares"
CONTINUOUS = -1


@dataclass(frozen=True, eq=False)
class SparkTrees:
    """Boosted trees, whose leaves add up to half the log odds, or a forest, whose leaves' shares are averaged.

    The scores are those of Spark ML, but for a row where a feature is missing: it has the score NaN.
    """

    trees: Trees
    features: tuple[str, ...]
    adds_up: str  # ODDS or SHARES
    gains: tuple[float, ...]
    kind: ClassVar[str] = "spark_trees"

    def predict(self, columns: Columns) -> Numbers:
        """The probability of 1."""
        rows = matrix(columns, self.features)
        sums = self.trees.sums(rows)
        # Spark's logistic loss is of labels -1 and 1, so that a sum is half the log odds (Friedman 1999).
        found = np.exp(-np.logaddexp(0.0, -2.0 * sums)) if self.adds_up == ODDS else sums / len(self.trees.roots)
        found[is_incomplete(rows)] = np.nan
        return np.asarray(found, np.float64)

    def importance(self) -> Mapping[str, float]:
        """The share of each feature in the gain of all splits, as Spark ML tells it."""
        return dict(zip(self.features, self.gains, strict=True))

    def files(self) -> dict[str, bytes]:
        """The nodes, and what they are."""
        described = {"features": self.features, "adds_up": self.adds_up, "gains": self.gains}
        return {NODES: self.trees.content(), DESCRIBED: json.dumps(described, indent=1).encode()}

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> SparkTrees:
        """What `files` gave."""
        told = json.loads(files[DESCRIBED])
        trees = Trees.of_content(files[NODES])
        return cls(trees, tuple(told["features"]), told["adds_up"], tuple(told["gains"]))


def boosted(model: GBTClassificationModel, features: tuple[str, ...], scratch: str) -> SparkTrees:
    """The trees of a boosted classifier."""
    weights = model.treeWeights
    trees = _read(model, scratch, lambda node: float(weights[node["treeID"]]) * float(node["prediction"]))
    return SparkTrees(trees, features, ODDS, tuple(map(float, model.featureImportances.toArray())))


def forest(model: RandomForestClassificationModel, features: tuple[str, ...], scratch: str) -> SparkTrees:
    """The trees of a forest that classifies."""
    trees = _read(model, scratch, lambda node: float(node["impurityStats"][1] / sum(node["impurityStats"])))
    return SparkTrees(trees, features, SHARES, tuple(map(float, model.featureImportances.toArray())))


def _read(
    model: GBTClassificationModel | RandomForestClassificationModel, scratch: str, value: Callable[[Row], float]
) -> Trees:
    """The trees of a model, by way of a folder below `scratch`; as many nodes come to the driver as they have."""
    from pyspark.sql import SparkSession

    folder = f"{scratch}/spark_trees_{uuid4().hex}"
    try:
        model.write().save(folder)
        nodes = _saved_nodes(SparkSession.active(), folder).collect()
    finally:
        Storage().remove(folder)
    return trees_of([[_node(row, value) for row in tree] for _, tree in groupby(nodes, lambda row: row["treeID"])])


def _saved_nodes(spark: SparkSession, folder: str) -> DataFrame:
    """The nodes as Spark ML saves them, by tree, a parent before its children, numbered from 0 in each tree."""
    saved = spark.read.parquet(f"{folder}/data").select("treeID", "nodeData.*")
    return saved.selectExpr(
        "treeID", "id", "prediction", "impurityStats", "leftChild", "rightChild", "split.featureIndex",
        "split.leftCategoriesOrThreshold[0] AS threshold", "split.numCategories",
    ).orderBy("treeID", "id")  # fmt: skip


def _node(row: Row, value: Callable[[Row], float]) -> Node:
    if row["leftChild"] < 0:
        return Node(value(row))
    assert row["numCategories"] == CONTINUOUS, "no feature was given as a category"
    return Node(0.0, row["featureIndex"], row["threshold"], (row["leftChild"], row["rightChild"]))
