"""The model card: what a version of a model is, was made of, can do and can't, as plain values."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from typing import Any, TypeAlias

import numpy as np

from aurify.errors import ConfigurationError, Problem, did_you_mean

FORMAT = 1
Plain: TypeAlias = "bool | int | float | str | list[Plain] | dict[str, Plain] | None"


@dataclass(frozen=True)
class Part:
    """A part of the data by time, as training, gap, validation or test: `begins` is in it, `ends` no more."""

    name: str
    begins: str
    ends: str
    rows: int | None = None
    positives: int | None = None


@dataclass(frozen=True)
class TrainingData:
    """The table of examples and the versions of all Delta tables that they were made of."""

    table: str
    label: str
    versions: Mapping[str, int]
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Decision:
    """What the gate said of a challenger, why, and which champion it was compared with, if there was one."""

    is_promoted: bool
    reasons: tuple[str, ...]
    champion: str | None = None


@dataclass(frozen=True)
class Card:
    """A model card; `metrics`, `intervals` are by part of the data, `segments` by column, `figures` PNGs by title.

    Results may be given as they are, Metrics or Interval: all is made plain, numbers that are none being None. A part
    that nobody filled is told as such on the page.
    """

    name: str
    version: str
    owner: str
    made_at: str
    purpose: str
    data: TrainingData
    estimator: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stages: Sequence[Any] = ()
    features: Sequence[str] = ()
    alias: str | None = None
    decision: Decision | None = None
    metrics: Mapping[str, Any] = field(default_factory=dict)
    intervals: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    segments: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    clusters: Sequence[Any] = ()
    importance: Mapping[str, float] = field(default_factory=dict)
    shap_importance: Mapping[str, float] = field(default_factory=dict)
    distillation: Mapping[str, Any] = field(default_factory=dict)
    figures: Mapping[str, bytes] = field(default_factory=dict)
    fingerprints: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    not_for: Sequence[str] = ()
    ethics: Sequence[str] = ()
    limits: Sequence[str] = ()

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.name not in ("data", "decision", "figures"):
                object.__setattr__(self, each.name, plain(getattr(self, each.name)))

    def as_dict(self) -> dict[str, Plain]:
        """The card for JSON; its figures as base64."""
        figures: Plain = {title: base64.b64encode(content).decode() for title, content in self.figures.items()}
        others = {each.name: plain(getattr(self, each.name)) for each in fields(self) if each.name != "figures"}
        return {"format": FORMAT, **others, "figures": figures}

    @classmethod
    def of_dict(cls, values: Mapping[str, Any]) -> Card:
        """What `as_dict` gave; ConfigurationError where this version of Aurify can't read it."""
        _refuse_misfits(values)
        told = {name: value for name, value in values.items() if name != "format"}
        data, decision = told["data"], told.get("decision")
        told["data"] = TrainingData(**{**data, "parts": tuple(Part(**each) for each in data["parts"])})
        told["decision"] = decision and Decision(**{**decision, "reasons": tuple(decision["reasons"])})
        told["figures"] = {title: base64.b64decode(text) for title, text in told.get("figures", {}).items()}
        return cls(**told)


def plain(value: Any) -> Plain:
    """The value as JSON has it: dataclasses and mappings as objects, sequences as lists, what is no number as None.

    >>> plain({"low": float("nan"), "day": date(2024, 1, 2), "group": (("shop", 3),)})
    {'low': None, 'day': '2024-01-02', 'group': [['shop', 3]]}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return plain({each.name: getattr(value, each.name) for each in fields(value)})
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(each) for each in value]
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, np.generic):
        return plain(value.item())
    return value.isoformat() if isinstance(value, date) else str(value)


def _refuse_misfits(values: Mapping[str, Any]) -> None:
    known = {each.name: each for each in fields(Card)}
    needed = [name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING]
    problems = [Problem("model card", f"no '{name}'", "a value for it") for name in needed if name not in values]
    for name in sorted(values.keys() - known.keys() - {"format"}):
        problems.append(Problem("model card", f"'{name}'", "a part of a card", did_you_mean(name, known)))
    if values.get("format") != FORMAT:
        problems.insert(0, Problem("model card", f"format {values.get('format')}", f"format {FORMAT}"))
    if problems:
        raise ConfigurationError("model card", problems)
