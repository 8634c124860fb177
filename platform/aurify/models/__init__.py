"""Models: declared in files, learned from features, judged and explained; what a model's file and a notebook use."""

from aurify.models.bagging import Bagging
from aurify.models.blending import Blending
from aurify.models.by_group import ByGroup
from aurify.models.cards import CardPrecision, card_precision_top_k
from aurify.models.clusters import ErrorCluster, error_clusters
from aurify.models.curve import At
from aurify.models.declare import TopK
from aurify.models.intervals import Interval, interval, paired_interval
from aurify.models.isolation_forest import IsolationForest
from aurify.models.lightgbm_estimator import LightGBM
from aurify.models.metrics import Metrics, SegmentMetrics, by_segment, classifier_metrics
from aurify.models.on_driver import OnDriver
from aurify.models.python_reference import Python
from aurify.models.score_card import ScoreCard
from aurify.models.search import Choice, Real, Search, Whole
from aurify.models.selection import ChiSquare, Lasso, RecursiveElimination, Uncorrelated, feature_report
from aurify.models.stacking import Stacking
from aurify.models.transforms import Bins, Codes, Imputed, OneHot, Scaled, TargetMean, TfIdf, Word2Vec
from aurify.models.tree_estimators import GradientBoostedTrees, RandomForest
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
    "ErrorCluster",
    "Fallback",
    "GradientBoostedTrees",
    "Imputed",
    "Interval",
    "IsolationForest",
    "Lasso",
    "LightGBM",
    "Metrics",
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
    "paired_interval",
]
