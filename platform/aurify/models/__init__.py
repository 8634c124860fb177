"""Models: declared in files, learned from features, judged and explained; what a model's file and a notebook use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurify.models.bagging import Bagging
    from aurify.models.blending import Blending
    from aurify.models.by_group import ByGroup
    from aurify.models.cards import CardPrecision, card_precision_top_k
    from aurify.models.clusters import ErrorCluster, error_clusters
    from aurify.models.curve import At
    from aurify.models.declare import TopK
    from aurify.models.distilled import Distilled
    from aurify.models.intervals import Interval, interval, paired_interval
    from aurify.models.isolation_forest import IsolationForest
    from aurify.models.lightgbm_estimator import LightGBM
    from aurify.models.metrics import Metrics, SegmentMetrics, by_segment, classifier_metrics
    from aurify.models.on_driver import OnDriver
    from aurify.models.onnx_file import onnx_model, onnx_scored
    from aurify.models.python_reference import Python
    from aurify.models.score_card import ScoreCard
    from aurify.models.search.declared import Choice, Real, Search, Whole
    from aurify.models.selection.chi_square import ChiSquare
    from aurify.models.selection.lasso import Lasso
    from aurify.models.selection.recursive import RecursiveElimination
    from aurify.models.selection.report import feature_report
    from aurify.models.selection.uncorrelated import Uncorrelated
    from aurify.models.stacking import Stacking
    from aurify.models.transforms.bins import Bins
    from aurify.models.transforms.codes import Codes
    from aurify.models.transforms.imputed import Imputed
    from aurify.models.transforms.one_hot import OneHot
    from aurify.models.transforms.scaled import Scaled
    from aurify.models.transforms.target_mean import TargetMean
    from aurify.models.transforms.tf_idf import TfIdf
    from aurify.models.transforms.word2vec import Word2Vec
    from aurify.models.tree_estimators import GradientBoostedTrees, RandomForest
    from aurify.monitoring.declare import Monitoring
    from aurify.scoring.declare import Fallback, Scoring

__all__ = [
    "At",
    "Bagging",
    "Bins",
    "Blending",
    "ByGroup",
    "CardPrecision",
    "ChiSquare",
    "Choice",
    "Codes",
    "Distilled",
    "ErrorCluster",
    "Fallback",
    "GradientBoostedTrees",
    "Imputed",
    "Interval",
    "IsolationForest",
    "Lasso",
    "LightGBM",
    "Metrics",
    "Monitoring",
    "OnDriver",
    "OneHot",
    "Python",
    "RandomForest",
    "Real",
    "RecursiveElimination",
    "Scaled",
    "ScoreCard",
    "Scoring",
    "Search",
    "SegmentMetrics",
    "Stacking",
    "TargetMean",
    "TfIdf",
    "TopK",
    "Uncorrelated",
    "Whole",
    "Word2Vec",
    "by_segment",
    "card_precision_top_k",
    "classifier_metrics",
    "error_clusters",
    "feature_report",
    "interval",
    "onnx_model",
    "onnx_scored",
    "paired_interval",
]

_HOME = {
    "At": "aurify.models.curve",
    "Bagging": "aurify.models.bagging",
    "Bins": "aurify.models.transforms.bins",
    "Blending": "aurify.models.blending",
    "ByGroup": "aurify.models.by_group",
    "CardPrecision": "aurify.models.cards",
    "ChiSquare": "aurify.models.selection.chi_square",
    "Choice": "aurify.models.search.declared",
    "Codes": "aurify.models.transforms.codes",
    "Distilled": "aurify.models.distilled",
    "ErrorCluster": "aurify.models.clusters",
    "Fallback": "aurify.scoring.declare",
    "GradientBoostedTrees": "aurify.models.tree_estimators",
    "Imputed": "aurify.models.transforms.imputed",
    "Interval": "aurify.models.intervals",
    "IsolationForest": "aurify.models.isolation_forest",
    "Lasso": "aurify.models.selection.lasso",
    "LightGBM": "aurify.models.lightgbm_estimator",
    "Metrics": "aurify.models.metrics",
    "Monitoring": "aurify.monitoring.declare",
    "OnDriver": "aurify.models.on_driver",
    "OneHot": "aurify.models.transforms.one_hot",
    "Python": "aurify.models.python_reference",
    "RandomForest": "aurify.models.tree_estimators",
    "Real": "aurify.models.search.declared",
    "RecursiveElimination": "aurify.models.selection.recursive",
    "Scaled": "aurify.models.transforms.scaled",
    "ScoreCard": "aurify.models.score_card",
    "Scoring": "aurify.scoring.declare",
    "Search": "aurify.models.search.declared",
    "SegmentMetrics": "aurify.models.metrics",
    "Stacking": "aurify.models.stacking",
    "TargetMean": "aurify.models.transforms.target_mean",
    "TfIdf": "aurify.models.transforms.tf_idf",
    "TopK": "aurify.models.declare",
    "Uncorrelated": "aurify.models.selection.uncorrelated",
    "Whole": "aurify.models.search.declared",
    "Word2Vec": "aurify.models.transforms.word2vec",
    "by_segment": "aurify.models.metrics",
    "card_precision_top_k": "aurify.models.cards",
    "classifier_metrics": "aurify.models.metrics",
    "error_clusters": "aurify.models.clusters",
    "feature_report": "aurify.models.selection.report",
    "interval": "aurify.models.intervals",
    "onnx_model": "aurify.models.onnx_file",
    "onnx_scored": "aurify.models.onnx_file",
    "paired_interval": "aurify.models.intervals",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used: a model's file pays for what it declares alone."""
    if name not in _HOME:
        raise AttributeError(
            f"module 'aurify.models' has no attribute '{name}'", name=name, obj=import_module(__name__)
        )
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return list(__all__)
