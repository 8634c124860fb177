"""Fit a model: its stages one after the other on the rows to train on, then its estimator on what they make of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem
from aurify.models.estimator import Estimator, FittedStage, Learned, Learning, Stage
from aurify.models.fitted import FittedModel, features_after, with_stages
from aurify.models.numeric_columns import is_number

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

FOLDS = 5
FOLD = "_aurify_fold"


def fit_stages(learning: Learning, stages: Sequence[Stage]) -> tuple[FittedStage, ...]:
    """Fit stages on the rows to train on, each on what those before make of them."""
    rows, fitted = _with_fold(learning), list[FittedStage]()
    for stage in stages:
        left = features_after(learning.features, fitted)
        fitted.append(stage.fit(with_stages(rows, fitted, FOLD), left, learning.label, FOLD, FOLDS))
    return tuple(fitted)


def after_stages(learning: Learning, fitted: Sequence[FittedStage]) -> Learning:
    """The same rows with what the stages make of them, those to train on as out of fold."""
    rows = with_stages(_with_fold(learning), fitted, FOLD).drop(FOLD)
    validation = None if learning.validation is None else with_stages(learning.validation, fitted)
    features = features_after(learning.features, fitted)
    codes = {name for stage in fitted for name in stage.categorical} | set(learning.categorical)
    categorical = tuple(name for name in features if name in codes)
    return replace(learning, rows=rows, validation=validation, features=features, categorical=categorical)


def fit_model(where: str, learning: Learning, stages: Sequence[Stage], estimator: Estimator) -> FittedModel:
    """A fitted model of these rows. ConfigurationError where a feature is no number and no stage reads it."""
    fitted = fit_stages(learning, stages)
    ready = after_stages(learning, fitted)
    _refuse_texts(where, ready, estimator)
    learned = estimator.fit(ready)
    return _model(learning, fitted, learned)


def _model(learning: Learning, fitted: Sequence[FittedStage], learned: Learned) -> FittedModel:
    """The model with the stages and the inputs that its scores need."""
    needed = set(learned.features)
    kept: list[FittedStage] = []
    for stage in reversed(fitted):
        if needed & set(stage.outputs):
            needed |= set(stage.reads)
            kept.insert(0, stage)
    kinds = {field.name: field.dataType.simpleString() for field in learning.rows.schema.fields}
    inputs = {name: kinds[name] for name in kinds if name in needed}
    return FittedModel(inputs, tuple(kept), learned)


def _with_fold(learning: Learning) -> DataFrame:
    """The rows to train on, with the fold that the hash of their keys gives them."""
    from pyspark.sql import functions as F

    keys = [F.col(quoted(name)) for name in learning.order_by]
    return learning.rows.withColumn(FOLD, F.pmod(F.xxhash64(*keys), F.lit(FOLDS)).cast("double"))


def _refuse_texts(where: str, learning: Learning, estimator: Estimator) -> None:
    takes = set(getattr(estimator, "takes_texts", ()))
    hint = "make it one by a stage, like OneHot or Codes"
    kinds = {name: learning.rows.schema[name].dataType for name in learning.features if name not in takes}
    problems = [
        Problem(where, f"{name} is {kind.simpleString()}", "a number", hint, "features")
        for name, kind in kinds.items()
        if not is_number(kind)
    ]
    if problems:
        raise ConfigurationError(where, problems)
