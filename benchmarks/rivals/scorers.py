"""How else a LightGBM model scores a Delta table into another one: by hand, by MLflow's own function, by SynapseML."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.meter import Meter
from benchmarks.scoring_project import features
from benchmarks.scoring_work import FEW_ROWS, difference, features_path, text_of

if TYPE_CHECKING:
    import pandas as pd
    from pyspark.sql import DataFrame, SparkSession

    Way = Callable[[DataFrame], DataFrame]

KEPT = ("id", "at")
REVIEWED_FROM = 0.5


def hand_written(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """mapInPandas, the model read once a task, one thread for each of two tasks."""
    ways = {count: partial(_in_pandas, text=text_of(folder, count), names=features(width)) for count in trees}
    return _measured(spark, meter, folder, width, ways, sections)


def _in_pandas(rows: DataFrame, text: str, names: Sequence[str]) -> DataFrame:
    def scored(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
        from lightgbm import Booster

        booster = Booster(model_str=text)
        for frame in frames:
            scores = booster.predict(frame[names].to_numpy(), num_threads=1)
            yield frame[list(KEPT)].assign(score=scores)

    return rows.mapInPandas(scored, "id bigint, at timestamp, score double")


def spark_udf(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """`mlflow.pyfunc.spark_udf` of the model as `mlflow.lightgbm` saves it."""
    import mlflow.lightgbm
    import mlflow.pyfunc
    from lightgbm import Booster

    ways = {}
    for count in trees:
        path = str(Path(folder, f"mlflow_{count}"))
        mlflow.lightgbm.save_model(Booster(model_str=text_of(folder, count)), path)
        score = mlflow.pyfunc.spark_udf(spark, path, result_type="double", env_manager="local")
        ways[count] = partial(_by_function, score=score, names=features(width))
    return _measured(spark, meter, folder, width, ways, sections)


def _by_function(rows: DataFrame, score: Any, names: Sequence[str]) -> DataFrame:
    from pyspark.sql import functions as F

    return rows.withColumn("score", score(F.struct(*names)))


def synapse(
    spark: SparkSession, meter: Meter, folder: str, width: int, trees: Sequence[int], sections: Sequence[str]
) -> dict[str, float]:
    """The transform of SynapseML's own model, in Java, of the same text."""
    from synapse.ml.lightgbm import LightGBMClassificationModel

    ways = {}
    for count in trees:
        model = LightGBMClassificationModel.loadNativeModelFromString(text_of(folder, count))
        model = model.setFeaturesCol("features").setProbabilityCol("probability")
        ways[count] = partial(_in_java, model=model, names=features(width))
    return _measured(spark, meter, folder, width, ways, sections)


def _in_java(rows: DataFrame, model: Any, names: Sequence[str]) -> DataFrame:
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.functions import vector_to_array
    from pyspark.sql import functions as F

    gathered = VectorAssembler(inputCols=list(names), outputCol="features", handleInvalid="keep").transform(rows)
    scored: DataFrame = model.transform(gathered)
    return scored.withColumn("score", vector_to_array(F.col("probability"))[1])


def _measured(
    spark: SparkSession, meter: Meter, folder: str, width: int, ways: Mapping[int, Way], sections: Sequence[str]
) -> dict[str, float]:
    """The largest differences by number of trees; a few rows first, then all of them in each section."""
    differences: dict[str, float] = {}
    rows = spark.read.format("delta").load(features_path(folder)).select(*KEPT, *features(width))
    few = f"{folder}/out/few"
    _written(next(iter(ways.values()))(rows.where(f"id < {FEW_ROWS}")), few)
    shutil.rmtree(few)
    for count, way in ways.items():
        for run, section in enumerate(sections):
            path = f"{folder}/out/{count}_{run}"
            with meter.section(f"whole_{count}_{section}"):
                _written(way(rows), path)
            differences[f"{count}_{run}"] = difference(path, folder, count)
            shutil.rmtree(path)
    return differences


def _written(scored: DataFrame, path: str) -> None:
    from pyspark.sql import functions as F

    decision = F.when(F.col("score") >= REVIEWED_FROM, F.lit("review")).otherwise(F.lit("pass"))
    scored.select(*KEPT, "score", decision.alias("decision")).write.format("delta").mode("append").save(path)
