"""SynapseML's isolation forest: its own scores without it, odd rows found, and a session without its jar told so."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from aurify.errors import EnvironmentFailure
from aurify.models.isolation_forest import COORDINATES, IsolationForest
from tests.integration.loans import area, learning

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ensemble = pytest.importorskip("sklearn.ensemble")
stats = pytest.importorskip("scipy.stats")
pytest.importorskip("synapse.ml")

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a session of its own found, which has the jar."""
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "platform")])}
    command = [sys.executable, "-m", "tests.integration.isolation_forests", str(tmp_path_factory.mktemp("lake"))]
    ran = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=500)
    if "EnvironmentFailure: the jars that Spark needs can't be resolved" in ran.stderr:
        pytest.skip("SynapseML's jars can't be resolved here")
    assert ran.returncode == 0, ran.stderr[-4_000:]
    told: dict[str, Any] = json.loads(ran.stdout.splitlines()[-1])
    return told


def test_scores_are_those_of_synapse_without_it(found: dict[str, Any]) -> None:
    ours, theirs = np.array(found["ours"]), np.array(found["theirs"])
    assert len(np.unique(ours)) > 500
    assert np.abs(ours - theirs).max() <= 1e-9
    assert found["in_spark"] == found["ours"]
    assert found["trees"] == 20


def test_planted_outliers_are_found_as_scikit_learn_finds_them(found: dict[str, Any]) -> None:
    matrix = np.array(found["values"]).T
    theirs = (
        -ensemble.IsolationForest(n_estimators=20, max_samples=128, random_state=0).fit(matrix).score_samples(matrix)
    )
    labels = np.array(found["labels"])
    assert area(labels, np.array(found["ours"])) == pytest.approx(area(labels, theirs), abs=0.03)
    assert area(labels, np.array(found["ours"])) > 0.95
    assert stats.spearmanr(theirs, found["ours"]).statistic > 0.8


def test_more_rows_than_the_trees_need_are_drawn_the_same_however_they_lie(found: dict[str, Any]) -> None:
    assert found["same"]
    assert not found["other_seed_same"]
    assert found["of_many"] > 0.95


def test_fewer_rows_than_a_sample_are_all_taken(found: dict[str, Any]) -> None:
    assert found["of_few"] == 50


def test_missing_values_are_refused_in_training_and_have_no_score(found: dict[str, Any]) -> None:
    assert np.isnan(found["of_missing"])
    for part in ("IsolationForest: holed: found missing or infinite in 3 rows", "Imputed", "0.3 of 1 features"):
        assert part in found["refused"], part


def test_a_missing_jar_is_named_with_its_coordinates(spark: SparkSession) -> None:
    with pytest.raises(EnvironmentFailure, match=rf"isolationforest\.IsolationForest(.|\n)*--packages {COORDINATES}"):
        IsolationForest().fit(learning(spark.range(3), "", ("id",)))
