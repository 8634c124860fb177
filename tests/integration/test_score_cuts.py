"""The same rows have the same scores, those of the native library, however they are cut into batches and tasks."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import lightgbm
import numpy as np
import pytest
from pyspark.sql import DataFrame

from aurify.models.booster import Booster
from aurify.models.columns import matrix
from aurify.models.compiled_booster import CompiledBooster, FolderOfCodes, compiled
from aurify.models.fitted import FittedModel
from aurify.scoring.scorer import ERROR, SCORE, with_scores
from tests.integration.loans import FEATURES, in_memory, loans

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from aurify.models.columns import Numbers

ROWS = 2_000
IN_A_BATCH_OF_ARROW = "spark.sql.execution.arrow.maxRecordsPerBatch"


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> DataFrame:
    return loans(spark, ROWS)


@pytest.fixture(scope="module")
def model(rows: DataFrame) -> FittedModel:
    there = in_memory(rows)
    data = lightgbm.Dataset(matrix(there, FEATURES), there["is_bad"], feature_name=list(FEATURES))
    text = lightgbm.train({"objective": "binary", "num_leaves": 15, "verbosity": -1}, data, 40).model_to_string()
    return FittedModel.of(Booster(text, FEATURES), rows)


def scores(parts: list[DataFrame], model: FittedModel) -> Numbers:
    """The scores of all parts, by id."""
    told = reduce(DataFrame.unionByName, [with_scores(part, model, ["id"]) for part in parts])
    found = {row["id"]: row[SCORE] for row in told.where(f"{ERROR} IS NULL").collect()}
    assert found.keys() == set(range(ROWS))
    return np.array([found[id] for id in range(ROWS)])


@pytest.mark.parametrize("is_compiled", [False, True], ids=["native", "compiled"])
def test_any_cutting_of_the_rows_gives_the_native_scores(
    rows: DataFrame, model: FittedModel, is_compiled: bool, tmp_path: Path, spark: SparkSession
) -> None:
    used = compiled(model, FolderOfCodes(tmp_path)).model if is_compiled else model
    assert isinstance(used.learned, Booster)
    assert isinstance(used.learned, CompiledBooster) == is_compiled
    native = lightgbm.Booster(model_str=used.learned.text).predict(matrix(in_memory(rows), FEATURES))
    draw, whole = np.random.default_rng(11), scores([rows], used)
    assert np.abs(whole - native).max() < 1e-6
    kept = spark.conf.get(IN_A_BATCH_OF_ARROW)
    try:
        for batches, tasks, in_a_batch in ((1, 5, 10_000), (3, 2, 97), (7, 3, 1_000)):
            spark.conf.set(IN_A_BATCH_OF_ARROW, str(in_a_batch))
            borders = [0, *sorted(draw.integers(0, ROWS, batches - 1)), ROWS]
            cut = [rows.where(f"id >= {low} AND id < {high}").repartition(tasks) for low, high in pairwise(borders)]
            assert scores(cut, used).tolist() == whole.tolist(), (batches, tasks, in_a_batch)
    finally:
        spark.conf.set(IN_A_BATCH_OF_ARROW, str(kept))
