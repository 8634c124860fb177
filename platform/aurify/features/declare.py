"""What the file of a feature view says: the `@feature_view` decorator."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from aurify.features.declared import Feature
from aurify.features.view import SLACK, FeatureView, ViewFunction
from aurify.tables.declare import ATTRIBUTE, table
from aurify.tables.spec import Changes, Columns, Input, Recompute, TableSpec, as_names

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

Function = TypeVar("Function", bound="Callable[..., DataFrame]")


def feature_view(
    name: str,
    *,
    inputs: Mapping[str, Input],
    entity: Columns,
    event_time: str,
    by: str,
    keys: Columns,
    columns: str,
    features: Sequence[Feature],
    arrival_time: str | None = None,
    units: Mapping[str, str] | None = None,
    owner: str = "",
) -> Callable[[Function], Function]:
    """A table of features: the function gives events, the engine their features; the function is returned unchanged.

    One row an event, found by `keys`; `columns` are those of the events that the table keeps, the entity and
    `event_time` among them, and `by`, the date by which the table is computed again. A day that changes touches the
    days within the longest window after it, and is computed from its own rows and those of its longest window before.
    `arrival_time` says when an event, or the fact that is known of it, was there. `units` are those of columns that
    features are made of and the table does not keep. Wrong values are told by the checks of specs, all at once.
    """

    def attach(function: Function) -> Function:
        given = tuple(features) if isinstance(features, list | tuple) else features
        view = FeatureView(as_names(entity), event_time, given, arrival_time, dict(units or {}), columns)  # type: ignore[arg-type]
        made = ViewFunction(function, view)
        table(
            name,
            inputs={k: _reaching(i, view) for k, i in inputs.items()} if isinstance(inputs, Mapping) else inputs,
            columns=view.contract,
            write=Recompute(by=by),
            keys=keys,
            time=event_time,
            owner=owner,
        )(made)
        spec: TableSpec = getattr(made, ATTRIBUTE)
        setattr(function, ATTRIBUTE, replace(spec, view=view))
        return function

    return attach


def _reaching(given: Input, view: FeatureView) -> Input:
    if not isinstance(given, Changes):
        return given
    return replace(given, reach=max(given.reach, view.reach), after=max(given.after - SLACK, timedelta(0)))
