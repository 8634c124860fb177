"""What each feature adds to a score: the SHAP values of a LightGBM model, exact for its trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.booster import Booster, booster_of
from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.fitted import FittedModel, staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame


def contributions(
    model: FittedModel, rows: DataFrame, column: str = "contributions", expected: str = "expected"
) -> DataFrame:
    """The rows with what each feature adds to the score, in the order of `model.learned.features`.

    With `expected`, the mean over the training rows, they add up to the raw score: of a classifier the logarithm of
    the odds, of a regression what its link is applied to. A feature that a stage made counts as itself. These are the
    SHAP values of TreeSHAP (Lundberg et al. 2018, "Consistent individualized feature attribution for tree ensembles").
    """
    from pyspark.sql.types import ArrayType, DoubleType

    boosted("contributions", model)
    made = ((column, ArrayType(DoubleType())), (expected, DoubleType()))
    return model.with_columns("contributions", rows, made, _contributions)


def boosted(where: str, model: FittedModel) -> Booster:
    """The LightGBM model that was learned; ConfigurationError where there is none whose trees can be explained."""
    learned = model.learned
    if not isinstance(learned, Booster):
        hint = "permutation_importance is for any model"
        raise ConfigurationError.of(where, f"a model of kind '{learned.kind}'", f"one of kind '{Booster.kind}'", hint)
    if learned.is_linear:
        hint = "train without linear_tree, or use permutation_importance, which is for any model"
        raise ConfigurationError.of(where, "linear trees", "trees with a number in each leaf", hint)
    return learned


def trees_averaged(learned: Booster) -> int:
    """How many trees a raw score is the mean of: all of a random forest, 1 where trees are added up."""
    return int(booster_of(learned.text).num_trees()) if "\naverage_output\n" in learned.text else 1


def contributions_of(model: FittedModel, columns: Columns) -> Numbers:
    """The contributions of these columns, a row each, and in the last place what is expected."""
    learned = boosted("contributions", model)
    rows = matrix(staged(columns, model.stages), learned.features)
    if not len(rows):
        return np.empty((0, len(learned.features) + 1))
    found = booster_of(learned.text).predict(rows, pred_contrib=True, num_threads=1)
    return np.asarray(found, np.float64) / trees_averaged(learned)


def _contributions(model: FittedModel, columns: Columns) -> list[pa.Array]:
    import pyarrow as pa

    found = contributions_of(model, columns)
    rows, width = len(found), found.shape[1] - 1
    offsets = pa.array(np.arange(rows + 1) * width, pa.int32())
    added = pa.ListArray.from_arrays(offsets, pa.array(found[:, :-1].ravel(), pa.float64()))
    return [added, pa.array(found[:, -1], pa.float64())]
