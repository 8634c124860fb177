"""Aurify: raw data to gold tables on Spark, with nothing published that has not been assayed."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurify.features.declare import feature_view
    from aurify.features.declared import Calendar, Change, Cross, Free, Ratio
    from aurify.features.entity_windows import with_windows
    from aurify.features.windows import Lag, Window
    from aurify.joins.as_of import as_of_join
    from aurify.models.declare import Gate, Training, model
    from aurify.models.split import ByTime
    from aurify.quality.own import row_expectation, table_expectation
    from aurify.tables.declare import changes, folder, snapshot, table
    from aurify.tables.spec import Append, Recompute, Upsert
    from aurify.workflows.lake import connect

from aurify.version import __version__ as __version__

__all__ = [
    "Append",
    "ByTime",
    "Calendar",
    "Change",
    "Cross",
    "Free",
    "Gate",
    "Lag",
    "Ratio",
    "Recompute",
    "Training",
    "Upsert",
    "Window",
    "as_of_join",
    "changes",
    "connect",
    "feature_view",
    "folder",
    "model",
    "row_expectation",
    "snapshot",
    "table",
    "table_expectation",
    "with_windows",
]

_HOME = {
    "Append": "aurify.tables.spec",
    "ByTime": "aurify.models.split",
    "Calendar": "aurify.features.declared",
    "Change": "aurify.features.declared",
    "Cross": "aurify.features.declared",
    "Free": "aurify.features.declared",
    "Gate": "aurify.models.declare",
    "Lag": "aurify.features.windows",
    "Ratio": "aurify.features.declared",
    "Recompute": "aurify.tables.spec",
    "Training": "aurify.models.declare",
    "Upsert": "aurify.tables.spec",
    "Window": "aurify.features.windows",
    "as_of_join": "aurify.joins.as_of",
    "changes": "aurify.tables.declare",
    "connect": "aurify.workflows.lake",
    "feature_view": "aurify.features.declare",
    "folder": "aurify.tables.declare",
    "model": "aurify.models.declare",
    "row_expectation": "aurify.quality.own",
    "snapshot": "aurify.tables.declare",
    "table": "aurify.tables.declare",
    "table_expectation": "aurify.quality.own",
    "with_windows": "aurify.features.entity_windows",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first used, so that `import aurify` stays cheap."""
    if name not in _HOME:
        raise AttributeError(f"module 'aurify' has no attribute '{name}'", name=name, obj=import_module("aurify"))
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
