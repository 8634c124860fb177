"""Where the classes of kept models and stages are: only these are ever loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

LEARNED = {
    "isolation_trees": "aurify.models.isolation_trees:IsolationTrees",
    "lightgbm": "aurify.models.booster:Booster",
    "score_card": "aurify.models.score_points:ScorePoints",
    "spark_trees": "aurify.models.spark_trees:SparkTrees",
}
STAGES: dict[str, str] = {}


def class_of(kind: str, known: dict[str, str]) -> Any:
    """The class of a kind; KeyError where this version of Aurify has none."""
    module, _, name = known[kind].partition(":")
    return getattr(import_module(module), name)
