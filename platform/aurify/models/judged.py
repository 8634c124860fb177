"""How good scores are: all that is told of a model on one part of its rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from aurify.models.cards import card_precision_top_k
from aurify.models.clusters import ErrorCluster, error_clusters
from aurify.models.declare import ModelSpec
from aurify.models.intervals import Interval, interval, paired_interval
from aurify.models.metrics import USUAL, Metrics, SegmentMetrics, by_segment, classifier_metrics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Judgement:
    """Of one part: its metrics, the interval of the model's metric, each segment's metrics, where errors cluster.

    `missed` and `false_alarms` are at the threshold whose precision is .9 on these rows, .5 where there is none.
    """

    metrics: Metrics
    sure: Interval
    precision_at_k: dict[str, float]
    segments: dict[str, tuple[SegmentMetrics, ...]]
    missed: tuple[ErrorCluster, ...]
    false_alarms: tuple[ErrorCluster, ...]

    @property
    def numbers(self) -> dict[str, float | None]:
        """Every metric that is one number, by name."""
        told = asdict(self.metrics)
        plain = {name: value for name, value in told.items() if value is None or isinstance(value, int | float)}
        lift = self.metrics.lift[0] if self.metrics.lift else None
        return {**plain, "lift_of_top_tenth": lift, **self.precision_at_k}

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def judged(rows: DataFrame, spec: ModelSpec, unit: Sequence[str], id: str) -> Judgement:
    """Judge rows with their `score`; a few actions for each segment column."""
    target, metric = spec.data.target, spec.metric
    metrics = classifier_metrics(rows, target)
    sure = interval(rows, metric, unit=unit, label=target, level=spec.gate.level, seed=spec.seed)
    precision = {}
    if spec.top_k is not None:
        top = spec.top_k
        found = card_precision_top_k(rows, top.k, day=top.day, card=top.card, label=target)
        precision = {top.metric: found.mean}
    segments = {name: by_segment(rows, name, target) for name in spec.segments}
    threshold = metrics.threshold_at_precision
    at = USUAL.threshold if threshold is None else threshold
    missed: tuple[ErrorCluster, ...] = ()
    alarms: tuple[ErrorCluster, ...] = ()
    if spec.segments:
        missed = error_clusters(rows, spec.segments, "false_negative", id=id, label=target, threshold=at)
        alarms = error_clusters(rows, spec.segments, "false_positive", id=id, label=target, threshold=at)
    return Judgement(metrics, sure, precision, segments, missed, alarms)


def difference(rows: DataFrame, spec: ModelSpec, unit: Sequence[str], scores: tuple[str, str]) -> Interval:
    """The interval of the model's metric by the first score less that by the second, on the same rows."""
    return paired_interval(
        rows, spec.metric, scores, unit=unit, label=spec.data.target, level=spec.gate.level, seed=spec.seed
    )
