"""The stages of a fitted model in ONNX; those of texts in words have no form there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.estimator import FittedStage
from aurify.models.onnx_graph import TREES_DOMAIN, Graph, tensor
from aurify.models.selection.selected import Selected
from aurify.models.transforms.bins import FittedBins
from aurify.models.transforms.categories import MISSING, UNSEEN, Key
from aurify.models.transforms.codes import FittedCodes
from aurify.models.transforms.imputed import FittedImputed
from aurify.models.transforms.one_hot import FittedOneHot
from aurify.models.transforms.scaled import FittedScaled
from aurify.models.transforms.target_mean import FittedTargetMean

MISSING_TEXT = "\u2400"  # ONNX has no text that is missing: the symbol for null stands for it
Names = Mapping[str, str]


def made_by(graph: Graph, stage: FittedStage, columns: Names, texts: Sequence[str]) -> dict[str, str]:
    """The outputs of a stage, of columns that the graph has; ConfigurationError where ONNX has no form for it.

    `texts` are the columns that are no numbers.
    """
    if isinstance(stage, Selected):
        return {}
    if isinstance(stage, FittedScaled):
        return _scaled(graph, stage, columns)
    if isinstance(stage, FittedImputed):
        return _imputed(graph, stage, columns)
    if isinstance(stage, FittedBins):
        return _binned(graph, stage, columns)
    if isinstance(stage, FittedCodes | FittedOneHot | FittedTargetMean):
        return _looked_up(graph, stage, columns, texts)
    found = f"the stage {stage.kind} of {', '.join(stage.reads)}"
    raise ConfigurationError.of("ONNX", found, "stages of numbers and categories", "it has no form in ONNX")


def _scaled(graph: Graph, stage: FittedScaled, columns: Names) -> dict[str, str]:
    return {
        name: graph.add("Div", graph.add("Sub", columns[column], graph.constant(centre)), graph.constant(scale))
        for column, name, centre, scale in zip(stage.columns, stage.names, stage.centres, stage.scales, strict=True)
    }


def _imputed(graph: Graph, stage: FittedImputed, columns: Names) -> dict[str, str]:
    is_missing = {column: graph.add("IsNaN", columns[column]) for column in stage.columns}
    found = {
        name: graph.add("Where", is_missing[column], graph.constant(value), columns[column])
        for column, name, value in zip(stage.columns, stage.names, stage.values, strict=True)
    }
    told = zip(stage.columns, stage.indicators, strict=bool(stage.indicators))
    return found | {name: graph.number(is_missing[column]) for column, name in told}


def _binned(graph: Graph, stage: FittedBins, columns: Names) -> dict[str, str]:
    axis, found = graph.constant(np.asarray([1], np.int64)), {}
    for column, name, borders in zip(stage.columns, stage.names, stage.borders, strict=True):
        values = columns[column]
        count = graph.constant(0.0)
        if borders:
            wide = graph.add("Unsqueeze", values, axis)
            reached = graph.number(graph.add("GreaterOrEqual", wide, graph.constant(list(borders))))
            count = graph.add("ReduceSum", reached, axis, keepdims=0)
        found[name] = graph.add("Where", graph.add("IsNaN", values), graph.constant(np.nan), count)
    return found


def _looked_up(
    graph: Graph, stage: FittedCodes | FittedOneHot | FittedTargetMean, columns: Names, texts: Sequence[str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for place, (column, keys) in enumerate(zip(stage.columns, stage.keys, strict=True)):
        own, is_text = columns[column], column in texts
        if isinstance(stage, FittedOneHot):
            at = _found(graph, own, is_text, keys, [*range(len(keys)), UNSEEN, MISSING])
            slots = zip(stage.names[place], (*range(len(keys)), UNSEEN, MISSING), strict=True)
            found |= {name: graph.number(graph.add("Equal", at, graph.constant(slot))) for name, slot in slots}
        elif isinstance(stage, FittedCodes):
            values = [*range(len(keys)), np.nan, np.nan]
            found[stage.names[place]] = _found(graph, own, is_text, keys, values)
        else:
            means = [float(row[0]) for row in stage.means[place]]
            found[stage.names[place]] = _found(graph, own, is_text, keys, means)
    return found


def _found(graph: Graph, column: str, is_text: bool, keys: Sequence[Key], values: Sequence[float]) -> str:
    """The value of each key; the last but one of the values for a key never seen, the last for what is missing."""
    *own, unseen, missing = map(float, values)
    known = list(keys)
    if is_text:
        known, own = [*known, MISSING_TEXT], [*own, missing]
    kinds: Any = object if is_text else np.float64
    at = graph.add(
        "LabelEncoder",
        column,
        domain=TREES_DOMAIN,
        keys_tensor=tensor(np.asarray(known, kinds)),
        values_tensor=tensor(np.asarray(own, np.float64)),
        default_tensor=tensor(np.asarray([unseen], np.float64)),
    )
    return at if is_text else graph.add("Where", graph.add("IsNaN", column), graph.constant(missing), at)
