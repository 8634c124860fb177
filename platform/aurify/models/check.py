"""Every mistake of every model's file, named at once and before a session starts."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from aurify.errors import Problem, did_you_mean
from aurify.models.curve import LOSSES, METRICS
from aurify.models.declare import Gate, ModelSpec, TopK, Training
from aurify.models.scored import of_metric
from aurify.models.search.run import problems as search_problems
from aurify.monitoring.check import monitoring_problems

NAME = re.compile(r"[a-z][a-z0-9_]*")


class Known(Protocol):
    """What is asked of a table."""

    @property
    def columns(self) -> Collection[str]:
        """The names of its columns."""

    @property
    def is_view(self) -> bool:
        """Whether it is a feature view."""


def check_models(specs: Sequence[ModelSpec], tables: Mapping[str, Known], root: Path) -> list[Problem]:
    """All that is wrong with the models, given the tables that could be read."""
    problems: list[Problem] = []
    seen: dict[str, ModelSpec] = {}
    for spec in specs:
        where = _where(spec, root)
        if spec.name in seen:
            found = f"the name a second time, after {_where(seen[spec.name], root)}"
            problems.append(Problem(where, found, "a name of its own", key="name"))
        seen[spec.name] = spec
        problems += _of_names(where, spec)
        problems += _of_data(where, spec, tables)
        problems += spec.split.problems(where)
        problems += _of_learning(where, spec)
        problems += _of_gate(where, spec)
        problems += monitoring_problems(where, spec.monitoring, spec.scoring is not None)
    return problems


def _where(spec: ModelSpec, root: Path) -> str:
    file = Path(spec.file)
    return f"{file.relative_to(root) if file.is_relative_to(root) else file}, model {spec.name}"


def _of_names(where: str, spec: ModelSpec) -> Iterator[Problem]:
    if not NAME.fullmatch(str(spec.name)):
        yield Problem(where, repr(spec.name), "a lower_snake name, like card_fraud", key="name")
    if not spec.owner:
        yield Problem(where, "none", "the team that answers for it", key="owner")
    if not spec.doc:
        yield Problem(where, "none", "a sentence that says what the score means", key="docstring")


def _of_data(where: str, spec: ModelSpec, tables: Mapping[str, Known]) -> Iterator[Problem]:
    data = spec.data
    if not isinstance(data, Training):
        yield Problem(where, repr(data), "Training(labels=..., views=[...], target=...)", key="data")
        return
    if data.labels not in tables:
        hint = did_you_mean(data.labels, tables)
        yield Problem(where, f"the table '{data.labels}'", "a table of the project", hint, "data.labels")
        return
    views = {name: table for name, table in tables.items() if table.is_view}
    if not data.views:
        yield Problem(where, "none", "one feature view or more", key="data.views")
    for name in data.views:
        if name not in views:
            yield Problem(where, f"'{name}'", "a feature view", did_you_mean(name, views), "data.views")
    labels = tables[data.labels].columns
    for key, column in {"target": data.target, "time": data.time, "known_at": data.known_at}.items():
        if column is not None and column not in labels:
            hint = did_you_mean(column, labels)
            yield Problem(where, f"'{column}'", f"a column of {data.labels}", hint, f"data.{key}")
    if all(name in views for name in data.views):
        yield from _of_columns(where, spec, {*labels, *(c for name in data.views for c in views[name].columns)})


def _of_columns(where: str, spec: ModelSpec, columns: Collection[str]) -> Iterator[Problem]:
    """Columns of the training set that are named."""
    data = spec.data
    named = {"features": spec.features, "segments": spec.segments, "unit": spec.unit}
    if spec.top_k is not None:
        named["top_k"] = (spec.top_k.day, spec.top_k.card)
    if spec.weight is not None:
        named["weight"] = (spec.weight,)
    for key, names in named.items():
        for name in names:
            if name not in columns:
                expected = f"a column of {', '.join((data.labels, *data.views))}"
                yield Problem(where, f"'{name}'", expected, did_you_mean(name, columns), key)
    for name in spec.features:
        if name in (data.target, data.known_at):
            yield Problem(where, f"'{name}', which tells the answer", "what is known when scoring", key="features")


def _of_learning(where: str, spec: ModelSpec) -> Iterator[Problem]:
    if not (hasattr(spec.estimator, "fit") and hasattr(spec.estimator, "problems")):
        yield Problem(where, repr(spec.estimator), "an estimator, like LightGBM(...)", key="estimator")
    else:
        yield from spec.estimator.problems(f"{where}: estimator")
    for stage in spec.stages:
        if not (hasattr(stage, "fit") and hasattr(stage, "problems")):
            yield Problem(where, repr(stage), "a stage, like OneHot(...)", key="stages")
        else:
            yield from stage.problems(f"{where}: stages")
    if not isinstance(spec.workers, int) or spec.workers < 1:
        yield Problem(where, repr(spec.workers), "1 or more", key="workers")
    if spec.time_limit is not None and not (isinstance(spec.time_limit, timedelta) and spec.time_limit > timedelta(0)):
        yield Problem(where, repr(spec.time_limit), "a timedelta of more than nothing", key="time_limit")
    if spec.search is not None:
        yield from search_problems(f"{where}: search", spec.search, spec.estimator)


def _of_gate(where: str, spec: ModelSpec) -> Iterator[Problem]:
    own = [spec.top_k.metric] if isinstance(spec.top_k, TopK) else []
    yield from of_metric(where, str(spec.metric))
    if spec.metric in LOSSES:
        yield Problem(where, f"'{spec.metric}', which is a loss", "a metric that is higher where better", key="metric")
    if not isinstance(spec.gate, Gate):
        yield Problem(where, repr(spec.gate), "Gate(at_least={...})", key="gate")
        return
    known = (*METRICS, *own)
    for name, value in (*spec.gate.at_least.items(), *spec.gate.at_most.items()):
        if name not in known:
            yield Problem(where, f"'{name}'", "a metric", did_you_mean(name, known), "gate")
        elif not isinstance(value, int | float) or isinstance(value, bool):
            yield Problem(where, f"{name} {value!r}", "a number", key="gate")
    if not 0 < spec.gate.level < 1:
        yield Problem(where, str(spec.gate.level), "between 0 and 1", key="gate.level")
    if spec.gate.margin is not None and spec.gate.margin < 0:
        yield Problem(where, str(spec.gate.margin), "0 or more, or None", key="gate.margin")
