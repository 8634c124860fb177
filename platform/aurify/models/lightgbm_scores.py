"""Scores of a LightGBM model, as `barrier_lightgbm.fit` gave it, for a Spark frame."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.booster import Booster
from aurify.models.fitted import FittedModel
from aurify.models.numeric_columns import is_number

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def scored(rows: DataFrame, model_text: str, features: Sequence[str], column: str = "score") -> DataFrame:
    """The rows with the model's score in `column`, double: of a classifier the probability of 1.

    `features` are those of the model, in its order; NULL is missing, as it was in training. ConfigurationError tells
    what does not fit together.
    """
    _refuse_misfits(rows, model_text, features, column)
    return FittedModel.of(Booster(model_text, tuple(features)), rows).scored(rows, column)


def model_features(model_text: str) -> list[str]:
    """The features that a model was trained on, in its order.

    >>> model_features("tree\\nversion=v4\\nfeature_names=amount hour\\nfeature_infos=[0:1] [0:23]\\n")
    ['amount', 'hour']
    """
    for line in model_text.splitlines():
        if line.startswith("feature_names="):
            return line.removeprefix("feature_names=").split(" ")
    return []


def _refuse_misfits(rows: DataFrame, model_text: str, features: Sequence[str], column: str) -> None:
    """ConfigurationError with all that does not fit: text, features, columns, their types."""
    problems = []
    own = model_features(model_text)
    if not own:
        problems.append(Problem("scored", "no text of a LightGBM model", "what `fit` gave as model_text"))
    elif own != list(features):
        problems.append(Problem("scored: features", ", ".join(features), f"{', '.join(own)}, as the model has them"))
    for name in features:
        if name not in rows.columns:
            problems.append(no_column("scored", name, rows.columns))
        elif not is_number(rows.schema[name].dataType):
            problems.append(Problem("scored", f"{name} is {rows.schema[name].dataType.simpleString()}", "a number"))
    if column in rows.columns:
        problems.append(Problem("scored", f"two columns named '{column}'", "a name of its own", "give `column`"))
    if problems:
        raise ConfigurationError("scored", problems)
