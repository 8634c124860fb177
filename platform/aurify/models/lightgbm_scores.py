"""Scores of a LightGBM model for a Spark frame; a Python worker reads a model once, whatever the number of batches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.numeric_columns import is_number, number

if TYPE_CHECKING:
    import pyarrow as pa
    from lightgbm import Booster
    from pyspark.sql import DataFrame

Scorer = Callable[[Iterable["pa.RecordBatch"]], Iterable["pa.RecordBatch"]]
MODELS_HELD = 4
_FEATURE, _SCORE = "_feature", "_score"


def scored(rows: DataFrame, model_text: str, features: Sequence[str], column: str = "score") -> DataFrame:
    """The rows with the model's score in `column`, double: of a classifier the probability of 1.

    `features` are those of the model, in its order; NULL is missing, as it was in training. ConfigurationError tells
    what does not fit together.
    """
    from pyspark.sql import functions as F
    from pyspark.sql.types import DoubleType, StructField, StructType

    _refuse_misfits(rows, model_text, features, column)
    own = {name: f"_{place}" for place, name in enumerate(rows.columns)}  # Python takes no odd names
    numbers = rows.select(
        *(F.col(quoted(name)).alias(place) for name, place in own.items()),
        *(number(rows, name).alias(f"{_FEATURE}{place}") for place, name in enumerate(features)),
    )
    given = [StructField(own[field.name], field.dataType) for field in rows.schema.fields]
    schema = StructType([*given, StructField(_SCORE, DoubleType())])
    return numbers.mapInArrow(predictor(model_text), schema).toDF(*rows.columns, column)


def predictor(model_text: str) -> Scorer:
    """For `mapInArrow`: batches whose columns `_feature0`, `_feature1`, ... become one `_score`; others are kept."""
    return partial(_scores, model_text=model_text)


def _scores(batches: Iterable[pa.RecordBatch], model_text: str) -> Iterator[pa.RecordBatch]:
    import numpy as np
    import pyarrow as pa

    booster = booster_of(model_text)
    for batch in batches:
        names = batch.schema.names
        kept = [name for name in names if not name.startswith(_FEATURE)]
        matrix = np.empty((batch.num_rows, len(names) - len(kept)), np.float64)
        for place in range(matrix.shape[1]):
            matrix[:, place] = batch.column(f"{_FEATURE}{place}").to_numpy(zero_copy_only=False)
        scores = booster.predict(matrix, num_threads=1) if len(matrix) else np.empty(0)
        arrays = [*(batch.column(name) for name in kept), pa.array(scores, pa.float64())]
        yield pa.RecordBatch.from_arrays(arrays, [*kept, _SCORE])


@lru_cache(maxsize=MODELS_HELD)
def booster_of(model_text: str) -> Booster:
    """The model, read once in a process."""
    from lightgbm import Booster

    return Booster(model_str=model_text)


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
