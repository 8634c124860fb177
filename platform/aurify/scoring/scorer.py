"""Rows to scores, in Arrow batches on executors: a row that the model can't score does not take the others with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from aurify.config.names import quoted
from aurify.models.booster import Booster
from aurify.models.columns import Columns, Numbers, columns_of
from aurify.models.explain.reasons import REASON, reasons_of
from aurify.models.fitted import FittedModel, held

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

SCORE, ERROR, REASONS = "_score", "_score_error", "_reasons"
_LONGEST_ERROR = 300


@dataclass(frozen=True)
class _Work:
    """What a Python worker is told: the model's files, its inputs by their place, what it gives back."""

    files: Mapping[str, bytes]
    inputs: Mapping[str, str]
    kept: int
    reasons: int
    explain_from: float | None


def with_scores(
    rows: DataFrame, model: FittedModel, kept: Sequence[str], reasons: int = 0, explain_from: float | None = None
) -> DataFrame:
    """The columns `kept` of the rows, with `_score`, `_score_error` and `_reasons`.

    Where the model gives no number, the score is NULL and the error says why. Rows whose score reaches `explain_from`
    have the features that push it up most, `reasons` at most; None explains no row. Models other than boosted trees
    with a number in each leaf have no reasons.
    """
    from pyspark.sql.types import DoubleType, StringType, StructField, StructType, _parse_datatype_string

    model.refuse_misfits("score", rows)
    read = list(dict.fromkeys((*kept, *model.inputs)))
    own = {name: f"_{place}" for place, name in enumerate(read)}  # Python takes no odd names
    fields = [StructField(own[name], rows.schema[name].dataType) for name in kept]
    made = [
        StructField(SCORE, DoubleType()),
        StructField(ERROR, StringType()),
        StructField(REASONS, _parse_datatype_string(REASON)),
    ]
    work = _Work(
        files=model.files(),
        inputs={name: own[name] for name in model.inputs},
        kept=len(kept),
        reasons=reasons,
        explain_from=explain_from if reasons and _has_reasons(model) else None,
    )
    given = rows.select(*map(quoted, read)).toDF(*own.values())
    found = given.mapInArrow(partial(_scored, work=work), StructType([*fields, *made]))
    return found.toDF(*kept, SCORE, ERROR, REASONS)


def _has_reasons(model: FittedModel) -> bool:
    return isinstance(model.learned, Booster) and not model.learned.is_linear


def _scored(batches: Iterable[pa.RecordBatch], work: _Work) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa

    model = held(tuple(sorted(work.files.items())))
    for batch in batches:
        columns = columns_of(batch, work.inputs)
        scores, errors = scores_of(model, columns, batch.num_rows)
        missing = np.isnan(scores)
        told = [
            pa.array(scores, pa.float64(), mask=missing),
            pa.array(errors, pa.string()) if errors is not None else pa.nulls(batch.num_rows, pa.string()),
            _reasons(model, columns, scores, work),
        ]
        names = [*batch.schema.names[: work.kept], SCORE, ERROR, REASONS]
        yield pa.RecordBatch.from_arrays([*batch.columns[: work.kept], *told], names)


def scores_of(model: FittedModel, columns: Columns, rows: int) -> tuple[Numbers, list[str | None] | None]:
    """The scores of the rows of these columns, NaN where there is none, and why; None where all have one.

    Where the model fails on some rows, they are found by halving: the others have their scores.
    """
    if not rows:
        return np.empty(0), None
    try:
        found = np.asarray(model.predict(columns), np.float64)
    except Exception as error:  # noqa: BLE001 - whatever a model of the user's raises belongs to its rows
        return _halved(model, columns, rows, error)
    if not np.isnan(found).any():
        return found, None
    return found, ["the model gives no number" if nan else None for nan in np.isnan(found)]


def _halved(
    model: FittedModel, columns: Columns, rows: int, error: Exception
) -> tuple[Numbers, list[str | None] | None]:
    if rows == 1:
        said = f"{type(error).__name__}: {error}".splitlines()[0][:_LONGEST_ERROR]
        return np.full(1, np.nan), [said]
    middle = rows // 2
    parts = []
    for part in (slice(0, middle), slice(middle, rows)):
        scores, errors = scores_of(model, {name: values[part] for name, values in columns.items()}, _length(part))
        parts.append((scores, errors if errors is not None else [None] * _length(part)))
    return np.concatenate([scores for scores, _ in parts]), [error for _, errors in parts for error in errors]


def _length(part: slice) -> int:
    return int(part.stop) - int(part.start)


def _reasons(model: FittedModel, columns: Columns, scores: Numbers, work: _Work) -> pa.Array:
    """The reasons of the rows whose score reaches the limit, NULL of the others."""
    import pyarrow as pa

    kind = _reason_type()
    if work.explain_from is None:
        return pa.nulls(len(scores), kind)
    asked = np.flatnonzero(scores >= work.explain_from)
    if not len(asked):
        return pa.nulls(len(scores), kind)
    few: dict[str, Any] = {name: values[asked] for name, values in columns.items()}
    places = np.full(len(scores), -1)
    places[asked] = np.arange(len(asked))
    return reasons_of(model, few, work.reasons).take(pa.array(places, mask=places < 0)).cast(kind)


def _reason_type() -> pa.DataType:
    import pyarrow as pa

    parts = [("feature", pa.string()), ("value", pa.float64()), ("contribution", pa.float64())]
    return pa.list_(pa.struct(parts))
