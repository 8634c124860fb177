"""A feature view: a table whose columns are declared features of the events that its function gives."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from functools import cached_property, update_wrapper
from typing import TYPE_CHECKING, Any

from aurify.config.columns import read_columns
from aurify.config.names import quoted
from aurify.errors import Problem, did_you_mean
from aurify.features.declared import (
    HOLIDAY,
    KINDS,
    PARTS,
    Calendar,
    Change,
    Cross,
    Feature,
    Free,
    Ratio,
    expression,
    holidays_of,
    type_of,
    unit_of,
    windows_of,
)
from aurify.features.entity_windows import with_windows
from aurify.features.windows import LAG, OF_NUMBERS, Lag, Window, window_problems

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_LONGEST_NAME = 63
SLACK = timedelta(days=1)  # the dates of a business time zone, whose days may have 25 hours


@dataclass(frozen=True)
class FeatureView:
    """What is declared: whose features (`entity`), at which time, from which events on, and the features themselves.

    `columns` are those of the events that the table keeps, as text; `units` those of numbers that it does not keep.
    """

    entity: tuple[str, ...]
    event_time: str
    features: tuple[Feature, ...]
    arrival_time: str | None = None
    units: Mapping[str, str] = field(default_factory=dict)
    columns: str = ""

    @cached_property
    def kept(self) -> tuple[str, ...]:
        """The names of the columns of the events that the table keeps."""
        return tuple(f.name for f in read_columns(self.columns)[0].fields) if self.columns else ()

    @property
    def right(self) -> list[Feature]:
        """The features that are some: a wrong value stays where it is, for the check to name it."""
        return [f for f in self.features if isinstance(f, KINDS)] if isinstance(self.features, tuple) else []

    @property
    def windows(self) -> list[Window | Lag]:
        """Every window that a feature needs, each once."""
        return list(dict.fromkeys(window for feature in self.right for window in windows_of(feature)))

    @property
    def reach(self) -> timedelta:
        """How far before a row its oldest event may lie, with a day for the borders of dates."""
        lengths = [window.over + window.delay for window in self.windows]
        return max(lengths) + SLACK if lengths else timedelta(0)

    @property
    def delay(self) -> timedelta:
        """How far before a row its newest event lies at least."""
        return min((window.delay for window in self.windows), default=timedelta(0))

    @property
    def contract(self) -> str:
        """The text of all columns: those of the events that are kept, and one for each feature, with its unit."""
        if not isinstance(self.columns, str):
            return self.columns
        units = {**self.units, **_units(self.columns)}
        parts = [self.columns.strip().rstrip(",")]
        named = {feature.name: feature for feature in reversed(self.right) if _NAME.fullmatch(feature.name)}
        for feature in reversed(named.values()):
            unit = units[feature.name] = unit_of(feature, units)
            parts.append(f"{feature.name} {type_of(feature)}" + (f" UNIT '{unit}'" if unit else ""))
        return ", ".join(parts)

    def as_dict(self) -> dict[str, Any]:
        """The view as data; `online` says whether another engine can compute a feature by it."""
        told = []
        for feature in self.features:
            said = {k: v.total_seconds() if isinstance(v, timedelta) else v for k, v in _fields(feature)}
            online = not isinstance(feature, Free)
            told.append({"name": feature.name, "kind": type(feature).__name__.lower(), "online": online, **said})
        times = {"event_time": self.event_time, "arrival_time": self.arrival_time}
        return {"entity": list(self.entity), **times, "features": told}


def _fields(feature: Feature) -> Iterator[tuple[str, Any]]:
    if isinstance(feature, Free):
        yield "type", feature.type
        yield "of", getattr(feature.of, "__qualname__", "a function")
        return
    for name, value in asdict(feature).items():
        if isinstance(value, dict):
            value = {k: v.total_seconds() if isinstance(v, timedelta) else v for k, v in value.items()}
        yield name, value


def _units(columns: str) -> dict[str, str]:
    fields = read_columns(columns)[0].fields
    return {f.name: str(f.metadata["unit"]) for f in fields if "unit" in f.metadata}


class ViewFunction:
    """The user's function, and the features of the events that it gives: what makes the rows of a feature view."""

    def __init__(self, events: Callable[..., DataFrame], view: FeatureView) -> None:
        self._events = events
        self._view = view
        update_wrapper(self, events)

    def __call__(self, **frames: DataFrame) -> DataFrame:
        """The features of the events of these frames."""
        return with_features(self._events(**frames), self._view)

    def of_some(self, only: Column, **frames: DataFrame) -> DataFrame:
        """Those of the events that a condition holds for; the others are looked back at."""
        return with_features(self._events(**frames), self._view, only)


def with_features(events: DataFrame, view: FeatureView, only: Column | None = None) -> DataFrame:
    """Every event once, with the columns that the view keeps (all, if it names none) and its features.

    With a condition `only`, the events that it does not hold for are looked at, but may be left out.

    Columns that begin with `_` are kept: they point at the event's source.
    """
    plain = [name for name in events.columns if name in view.kept or not view.kept or name.startswith("_")]
    needed = dict.fromkeys([*plain, *_needed(events, view)])
    made = events.select(*map(quoted, needed))
    if view.windows:
        made = with_windows(
            made,
            view.windows,
            entity=view.entity,
            event_time=view.event_time,
            arrival_time=view.arrival_time,
            only=only,
        )
    for feature in view.features:
        if not isinstance(feature, Window | Lag):
            made = made.withColumn(feature.name, expression(feature, view.event_time))
    return made.select(*map(quoted, plain), *(quoted(feature.name) for feature in view.features))


def _needed(events: DataFrame, view: FeatureView) -> list[str]:
    """The columns that features are made of; all, where a free function may ask for any."""
    if any(isinstance(feature, Free) for feature in view.features):
        return list(events.columns)
    by = [name for w in view.windows for name in ((w.by,) if isinstance(w.by, str) else w.by)]
    of = [w.column for w in view.windows if w.column]
    ratios = [name for f in view.features if isinstance(f, Ratio) for name in (f.above, f.below)]
    crosses = [name for f in view.features if isinstance(f, Cross) for name in f.names]
    times = [view.event_time, *([view.arrival_time] if view.arrival_time else [])]
    made = {feature.name for feature in view.features}
    asked = dict.fromkeys([*view.entity, *times, *by, *of, *(n for n in (*ratios, *crosses) if n not in made)])
    return [name for name in asked if name in events.columns]


def view_problems(view: FeatureView) -> list[Problem]:
    """What is wrong with the declaration, as far as it can be told without the events: all at once, by key."""
    if not isinstance(view.features, tuple) or not view.features:
        hint = 'like features=[Window("sum", timedelta(days=7), "amount")]'
        return [Problem("", repr(view.features), "one feature or more", hint, "features")]
    kinds = ", ".join(kind.__name__ for kind in KINDS)
    wrong = [f for f in view.features if not isinstance(f, KINDS)]
    if wrong:
        return [Problem("", repr(feature), f"one of {kinds}", key="features") for feature in wrong]
    problems = [problem for feature in view.features for problem in _of_feature(feature)]
    problems += _of_names(view)
    units = {**view.units, **_units(view.columns)}
    known = [*view.kept, *(f.name for f in view.features)]
    for feature in view.features:
        for name in feature.names if isinstance(feature, Cross) else _sides(feature):
            if name not in known:
                hint = did_you_mean(name, known)
                problems.append(Problem("", repr(name), "a column or feature of the view", hint, feature.name))
    for column in dict.fromkeys(w.column for w in view.windows if w.column and w.aggregate in (*OF_NUMBERS, LAG)):
        if column not in units:
            hint = f"write {column} double UNIT 'EUR' in `columns`, or units={{'{column}': 'EUR'}}; '1' for none"
            problems.append(Problem("", f"{column} without a unit", "the unit of every number", hint, "units"))
    for key, names in {"entity": view.entity, "event_time": (view.event_time,)}.items():
        problems += [
            Problem("", repr(name), "a column that the view keeps", did_you_mean(str(name), view.kept), key)
            for name in names
            if name not in view.kept
        ]
    return problems


def _sides(feature: Feature) -> tuple[str, ...]:
    return (feature.above, feature.below) if isinstance(feature, Ratio) else ()


def _of_names(view: FeatureView) -> list[Problem]:
    """The naming standard: small letters, digits and _, not too long, each name once."""
    problems = []
    names = [feature.name for feature in view.features]
    for name in dict.fromkeys(names):
        if not _NAME.fullmatch(name) or len(name) > _LONGEST_NAME:
            hint = "rename the column it is made of, or make it of fewer"
            expected = f"small letters, digits and _, at most {_LONGEST_NAME}"
            problems.append(Problem("", f"the name '{name}'", expected, hint, "features"))
        if names.count(name) > 1 or name in view.kept:
            problems.append(Problem("", f"two columns named '{name}'", "each feature once", key="features"))
    return problems


def _of_feature(feature: Feature) -> list[Problem]:
    problems = [problem for window in windows_of(feature) for problem in window_problems(window)]
    if isinstance(feature, Change) and feature.back <= timedelta(0):
        problems.append(Problem("", f"back {feature.back}", "a length of more than nothing", key=feature.name))
    if isinstance(feature, Calendar):
        problems += _of_calendar(feature)
    return problems


def _of_calendar(feature: Calendar) -> list[Problem]:
    parts = (*PARTS, HOLIDAY)
    if feature.part not in parts:
        hint = did_you_mean(feature.part, parts)
        return [Problem("", f"'{feature.part}'", ", ".join(parts), hint, feature.name)]
    if feature.part != HOLIDAY:
        return []
    try:
        holidays_of(feature.country)
    except KeyError:
        hint = "ISO codes, like GB or DE-BY"
        return [Problem("", f"country '{feature.country}'", "a country whose holidays are known", hint, feature.name)]
    return []
