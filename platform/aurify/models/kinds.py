"""Where the classes of kept models and stages are: only these are ever loaded."""

from __future__ import annotations

from importlib import import_module
from typing import Any

LEARNED = {
    "lightgbm": "aurify.models.booster:Booster",
}
STAGES: dict[str, str] = {
    "selected": "aurify.models.selection.selected:Selected",
}


def class_of(kind: str, known: dict[str, str]) -> Any:
    """The class of a kind; KeyError where this version of Aurify has none."""
    module, _, name = known[kind].partition(":")
    return getattr(import_module(module), name)
