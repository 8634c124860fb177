"""A fitted model as ONNX, compared with itself before anybody gets it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError
from aurify.models.booster import Booster
from aurify.models.columns import Numbers
from aurify.models.fitted import FittedModel, is_text
from aurify.models.onnx_file import INPUTS, NULL_TEXT, OnnxModel
from aurify.models.onnx_graph import Graph
from aurify.models.onnx_stages import MISSING_TEXT, made_by
from aurify.models.onnx_trees import ENDLESS, ZERO, thresholds, tree_scores
from aurify.models.transforms.imputed import FittedImputed
from aurify.models.transforms.scaled import FittedScaled

MOST_DIFFERENCE = 1e-6
CHECKED_ROWS = 5_000
UNSEEN_TEXT = "never seen"
Interesting = dict[str, list[Any]]


def onnx_of(model: FittedModel, about: Mapping[str, str]) -> tuple[OnnxModel, float]:
    """The model as ONNX with what is said `about` it, and the largest difference of a score on `checked_rows`.

    ConfigurationError where ONNX has no form for a stage or the estimator, or its scores differ by more than 1e-6.
    """
    learned = model.learned
    if not isinstance(learned, Booster):
        found = f"a model of kind '{learned.kind}'"
        raise ConfigurationError.of(
            "ONNX", found, f"one of kind '{Booster.kind}'", "distil it: Distilled(..., into=...)"
        )
    graph = Graph()
    texts = [name for name, kind in model.inputs.items() if is_text(kind)]
    columns = {name: graph.input(name, name in texts) for name in model.inputs}
    for stage in model.stages:
        columns |= made_by(graph, stage, columns, texts)
    said = {**about, INPUTS: json.dumps(dict(model.inputs)), NULL_TEXT: MISSING_TEXT}
    made = OnnxModel(graph.model(tree_scores(graph, learned, columns), said).SerializeToString())
    difference = largest_difference(model, made, checked_rows(model))
    if not difference <= MOST_DIFFERENCE:
        raise ConfigurationError.of("ONNX", f"scores that differ by {difference:.1e}", f"{MOST_DIFFERENCE:g} at most")
    return made, difference


def largest_difference(model: FittedModel, made: OnnxModel, rows: Mapping[str, NDArray[Any]]) -> float:
    """By how much a score differs at most; infinite where one is no number."""
    found = np.abs(model.predict(rows) - made.predict(rows))
    return float("inf") if np.isnan(found).any() else float(found.max(initial=0.0))


def checked_rows(model: FittedModel, rows: int = CHECKED_ROWS, seed: int = 0) -> dict[str, NDArray[Any]]:
    """Rows over the ranges of training: at what splits a column, a bit beside it, anywhere, far off, and missing."""
    assert isinstance(model.learned, Booster)
    draw = np.random.default_rng(seed)
    wanted: Interesting = {name: [*values] for name, values in thresholds(model.learned).items()}
    for name, span in _ranges(model.learned).items():
        wanted[name] += span
    for stage in reversed(model.stages):
        for name, values in _before(stage, wanted).items():
            wanted.setdefault(name, []).extend(values)
    return {
        name: (_texts if is_text(kind) else _numbers)(wanted.get(name, []), rows, draw)
        for name, kind in model.inputs.items()
    }


def _ranges(learned: Booster) -> dict[str, list[float]]:
    """The lowest and highest value of each feature in training, or its codes, as the text has them."""
    line = next((line for line in learned.text.splitlines() if line.startswith("feature_infos=")), "feature_infos=")
    told = line.removeprefix("feature_infos=").split(" ")
    return {
        name: [float(part) for part in info.strip("[]").split(":") if part not in ("", "none")]
        for name, info in zip(learned.features, told, strict=False)
    }


def _before(stage: Any, wanted: Interesting) -> Interesting:
    """The values of what a stage reads that make a difference after it."""
    if isinstance(stage, FittedScaled):
        parts = zip(stage.columns, stage.names, stage.centres, stage.scales, strict=True)
        return {column: [v * scale + centre for v in wanted.get(name, [])] for column, name, centre, scale in parts}
    if isinstance(stage, FittedImputed):
        filled = zip(stage.columns, stage.names, stage.values, strict=True)
        return {column: [*wanted.get(name, []), value] for column, name, value in filled}
    own: Sequence[Sequence[Any]] = getattr(stage, "keys", ()) or getattr(stage, "borders", ())
    return {column: [*values] for column, values in zip(stage.reads, own, strict=False)}


def _numbers(values: Sequence[Any], rows: int, draw: np.random.Generator) -> Numbers:
    known = np.unique(np.asarray([0.0, 1.0, *(v for v in values if abs(v) < ENDLESS)], np.float64))
    low, high = known.min(), known.max()
    at = draw.choice(known, rows)
    kinds = [
        at,
        np.nextafter(at, np.inf),
        np.nextafter(at, -np.inf),
        draw.uniform(low - (high - low) / 10, high + (high - low) / 10, rows),
        draw.choice([-np.inf, np.inf, 0.0, -0.0, ZERO, -ZERO, 2 * ZERO, 1e-300, 1e9, -0.5], rows),
        np.full(rows, np.nan),
    ]
    return np.choose(draw.choice(len(kinds), rows, p=[0.35, 0.1, 0.1, 0.3, 0.05, 0.1]), kinds)


def _texts(values: Sequence[Any], rows: int, draw: np.random.Generator) -> NDArray[Any]:
    known = np.asarray([*dict.fromkeys(map(str, values)), UNSEEN_TEXT, None], object)
    return known[draw.integers(0, len(known), rows)]
