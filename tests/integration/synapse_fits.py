"""`python synapse_fits.py FOLDER`: fits by SynapseML in one session that has its jar; what came of them, as JSON."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pyspark.sql import functions as F

from aurify.config.settings import SparkSettings
from aurify.errors import AurifyError
from aurify.models import synapse_lightgbm
from aurify.models.booster import Booster
from aurify.models.estimator import Learning
from aurify.models.lightgbm_estimator import LightGBM
from aurify.session import open_session, stop
from tests.integration.card_payments import FEATURES, in_memory, payments

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa
    from pyspark.sql import DataFrame

BINARY = {"objective": "binary", "num_leaves": 15, "bagging_fraction": 0.8, "bagging_freq": 1, "max_bin": 63}
DECLARED = LightGBM(BINARY, rounds=15, engine="synapseml")


def main(folder: str) -> None:
    """All fits, one after the other; the one that goes on after its end is the last."""
    conf = {
        "spark.jars.packages": synapse_lightgbm.COORDINATES,
        "spark.sql.shuffle.partitions": "2",
        "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=256m -XX:+UseSerialGC",
    }
    spark = open_session(SparkSettings(master="local[2]", driver_memory="2g", conf=conf), "synapse fits", folder)
    rows = payments(spark, 3_000).where("is_fraud = 0 OR id % 3 = 0").cache()
    told: dict[str, Any] = {}
    for part in (models, balances, others, refusals, endings):
        told |= part(rows)
    Path(folder, "told.json").write_text(json.dumps(told), encoding="utf-8")
    rows.unpersist()
    stop(spark)


def learning(rows: DataFrame, **others: Any) -> Learning:
    asked = {"features": tuple(FEATURES), "label": "is_fraud", "order_by": ("id",), "scratch": "", "seed": 3}
    return Learning(rows, **{"validation": None, **asked, **others})


def models(rows: DataFrame) -> dict[str, Any]:
    """By one task and by two; the same rows lying otherwise; by a barrier task; what SynapseML itself scores."""
    turned = rows.repartition(5).orderBy(F.desc("amount"))
    two = DECLARED.fit(learning(rows, workers=2))
    return {
        "one": DECLARED.fit(learning(rows)).text,
        "one turned": DECLARED.fit(learning(turned)).text,
        "two": two.text,
        "two turned": DECLARED.fit(learning(turned, workers=2)).text,
        "barrier": replace(DECLARED, engine="barrier").fit(learning(rows)).text,
        **transformed(two, rows),
    }


def transformed(made: Booster, rows: DataFrame) -> dict[str, Any]:
    """The farthest that a probability is from SynapseML's own, of vectors that Spark's assembler made."""
    from pyspark.ml.feature import VectorAssembler
    from synapse.ml.lightgbm import LightGBMClassificationModel

    doubles = rows.select("id", *(F.col(name).cast("int" if name == "is_abroad" else "double") for name in FEATURES))
    vectors = VectorAssembler(inputCols=FEATURES, outputCol="features", handleInvalid="keep").transform(doubles)
    model = LightGBMClassificationModel.loadNativeModelFromString(made.text)
    theirs = {
        row["id"]: row["probability"][1] for row in model.transform(vectors).select("id", "probability").collect()
    }
    there = in_memory(rows)
    ours = scores(made, there)
    gaps = np.abs(ours - np.array([theirs[number] for number in there["id"]]))
    return {"gap": gaps.max(), "spread": ours.std(), "missing distances": int(there["distance"].isna().sum())}


def scores(made: Booster, rows: pd.DataFrame) -> np.ndarray[Any, Any]:
    return made.predict({name: rows[name].to_numpy(np.float64) for name in FEATURES})


def area(made: Booster, rows: pd.DataFrame) -> float:
    """Under the ROC curve, by all pairs."""
    found, frauds = scores(made, rows), rows["is_fraud"].to_numpy() == 1
    wins, ties = found[frauds][:, None] > found[~frauds], found[frauds][:, None] == found[~frauds]
    return float(wins.mean() + ties.mean() / 2)


def balances(rows: DataFrame) -> dict[str, Any]:
    """The mean score of each balance, and the texts; class weights also by hand."""
    there = in_memory(rows)
    share = float((there["is_fraud"] == 1).mean())
    told: dict[str, Any] = {"share of frauds": share}
    for balance in ("scale_pos_weight", "is_unbalance", "class_weights"):
        made = replace(DECLARED, balance=balance).fit(learning(rows))
        told |= {f"mean by {balance}": float(scores(made, there).mean()), f"text by {balance}": made.text}
    by_hand = rows.withColumn("by_hand", F.when(F.col("is_fraud") == 1, 0.5 / share).otherwise(0.5 / (1 - share)))
    told["weighted"] = DECLARED.fit(learning(by_hand, weight="by_hand")).text
    return told


def others(rows: DataFrame) -> dict[str, Any]:
    """Early stopping by two tasks, codes, a regression, and the quality on rows not seen."""
    train, later = rows.where("NOT is_later"), rows.where("is_later")
    there = in_memory(later)
    metric = replace(DECLARED, parameters={**BINARY, "metric": "auc"}, rounds=300, early_stopping_rounds=3)
    early = metric.fit(learning(train, validation=later, workers=2))
    barrier = replace(metric, engine="barrier").fit(learning(train, validation=later, workers=2))
    seen = replace(DECLARED, rounds=early.text.count("\nTree=") + 3).fit(learning(train, workers=2))
    coded = DECLARED.fit(learning(rows, categorical=("shop", "hour")))
    regression = LightGBM({"objective": "regression", "min_data_in_leaf": 5}, rounds=60, engine="synapseml")
    doubled = rows.withColumn("doubled", F.col("weight") * 2)
    number = regression.fit(learning(doubled, features=("doubled", "hour"), label="weight"))
    whole = in_memory(doubled)
    guessed = number.predict({name: whole[name].to_numpy(np.float64) for name in ("doubled", "hour")})
    return {
        "early": early.text,
        "area early": area(early, there),
        "area after": area(seen, there),
        "area by barrier": area(barrier, there),
        "coded": coded.text,
        "importance": dict(coded.importance()),
        "unexplained": float(np.var(guessed - whole["weight"]) / np.var(whole["weight"])),
    }


def refusals(rows: DataFrame) -> dict[str, Any]:
    """What is told of rows and parameters that can't be learned from."""
    cases: dict[str, tuple[DataFrame, dict[str, Any], dict[str, Any]]] = {
        "one class": (rows.where("is_fraud = 0"), {}, {}),
        "NaN label": (rows.withColumn("is_fraud", F.expr("if(id = 0, double('nan'), is_fraud)")), {}, {}),
        "few rows": (rows.limit(30), {}, {}),
        "no feature": (rows.drop("hour"), {}, {}),
        "unknown": (rows, {"num_leafs": 7}, {}),
        "not passed": (rows, {"min_data_in_bin": 9}, {}),
        "three workers": (rows, {}, {"workers": 3}),
        "idle": (rows.withColumn("day", F.lit(1)), {}, {"workers": 2, "order_by": ("day",)}),
        "bad value": (rows, {"feature_fraction": 7.0}, {}),
        "bad value by two": (rows, {"feature_fraction": 7.0}, {"workers": 2}),
    }
    told = {}
    for name, (odd, more, asked) in cases.items():
        told[name] = refused(replace(DECLARED, parameters={**BINARY, **more}), learning(odd, **asked))
    kind = type(rows.sparkSession.sparkContext)
    usual, conf = kind.getConf, rows.sparkSession.sparkContext.getConf()
    kind.getConf = lambda self: conf.set("spark.dynamicAllocation.enabled", "true")  # type: ignore[method-assign]
    told["dynamic"] = refused(DECLARED, learning(rows, workers=2))
    kind.getConf = usual  # type: ignore[method-assign]
    return told


def endings(rows: DataFrame) -> dict[str, Any]:
    """A fit whose rows never come, then one that trains for too long: both end by their limit."""

    def stuck(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(120)
        yield from batches

    told: dict[str, Any] = {}
    hanging = rows.mapInArrow(stuck, rows.schema)
    for name, odd, limit in (("hanging", hanging, 1), ("long", rows, 4)):
        begun = time.monotonic()
        declared = replace(DECLARED, rounds=100_000)
        told[name] = refused(declared, learning(odd, workers=2, time_limit=timedelta(seconds=limit)))
        told[f"seconds of {name}"] = time.monotonic() - begun
    context = rows.sparkSession.sparkContext
    return {**told, "tags": len(context.getJobTags()), "held": context._jsc.sc().getPersistentRDDs().size()}


def refused(declared: LightGBM, asked: Learning) -> str:
    try:
        return f"learned: {declared.fit(asked).text}"
    except AurifyError as error:
        return str(error)


if __name__ == "__main__":
    main(sys.argv[1])
