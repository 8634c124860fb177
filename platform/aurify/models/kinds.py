"""Where the classes of kept models and stages are: only these are ever loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from aurify.errors import ConfigurationError

LEARNED = {
    "blend": "aurify.models.blend:Blend",
    "by_group": "aurify.models.group_models:GroupModels",
    "isolation_trees": "aurify.models.isolation_trees:IsolationTrees",
    "lightgbm": "aurify.models.booster:Booster",
    "lightgbm_compiled": "aurify.models.compiled_booster:CompiledBooster",
    "onnx": "aurify.models.onnx_file:OnnxModel",
    "python": "aurify.models.python_model:PythonModel",
    "score_card": "aurify.models.score_points:ScorePoints",
    "spark_trees": "aurify.models.spark_trees:SparkTrees",
    "stack": "aurify.models.stacking:Stack",
}
_TRANSFORMS = "aurify.models.transforms"
STAGES = {
    "bins": f"{_TRANSFORMS}.bins:FittedBins",
    "codes": f"{_TRANSFORMS}.codes:FittedCodes",
    "imputed": f"{_TRANSFORMS}.imputed:FittedImputed",
    "one_hot": f"{_TRANSFORMS}.one_hot:FittedOneHot",
    "scaled": f"{_TRANSFORMS}.scaled:FittedScaled",
    "selected": "aurify.models.selection.selected:Selected",
    "target_mean": f"{_TRANSFORMS}.target_mean:FittedTargetMean",
    "tf_idf": f"{_TRANSFORMS}.tf_idf:FittedTfIdf",
    "word2vec": f"{_TRANSFORMS}.word2vec:FittedWord2Vec",
}


def class_of(kind: str, known: dict[str, str]) -> Any:
    """The class of a kind; ConfigurationError where this version of Aurify has none."""
    if kind not in known:
        hint = "load it with the version of Aurify that wrote it, or a later one"
        raise ConfigurationError.of("kept model", f"the kind '{kind}'", f"one of {', '.join(sorted(known))}", hint)
    module, _, name = known[kind].partition(":")
    return getattr(import_module(module), name)
