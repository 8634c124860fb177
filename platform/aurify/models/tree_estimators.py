"""Boosted trees and random forests of Spark ML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.errors import Problem, did_you_mean
from aurify.models.barrier_frame import feature
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.estimator import Learning
from aurify.models.ranges import Range, outside
from aurify.models.spark_rows import VECTOR, Reader, numbers, with_vector
from aurify.models.spark_trees import SparkTrees, boosted, forest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# What a split may choose from, as Spark ML names it.
CHOICES = ("auto", "all", "sqrt", "log2", "onethird")
DEEPEST = 30


@dataclass(frozen=True)
class GradientBoostedTrees:
    """Trees of which each mends what those before it missed: GBTClassifier of Spark ML.

    Categories are read as the numbers that they are. With `validation` it stops where a round lowers the loss on
    those rows by less than `validation_tolerance` of it. A row with a missing value is refused; when scoring it gets
    NaN. The same rows give the same trees, however they are partitioned; with three workers or more up to the order
    in which Spark adds up what they found.
    """

    rounds: int = 100
    depth: int = 5
    learning_rate: float = 0.1
    row_share: float = 1.0
    features_at_split: str = "all"
    fewest_in_leaf: int = 1
    bins: int = 64
    validation_tolerance: float = 0.01

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        own = {"rounds": Range(1), "learning_rate": Range(0, 1, above=True), "validation_tolerance": Range(0)}
        return [*outside(where, self, {**_SHARED, **own}), *_of_choice(where, self.features_at_split)]

    def fit(self, learning: Learning) -> SparkTrees:
        """Grow the trees in Spark, and read them."""
        from pyspark.ml.classification import GBTClassifier

        with numbers(Reader("GradientBoostedTrees", learning, reads_validation=True)) as (held, _):
            grown = GBTClassifier(
                maxIter=self.rounds, stepSize=self.learning_rate, validationTol=self.validation_tolerance,
                **_shared(self, learning),
            )  # fmt: skip
            if VALIDATION in held.columns:
                grown = grown.setValidationIndicatorCol(VALIDATION)
            return boosted(grown.fit(_vectors(held, learning)), learning.features, learning.scratch)


@dataclass(frozen=True)
class RandomForest:
    """Trees that each see other rows and features, averaged: RandomForestClassifier of Spark ML.

    `validation` is not read. What boosted trees do with missing values and categories, it does too. The same rows
    give the same trees, however they are partitioned; with a weight and three workers or more up to the order in
    which Spark adds up what they found.
    """

    trees: int = 100
    depth: int = 8
    row_share: float = 1.0
    features_at_split: str = "auto"
    fewest_in_leaf: int = 1
    bins: int = 64

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        return [*outside(where, self, {**_SHARED, "trees": Range(1)}), *_of_choice(where, self.features_at_split)]

    def fit(self, learning: Learning) -> SparkTrees:
        """Grow the trees in Spark, and read them."""
        from pyspark.ml.classification import RandomForestClassifier

        with numbers(Reader("RandomForest", learning)) as (held, _):
            grown = RandomForestClassifier(numTrees=self.trees, **_shared(self, learning))
            return forest(grown.fit(_vectors(held, learning)), learning.features, learning.scratch)


_SHARED = {
    "depth": Range(1, DEEPEST),
    "row_share": Range(0, 1, above=True),
    "fewest_in_leaf": Range(1),
    "bins": Range(2),
}


def _of_choice(where: str, chosen: str) -> list[Problem]:
    if chosen in CHOICES:
        return []
    hint = did_you_mean(chosen, CHOICES)
    return [Problem(where, chosen, " or ".join(CHOICES), hint, "features_at_split")]


def _shared(asked: GradientBoostedTrees | RandomForest, learning: Learning) -> dict[str, Any]:
    """What Spark ML calls the values that both have."""
    return {
        "featuresCol": VECTOR,
        "labelCol": LABEL,
        **({"weightCol": WEIGHT} if learning.weight else {}),
        "maxDepth": asked.depth,
        "maxBins": asked.bins,
        "minInstancesPerNode": asked.fewest_in_leaf,
        "subsamplingRate": asked.row_share,
        "featureSubsetStrategy": asked.features_at_split,
        "seed": learning.seed,
    }


def _vectors(held: DataFrame, learning: Learning) -> DataFrame:
    return with_vector(held, [feature(place) for place in range(len(learning.features))])
