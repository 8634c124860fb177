"""LightGBM trained on a Spark frame: one worker a barrier task, which talk over LightGBM's own network."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.errors import EnvironmentFailure
from aurify.models.barrier_frame import Roles, is_narrow, placed, prepared
from aurify.models.barrier_preflight import (
    INSTALL,
    Asked,
    refuse_misfits,
    refuse_unlearnable,
    refuse_without_package,
)
from aurify.models.barrier_rows import Plan
from aurify.models.barrier_training import PORT_TAKEN
from aurify.models.barrier_worker import RESULT, trained
from aurify.models.class_balance import balanced
from aurify.models.lightgbm_scores import scored
from aurify.models.time_limit import ended_after, stopped
from aurify.models.training_job import MORE_TIME, reason

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

__all__ = ["Fitted", "Worker", "fit", "scored"]

ATTEMPTS = 3
SECONDS_TO_END = 10.0
MINUTES_OF_SILENCE = 20
# With the other names that LightGBM has for each: a default under the main name would win over what is asked.
DEFAULTS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "deterministic": (True, ()),
    "force_row_wise": (True, ("force_col_wise",)),
    "seed": (0, ("random_seed", "random_state")),
    "verbosity": (-1, ("verbose",)),
    "time_out": (MINUTES_OF_SILENCE, ()),
}
GONE = re.compile(
    r"the other worker has gone|ConnectionResetError|BrokenPipeError|Socket (recv|send) error|exited unexpectedly"
)
THREADS = ("num_threads", "num_thread", "nthread", "nthreads", "n_jobs")


@dataclass(frozen=True)
class Worker:
    """What one worker did; the times are in seconds."""

    rows: int
    validation_rows: int
    loading: float
    training: float


@dataclass(frozen=True)
class Fitted:
    """A trained model: its text is what `lightgbm.Booster(model_str=...)` reads.

    `history` has for each metric its value on the validation rows after every round.
    """

    model_text: str
    best_iteration: int
    history: dict[str, list[float]]
    workers: tuple[Worker, ...]


def fit(
    rows: DataFrame,
    *,
    features: Sequence[str],
    label: str,
    parameters: Mapping[str, Any],
    workers: int,
    rounds: int,
    order_by: Sequence[str],
    validation: DataFrame | str | None = None,
    early_stopping_rounds: int | None = None,
    categorical: Sequence[str] = (),
    weight: str | None = None,
    time_limit: timedelta | None = None,
    balance: str = "none",
) -> Fitted:
    """Train a binary classifier or a regression on `rows`, by so many `workers` at once.

    `parameters` are LightGBM's own; `objective` must be among them. The same rows give the same model text, however
    they are partitioned: a hash of `order_by` says which worker has a row, and each sorts its own. `validation` is a
    frame, or a boolean column that is true for its rows; NULL is training. NULL and NaN in a feature are missing.
    `balance` is one of `class_balance.BALANCES`.

    A worker holds its rows in memory, as 4-byte numbers where all features are float, short, byte or boolean, as
    8-byte numbers else; the first one also holds all validation rows. The frame is read twice: once to see that
    something can be learned, once to learn. A worker uses as many threads as a Spark task has cores, or `num_threads`.

    ConfigurationError has all that is wrong with frame, parameters or cluster. EnvironmentFailure: lightgbm is missing
    somewhere, or training failed. TrainingStopped: it was not done within `time_limit`; it can then take some seconds
    more until all workers have ended.
    """
    marked = validation if isinstance(validation, str) else None
    frame = None if isinstance(validation, str) else validation
    roles = Roles(tuple(features), label, weight, tuple(categorical), tuple(order_by), marked, validation is not None)
    asked = Asked(roles, dict(parameters), workers, rounds, early_stopping_rounds, time_limit, balance)
    return train(asked, rows, frame)


def train(asked: Asked, rows: DataFrame, validation: DataFrame | None) -> Fitted:
    """The same, for a fit that is described by `asked`."""
    spark, limit = rows.sparkSession, asked.time_limit
    until = None if limit is None else time.time() + limit.total_seconds()
    refuse_without_package()
    refuse_misfits(asked, rows, validation)
    with ended_after(spark, limit, "fit", MORE_TIME, SECONDS_TO_END):
        narrow = is_narrow(rows, asked.roles.features)
        numbers = prepared(rows, validation, asked.roles, narrow)
        counted = refuse_unlearnable(asked, numbers)
        weighed, parameters = balanced(numbers, asked.parameters, asked.balance, counted)
        plan = _plan(replace(asked, parameters=parameters), spark, narrow, until)
        told = _told(placed(weighed, asked.workers), plan)
    return _fitted(told, asked)


def _plan(asked: Asked, spark: SparkSession, narrow: bool, until: float | None) -> Plan:
    roles = asked.roles
    given = dict(asked.parameters)
    defaults = {name: value for name, (value, others) in DEFAULTS.items() if not given.keys() & {name, *others}}
    if not given.keys() & set(THREADS):
        defaults["num_threads"] = int(spark.sparkContext.getConf().get("spark.task.cpus", "1") or 1)
    places = tuple(roles.features.index(name) for name in roles.categorical)
    early = asked.early_stopping_rounds
    return Plan(roles.features, places, narrow, {**defaults, **given}, asked.workers, asked.rounds, early, until)


def _told(rows: DataFrame, plan: Plan) -> list[Row]:
    """What the workers tell, in their order; tried again with other ports where one was taken meanwhile."""
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException

    results = rows.mapInArrow(partial(trained, plan=plan), RESULT, barrier=plan.workers > 1)
    for left in reversed(range(ATTEMPTS)):
        try:
            return sorted(results.collect(), key=lambda row: int(row["rank"]))
        except (PySparkException, Py4JJavaError) as error:
            if left and PORT_TAKEN in str(error):
                continue
            found, expected = reason(str(error)), "training that ends in all workers"
            if GONE.search(found):  # what those tell that are left differs by where they were
                found = f"a worker has gone: {found}"
            hint = "see the workers' logs; one that has gone had mostly too little spark.executor.memoryOverhead"
            raise EnvironmentFailure.of("fit", found, expected, hint) from error
    raise AssertionError("the last attempt returns or raises")


def _fitted(told: list[Row], asked: Asked) -> Fitted:
    first = told[0]
    if first["troubles"]:
        expected = f"the same lightgbm, and rows, at each of {asked.workers} workers"
        hint = f"{INSTALL} for the workers' Python; `order_by` that tells rows apart"
        raise EnvironmentFailure.of("fit", first["troubles"].replace("\n", "; "), expected, hint)
    if first["is_over"]:
        raise stopped("fit", f"{first['rounds']} of {asked.rounds} rounds were done", asked.time_limit, MORE_TIME)
    workers = tuple(Worker(row["rows"], row["validation_rows"], row["loading"], row["training"]) for row in told)
    return Fitted(first["model"], first["best_iteration"], json.loads(first["history"]), workers)
