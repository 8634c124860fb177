"""The work of `training`, as it runs in the process of `program.run`: rows with a signal, three ways to learn it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.meter import Meter
from benchmarks.training import MEMORY, ONE_ROUND, PARQUET

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

FEATURES = [f"x{number}" for number in range(15)]
PARAMETERS = {"objective": "binary", "num_leaves": 31, "learning_rate": 0.1, "seed": 7, "deterministic": True,
              "force_row_wise": True, "verbosity": -1}  # fmt: skip
ROUNDS, THREADS = 200, 2
FILES, FIRST_ROWS = 8, 4_000


def make(spark: SparkSession, meter: Meter, rows: int, test_rows: int, folder: str) -> None:
    """Rows to train on, a few of them for a first fit, and rows held out: Parquet, by a seeded generator."""
    import numpy as np
    import pyarrow.parquet as pq

    draw = np.random.default_rng(7)
    for part in ("train", "first", "test"):
        Path(folder, part).mkdir(parents=True)
    size = -(-rows // FILES)
    for file in range(FILES):
        table = _drawn(draw, file * size, min(size, rows - file * size))
        pq.write_table(table, f"{folder}/train/{file}.parquet")
        if not file:
            pq.write_table(table.slice(0, FIRST_ROWS), f"{folder}/first/0.parquet")
    pq.write_table(_drawn(draw, rows, test_rows), f"{folder}/test/0.parquet")


def _drawn(draw: np.random.Generator, first: int, rows: int) -> pa.Table:
    """Amounts, ages, counts, codes and noise; the odds have steps, a product, and a value that is missing at times."""
    import numpy as np
    import pyarrow as pa

    x = draw.normal(size=(15, rows))
    x[0] = np.exp(x[0])
    x[1] = draw.integers(0, 24, rows)
    x[2] = draw.poisson(2.0, rows)
    x[3] = draw.integers(0, 40, rows)
    odds = np.log(x[0]) + 1.5 * (x[1] < 6) * (x[2] > 2) + np.sin(x[4]) * x[5] + 0.5 * (x[3] % 5 == 0) + 0.3 * x[6]
    x[7] = np.where(draw.random(rows) < 0.2, np.nan, odds + 2 * x[7])
    label = (draw.random(rows) < 1 / (1 + np.exp(2.5 - odds))).astype("int8")
    return pa.table({"id": np.arange(first, first + rows), **dict(zip(FEATURES, x, strict=True)), "label": label})


def native(spark: SparkSession, meter: Meter, folder: str, runs: int) -> dict[str, Any]:
    """One process with two threads, and a matrix."""
    import lightgbm

    def fitted(train: tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]], rounds: int) -> tuple[str, Any]:
        made = lightgbm.Dataset(*train, feature_name=FEATURES)
        booster = lightgbm.train({**PARAMETERS, "num_threads": THREADS}, made, rounds)
        return str(booster.model_to_string()), {}

    return _measured(meter, folder, runs, lambda part: _matrix(f"{folder}/{part}"), fitted)


def barrier(spark: SparkSession, meter: Meter, folder: str, runs: int) -> dict[str, Any]:
    """Two workers with a thread each; they tell their seconds of loading and of training."""
    from aurify.models import barrier_lightgbm

    def fitted(rows: DataFrame, rounds: int) -> tuple[str, Any]:
        made = barrier_lightgbm.fit(
            rows, features=FEATURES, label="label", parameters=PARAMETERS, workers=THREADS, rounds=rounds,
            order_by=["id"],
        )  # fmt: skip
        return made.model_text, [asdict(worker) for worker in made.workers]

    return _measured(meter, folder, runs, lambda part: spark.read.parquet(f"{folder}/{part}"), fitted)


def synapse(spark: SparkSession, meter: Meter, folder: str, runs: int) -> dict[str, Any]:
    """Two tasks, one of which trains with two threads; the seconds of its Spark jobs."""
    from aurify.models.estimator import Learning
    from aurify.models.lightgbm_estimator import LightGBM

    parameters = {name: value for name, value in PARAMETERS.items() if name != "seed"}

    def fitted(rows: DataFrame, rounds: int) -> tuple[str, Any]:
        asked = Learning(rows, None, tuple(FEATURES), "label", ("id",), "", seed=7, workers=THREADS)
        before = _jobs(spark)
        text = LightGBM(parameters, rounds=rounds, engine="synapseml").fit(asked).text
        return text, {number: told for number, told in _jobs(spark).items() if number not in before}

    return _measured(meter, folder, runs, lambda part: spark.read.parquet(f"{folder}/{part}"), fitted)


def _jobs(spark: SparkSession) -> dict[int, list[Any]]:
    """Of each Spark job by its number: where it was called, and its seconds."""
    context = spark.sparkContext._jsc.sc()
    context.listenerBus().waitUntilEmpty()
    jobs = context.statusStore().jobsList(None)
    found = [jobs.apply(place) for place in range(jobs.size())]
    return {
        int(job.jobId()): [str(job.name()), (job.completionTime().get().getTime() - _begun(job)) / 1000]
        for job in found
        if job.completionTime().isDefined()
    }


def _begun(job: Any) -> int:
    return int(job.submissionTime().get().getTime())


def _measured(
    meter: Meter, folder: str, runs: int, read: Callable[[str], Any], fitted: Callable[[Any, int], tuple[str, Any]]
) -> dict[str, Any]:
    """Start and first fit apart; then fits from memory, from Parquet, and of one round from Parquet, in turns."""
    from pyspark.sql import DataFrame

    started = meter.since_birth()
    with meter.section("first"):
        fitted(read("first"), 5)
    kept = read("train")
    if isinstance(kept, DataFrame):
        kept.persist().count()
    inside: dict[str, list[Any]] = {MEMORY: [], PARQUET: [], ONE_ROUND: []}
    for _ in range(runs):
        for part in inside:
            with meter.section(part):
                rows = kept if part == MEMORY else read("train")
                text, told = fitted(rows, 1 if part == ONE_ROUND else ROUNDS)
            inside[part].append(told)
            if part == MEMORY:
                auc = _area(text, folder)
    return {"auc": auc, "started": started, "inside": inside}


def _area(text: str, folder: str) -> float:
    """Under the ROC curve, of the rows held out, by ranks."""
    import pandas as pd
    from lightgbm import Booster

    matrix, label = _matrix(f"{folder}/test")
    ranks = pd.Series(Booster(model_str=text).predict(matrix, num_threads=THREADS)).rank().to_numpy()
    ones = int(label.sum())
    return float((ranks[label == 1].sum() - ones * (ones + 1) / 2) / (ones * (len(label) - ones)))


def _matrix(folder: str) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Features and label as they lie in a folder of Parquet."""
    import numpy as np
    import pyarrow.parquet as pq

    table = pq.read_table(folder, columns=[*FEATURES, "label"])
    matrix = np.empty((table.num_rows, len(FEATURES)))
    for place, name in enumerate(FEATURES):
        matrix[:, place] = table[name].to_numpy()
    return matrix, table["label"].to_numpy()
