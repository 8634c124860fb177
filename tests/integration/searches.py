"""Estimators that tests search over: a stump with a planted optimum, and LightGBM in barrier tasks."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError, Problem
from aurify.models.booster import Booster
from aurify.models.estimator import Learning

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

OPTIMUM = 0.62
FITS: list[float] = []


@dataclass(frozen=True)
class Stump:
    """1 where `x` is above the threshold, which it is told; it looks at no row."""

    threshold: float = 0.0
    objective: str = "binary"
    before: Callable[[Learning], None] = field(default=lambda learning: None, repr=False, compare=False)

    def problems(self, where: str) -> list[Problem]:
        return [] if self.threshold <= 2 else [Problem(where, f"a threshold of {self.threshold}", "2 at most")]

    def fit(self, learning: Learning) -> Booster:
        import lightgbm

        self.before(learning)
        if self.threshold > 1:
            raise ConfigurationError.of("fit", "a threshold above 1", "one within the values")
        FITS.append(self.threshold)
        beside = np.array([self.threshold - 1e-4, self.threshold + 1e-4] * 20)
        data = lightgbm.Dataset(beside[:, None], self._labels(beside), feature_name=["x"])
        tiny = {
            "objective": self.objective,
            "num_leaves": 2,
            "min_data_in_leaf": 1,
            "min_data_in_bin": 1,
            "verbosity": -1,
        }
        return Booster(lightgbm.train(tiny, data, 3).model_to_string(), ("x",))

    def _labels(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.where(values > self.threshold, 1.0 if self.objective == "binary" else 90.0, 0.0)


@dataclass(frozen=True)
class Trees:
    """LightGBM by `barrier_lightgbm.fit`."""

    rounds: int = 3
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"objective": "binary", "num_leaves": 4})

    def problems(self, where: str) -> list[Problem]:
        return []

    def fit(self, learning: Learning) -> Booster:
        from aurify.models.barrier_lightgbm import fit

        fitted = fit(
            learning.rows,
            features=learning.features,
            label=learning.label,
            parameters=self.parameters,
            workers=learning.workers,
            rounds=self.rounds,
            order_by=learning.order_by,
            time_limit=learning.time_limit,
        )
        return Booster(fitted.model_text, learning.features)


def labelled(spark: SparkSession, rows: int = 400, week: int = 0) -> DataFrame:
    """`x` from 0 to 1, and as a label whether it is above the optimum; one row in ten is mislabelled."""
    return spark.range(rows).selectExpr(
        "id",
        f"pmod(xxhash64(id, {week}), 10000) / 10000 AS x",
        f"pmod(xxhash64(id, {week}), 10000) / 10000 > {OPTIMUM} != (id % 10 = 0) AS label",
    )


def folds_of(spark: SparkSession, scratch: str, weeks: int = 2, **others: Any) -> list[tuple[Learning, DataFrame]]:
    told = {"validation": None, "features": ("x",), "label": "label", "order_by": ("id",), "scratch": scratch}
    rows = labelled(spark)
    return [(Learning(rows=rows, **{**told, **others}), labelled(spark, week=week + 1)) for week in range(weeks)]


def note_and_kill(learning: Learning, fits: Path, kill_at: int) -> None:
    """Note the fit and the scheduler pool it ran in; at one of them the process is killed."""
    pool = learning.rows.sparkSession.sparkContext.getLocalProperty("spark.scheduler.pool")
    with fits.open("a", encoding="utf-8") as told:
        told.write(f"{pool}\n")
    if len(fits.read_text(encoding="utf-8").splitlines()) == kill_at:
        os.kill(os.getpid(), signal.SIGKILL)


def in_a_process(store: str, fits: str, kill_at: int) -> None:
    """Search in a process of its own, which kills itself."""
    from pyspark.sql import SparkSession

    from aurify.models.search import Real, Search, search

    conf = {"spark.scheduler.mode": "FAIR", "spark.ui.enabled": "false", "spark.sql.shuffle.partitions": "1"}
    builder = SparkSession.builder.master("local[2]")
    for name, value in conf.items():
        builder = builder.config(name, value)
    estimator = Stump(before=partial(note_and_kill, fits=Path(fits), kill_at=kill_at))
    declared = Search({"threshold": Real(0.0, 1.0)}, trials=4, sampler="random")
    folds = folds_of(builder.getOrCreate(), store, weeks=1)
    search(declared, estimator, folds, "f1", store=store, study="killed")


if __name__ == "__main__":
    in_a_process(sys.argv[1], sys.argv[2], int(sys.argv[3]))
