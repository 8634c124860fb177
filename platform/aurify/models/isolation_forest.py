"""The isolation forest of SynapseML, which finds odd rows without a label."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem
from aurify.models.barrier_frame import feature
from aurify.models.estimator import Learning
from aurify.models.isolation_trees import IsolationTrees, trees_of_texts
from aurify.models.jvm_class import jvm_class
from aurify.models.numeric_columns import number
from aurify.models.ranges import Range, outside
from aurify.models.spark_rows import VECTOR, Reader, refuse_misfits, refuse_unlearnable, with_vector, within_time

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

COORDINATES = "com.microsoft.azure:synapseml-core_2.12:1.1.3"
FOREST = "com.microsoft.azure.synapse.ml.isolationforest.IsolationForest"
# The library draws this many standard deviations more rows for a tree than it needs.
SIGMAS = 7.0
SEEDS = 2**62


@dataclass(frozen=True)
class IsolationForest:
    """Trees that split at random, each grown on `sample` rows, or all where there are fewer (Liu et al. 2008).

    Label, weight and validation are not read. The trees are grown on rows that a hash of `order_by` and the seed
    draws, as many as all trees need together, in one partition: so the same rows give the same trees, however they
    are partitioned. A row with a missing value is refused; when scoring it gets NaN.
    """

    trees: int = 100
    sample: int = 256
    feature_share: float = 1.0
    with_replacement: bool = False

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        return outside(where, self, {"trees": Range(1), "sample": Range(2), "feature_share": Range(0, 1, above=True)})

    def fit(self, learning: Learning) -> IsolationTrees:
        """Grow the trees in Spark, and read them. EnvironmentFailure: the session lacks SynapseML's jar."""
        jvm_class(learning.rows.sparkSession, FOREST, COORDINATES)  # told before a row is read
        reader = Reader("IsolationForest", learning, reads_label=False)
        refuse_misfits(reader)
        self._refuse_few_features(learning)
        with within_time(reader):
            rows = _numbers(learning)
            sample = min(self.sample, refuse_unlearnable(reader, rows))
            drawn = self._drawn(rows, sample, learning.seed).persist()
            try:
                texts = self._grown(drawn, sample, learning)
            finally:
                drawn.unpersist()
        return IsolationTrees(trees_of_texts(texts), learning.features, sample)

    def _drawn(self, rows: DataFrame, sample: int, seed: int) -> DataFrame:
        """The rows that all trees need together, as vectors in one partition, in the order of their hash."""
        from pyspark.sql import functions as F

        by = [name for name in rows.columns if name.startswith("_by")]
        own = [name for name in rows.columns if name not in by]
        needed = self.trees * math.ceil(sample + SIGMAS * math.sqrt(sample))
        drawn = rows.orderBy(F.xxhash64(F.lit(seed), *by), *by, *own).limit(needed)
        return with_vector(drawn.select(*own), own).coalesce(1)

    def _grown(self, drawn: DataFrame, sample: int, learning: Learning) -> list[str]:
        """The trees as the library prints them: by its own classes, since its Python package is not everywhere."""
        forest = jvm_class(learning.rows.sparkSession, FOREST, COORDINATES)()
        forest.setNumEstimators(self.trees)
        forest.setMaxSamples(float(sample))
        forest.setMaxFeatures(self.feature_share)
        forest.setBootstrap(self.with_replacement)
        forest.setRandomSeed(1 + learning.seed % SEEDS)  # it takes none below 1
        forest.setFeaturesCol(VECTOR)
        return [tree.node().toString() for tree in forest.fit(drawn._jdf).getInnerModel().isolationTrees()]

    def _refuse_few_features(self, learning: Learning) -> None:
        if math.floor(self.feature_share * len(learning.features)) < 1:
            found = f"{self.feature_share:g} of {len(learning.features)} features"
            problem = Problem("IsolationForest", found, "one feature or more for each tree", key="feature_share")
            raise ConfigurationError("IsolationForest", [problem])


def _numbers(learning: Learning) -> DataFrame:
    """The features as the library counts them, in 4-byte numbers, and `order_by`."""
    from pyspark.sql import functions as F

    return learning.rows.select(
        *(number(learning.rows, name, "float").alias(feature(i)) for i, name in enumerate(learning.features)),
        *(F.col(quoted(name)).alias(f"_by{i}") for i, name in enumerate(learning.order_by)),
    )
