"""Suites to and from Great Expectations: its JSON, with our keys below `meta.aurify`, which it lets pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from aurify.errors import Problem, did_you_mean
from aurify.quality.entries import OURS, Entry
from aurify.quality.rule_reader import expectation_named

if TYPE_CHECKING:
    from aurify.quality.suite import Suite

_HEAD = ("name", "id", "expectations", "meta", "notes", "suite_parameters")
_OURS_IN_HEAD = ("table", "expectations")


@dataclass(frozen=True)
class Head:
    """What stands in a suite besides its expectations; `meta` without ours."""

    name: str = ""
    notes: object = None
    id: object = None
    meta: Mapping[str, object] = field(default_factory=dict)


def as_ours(
    document: Mapping[str, Any], table: str, file: str, problems: list[Problem]
) -> tuple[list[object] | object, Head]:
    """The expectations of an exported suite in their order, those that only we know among them; and its head."""
    for key in document:
        if key not in _HEAD:
            hint = did_you_mean(str(key), _HEAD)
            problems.append(Problem(file, "an unknown key", f"one of {', '.join(_HEAD)}", hint, str(key)))
    meta = {} if document.get("meta") is None else document["meta"]
    ours = meta.get("aurify", {}) if isinstance(meta, dict) else {}
    if not isinstance(meta, dict) or not isinstance(ours, dict):
        problems.append(
            Problem(file, "no mapping", "a mapping", key="meta" if not isinstance(meta, dict) else "meta.aurify")
        )
        return None, Head()
    for key in ours:
        if key not in _OURS_IN_HEAD:
            problems.append(
                Problem(file, "an unknown key", f"one of {', '.join(_OURS_IN_HEAD)}", key=f"meta.aurify.{key}")
            )
    if ours.get("table", table) != table:
        hint = "a suite stands in the file of its table"
        problems.append(Problem(file, f"'{ours['table']}'", table, hint, "meta.aurify.table"))
    others = {key: value for key, value in meta.items() if key != "aurify"}
    head = Head(str(document.get("name") or table), document.get("notes"), document.get("id"), others)
    return _in_order(document.get("expectations"), ours.get("expectations", [])), head


def _in_order(theirs: object, ours: object) -> object:
    """Their expectations and ours, each of ours at the place that it says."""
    if not isinstance(theirs, list) or not isinstance(ours, list):
        return theirs
    merged: list[object] = list(theirs)
    for item in ours:
        place = item.get("at") if isinstance(item, dict) else None
        entry = {key: value for key, value in item.items() if key != "at"} if isinstance(item, dict) else item
        merged.insert(place if isinstance(place, int) else len(merged), entry)
    return merged


def as_theirs(suite: Suite) -> dict[str, Any]:
    """The suite as Great Expectations reads it.

    Expectations that it does not know stand below `meta.aurify.expectations`, each with its place. To write this,
    read it and write it again gives the same.
    """
    theirs: list[dict[str, Any]] = []
    only_ours: list[dict[str, Any]] = []
    for place, entry in enumerate(suite.entries):
        if is_known_to_great_expectations(entry.name):
            theirs.append(_exported(entry))
        else:
            only_ours.append({"at": place, **_exported(entry)})
    own = {"table": suite.table, **({"expectations": only_ours} if only_ours else {})}
    return {
        "name": suite.head.name or suite.table,
        "id": suite.head.id,
        "expectations": theirs,
        "meta": {**suite.head.meta, "aurify": own},
        "notes": suite.head.notes,
    }


def is_known_to_great_expectations(name: str) -> bool:
    """Whether Great Expectations has an expectation of this name."""
    expectation = expectation_named(name)
    return expectation is not None and not expectation.is_ours


def _exported(entry: Entry) -> dict[str, Any]:
    ours = {key: _plain(entry.settings[key]) for key in OURS if entry.settings.get(key) is not None}
    kwargs = {key: _plain(value) for key, value in entry.arguments.items()}
    if isinstance(kwargs.get("row_condition"), str):
        kwargs.setdefault("condition_parser", "spark")
    return {
        "type": entry.name,
        "kwargs": kwargs,
        "meta": {**entry.meta, **({"aurify": ours} if ours else {})},
        **{key: _plain(value) for key, value in entry.settings.items() if key not in OURS and value is not None},
        **entry.store,
    }


def _plain(value: object) -> object:
    """A value as JSON has it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Mapping):
        return {str(key): _plain(member) for key, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_plain(member) for member in value]
    return value
