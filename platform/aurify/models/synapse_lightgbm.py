"""LightGBM of SynapseML: trained in the executors' Java on the same rows as in barrier tasks, in the same order."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aurify.errors import EnvironmentFailure
from aurify.models.barrier_frame import Roles, feature, placed, prepared
from aurify.models.barrier_preflight import (
    Asked,
    refuse_misfits,
    refuse_unlearnable,
    refuse_without_package,
    task_slots,
)
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.class_balance import balanced
from aurify.models.jvm_class import jvm_class
from aurify.models.lightgbm_parameters import BINARY
from aurify.models.synapse_parameters import passed
from aurify.models.time_limit import ended_after
from aurify.models.training_job import MORE_TIME, reason

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COORDINATES = "com.microsoft.azure:synapseml-lightgbm_2.12:1.1.3"
CLASSIFIER = "com.microsoft.azure.synapse.ml.lightgbm.LightGBMClassifier"
FEATURES = "_features"
SECONDS_TO_MEET = 1200.0
ROWS_A_PUSH = 1000


def train(asked: Asked, rows: DataFrame, validation: DataFrame | None = None) -> str:
    """Train on `rows` by as many Spark tasks as `workers`; the text of the model, which lightgbm reads.

    The same rows give the same text, however they are partitioned, where all tasks of an executor are the same ones;
    else sums of doubles differ in their last digits. The rows are read once and kept by Spark until the end; the
    driver holds those that validate, and as many as bins are made of. Tasks of one executor share its data set.

    The errors are those of `barrier_lightgbm.fit`. After TrainingStopped the executors go on with the rounds that they
    have begun, unless `spark.task.reaper.enabled` ends them: nothing interrupts this LightGBM.
    """
    spark = rows.sparkSession
    refuse_without_package()
    jvm_class(spark, CLASSIFIER, COORDINATES)
    refuse_misfits(asked, rows, validation)
    with ended_after(spark, asked.time_limit, "fit", MORE_TIME):
        numbers = placed(prepared(rows, validation, asked.roles, False), asked.workers).persist()
        try:
            counted = refuse_unlearnable(asked, numbers)
            _refuse_idle(asked, numbers)
            weighed, parameters = balanced(numbers, asked.parameters, asked.balance, counted)
            return _model_text(_with_vectors(weighed, asked.roles), replace(asked, parameters=parameters))
        finally:
            numbers.unpersist()


def _model_text(rows: DataFrame, asked: Asked) -> str:
    from py4j.protocol import Py4JJavaError
    from pyspark.errors import PySparkException
    from synapse.ml.lightgbm import LightGBMClassifier, LightGBMRegressor

    kind = LightGBMClassifier if asked.parameters["objective"] == BINARY else LightGBMRegressor
    try:
        return str(kind(**_settings(rows, asked)).fit(rows).getNativeModel())
    except (PySparkException, Py4JJavaError) as error:
        expected = "training that ends in all tasks"
        hint = "see the executors' logs; one that is lost had mostly too little spark.executor.memoryOverhead"
        raise EnvironmentFailure.of("fit", reason(str(error)), expected, hint) from error


def _settings(rows: DataFrame, asked: Asked) -> dict[str, Any]:
    """Streaming and a sample of all rows: each executor then has the same bins, whatever rows it has."""
    roles, limit = asked.roles, asked.time_limit
    settings = {
        "featuresCol": FEATURES,
        "labelCol": LABEL,
        "slotNames": list(roles.features),
        "categoricalSlotIndexes": [roles.features.index(name) for name in roles.categorical],
        "numIterations": asked.rounds,
        "numTasks": asked.workers,
        "useBarrierExecutionMode": asked.workers > 1,
        "dataTransferMode": "streaming",
        "samplingMode": "global",
        "matrixType": "dense",
        "microBatchSize": ROWS_A_PUSH,
        "timeout": SECONDS_TO_MEET if limit is None else limit.total_seconds(),
        **passed({"num_threads": _threads(rows.sparkSession, asked.workers), **asked.parameters}),
    }
    if WEIGHT in rows.columns:
        settings["weightCol"] = WEIGHT
    if VALIDATION in rows.columns:
        settings |= {"validationIndicatorCol": VALIDATION, "earlyStoppingRound": asked.early_stopping_rounds}
    return settings


def _threads(spark: SparkSession, workers: int) -> int:
    """As many as the tasks of an executor have cores: one of them trains for all."""
    conf, slots = spark.sparkContext.getConf(), task_slots(spark)
    cores = int(conf.get("spark.task.cpus", "1") or 1)
    in_one = (
        slots if str(spark.sparkContext.master).startswith("local") else int(conf.get("spark.executor.cores") or cores)
    )
    executors = max(1, slots * cores // in_one)
    return -(-workers // executors) * cores


def _with_vectors(numbers: DataFrame, roles: Roles) -> DataFrame:
    """Label, weight and who validates, with the features as one vector; NULL is NaN."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql import functions as F

    values = [F.coalesce(F.col(feature(place)), F.lit(float("nan"))) for place in range(len(roles.features))]
    kept = [name for name in (LABEL, WEIGHT, VALIDATION) if name in numbers.columns]
    return numbers.select(*kept, array_to_vector(F.array(*values)).alias(FEATURES))


def _refuse_idle(asked: Asked, numbers: DataFrame) -> None:
    """EnvironmentFailure where a task has no rows to train on: SynapseML would wait for it."""
    from pyspark.sql import functions as F

    if asked.workers == 1:
        return
    trains = numbers.where(~F.col(VALIDATION)) if VALIDATION in numbers.columns else numbers
    found = {row["task"] for row in trains.select(F.spark_partition_id().alias("task")).distinct().collect()}
    idle = [f"worker {task}: no rows" for task in range(asked.workers) if task not in found]
    if idle:
        expected, hint = f"rows at each of {asked.workers} workers", "`order_by` that tells rows apart"
        raise EnvironmentFailure.of("fit", "; ".join(idle), expected, hint)
