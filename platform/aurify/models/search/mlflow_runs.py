"""Trials of a search as nested runs of MLflow, under the run of the training that they belong to."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from aurify.models.search.trial import Trial

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

NUMBER, STATE, REASON = "aurify.trial", "aurify.trial_state", "aurify.trial_reason"
PARENT = "mlflow.parentRunId"
STATUS = {"finished": "FINISHED", "pruned": "KILLED", "failed": "FAILED"}
LONGEST_TAG = 5_000


def nested_runs(client: MlflowClient, parent_run_id: str, metric: str) -> Callable[[Trial], None]:
    """What `search` calls for each trial: its values are parameters, its folds the steps of `<metric>_by_fold`.

    A trial that has its nested run is left out, so that a search that goes on under the same parent writes none
    twice; a run that a kill left half written is replaced.
    """
    experiment = client.get_run(parent_run_id).info.experiment_id
    there = {run.data.tags.get(NUMBER): run for run in _nested(client, experiment, parent_run_id)}

    def listen(trial: Trial) -> None:
        before = there.get(str(trial.number))
        if before is not None and _is_told(before, trial):
            return
        if before is not None:
            client.delete_run(before.info.run_id)
        _write(client, experiment, parent_run_id, metric, trial)

    return listen


def _is_told(run: Run, trial: Trial) -> bool:
    """A failed trial may have been done again meanwhile."""
    return run.info.status == STATUS[trial.state] and run.data.tags.get(REASON, "") == trial.reason[:LONGEST_TAG]


def _nested(client: MlflowClient, experiment: str, parent_run_id: str) -> list[Run]:
    found: list[Run] = []
    token = None
    while True:
        condition = f"tags.`{PARENT}` = '{parent_run_id}'"
        page = client.search_runs([experiment], condition, max_results=1_000, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _write(client: MlflowClient, experiment: str, parent_run_id: str, metric: str, trial: Trial) -> None:
    from mlflow.entities import Metric, Param

    began = int(trial.began.timestamp() * 1_000)
    ended = began + int(trial.seconds * 1_000)
    tags = {PARENT: parent_run_id, NUMBER: str(trial.number), STATE: trial.state}
    if trial.reason:
        tags[REASON] = trial.reason[:LONGEST_TAG]
    run = client.create_run(experiment, start_time=began, tags=tags, run_name=f"trial {trial.number}")
    metrics = [Metric(f"{metric}_by_fold", value, ended, step) for step, value in enumerate(trial.by_fold)]
    if trial.value is not None:
        metrics.append(Metric(metric, trial.value, ended, 0))
    params = [Param(path, str(value)) for path, value in trial.values.items()]
    client.log_batch(run.info.run_id, metrics, params)
    client.set_terminated(run.info.run_id, STATUS[trial.state], ended)
