"""How far a metric could be off: bootstrap intervals, of one score and of the difference between two."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError, Problem
from aurify.models.cumulated import Plan, curves
from aurify.models.curve import METRICS, At, Numbers
from aurify.models.metrics import USUAL
from aurify.models.replicates import Draws
from aurify.models.scored import Frame, Summary, of_choices, of_metric

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Interval:
    """A metric of the rows, and the interval that its bootstrap replicates lie in with probability `level`.

    `replicates` are those that define the metric: one without a positive defines no recall.
    """

    metric: str
    estimate: float
    low: float
    high: float
    level: float
    replicates: int


def interval(
    rows: DataFrame,
    metric: str,
    *,
    unit: str | Sequence[str],
    label: str = "label",
    score: str = "score",
    at: At = USUAL,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The percentile bootstrap interval of a metric, exact on each replicate, in three actions for all replicates.

    `unit` names the columns that tell apart what is drawn: the id of a row, or a card, whose rows then come and go
    together. The same units, seed and number of replicates give the same interval, however the rows are partitioned.
    """
    return _interval("interval", rows, metric, (score,), unit, label, at, Draws(replicates, seed), level)


def paired_interval(
    rows: DataFrame,
    metric: str,
    scores: tuple[str, str],
    *,
    unit: str | Sequence[str],
    label: str = "label",
    at: At = USUAL,
    replicates: int = 200,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """The interval of the first score's metric less the second's, both on the same replicates; five actions."""
    return _interval("paired_interval", rows, metric, scores, unit, label, at, Draws(replicates, seed), level)


def _interval(
    where: str,
    rows: DataFrame,
    metric: str,
    scores: tuple[str, ...],
    unit: str | Sequence[str],
    label: str,
    at: At,
    draws: Draws,
    level: float,
) -> Interval:
    units = (unit,) if isinstance(unit, str) else tuple(unit)
    frame = Frame(where, rows, label, scores, others=units)
    problems = [*of_choices(where, at), *of_metric(where, metric), *_of_draws(where, units, draws, level)]
    summary = frame.summary(problems)
    _refuse_other_scores(frame, metric, summary)
    plan = Plan(METRICS[metric].parts, at, draws, units)
    found = [METRICS[metric].of(curves(frame, plan, summary, i)[None]) for i in range(len(scores))]
    return interval_of(metric, found[0] if len(found) == 1 else found[0] - found[1], level)


def interval_of(metric: str, values: Numbers, level: float) -> Interval:
    """The interval of a metric of the rows, which is the first of the values, and of the replicates."""
    drawn = values[1:][~np.isnan(values[1:])]
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]) if len(drawn) else (np.nan, np.nan)
    return Interval(metric, float(values[0]), float(low), float(high), level, len(drawn))


def _of_draws(where: str, units: Sequence[str], draws: Draws, level: float) -> list[Problem]:
    problems = []
    if not units:
        problems.append(Problem(where, "no unit", "the columns that tell apart what is drawn"))
    if draws.replicates < 2:
        problems.append(Problem(where, f"{draws.replicates} replicates", "2 or more, 200 for 95 %"))
    if not 0 < level < 1:
        problems.append(Problem(where, f"level {level}", "between 0 and 1"))
    return problems


def _refuse_other_scores(frame: Frame, metric: str, summary: Summary) -> None:
    """ConfigurationError where a metric of probabilities is asked of other numbers."""
    problems = [
        Problem(frame.where, f"scores of {name} from {told.low} to {told.high}", f"0 to 1, which {metric} is of")
        for name, told in zip(frame.scores, summary.scores, strict=True)
        if METRICS[metric].of_probabilities and not told.are_probabilities
    ]
    if problems:
        raise ConfigurationError(frame.where, problems)
