"""The search of a model's file: values for its estimator, chosen by splits before its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.models.declare import ModelSpec
from aurify.models.estimator import Estimator, Learning
from aurify.models.fitted import with_stages
from aurify.models.fitting import after_stages, fit_stages
from aurify.models.learnable import refuse_unlearnable
from aurify.models.registry import Run
from aurify.models.search import search
from aurify.models.search.mlflow_runs import nested_runs
from aurify.models.split import PART, Dates
from aurify.workflows.record import plain
from aurify.workflows.training_rows import TrainingRows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake


def searched(lake: Lake, spec: ModelSpec, rows: TrainingRows, run: Run, scratch: str) -> Estimator:
    """The estimator with the values that the earlier splits choose; as it is declared where no search is.

    Trials are nested runs. A search that was killed goes on with the trials that it has.
    """
    if spec.search is None:
        return spec.estimator
    with ExitStack() as held:
        earlier = spec.split.earlier(rows.dates)
        folds = [held.enter_context(_fold(lake, spec, rows, dates, scratch)) for dates in earlier]
        found = search(
            spec.search,
            spec.estimator,
            folds,
            spec.metric,
            store=_store(lake),
            study=spec.name,
            listen=nested_runs(run.client, run.id, spec.metric),
        )
    run.parameters({f"found.{path}": value for path, value in found.values.items()})
    run.text("search.json", json.dumps(plain(found), indent=1))
    return found.estimator


@contextmanager
def _fold(
    lake: Lake, spec: ModelSpec, rows: TrainingRows, dates: Dates, scratch: str
) -> Iterator[tuple[Learning, DataFrame]]:
    """An earlier split: rows to learn from, and the rows of its test, both as the stages leave them."""
    where = f"search of {spec.name}, test {dates.test[0]:%Y-%m-%d}"
    parts = rows.parts(rows.made.read(lake.session), dates)
    with ExitStack() as held:
        held.callback(parts.persist().unpersist)
        refuse_unlearnable(where, parts, spec.data.target, rows.features, ("train", "test"))
        plain_rows = rows.learning(parts, scratch)
        fitted = fit_stages(plain_rows, spec.stages)
        learning = after_stages(replace(plain_rows, validation=None), fitted)
        held_out = with_stages(parts.where(f"{PART} = 'test'"), fitted)
        for frame in (learning.rows, held_out):
            held.callback(frame.persist().unpersist)
        yield learning, held_out


def _store(lake: Lake) -> str:
    """Where trials are kept: a folder beside the training sets, or the database that the settings name."""
    given, own = lake.settings.mlflow.search, lake.settings.warehouse
    if given is None and "://" in own:
        hint = "name one in the settings of the environment, like postgresql://..."
        raise ConfigurationError.of("settings: mlflow.search", f"none, with the warehouse {own}", "a database", hint)
    return given or f"{own}/training/_search"
