"""How much worse a model gets when a column tells it nothing: for any model, on a sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.columns import Numbers
from aurify.models.curve import LOSSES, METRICS, PARTS, At, Counts, Curve, Slice
from aurify.models.explain.sample import ROWS, sampled
from aurify.models.fitted import FittedModel
from aurify.models.numeric_columns import is_number
from aurify.models.scored import of_metric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

WHERE = "permutation_importance"


@dataclass(frozen=True)
class PermutationImportance:
    """What a metric of the sampled rows is, and how much worse it gets, by input of the model.

    `drops` are means over the repeats, below 0 where the column did harm; `deviations` are the standard deviations of
    a single repeat. Columns that tell the same stand in for each other, and each alone drops little.
    """

    metric: str
    estimate: float
    rows: int
    drops: Mapping[str, float]
    deviations: Mapping[str, float]


def permutation_importance(
    model: FittedModel,
    rows: DataFrame,
    label: str,
    metric: str = "average_precision",
    *,
    most: int = ROWS,
    repeats: int = 5,
    seed: int = 0,
) -> PermutationImportance:
    """How much a classifier's metric drops when one input is shuffled (Breiman 2001), on at most 20,000 rows.

    The rows are those of the smallest hashes and lie on the driver, where all is computed; one job reads them.
    ConfigurationError tells what does not fit, also labels that are not 0 and 1.
    """
    _refuse_misfits(model, rows, label, metric, repeats)
    columns = sampled(WHERE, model, rows, most, seed, label)
    labels = _checked(np.asarray(columns.pop(label), np.float64), label)
    sign = -1.0 if metric in LOSSES else 1.0
    estimate = _metric(metric, labels, model.predict(columns))
    drops: dict[str, Numbers] = {}
    for place, name in enumerate(model.inputs):
        shuffled = (_shuffled(columns, name, (seed, place, repeat)) for repeat in range(repeats))
        found = [_metric(metric, labels, model.predict(each)) for each in shuffled]
        drops[name] = sign * (estimate - np.array(found))
    means = {name: float(found.mean()) for name, found in drops.items()}
    deviations = {name: float(found.std()) for name, found in drops.items()}
    return PermutationImportance(metric, estimate, len(labels), means, deviations)


def _shuffled(columns: Mapping[str, NDArray[Any]], name: str, seed: tuple[int, ...]) -> dict[str, NDArray[Any]]:
    order = np.random.default_rng([part % (1 << 63) for part in seed]).permutation(len(columns[name]))
    return {**columns, name: columns[name][order]}


def _metric(metric: str, labels: Numbers, scores: Numbers) -> float:
    """The metric of rows in memory."""
    if METRICS[metric].of_probabilities and not (scores.min() >= 0 and scores.max() <= 1):
        found = f"scores from {scores.min():g} to {scores.max():g}"
        raise ConfigurationError.of(WHERE, found, f"0 to 1, which {metric} is of")
    distinct, place = np.unique(-scores, return_inverse=True)
    rows, positives = np.stack([np.bincount(place), np.bincount(place, labels)]).astype(np.float64)[:, :, None]
    whole = Counts(np.array([float(len(labels))]), np.array([labels.sum()]))
    ties = Slice(-distinct, rows, positives, Counts(np.zeros(1), np.zeros(1)), whole)
    at = At()
    curve = Curve(whole, {name: PARTS[name].of(ties, at) for name in METRICS[metric].parts}, at)
    return float(METRICS[metric].of(curve)[0])


def _refuse_misfits(model: FittedModel, rows: DataFrame, label: str, metric: str, repeats: int) -> None:
    problems = of_metric(WHERE, metric)
    if label not in rows.columns:
        problems.append(no_column(WHERE, label, rows.columns))
    elif not is_number(rows.schema[label].dataType):
        kind = rows.schema[label].dataType.simpleString()
        problems.append(Problem(WHERE, f"label {label} is {kind}", "a boolean, or a number that is 0 or 1"))
    if label in model.inputs:
        problems.append(Problem(WHERE, f"label {label}, an input of the model", "what the model does not see"))
    if repeats < 1:
        problems.append(Problem(WHERE, f"{repeats} repeats", "1 or more"))
    if problems:
        raise ConfigurationError(WHERE, problems)


def _checked(labels: Numbers, label: str) -> Numbers:
    others = int(np.count_nonzero(~np.isin(labels, (0.0, 1.0))))
    found = f"{others:,} of {len(labels):,} sampled rows without 0 or 1 in {label}" if others else ""
    if not others and labels.min() == labels.max():
        found = f"{labels[0]:g} in all {len(labels):,} sampled rows"
    if found:
        raise ConfigurationError.of(WHERE, found, "0 and 1, both there")
    return labels
