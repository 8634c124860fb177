"""Models: learned from features, and judged: how good their scores are, where they err, how sure that is."""

from aurify.models.cards import CardPrecision, card_precision_top_k
from aurify.models.clusters import ErrorCluster, error_clusters
from aurify.models.curve import At
from aurify.models.intervals import Interval, interval, paired_interval
from aurify.models.metrics import Metrics, SegmentMetrics, by_segment, classifier_metrics

__all__ = [
    "At",
    "CardPrecision",
    "ErrorCluster",
    "Interval",
    "Metrics",
    "SegmentMetrics",
    "by_segment",
    "card_precision_top_k",
    "classifier_metrics",
    "error_clusters",
    "interval",
    "paired_interval",
]
