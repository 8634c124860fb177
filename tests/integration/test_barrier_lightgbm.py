"""LightGBM in barrier tasks: one worker is LightGBM itself, two learn as well, and what can't be done is told."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark import BarrierTaskContext
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, EnvironmentFailure, TrainingStopped
from aurify.models import barrier_lightgbm
from aurify.models.barrier_frame import Roles, placed, prepared
from aurify.models.barrier_lightgbm import Fitted, fit, scored
from aurify.models.barrier_rows import Plan
from aurify.models.barrier_worker import trained
from tests.integration.card_payments import FEATURES, in_memory, payments

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

lightgbm = pytest.importorskip("lightgbm")

PARAMETERS = {"objective": "binary", "metric": "auc", "num_leaves": 15, "learning_rate": 0.1, "bagging_fraction": 0.8,
              "bagging_freq": 1}  # fmt: skip
SETTLED = {**PARAMETERS, "deterministic": True, "force_row_wise": True, "seed": 0, "verbosity": -1, "num_threads": 1,
           "time_out": 20}  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    made = payments(spark).cache()
    yield made
    made.unpersist()


@pytest.fixture(scope="module")
def by_two(rows: DataFrame) -> Fitted:
    return fitted(rows.where("NOT is_later"), workers=2)


def fitted(rows: DataFrame, **others: Any) -> Fitted:
    asked = {"features": FEATURES, "label": "is_fraud", "parameters": PARAMETERS, "workers": 1, "rounds": 30}
    return fit(rows, **{**asked, "order_by": ["id"], **others})


def dataset(rows: pd.DataFrame, **others: Any) -> Any:
    names = {"feature_name": FEATURES, "weight": rows["weight"].to_numpy()}
    return lightgbm.Dataset(matrix(rows), rows["is_fraud"].to_numpy(), **{**names, **others})


def matrix(rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    return np.asarray(rows[FEATURES], dtype=np.float64)


def area(rows: pd.DataFrame, model_text: str) -> float:
    """Under the ROC curve, by ranks."""
    import pandas as pd

    is_fraud = rows["is_fraud"].to_numpy() == 1
    ranks = pd.Series(lightgbm.Booster(model_str=model_text).predict(matrix(rows))).rank().to_numpy()
    frauds = is_fraud.sum()
    return float((ranks[is_fraud].sum() - frauds * (frauds + 1) / 2) / (frauds * (~is_fraud).sum()))


def test_one_worker_trains_what_lightgbm_trains_in_memory(rows: DataFrame) -> None:
    ours = fitted(rows, validation="is_later", early_stopping_rounds=5, weight="weight", categorical=["shop"])
    training = dataset(in_memory(rows, "NOT is_later"), categorical_feature=[3])
    validation = dataset(in_memory(rows, "is_later"), reference=training)
    history: dict[str, Any] = {}
    callbacks = [lightgbm.early_stopping(5, verbose=False), lightgbm.record_evaluation(history)]
    native = lightgbm.train(SETTLED, training, 30, [validation], ["validation"], callbacks=callbacks)
    assert ours.model_text == native.model_to_string()
    assert ours.best_iteration == native.best_iteration
    assert ours.history == {"auc": history["validation"]["auc"]}


def test_two_workers_learn_as_well_as_one(rows: DataFrame, by_two: Fitted) -> None:
    one = fitted(rows.where("NOT is_later"))
    later = in_memory(rows, "is_later")
    assert area(later, by_two.model_text) == pytest.approx(area(later, one.model_text), abs=0.01)
    assert sum(worker.rows for worker in by_two.workers) == one.workers[0].rows
    assert min(worker.rows for worker in by_two.workers) > 0.45 * one.workers[0].rows


def test_the_same_rows_give_the_same_model_however_they_lie(rows: DataFrame, by_two: Fitted) -> None:
    turned = rows.where("NOT is_later").repartition(5).orderBy(F.desc("amount"))
    assert fitted(turned, workers=2).model_text == by_two.model_text
    assert "[machines: ]" in by_two.model_text


def test_two_workers_stop_early_together(rows: DataFrame) -> None:
    asked = {"workers": 2, "rounds": 500, "early_stopping_rounds": 3}
    marked = fitted(rows, validation="is_later", **asked)
    assert marked.best_iteration < 400
    assert len(marked.history["auc"]) == marked.best_iteration + 3
    assert lightgbm.Booster(model_str=marked.model_text).num_trees() == marked.best_iteration
    later = in_memory(rows, "is_later")
    assert marked.history["auc"][marked.best_iteration - 1] == pytest.approx(area(later, marked.model_text), abs=1e-9)
    assert [worker.validation_rows for worker in marked.workers] == [len(later), 0]
    apart = fitted(rows.where("NOT is_later"), validation=rows.where("is_later"), **asked)
    assert apart.model_text == marked.model_text


def test_a_regression_learns(rows: DataFrame) -> None:
    parameters = {"objective": "regression", "metric": "l2"}
    doubled = rows.withColumn("doubled", F.col("weight") * 2)
    names = {"label": "weight", "features": ["doubled", "hour"]}
    made = fitted(doubled, parameters=parameters, rounds=60, validation="is_later", **names)
    assert made.history["l2"][-1] < 0.01 * made.history["l2"][0]


def test_scores_are_those_of_the_booster(rows: DataFrame, by_two: Fitted) -> None:
    odd = rows.withColumnRenamed("weight", "the weight.kg")
    made = scored(odd, by_two.model_text, FEATURES)
    assert made.columns == [*odd.columns, "score"]
    together: pd.DataFrame = made.toPandas()
    expected = lightgbm.Booster(model_str=by_two.model_text).predict(matrix(together))
    assert np.abs(together["score"].to_numpy() - expected).max() <= 1e-12
    assert len(together) == 6_000


@pytest.mark.parametrize("workers", [1, 2])
def test_a_fit_that_takes_too_long_is_stopped_with_its_reason(rows: DataFrame, workers: int) -> None:
    limit = timedelta(seconds=5)
    with pytest.raises(TrainingStopped, match=r"of 1000000 rounds were done after 0:00:05") as told:
        fitted(rows, workers=workers, rounds=1_000_000, time_limit=limit)
    assert "give it more time" in str(told.value)


def test_a_fit_that_hangs_is_cancelled(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(120)
        yield from batches

    monkeypatch.setattr(barrier_lightgbm, "SECONDS_TO_END", 0.5)
    begun = time.monotonic()
    with pytest.raises(TrainingStopped, match="its Spark job was cancelled"):
        fitted(rows.mapInArrow(stuck, rows.schema), time_limit=timedelta(seconds=1))
    assert time.monotonic() - begun < 60
    assert len(rows.sparkSession.sparkContext.getJobTags()) == 0


@pytest.mark.parametrize("place", [0, 1])
def test_a_fit_of_which_a_worker_is_killed_ends_with_one_clear_error(
    rows: DataFrame, by_two: Fitted, place: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def soon_killed(batches: Iterator[pa.RecordBatch], plan: Plan) -> Iterator[pa.RecordBatch]:
        if BarrierTaskContext.get().partitionId() == place:
            threading.Timer(3, os.kill, (os.getpid(), signal.SIGKILL)).start()
        yield from trained(batches, plan)

    learned, begun = rows.where("NOT is_later"), time.monotonic()
    monkeypatch.setattr(barrier_lightgbm, "trained", soon_killed)
    with pytest.raises(EnvironmentFailure, match="a worker has gone: ") as told:
        fitted(learned, workers=2, rounds=1_000_000, time_limit=timedelta(seconds=90))
    assert time.monotonic() - begun < 60, "not by the time limit"
    assert len(told.value.problems) == 1
    monkeypatch.undo()
    assert fitted(learned, workers=2).model_text == by_two.model_text


def test_what_lightgbm_refuses_is_told_in_its_words(rows: DataFrame) -> None:
    with pytest.raises(EnvironmentFailure, match=r"LightGBMError: .*bagging_fraction"):
        fitted(rows, workers=2, parameters={**PARAMETERS, "bagging_fraction": 7.0})


def test_all_that_does_not_fit_is_told_at_once(rows: DataFrame) -> None:
    odd = rows.withColumn("shop", F.concat(F.lit("s"), "shop")).withColumn("a b", F.lit(1.0))
    parameters = {"objective": "binray", "machines": "10.0.0.1:1", "n_estimators": 7}
    with pytest.raises(ConfigurationError) as told:
        fitted(
            odd, features=["amout", "shop", "hour", "hour", "is_fraud", "a b"], parameters=parameters, workers=9,
            rounds=0, early_stopping_rounds=0, categorical=["is_abroad"], time_limit=timedelta(0),
        )  # fmt: skip
    text = str(told.value)
    for part in (
        "no column 'amout'", "did you mean 'amount'?", "shop is string", "'hour' twice",
        "'is_fraud', which has another",
        "'a b'", "did you mean 'binary'?", "machines", "`rounds` to say it", "rounds: found 0", "no validation",
        "early_stopping_rounds: found 0", "'is_abroad'", "9, with 2 slots", "time_limit: found 0:00:00",
    ):  # fmt: skip
        assert part in text, part


def test_validation_has_the_columns_of_the_rows(rows: DataFrame) -> None:
    other = rows.drop("hour").withColumn("amount", F.col("amount").cast("float"))
    with pytest.raises(ConfigurationError, match=r"no column 'hour'(.|\n)*amount is float|amount is float(.|\n)*hour"):
        fitted(rows, validation=other)


def test_nothing_to_learn_is_told_at_once(rows: DataFrame) -> None:
    few = rows.limit(30).withColumn("hour", F.lit(None).cast("int")).withColumn("is_fraud", F.lit(2))
    few = few.withColumn("weight", F.when(F.col("id") > 3, -1.0)).withColumn("is_later", F.lit(None).cast("boolean"))
    with pytest.raises(ConfigurationError) as told:
        fitted(few, weight="weight", validation="is_later")
    text = str(told.value)
    for part in (
        "'hour' has no value", "neither 0 nor 1 in 30 rows", "2 in all rows", "30 to train on", "less than 0 in 30",
        "fit: validation: found no rows",
    ):  # fmt: skip
        assert part in text, part
    with pytest.raises(ConfigurationError, match="NULL or NaN in 1 rows"):
        fitted(rows.withColumn("is_fraud", F.expr("if(id = 7, null, is_fraud)")))


def test_rows_are_spread_and_those_that_validate_are_the_first_workers(rows: DataFrame) -> None:
    roles = Roles(("amount",), "is_fraud", None, (), ("id",), "is_later", True)
    lying = placed(prepared(rows, None, roles, False), 7).groupBy(F.spark_partition_id().alias("worker"))
    counts = lying.agg(F.count_if("_validation").alias("validate"), F.count("*").alias("all"))
    found = {row.worker: row for row in counts.collect()}
    later = rows.where("is_later").count()
    assert {worker: row.validate for worker, row in found.items()} == {0: later, **dict.fromkeys(range(1, 7), 0)}
    assert min(row["all"] - row.validate for row in found.values()) > 0.8 * (6_000 - later) / 7


def test_rows_that_all_go_to_one_worker_are_refused(rows: DataFrame) -> None:
    with pytest.raises(EnvironmentFailure, match=r"worker [01]: no rows"):
        fitted(rows.withColumn("day", F.lit(1)), workers=2, order_by=["day"])


def test_a_missing_package_is_named(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lightgbm", None)
    with pytest.raises(EnvironmentFailure, match="no package lightgbm on the driver"):
        fitted(rows)
    plan = Plan(("amount",), (), False, {"time_out": 20}, 1, 1, None, None)
    (told,) = trained(iter(()), plan)
    assert "worker 0: ModuleNotFoundError" in told.to_pylist()[0]["troubles"]


def test_a_fit_leaves_dynamic_allocation_alone(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    conf = rows.sparkSession.sparkContext.getConf().set("spark.dynamicAllocation.enabled", "true")
    monkeypatch.setattr(type(rows.sparkSession.sparkContext), "getConf", lambda self: conf)
    with pytest.raises(ConfigurationError, match=r"spark\.dynamicAllocation\.enabled: found true"):
        fitted(rows, workers=2)
