"""SynapseML's LightGBM: what a session with its jar learns and refuses; one without is told which jar to add."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from aurify.errors import EnvironmentFailure
from aurify.models.jvm_class import jvm_class
from aurify.models.synapse_lightgbm import CLASSIFIER, COORDINATES
from tests.integration.card_payments import FEATURES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "tests.integration.synapse_fits"

lightgbm = pytest.importorskip("lightgbm")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the fits of one process with the jar told: no other session of the tests has it."""
    folder = tmp_path_factory.mktemp("synapse")
    path = os.pathsep.join([str(ROOT), str(ROOT / "platform")])
    command = [sys.executable, "-m", PROGRAM, str(folder)]
    ran = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr[-4000:]
    found: dict[str, Any] = json.loads(Path(folder, "told.json").read_text(encoding="utf-8"))
    return found


def parameters(text: str) -> dict[str, str]:
    return dict(re.findall(r"^\[(\w+): (.*)\]$", text, re.MULTILINE))


def trees(text: str) -> str:
    return text.split("\nparameters:")[0]


def test_a_missing_jar_is_named_with_its_coordinates(spark: SparkSession) -> None:
    with pytest.raises(EnvironmentFailure, match=rf"LightGBMClassifier(.|\n)*--packages {COORDINATES}"):
        jvm_class(spark, CLASSIFIER, COORDINATES)


@pytest.mark.parametrize("tasks", ["one", "two"])
def test_the_same_rows_give_the_same_model_however_they_lie(told: dict[str, Any], tasks: str) -> None:
    assert told[f"{tasks} turned"] == told[tasks]
    assert told[tasks].count("\nTree=") == 15
    assert told["one"] != told["two"]


def test_the_model_has_the_names_of_the_features_and_the_parameters_that_were_asked(told: dict[str, Any]) -> None:
    assert lightgbm.Booster(model_str=told["two"]).feature_name() == FEATURES
    found = parameters(told["two"])
    asked = {"objective": "binary", "num_leaves": "15", "bagging_fraction": "0.8", "bagging_freq": "1", "max_bin": "63",
             "deterministic": "1", "force_row_wise": "1", "num_iterations": "15"}  # fmt: skip
    asked["bagging_seed"] = parameters(told["barrier"])["bagging_seed"]  # it comes from the seed, which no text has
    assert {name: found[name] for name in asked} == asked


def test_a_score_is_the_probability_that_synapseml_gives(told: dict[str, Any]) -> None:
    assert told["gap"] <= 1e-9
    assert told["spread"] > 0.1
    assert told["missing distances"] > 100


def test_a_balance_lifts_the_scores_of_the_rare_class(told: dict[str, Any]) -> None:
    share = told["share of frauds"]
    assert share < 0.3
    for balance in ("scale_pos_weight", "is_unbalance", "class_weights"):
        assert told[f"mean by {balance}"] > share + 0.3 * (0.5 - share), balance
    ratio = float(parameters(told["text by scale_pos_weight"])["scale_pos_weight"])
    assert ratio == pytest.approx((1 - share) / share, rel=1e-5)
    assert parameters(told["text by is_unbalance"])["is_unbalance"] == "1"
    assert trees(told["text by is_unbalance"]) == trees(told["text by scale_pos_weight"]) != trees(told["one"])


def test_class_weights_are_weights_of_the_rows(told: dict[str, Any]) -> None:
    assert trees(told["text by class_weights"]) == trees(told["weighted"]) != trees(told["one"])


def test_early_stopping_keeps_the_best_rounds(told: dict[str, Any]) -> None:
    assert 3 < told["early"].count("\nTree=") < 250
    assert told["area early"] >= told["area after"]
    assert told["area early"] == pytest.approx(told["area by barrier"], abs=0.02)


def test_codes_are_split_as_codes(told: dict[str, Any]) -> None:
    assert int(re.findall(r"num_cat=(\d+)", told["coded"])[0]) > 0
    assert set(re.findall(r"num_cat=(\d+)", told["one"])) == {"0"}
    assert told["importance"]["shop"] > 0.01


def test_a_regression_learns(told: dict[str, Any]) -> None:
    assert told["unexplained"] < 0.01


@pytest.mark.parametrize(
    ("case", "part"),
    [
        ("one class", "ConfigurationError(.|\n)*0 in all rows"),
        ("NaN label", "ConfigurationError(.|\n)*NULL or NaN in 1 rows"),
        ("few rows", "ConfigurationError(.|\n)*30 to train on"),
        ("no feature", "ConfigurationError(.|\n)*no column 'hour'"),
        ("unknown", "ConfigurationError(.|\n)*num_leafs(.|\n)*did you mean 'num_leaf'"),
        ("not passed", "ConfigurationError(.|\n)*min_data_in_bin(.|\n)*engine='barrier'"),
        ("three workers", "ConfigurationError(.|\n)*3, with 2 slots"),
        ("dynamic", r"ConfigurationError(.|\n)*spark\.dynamicAllocation\.enabled: found true"),
        ("idle", "EnvironmentFailure(.|\n)*worker [01]: no rows"),
        ("bad value", "EnvironmentFailure(.|\n)*call failed in LightGBM with error(.|\n)*feature_fraction"),
        ("bad value by two", "EnvironmentFailure(.|\n)*call failed in LightGBM with error(.|\n)*feature_fraction"),
    ],
)
def test_what_cant_be_learned_from_is_told(told: dict[str, Any], case: str, part: str) -> None:
    assert re.match(part, told[case]), told[case]


@pytest.mark.parametrize("case", ["hanging", "long"])
def test_a_fit_is_ended_by_its_time_limit(told: dict[str, Any], case: str) -> None:
    assert re.match("TrainingStopped(.|\n)*its Spark job was cancelled", told[case]), told[case]
    assert told[f"seconds of {case}"] < 30
    assert told["tags"] == 0
    assert told["held"] == 1  # the rows of the tests themselves
