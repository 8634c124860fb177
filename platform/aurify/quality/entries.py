"""The entries of a suite file: both forms read alike, each with an id of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from aurify.errors import Problem, did_you_mean
from aurify.quality.values import Unfit, shown

OURS = ("on_fail", "id", "scope", "stop_above", "order_by")
THEIRS = ("severity", "notes", "description")
OF_THE_STORE = ("id", "rendered_content", "expectation_context")
_LONG_FORM = ("type", "kwargs", "meta", *THEIRS, *OF_THE_STORE)
OF_THE_ENGINE = re.compile(r"(cast|key_not_null|order_not_null)\(.*\)|row_shape|batch_rejected")
_SHAPE = "one expectation and its arguments, or `type:` and `kwargs:`"


@dataclass(frozen=True)
class Entry:
    """One expectation as its file has it.

    `settings` are ours and Great Expectations' severity, notes and description; `meta` is what else stands below
    `meta`, and `store` what its store has added; both are kept for whoever wrote them.
    """

    number: int
    name: str = ""
    arguments: Mapping[str, object] = field(default_factory=dict)
    settings: Mapping[str, object] = field(default_factory=dict)
    meta: Mapping[str, object] = field(default_factory=dict)
    store: Mapping[str, object] = field(default_factory=dict)

    @property
    def where(self) -> str:
        """The place, for a message."""
        return f"expectation {self.number} ({self.name})" if self.name else f"expectation {self.number}"

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that it names, whatever it is."""
        listed = self.arguments.get("column_list")
        named = [self.arguments.get(key) for key in ("column", "column_A", "column_B")]
        return tuple(c for c in (*named, *(listed if isinstance(listed, list) else ())) if isinstance(c, str))


def read_entries(found: object, problems: list[Problem]) -> list[Entry]:
    """The entries that have one of the two forms; the others go to `problems`."""
    if not isinstance(found, list):
        what = "nothing" if found is None else shown(found)
        problems.append(Problem("suite", what, "a list of expectations", key="expectations"))
        return []
    entries = (_entry(number, item, problems) for number, item in enumerate(found, start=1))
    return [entry for entry in entries if entry is not None]


def entry_ids(entries: Sequence[Entry], problems: list[Problem]) -> Mapping[int, str]:
    """An id by entry number: the given one, else made of expectation and columns; `#2` tells a second one."""
    given: dict[str, int] = {}
    for entry in entries:
        found = entry.settings.get("id")
        if found is None:
            continue
        if not isinstance(found, str) or not found.strip():
            problems.append(Unfit(shown(found), "a text").at(entry.where, "id"))
        elif OF_THE_ENGINE.fullmatch(found):
            problems.append(Unfit(f"'{found}', which the engine uses", "an id of its own").at(entry.where, "id"))
        elif found in given:
            fault = Unfit(f"'{found}', which is the id of expectation {given[found]}", "an id of its own")
            problems.append(fault.at(entry.where, "id"))
        else:
            given[found] = entry.number
    ids = {number: name for name, number in given.items()}
    taken = set(given)
    for entry in entries:
        if entry.number not in ids:
            ids[entry.number] = _free(f"{entry.name}({', '.join(entry.columns)})", taken)
            taken.add(ids[entry.number])
    return ids


def _free(name: str, taken: set[str]) -> str:
    made, count = name, 1
    while made in taken:
        count += 1
        made = f"{name}#{count}"
    return made


def _entry(number: int, item: object, problems: list[Problem]) -> Entry | None:
    place = Entry(number)
    if not isinstance(item, dict) or not item:
        problems.append(Unfit(shown(item) if item else "nothing", _SHAPE).at(place.where))
        return None
    if "type" in item:
        return _long_form(Entry(number, str(item["type"])), item, problems)
    if len(item) > 1:
        hint = "indent the arguments below the expectation, and begin each expectation with '- '"
        problems.append(Unfit(f"the keys {', '.join(map(str, item))}", _SHAPE, hint).at(place.where))
        return None
    ((name, arguments),) = item.items()
    if not isinstance(arguments, dict):
        fault = Unfit(shown(arguments), "a mapping of its arguments")
        problems.append(fault.at(Entry(number, str(name)).where))
        return None
    beside = (*OURS, *THEIRS)
    settings = {key: value for key, value in arguments.items() if key in beside}
    kwargs = {str(key): value for key, value in arguments.items() if key not in beside}
    return Entry(number, str(name), kwargs, settings)


def _long_form(place: Entry, item: Mapping[str, object], problems: list[Problem]) -> Entry | None:
    _refuse_others(place, item, _LONG_FORM, f"{', '.join(OURS)} stand below `meta: aurify:`", problems)
    kwargs, meta = (_mapping(place, item, key, problems) for key in ("kwargs", "meta"))
    ours = None if meta is None else _mapping(place, meta, "aurify", problems)
    if kwargs is None or meta is None or ours is None:
        return None
    _refuse_others(place, ours, OURS, "", problems)
    theirs = {key: item[key] for key in THEIRS if item.get(key) is not None}
    store = {key: item[key] for key in OF_THE_STORE if item.get(key) is not None}
    others = {key: value for key, value in meta.items() if key != "aurify"}
    return Entry(place.number, place.name, kwargs, {**ours, **theirs}, others, store)


def _mapping(place: Entry, within: Mapping[str, object], key: str, problems: list[Problem]) -> dict[str, object] | None:
    found = within.get(key)
    if found is None:
        return {}
    if isinstance(found, dict):
        return {str(name): value for name, value in found.items()}
    problems.append(Unfit(shown(found), "a mapping").at(place.where, key))
    return None


def _refuse_others(
    place: Entry, found: Mapping[str, object], known: Sequence[str], hint: str, problems: list[Problem]
) -> None:
    for key in found:
        if key not in known:
            fault = Unfit("an unknown key", f"one of {', '.join(known)}", hint or did_you_mean(str(key), known))
            problems.append(fault.at(place.where, str(key)))
