"""The features that pushed a score up most, row by row, for the person who has to decide about it."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.columns import Columns, matrix
from aurify.models.explain.contributions import boosted, contributions_of
from aurify.models.fitted import FittedModel, staged

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

REASON = "array<struct<feature:string,value:double,contribution:double>>"


def reason_codes(model: FittedModel, rows: DataFrame, most: int = 3, column: str = "reasons") -> DataFrame:
    """The rows with the features that push their score up most, the strongest first, in `column`.

    A reason has the feature, its value as the model read it, NULL where missing, and its contribution to the raw
    score, above 0. There are fewer than `most` where fewer push it up. Equal ones come in the order of the features.
    """
    from pyspark.sql.types import _parse_datatype_string

    boosted("reason_codes", model)
    if most < 1:
        raise ConfigurationError.of("reason_codes", f"most {most}", "1 reason or more")
    made = ((column, _parse_datatype_string(REASON)),)
    return model.with_columns("reason_codes", rows, made, partial(_reasons, most=most))


def _reasons(model: FittedModel, columns: Columns, most: int) -> list[pa.Array]:
    return [reasons_of(model, columns, most)]


def reasons_of(model: FittedModel, columns: Columns, most: int) -> pa.ListArray:
    """The reasons of the rows of these columns, `most` at most of each."""
    import pyarrow as pa

    features = model.learned.features
    added = contributions_of(model, columns)[:, :-1]
    values = matrix(staged(columns, model.stages), features)
    order = np.argsort(-added, axis=1, kind="stable")[:, :most]
    best = np.take_along_axis(added, order, axis=1)
    pushes_up = best > 0
    told = np.take_along_axis(values, order, axis=1)[pushes_up]
    names = pa.array(features, pa.string()).take(pa.array(order[pushes_up]))
    reasons = pa.StructArray.from_arrays(
        [names, pa.array(told, pa.float64(), from_pandas=True), pa.array(best[pushes_up], pa.float64())],
        ["feature", "value", "contribution"],
    )
    offsets = np.concatenate([[0], np.cumsum(pushes_up.sum(axis=1))])
    return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), reasons)
