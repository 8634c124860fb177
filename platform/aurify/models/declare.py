"""What a model's file says: the `@model` decorator, its data, its split by time and its gate."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from aurify.errors import ConfigurationError, Problem
from aurify.models.estimator import Estimator, Stage
from aurify.models.search.declared import Search
from aurify.models.split import ByTime
from aurify.monitoring.declare import Monitoring
from aurify.scoring.declare import Scoring

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Function = TypeVar("Function", bound="Callable[[DataFrame], DataFrame]")

ATTRIBUTE = "__aurify_model__"
MORE = ("metric", "gate", "top_k", "weight", "workers", "seed", "time_limit", "search", "scoring", "monitoring")


@dataclass(frozen=True)
class Training:
    """The rows that a model learns from: labels, with what feature views knew at their `time`.

    `known_at` is the column that says when a label was known: none that came later than the time of its part's use is
    learned from. `tolerance` is how old the newest row of an entity may be, where a view is joined as of the time.
    """

    labels: str
    views: tuple[str, ...]
    target: str
    time: str | None = None
    known_at: str | None = None
    tolerance: timedelta | None = None


@dataclass(frozen=True)
class Gate:
    """What a challenger must reach on the test rows before it becomes champion.

    `at_least` and `at_most` are limits by metric. It is no worse than the champion where the interval of its metric
    less the champion's, drawn in pairs, stays above minus `margin` at `level`; a margin of None doesn't compare.
    """

    at_least: Mapping[str, float] = field(default_factory=dict)
    at_most: Mapping[str, float] = field(default_factory=dict)
    margin: float | None = 0.01
    level: float = 0.95


@dataclass(frozen=True)
class TopK:
    """Precision of the k best of each day, like cards that people look at; the metric is `precision_at_<k>`."""

    k: int
    day: str
    card: str

    @property
    def metric(self) -> str:
        """The name of the metric."""
        return f"precision_at_{self.k}"


@dataclass(frozen=True)
class ModelSpec:
    """All that the file of a model says."""

    name: str
    data: Training
    split: ByTime
    estimator: Estimator
    function: Callable[[DataFrame], DataFrame]
    stages: tuple[Stage, ...] = ()
    features: tuple[str, ...] = ()
    metric: str = "average_precision"
    gate: Gate = Gate()
    segments: tuple[str, ...] = ()
    unit: tuple[str, ...] = ()
    top_k: TopK | None = None
    weight: str | None = None
    workers: int = 1
    seed: int = 0
    time_limit: timedelta | None = None
    search: Search | None = None
    scoring: Scoring | None = None
    monitoring: Monitoring = field(default_factory=Monitoring)
    owner: str = ""
    doc: str = ""
    file: str = ""


def model(
    name: str,
    *,
    data: Training,
    split: ByTime,
    estimator: Estimator,
    stages: Sequence[Stage] = (),
    features: Sequence[str] = (),
    segments: Sequence[str] = (),
    unit: str | Sequence[str] = (),
    owner: str = "",
    **more: Any,
) -> Callable[[Function], Function]:
    """Attach a model's spec to its function, and return the function unchanged.

    The function gets the rows of the training set with the column `part`, which is train, gap, validation or test, and
    gives those that are to be learned from and judged by; it adds or changes none. Without `features` all features of
    the views are used. `unit` are columns whose rows belong together where intervals are drawn, like a customer's.
    `more` are the other fields of `ModelSpec`: metric, gate, top_k, weight, workers, seed, time_limit, search,
    scoring, monitoring. Wrong values are told by the checks of specs, all at once.
    """

    def attach(function: Function) -> Function:
        unknown = sorted(more.keys() - set(MORE))
        if unknown:
            raise ConfigurationError(f"model {name}", [Problem(name, key, "a field of ModelSpec") for key in unknown])
        spec = ModelSpec(
            name=name,
            data=data,
            split=split,
            estimator=estimator,
            function=function,
            stages=tuple(stages),
            features=tuple(features),
            segments=tuple(segments),
            unit=(unit,) if isinstance(unit, str) else tuple(unit),
            owner=owner,
            doc=next(iter((inspect.getdoc(function) or "").splitlines()), ""),
            file=function.__code__.co_filename,
            **more,
        )
        setattr(function, ATTRIBUTE, spec)
        return function

    return attach
