"""LightGBM trained on a Spark frame: one worker a barrier task, which talk over LightGBM's own network."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from aurify.errors import EnvironmentFailure, TrainingStopped
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
from aurify.models.lightgbm_scores import predictor, scored
from aurify.models.time_limit import ended_after

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, Row, SparkSession

__all__ = ["Fitted", "Worker", "fit", "predictor", "scored"]

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
CAUSES = (
    r"^(?!org\.|java\.|py4j\.)[\w.]*(?:Error|Exception): .+$",
    r"Python worker exited unexpectedly.*$",
    r"Job (?:aborted|\d+ cancelled).*$",
    r"\S.*$",
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
) -> Fitted:
    """Train a binary classifier or a regression on `rows`, by so many `workers` at once.

    `parameters` are LightGBM's own; `objective` must be among them. The same rows give the same model text, however
    they are partitioned: a hash of `order_by` says which worker has a row, and each sorts its own. `validation` is a
    frame, or a boolean column that is true for its rows; NULL is training. NULL and NaN in a feature are missing.

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
    asked = Asked(roles, dict(parameters), workers, rounds, early_stopping_rounds, time_limit)
    until = None if time_limit is None else time.time() + time_limit.total_seconds()
    refuse_without_package()
    refuse_misfits(asked, rows, frame)
    grace = timedelta(seconds=SECONDS_TO_END)  # the workers stop by themselves before
    limit = None if time_limit is None else time_limit + grace
    with ended_after(rows.sparkSession, limit, partial(_stopped, asked)):
        narrow = is_narrow(rows, roles.features)
        numbers = prepared(rows, frame, roles, narrow)
        refuse_unlearnable(asked, numbers)
        told = _told(placed(numbers, workers), _plan(asked, rows.sparkSession, narrow, until))
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
            expected = "training that ends in all workers"
            hint = (
                "see the workers' logs; one that exits unexpectedly had mostly too little spark.executor.memoryOverhead"
            )
            raise EnvironmentFailure.of("fit", _reason(str(error)), expected, hint) from error
    raise AssertionError("the last attempt returns or raises")


def _reason(text: str) -> str:
    """The cause in what Spark tells of a failed job: a Python error before a worker's end before all else.

    >>> _reason("Job aborted: Traceback (most recent call last):\\nlightgbm.basic.LightGBMError: bad value\\n\\tat org")
    'lightgbm.basic.LightGBMError: bad value'
    >>> _reason("An error occurred\\n: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\\n")
    'Python worker exited unexpectedly (crashed)'
    """
    for cause in CAUSES:
        found = re.search(cause, text, re.MULTILINE)
        if found:
            return found[0]
    return text


def _fitted(told: list[Row], asked: Asked) -> Fitted:
    first = told[0]
    if first["troubles"]:
        expected = f"the same lightgbm, and rows, at each of {asked.workers} workers"
        hint = f"{INSTALL} for the workers' Python; `order_by` that tells rows apart"
        raise EnvironmentFailure.of("fit", first["troubles"].replace("\n", "; "), expected, hint)
    if first["is_over"]:
        raise _stopped(asked, f"{first['rounds']} of {asked.rounds} rounds were done")
    workers = tuple(Worker(row["rows"], row["validation_rows"], row["loading"], row["training"]) for row in told)
    return Fitted(first["model"], first["best_iteration"], json.loads(first["history"]), workers)


def _stopped(asked: Asked, found: str) -> TrainingStopped:
    hint = "give it more time, more workers, fewer rounds or fewer rows"
    return TrainingStopped.of("fit", f"{found} after {asked.time_limit}", "all within time_limit", hint)
