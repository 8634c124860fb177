"""Trials of a search in MLflow: a nested run each, written once."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from aurify.models.search import Trial
from aurify.models.search.mlflow_runs import nested_runs

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

mlflow = pytest.importorskip("mlflow")

# MLflow's store asks SQLAlchemy for what 2.1 will do away with.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated:DeprecationWarning")

AT = datetime(2026, 3, 1, 12, tzinfo=timezone.utc)
FINISHED = Trial(0, {"rounds": 20, "parameters.num_leaves": 7}, 0.75, (0.7, 0.8), "finished", AT, 2.5)
PRUNED = Trial(1, {"rounds": 5, "parameters.num_leaves": 2}, None, (0.5,), "pruned", AT, 1.0)
FAILED = Trial(2, {"rounds": 5, "parameters.num_leaves": None}, None, (), "failed", AT, 0.5, "fit: " + "no rows " * 900)


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> MlflowClient:
    made: MlflowClient = mlflow.MlflowClient(f"sqlite:///{tmp_path_factory.mktemp('tracking') / 'mlflow.db'}")
    return made


@pytest.fixture
def parent(client: MlflowClient) -> Run:
    return client.create_run("0", run_name="training of fraud")


def children(client: MlflowClient, parent: Run) -> list[Run]:
    found = client.search_runs(["0"], f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    return sorted(found, key=lambda run: int(run.data.tags["aurify.trial"]))


def test_each_trial_is_a_nested_run_with_its_values_folds_and_state(client: MlflowClient, parent: Run) -> None:
    listen = nested_runs(client, parent.info.run_id, "average_precision")
    for trial in (FINISHED, FAILED, PRUNED):
        listen(trial)
    finished, pruned, failed = children(client, parent)
    assert finished.data.params == {"rounds": "20", "parameters.num_leaves": "7"}
    assert finished.data.metrics["average_precision"] == 0.75
    history = client.get_metric_history(finished.info.run_id, "average_precision_by_fold")
    assert [(metric.step, metric.value) for metric in history] == [(0, 0.7), (1, 0.8)]
    assert (finished.info.status, finished.info.run_name) == ("FINISHED", "trial 0")
    assert finished.info.end_time - finished.info.start_time == 2_500
    assert (pruned.info.status, pruned.data.tags["aurify.trial_state"]) == ("KILLED", "pruned")
    assert pruned.data.metrics == {"average_precision_by_fold": 0.5}
    assert (failed.info.status, failed.data.params["parameters.num_leaves"]) == ("FAILED", "None")
    assert failed.data.tags["aurify.trial_reason"].startswith("fit: no rows")


def test_a_trial_that_is_heard_of_again_is_written_once(client: MlflowClient, parent: Run) -> None:
    nested_runs(client, parent.info.run_id, "f1")(FINISHED)
    nested_runs(client, parent.info.run_id, "f1")(FAILED)
    before = [run.info.run_id for run in children(client, parent)]
    again = nested_runs(client, parent.info.run_id, "f1")
    again(FINISHED)
    again(FAILED)
    assert [run.info.run_id for run in children(client, parent)] == before
    other = client.create_run("0")
    nested_runs(client, other.info.run_id, "f1")(FINISHED)
    assert len(children(client, other)) == 1, "another training has nested runs of its own"


def test_a_run_that_is_half_written_or_of_a_trial_that_was_done_again_is_replaced(
    client: MlflowClient, parent: Run
) -> None:
    nested_runs(client, parent.info.run_id, "f1")(replace(FINISHED, state="failed", value=None, reason="a lost worker"))
    tags = {"mlflow.parentRunId": parent.info.run_id, "aurify.trial": "1", "aurify.trial_state": "pruned"}
    client.create_run("0", tags=tags)
    again = nested_runs(client, parent.info.run_id, "f1")
    again(FINISHED)
    again(PRUNED)
    assert [(run.info.status, len(run.data.params)) for run in children(client, parent)] == [
        ("FINISHED", 2),
        ("KILLED", 2),
    ]
