"""Training and scoring in pods, with a real MLflow server that they reach: the same as on one machine."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aurify.models.registry import Registry
from tests.cluster.on_kubernetes import BUCKET, put_sources, rows_of
from tests.cluster.on_yarn import Aurify
from tests.cluster.s3.server import S3Server
from tests.cluster.trained import MODEL, SCORES, Trained

PLACE = "models"


@pytest.fixture(scope="module")
def places(trained_here: Trained, s3_of_pods: S3Server, mlflow_of_pods: str) -> Mapping[str, str]:
    """Where the lake of the pods lies, with the deliveries that the model of this machine has learned from."""
    root = f"{s3_of_pods.bucket(BUCKET)}/{PLACE}"
    put_sources(Path(trained_here.lake.settings.sources), s3_of_pods, f"{PLACE}/sources")
    return {
        "AURIFY_WAREHOUSE": f"{root}/lake",
        "AURIFY_SOURCES": f"{root}/sources",
        "MLFLOW_TRACKING_URI": mlflow_of_pods,
    }


@pytest.fixture(scope="module")
def told(aurify_on_kubernetes: Aurify, places: Mapping[str, str]) -> Mapping[str, Any]:
    """What each step said, each an application in cluster mode."""
    found = {}
    for words in (["refresh"], ["train", MODEL], ["score", MODEL]):
        ran = aurify_on_kubernetes("submit", "--json", "--", *words, **places)
        assert ran.returncode == 0, f"{words}: {ran.stdout}{ran.stderr}"
        found[words[0]] = json.loads(ran.stdout)
    return found


def test_what_was_trained_in_pods_is_the_same_model(
    trained_here: Trained, told: Mapping[str, Any], mlflow_of_pods: str
) -> None:
    assert {step["exit_code"] for step in told.values()} == {0}
    registry = Registry(mlflow_of_pods, None, trained_here.lake.definition.project.project)
    version = registry.version(MODEL, 1)
    assert version.aliases == trained_here.version.aliases == ("champion",)
    assert version.fingerprint == trained_here.version.fingerprint
    here = trained_here.lake.registry.metrics(trained_here.version)
    assert registry.metrics(version) == pytest.approx(here, rel=1e-9)


def test_rows_are_scored_in_pods_as_here(trained_here: Trained, told: Mapping[str, Any], s3_of_pods: S3Server) -> None:
    here = rows_of(trained_here.lake.settings.path_of(SCORES))
    table = f"{s3_of_pods.bucket(BUCKET)}/{PLACE}/lake/{SCORES.replace('.', '/')}"
    columns = [name for name in here.column_names if name != "scored_at"]
    there = rows_of(table, s3_of_pods.env).select(columns)
    assert here.num_rows > 20_000
    assert there.equals(here.select(columns))
