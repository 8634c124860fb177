"""A model as ONNX scores as the model does, whatever LightGBM made of missing values, zeros and codes."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightgbm
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aurify.errors import ConfigurationError
from aurify.models import Codes, Imputed, LightGBM, onnx_export, onnx_model, onnx_scored
from aurify.models.booster import Booster
from aurify.models.fitted import FittedModel, staged
from aurify.models.fitting import fit_model
from aurify.models.onnx_export import checked_rows, largest_difference, onnx_of
from aurify.models.onnx_file import MODEL, OnnxModel
from aurify.models.selection.selected import Selected, Verdict
from aurify.models.transforms.bins import FittedBins
from aurify.models.transforms.codes import FittedCodes
from aurify.models.transforms.imputed import FittedImputed
from aurify.models.transforms.one_hot import FittedOneHot
from aurify.models.transforms.scaled import FittedScaled
from aurify.models.transforms.target_mean import FittedTargetMean
from aurify.models.transforms.tf_idf import FittedTfIdf
from tests.integration.loans import learning, loans

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROWS = 2000
CLOSE = 1e-9
ABOUT = {MODEL: "loans"}


def rows_of(seed: int, rows: int = ROWS) -> dict[str, np.ndarray[Any, Any]]:
    """Numbers with zeros and missing values, codes in `d`, texts in `t`."""
    draw = np.random.default_rng(seed)
    found: dict[str, Any] = {name: np.round(draw.normal(size=rows), 2) for name in "abc"}
    found["d"] = draw.integers(0, 40, rows).astype(float)
    for name in "abcd":
        found[name][draw.random(rows) < 0.1] = np.nan
    found["b"][draw.random(rows) < 0.4] = 0.0
    found["t"] = draw.choice(np.asarray(["x", "y", "a text", None], object), rows)
    return found


def booster(columns: dict[str, np.ndarray[Any, Any]], names: str | tuple[str, ...], **more: Any) -> Booster:
    """A booster of these columns, whose label hangs on some of them."""
    objective = more.pop("objective", "binary")
    draw = np.random.default_rng(1)
    matrix = np.column_stack([columns[name] for name in names])
    odds = np.nan_to_num(matrix[:, 0], nan=1.0) + np.nan_to_num(matrix[:, 1]) + np.sin(np.nan_to_num(matrix[:, -1]))
    chance = 1 / (1 + np.exp(-odds))
    label = {"binary": draw.random(len(odds)) < chance, "cross_entropy": chance}.get(objective, np.exp(odds) * 1e3)
    codes = [name for name in names if name == "d" or name.endswith("_code")]
    data = lightgbm.Dataset(matrix, np.asarray(label, float), feature_name=list(names), categorical_feature=codes)
    usual = {"num_leaves": 31, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, "max_cat_to_onehot": 2}
    made = lightgbm.train({"objective": objective, **usual, **more}, data, 30)
    return Booster(made.model_to_string(), tuple(names))


def model_of(**more: Any) -> FittedModel:
    return FittedModel(dict.fromkeys("abcd", "double"), (), booster(rows_of(3), "abcd", **more))


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"sigmoid": 2.5},
        {"objective": "cross_entropy"},
        {"zero_as_missing": True},
        {"use_missing": False},
        {"boosting": "rf", "bagging_freq": 1, "bagging_fraction": 0.5},
        {"objective": "regression"},
        {"objective": "regression", "reg_sqrt": True},
        {"objective": "quantile", "alpha": 0.9},
        {"objective": "poisson"},
        {"min_data_in_leaf": 1500},
    ],
    ids=lambda more: " ".join(f"{name}={value}" for name, value in more.items()) or "binary",
)
def test_trees_score_as_the_native_library(more: dict[str, Any]) -> None:
    model = model_of(**more)
    made, difference = onnx_of(model, ABOUT)
    scale = max(1.0, float(np.abs(model.predict(rows_of(9))).max()))
    assert difference <= CLOSE * scale
    assert largest_difference(model, made, rows_of(9)) <= CLOSE * scale
    assert largest_difference(model, made, checked_rows(model, seed=5)) <= CLOSE * scale
    assert dict(made.about)[MODEL] == "loans"
    assert made.inputs == model.inputs


@given(st.lists(st.tuples(*[st.floats(width=64) | st.sampled_from([0.0, -0.0, 1e-36, -1.5, 2.5e9])] * 4), min_size=1))
def test_any_number_is_scored_alike(rows: list[tuple[float, ...]]) -> None:
    for model, made in both():
        columns = dict(zip("abcd", np.asarray(rows, np.float64).T, strict=True))
        assert largest_difference(model, made, columns) <= CLOSE


def test_a_split_by_what_is_missing_alone_has_no_end() -> None:
    columns = rows_of(3)
    label = np.random.default_rng(0).random(ROWS) < np.where(np.isnan(columns["a"]), 0.9, 0.1)
    matrix = np.column_stack([columns["a"], columns["c"]])
    data = lightgbm.Dataset(matrix, label.astype(float), feature_name=["a", "c"])
    text = lightgbm.train({"objective": "binary", "verbosity": -1, "num_threads": 1}, data, 10).model_to_string()
    assert "\nthreshold=inf " in text
    model = FittedModel({"a": "double", "c": "double"}, (), Booster(text, ("a", "c")))
    made, difference = onnx_of(model, ABOUT)
    assert difference <= CLOSE
    ends = np.asarray([np.inf, 1.1e300, 1e300, 0.0, -1.1e300, -np.inf, np.nan])
    assert largest_difference(model, made, {"a": ends, "c": ends[::-1]}) <= CLOSE


@lru_cache
def both() -> list[tuple[FittedModel, OnnxModel]]:
    """Two models beside their ONNX."""
    return [(model, onnx_of(model, ABOUT)[0]) for model in (model_of(), model_of(zero_as_missing=True))]


def with_stages() -> FittedModel:
    """A model with every stage that has a form in ONNX."""
    verdicts = (Verdict("unused", False, "tells nothing", {}),)
    means = ((0.5, 0.4), (0.2, 0.1), (0.9, 0.8), (0.3, 0.3), (0.7, 0.7))
    stages: tuple[Any, ...] = (
        Selected("by hand", verdicts),
        FittedImputed(("a",), (0.25,), ("a_imputed",), ("a_is_missing",)),
        FittedScaled(("a_imputed",), ("a_scaled",), (0.1,), (0.3,)),
        FittedBins(("b",), ("b_bin",), ((-1.0, 0.0, 0.5),)),
        FittedOneHot(("d",), ((0.0, 3.0, 7.0),), (("d_0", "d_3", "d_7", "d_other", "d_missing"),)),
        FittedTargetMean(("t",), (("x", "y", "a text"),), ("t_mean",), (means,)),
        FittedCodes(("t2",), (("x", "a text"),), ("t_code",)),
    )
    columns = staged({**rows_of(4), "t2": rows_of(4)["t"]}, stages)
    names = ("a_scaled", "a_is_missing", "b_bin", "d_0", "d_3", "d_7", "d_other", "d_missing", "t_mean", "t_code")
    kinds = {"a": "double", "b": "double", "d": "int", "t": "string", "t2": "string"}
    return FittedModel(kinds, stages, booster(columns, names))


def test_stages_are_part_of_the_file(tmp_path: Path) -> None:
    model = with_stages()
    made, difference = onnx_of(model, ABOUT)
    assert difference <= CLOSE
    rows = {**rows_of(12), "t2": rows_of(13)["t"]}
    assert np.ptp(model.predict(rows)) > 0.1
    file = tmp_path / "loans.onnx"
    file.write_bytes(made.content)
    again = onnx_model(file)
    assert again.inputs == model.inputs
    assert np.abs(again.predict(rows) - model.predict(rows)).max() <= CLOSE


def test_what_has_no_form_in_onnx_is_refused_by_name() -> None:
    with pytest.raises(ConfigurationError, match="linear trees"):
        onnx_of(model_of(linear_tree=True), ABOUT)
    model = model_of()
    assert isinstance(model.learned, Booster)
    without = replace(model.learned, text=model.learned.text.replace("objective=binary sigmoid:1\n", ""))
    with pytest.raises(ConfigurationError, match="the objective none"):
        onnx_of(replace(model, learned=without), ABOUT)
    words = FittedTfIdf("note", ("owes",), (1.0,), ("a",))
    with pytest.raises(ConfigurationError, match="the stage tf_idf of note"):
        onnx_of(replace(model_of(), inputs={"note": "string"}, stages=(words,)), ABOUT)
    with pytest.raises(ConfigurationError, match="a model of kind 'onnx'"):
        onnx_of(replace(model_of(), learned=both()[0][1]), ABOUT)


def test_a_file_whose_scores_differ_is_not_made(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnx_export, "largest_difference", lambda *given: 2e-6)
    with pytest.raises(ConfigurationError, match=r"scores that differ by 2\.0e-06"):
        onnx_of(model_of(), ABOUT)


def test_a_file_that_is_none_of_ours_is_told(tmp_path: Path) -> None:
    (tmp_path / "odd.onnx").write_bytes(b"odd")
    with pytest.raises(ConfigurationError, match=r"odd\.onnx"):
        onnx_model(tmp_path / "odd.onnx")
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        onnx_model(tmp_path / "none.onnx")


def test_rows_of_spark_are_scored_by_the_file_as_by_the_model(spark: SparkSession, tmp_path: Path) -> None:
    from pyspark.sql import functions as F

    rows = loans(spark).withColumn(
        "job", F.element_at(F.array(*map(F.lit, ["baker", "cook", None])), F.col("weight").cast("int"))
    )
    asked = learning(rows, str(tmp_path / "scratch"), ("income", "age", "debts", "is_new", "job"))
    parameters = {"objective": "binary", "num_leaves": 15}
    stages = (Imputed(("age",)), Codes(("job",)))
    model = fit_model("loans", asked, stages, LightGBM(parameters, rounds=20))
    file = tmp_path / "loans.onnx"
    file.write_bytes(onnx_of(model, ABOUT)[0].content)
    scored = onnx_scored(model.scored(rows, "own"), file)
    assert scored.schema["score"].dataType.simpleString() == "double"
    far, count = scored.select(F.max(F.abs(F.col("own") - F.col("score"))), F.count("score")).collect()[0]
    assert far <= CLOSE
    assert count == rows.count()
    with pytest.raises(ConfigurationError, match="no column 'income'"):
        onnx_scored(rows.drop("income"), file)


def test_no_rows_have_no_scores() -> None:
    made = OnnxModel(both()[0][1].content)
    assert made.predict(dict.fromkeys("abcd", np.empty(0))).tolist() == []
    assert made.files()
    assert OnnxModel.of_files(made.files()) == made
