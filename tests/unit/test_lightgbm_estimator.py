"""LightGBM as it is declared: plain values that can be kept and compared, and all that is wrong with some."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from aurify.models.lightgbm_estimator import LightGBM
from aurify.models.synapse_parameters import passed

BINARY = {"objective": "binary", "num_leaves": 7}


def test_a_declared_estimator_can_be_kept_compared_and_hashed() -> None:
    made = LightGBM(BINARY, rounds=20, balance="is_unbalance")
    assert LightGBM(**json.loads(json.dumps(asdict(made)))) == made
    assert hash(LightGBM(dict(BINARY), rounds=20, balance="is_unbalance")) == hash(made)
    assert LightGBM({**BINARY, "num_leaves": 8}, rounds=20, balance="is_unbalance") != made


@pytest.mark.parametrize("engine", ["barrier", "synapseml"])
def test_a_good_declaration_has_no_problems(engine: str) -> None:
    parameters = {**BINARY, "eta": 0.05, "metric": ["auc", "binary_logloss"], "interaction_constraints": [[0, 1], [2]]}
    assert LightGBM(parameters, 10, 5, engine, "class_weights").problems("model") == []


def test_all_that_is_wrong_is_told_at_once() -> None:
    parameters = {"objective": "binray", "num_leafs": 7, "eta": 0.1, "learning_rate": 0.2, "seed": 1, "n_estimators": 9}
    told = LightGBM(parameters, 0, 0, "synapse", "scale_pos").problems("models/fraud.py")
    assert all(problem.where.startswith("models/fraud.py") for problem in told)
    text = "\n".join(line for problem in told for line in problem.lines())
    for part in (
        "did you mean 'binary'?", "found 'num_leafs'", "did you mean 'num_leaf'?",
        "learning_rate: found eta, learning_rate",
        "the model's seed alone", "`rounds` to say it", "rounds: found 0", "early_stopping_rounds: found 0",
        "did you mean 'synapseml'?", "did you mean 'scale_pos_weight'?",
    ):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize("given", ["scale_pos_weight", "unbalance"])
def test_a_balance_and_a_parameter_that_says_the_same_are_refused_together(given: str) -> None:
    assert LightGBM({**BINARY, given: 2}).problems("model") == []
    (told,) = LightGBM({**BINARY, given: 2}, balance="class_weights").problems("model")
    assert "class_weights alone to balance" in told.expected


def test_a_regression_has_nothing_to_balance() -> None:
    (told,) = LightGBM({"objective": "regression"}, balance="is_unbalance").problems("model")
    assert told.key == "balance"
    assert "none, unless" in told.expected


def test_what_synapseml_would_not_pass_on_is_refused_for_it_alone() -> None:
    parameters = {**BINARY, "min_data_in_bin": 9, "sparse": False, "first_metric_only": True, "forced_splits": "a b"}
    told = LightGBM(parameters, engine="synapseml").problems("model")
    assert sorted(problem.key for problem in told) == [
        "first_metric_only",
        "forced_splits",
        "min_data_in_bin",
        "sparse",
    ]
    assert all(problem.hint == "leave it out, or engine='barrier'" for problem in told)
    assert LightGBM(parameters).problems("model") == []


def test_every_parameter_reaches_synapseml_under_its_main_name() -> None:
    made = passed({"objective": "binary", "eta": 0.05, "max_bins": 63, "boost": "dart", "seed": 7, "mc": [1, 0, -1]})
    assert made == {
        "objective": "binary",
        "maxBin": 63,
        "boostingType": "dart",
        "verbosity": -1,
        "passThroughArgs": "deterministic=true force_row_wise=true verbosity=-1 objective=binary learning_rate=0.05 "
        "max_bin=63 boosting_type=dart seed=7 monotone_constraints=1,0,-1",
    }
    assert "force_row_wise" not in passed({"force_col_wise": True})["passThroughArgs"]
