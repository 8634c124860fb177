"""The folds that every trial learns from and is measured on: what they must hold, and one measurement."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, DataError, Problem, no_column
from aurify.models.estimator import Learned, Learning
from aurify.models.fitted import FittedModel
from aurify.models.metrics import classifier_metrics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

SCORE = "_score_of_trial"


@dataclass(frozen=True)
class Fold:
    """Rows to learn from, and held-out rows of the same columns to be measured on."""

    learning: Learning
    held_out: DataFrame


def looked_at(folds: Sequence[Fold]) -> str:
    """A hash of all that the folds hold, however it is partitioned, in one pass over each frame.

    ConfigurationError: columns are missing. DataError has all that no trial could learn from or be measured by, of all
    folds, since it would fail each of them.
    """
    problems = [problem for n, fold in enumerate(folds) for problem in _of_columns(f"fold {n}", fold)]
    if problems:
        raise ConfigurationError("search", problems)
    found = hashlib.sha256()
    for number, fold in enumerate(folds):
        for name, rows in _frames(fold).items():
            told = _counted(rows, fold.learning)
            problems += _of_rows(f"fold {number}: {name}", told, fold.learning.label)
            found.update(f"{told['rows']} {told['hashes']} ".encode())
        found.update(repr(_asked(fold.learning)).encode())
    if problems:
        raise DataError("search", problems)
    return found.hexdigest()


def value(learned: Learned, fold: Fold, metric: str) -> float:
    """The metric of the held-out rows as they are scored by what was learned; DataError where they define none."""
    label, model = fold.learning.label, FittedModel.of(learned, fold.held_out)
    rows = fold.held_out.select(*(quoted(name) for name in dict.fromkeys((*learned.features, label))))
    scored = model.scored(rows, SCORE).select(quoted(label), SCORE).persist()
    try:
        told = classifier_metrics(scored, label, SCORE)
    finally:
        scored.unpersist()
    found = next(iter(told.lift), None) if metric == "lift_of_top_tenth" else getattr(told, metric)
    if found is None:
        hint = "brier, log_loss and expected_calibration_error ask for scores from 0 to 1"
        raise DataError.of("search", f"{metric} is not defined for the held-out rows", "a number", hint)
    return float(found)


def _frames(fold: Fold) -> dict[str, DataFrame]:
    frames = {"rows": fold.learning.rows, "held-out rows": fold.held_out}
    return frames if fold.learning.validation is None else {**frames, "validation": fold.learning.validation}


def _of_columns(where: str, fold: Fold) -> Iterator[Problem]:
    learning = fold.learning
    for name, rows in _frames(fold).items():
        for column in (*learning.features, learning.label):
            if column not in rows.columns:
                yield no_column(f"{where}: {name}", column, rows.columns, "the features and the label")


def _counted(rows: DataFrame, learning: Learning) -> dict[str, Any]:
    from pyspark.sql import functions as F

    label = F.col(quoted(learning.label)).cast("double")
    others = (*learning.order_by, *([learning.weight] if learning.weight else []))
    read = dict.fromkeys((*learning.features, learning.label, *others))
    hashed = [quoted(name) for name, kind in rows.dtypes if name in read and "map<" not in kind]  # a map has no hash
    counted = rows.agg(
        F.count(F.lit(1)).alias("rows"),
        F.count_if(label.isNull() | F.isnan(label)).alias("unlabelled"),
        F.min(label).alias("lowest"),
        F.max(label).alias("highest"),
        F.sum(F.xxhash64(*hashed).cast("decimal(20,0)")).alias("hashes"),
    )
    return counted.collect()[0].asDict()


def _of_rows(where: str, told: dict[str, Any], label: str) -> Iterator[Problem]:
    if not told["rows"]:
        yield Problem(where, "no rows", "some")
    elif told["unlabelled"]:
        yield Problem(where, f"no {label} in {told['unlabelled']:,} of {told['rows']:,} rows", "one in every row")
    elif told["lowest"] == told["highest"]:
        yield Problem(where, f"{label} is {told['lowest']:g} in all rows", "rows of both classes")


def _asked(learning: Learning) -> tuple[object, ...]:
    """What a fit depends on beside the rows."""
    named = (learning.features, learning.label, learning.order_by, learning.categorical, learning.weight)
    return (*named, learning.seed, learning.workers)
