"""The declared LightGBM in barrier tasks: it is what the fit gives, a rare class is balanced, mistakes are told."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from pyspark.sql import functions as F

from aurify.errors import ConfigurationError, TrainingStopped
from aurify.models import barrier_lightgbm
from aurify.models.booster import Booster
from aurify.models.estimator import Learning
from aurify.models.lightgbm_estimator import LightGBM
from aurify.models.lightgbm_parameters import MAIN_NAMES, OWN_PARAMETERS
from tests.integration.card_payments import FEATURES, in_memory, payments

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

lightgbm = pytest.importorskip("lightgbm")

PARAMETERS = {"objective": "binary", "metric": "auc", "num_leaves": 15, "bagging_fraction": 0.8, "bagging_freq": 1}
SETTLED = {**PARAMETERS, "deterministic": True, "force_row_wise": True, "seed": 3, "verbosity": -1, "num_threads": 1,
           "time_out": 20}  # fmt: skip


@pytest.fixture(scope="module")
def rows(spark: SparkSession) -> Iterator[DataFrame]:
    made = payments(spark, 3_000).where("is_fraud = 0 OR id % 3 = 0").cache()  # frauds are few
    yield made
    made.unpersist()


def learning(rows: DataFrame, **others: Any) -> Learning:
    asked = {"features": tuple(FEATURES), "label": "is_fraud", "order_by": ("id",), "scratch": "", "seed": 3}
    return Learning(rows, **{"validation": None, **asked, **others})


def trained_in_memory(rows: DataFrame, weight: str | None = None, balance: str = "", **others: Any) -> str:
    """What LightGBM itself makes of the rows in one process; `class_weights` are scikit-learn's."""
    there = in_memory(rows)
    label = there["is_fraud"].to_numpy()
    weights = there[weight].to_numpy() if weight else np.ones(len(there))
    if balance == "class_weights":
        sums = np.array([weights[label == value].sum() for value in (0, 1)])
        weights = weights * (weights.sum() / (2 * sums))[label]
    given = weights if weight or balance else None
    matrix = np.asarray(there[FEATURES], dtype=np.float64)
    made = lightgbm.Dataset(matrix, label, weight=given, feature_name=FEATURES)
    return str(lightgbm.train({**SETTLED, **others}, made, 15).model_to_string())


def trees(text: str) -> str:
    return text.split("\nparameters:")[0]


def test_it_gives_the_model_that_lightgbm_gives(rows: DataFrame) -> None:
    ours = LightGBM(PARAMETERS, rounds=15).fit(learning(rows))
    text = trained_in_memory(rows)
    assert ours == Booster(text, tuple(FEATURES))
    there = in_memory(rows)
    columns = {name: there[name].to_numpy(np.float64) for name in FEATURES}
    expected = lightgbm.Booster(model_str=text).predict(there[FEATURES].to_numpy(np.float64))
    assert np.abs(ours.predict(columns) - expected).max() <= 1e-12
    assert sum(ours.importance().values()) == pytest.approx(1.0)


def test_a_shorter_name_of_a_parameter_is_the_same_parameter(rows: DataFrame) -> None:
    short = {"objective": "binary", "metrics": "auc", "max_leaf": 15, "subsample": 0.8, "subsample_freq": 1}
    assert LightGBM(short, rounds=15).fit(learning(rows)).text == trained_in_memory(rows)


def test_class_weights_are_those_of_scikit_learn(rows: DataFrame) -> None:
    made = LightGBM(PARAMETERS, rounds=15, balance="class_weights").fit(learning(rows))
    assert made.text == trained_in_memory(rows, balance="class_weights")
    both = LightGBM(PARAMETERS, rounds=15, balance="class_weights").fit(learning(rows, weight="weight"))
    assert both.text == trained_in_memory(rows, "weight", "class_weights")


def test_scale_pos_weight_is_zeros_to_ones_and_is_unbalance_is_lightgbms_own(rows: DataFrame) -> None:
    ones = rows.where("is_fraud = 1").count()
    ratio = (rows.count() - ones) / ones
    assert ratio > 1.5
    scaled = LightGBM(PARAMETERS, rounds=15, balance="scale_pos_weight").fit(learning(rows))
    own = LightGBM(PARAMETERS, rounds=15, balance="is_unbalance").fit(learning(rows))
    assert scaled.text == trained_in_memory(rows, scale_pos_weight=ratio)
    assert own.text == trained_in_memory(rows, is_unbalance=True)
    assert trees(own.text) == trees(scaled.text) != trees(trained_in_memory(rows))


@pytest.mark.parametrize("balance", ["none", "class_weights"])
def test_two_workers_give_the_same_model_however_the_rows_lie(rows: DataFrame, balance: str) -> None:
    declared = LightGBM(PARAMETERS, rounds=10, balance=balance)
    made = declared.fit(learning(rows, workers=2))
    turned = rows.repartition(5).orderBy(F.desc("amount"))
    assert declared.fit(learning(turned, workers=2)) == made


def test_early_stopping_reads_the_validation_rows_as_they_are(rows: DataFrame) -> None:
    declared = LightGBM(PARAMETERS, rounds=300, early_stopping_rounds=3, balance="class_weights")
    asked = learning(rows.where("NOT is_later"), validation=rows.where("is_later"))
    made = declared.fit(asked)
    fitted = barrier_lightgbm.fit(
        asked.rows, features=FEATURES, label="is_fraud", parameters={**PARAMETERS, "seed": 3}, workers=1, rounds=300,
        order_by=["id"], validation=asked.validation, early_stopping_rounds=3, balance="class_weights",
    )  # fmt: skip
    assert made.text == fitted.model_text
    assert fitted.best_iteration < 250
    later = in_memory(rows, "is_later")
    scores = made.predict({name: later[name].to_numpy(np.float64) for name in FEATURES})
    frauds = later["is_fraud"].to_numpy() == 1
    wins = (scores[frauds][:, None] > scores[~frauds]).mean() + (scores[frauds][:, None] == scores[~frauds]).mean() / 2
    assert fitted.history["auc"][fitted.best_iteration - 1] == pytest.approx(wins, abs=1e-9)


def test_without_early_stopping_nobody_reads_the_validation_rows(rows: DataFrame) -> None:
    unreadable = rows.withColumn("amount", F.expr("raise_error('read')"))
    declared = LightGBM(PARAMETERS, rounds=15)
    assert declared.fit(learning(rows, validation=unreadable)) == declared.fit(learning(rows))


def test_rows_that_cant_be_learned_from_are_refused_with_their_reasons(rows: DataFrame) -> None:
    declared = LightGBM(PARAMETERS, rounds=5, balance="class_weights")
    for odd, part in (
        (rows.where("is_fraud = 0"), "0 in all rows"),
        (rows.withColumn("is_fraud", F.expr("if(id = 0, double('nan'), is_fraud)")), "NULL or NaN in 1 rows"),
        (rows.limit(30), "30 to train on"),
        (rows.drop("hour"), "no column 'hour'"),
    ):
        with pytest.raises(ConfigurationError, match=part):
            declared.fit(learning(odd))
    with pytest.raises(ConfigurationError, match=r"num_leafs(.|\n)*did you mean 'num_leaf'"):
        replace(declared, parameters={"objective": "binary", "num_leafs": 7}).fit(learning(rows))


def test_a_fit_that_hangs_is_ended(rows: DataFrame, monkeypatch: pytest.MonkeyPatch) -> None:
    def stuck(batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        time.sleep(120)
        yield from batches

    monkeypatch.setattr(barrier_lightgbm, "SECONDS_TO_END", 0.5)
    begun = time.monotonic()
    hanging = learning(rows.mapInArrow(stuck, rows.schema), time_limit=timedelta(seconds=1))
    with pytest.raises(TrainingStopped, match="its Spark job was cancelled"):
        LightGBM(PARAMETERS).fit(hanging)
    assert time.monotonic() - begun < 60


def test_the_names_of_the_parameters_are_those_of_lightgbm() -> None:
    known = {
        name: main for main, names in lightgbm.basic._ConfigAliases._get_all_param_aliases().items() for name in names
    }
    assert {name: known.get(name) for name in MAIN_NAMES} == MAIN_NAMES
    whole = {name for name, main in known.items() if main in MAIN_NAMES.values()}
    assert whole == MAIN_NAMES.keys()
    assert OWN_PARAMETERS.keys() <= known.keys()
    assert {name for name, main in known.items() if main in OWN_PARAMETERS} == OWN_PARAMETERS.keys()
