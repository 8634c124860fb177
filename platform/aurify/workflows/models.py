"""Trained models: what versions there are, what one was made of, which scores; promote, compare, roll back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from getpass import getuser
from typing import TYPE_CHECKING, Any

from aurify.errors import ConfigurationError, DataError
from aurify.models.intervals import Interval
from aurify.models.judged import difference, judged
from aurify.models.registry import CHAMPION, DECISION, JUDGEMENT_FILE, RECORD_FILE, Move, Version
from aurify.models.split import PART
from aurify.workflows.train_card import DISTILLATION, PAGE
from aurify.workflows.training_rows import rows_of_record
from aurify.workflows.training_set import FOLDER

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake


@dataclass(frozen=True)
class VersionTold:
    """A version with what is known of it; the record names the Delta versions that it was made of."""

    model: str
    version: int
    aliases: Sequence[str]
    created: str
    decision: str
    metrics: Mapping[str, float]
    record: Mapping[str, Any]
    judgement: Mapping[str, Any]
    fingerprint: str
    run_id: str
    distillation: Mapping[str, Any] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": 0, **asdict(self)}


@dataclass(frozen=True)
class Comparison:
    """Two versions on the test rows of one of them: metrics of each, and the interval of the first less the second."""

    model: str
    versions: tuple[int, int]
    rows_of: int
    metrics: tuple[Mapping[str, float | None], Mapping[str, float | None]]
    difference: Interval

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {"exit_code": 0, **asdict(self)}


def listed(lake: Lake, model: str | None = None) -> list[Version]:
    """The versions of a model, or of all, the newest first."""
    names = [model] if model else list(lake.models)
    for name in names:
        lake.model(name)
    return [version for name in names for version in lake.registry.versions(name)]


def shown(lake: Lake, model: str, of: int | str = CHAMPION) -> VersionTold:
    """A version with its lineage, by number or alias."""
    lake.model(model)
    registry = lake.registry
    version = registry.version(model, of)
    return VersionTold(
        model=model,
        version=version.number,
        aliases=version.aliases,
        created=version.created.isoformat(timespec="seconds"),
        decision=version.decision,
        metrics=registry.metrics(version),
        record=json.loads(registry.document(version, RECORD_FILE)),
        judgement=json.loads(registry.document(version, JUDGEMENT_FILE)),
        fingerprint=version.fingerprint,
        run_id=version.run_id,
        distillation=json.loads(registry.find_document(version, DISTILLATION) or "null"),
    )


def card(lake: Lake, model: str, of: int | str = CHAMPION) -> str:
    """The card of a version as a page of HTML that needs nothing else."""
    lake.model(model)
    return lake.registry.document(lake.registry.version(model, of), PAGE)


def compared(lake: Lake, model: str, one: int | str, other: int | str) -> Comparison:
    """Score the test rows of the first version with both, and compare."""
    spec, registry = lake.model(model), lake.registry
    versions = (registry.version(model, one), registry.version(model, other))
    rows = rows_of_record(lake, spec, json.loads(registry.document(versions[0], RECORD_FILE)))
    test = rows.parts(rows.made.read(lake.session), rows.dates).where(f"{PART} = 'test'")
    both = registry.load(versions[1]).scored(registry.load(versions[0]).scored(test), "_other").persist()
    try:
        told = [
            judged(frame, spec, rows.unit, rows.keys[0]).numbers
            for frame in (both.drop("_other"), both.drop("score").withColumnRenamed("_other", "score"))
        ]
        gap = difference(both, spec, rows.unit, ("score", "_other"))
    finally:
        both.unpersist()
    numbers = (versions[0].number, versions[1].number)
    return Comparison(model, numbers, numbers[0], (told[0], told[1]), gap)


def promote(lake: Lake, model: str, of: int | str, reason: str, by: str | None = None) -> Version:
    """Make a version champion by a person's word; DataError where its gate refused it and no reason is given."""
    lake.model(model)
    registry = lake.registry
    version = registry.version(model, of)
    if version.decision == "refused" and not reason:
        hint = "give --reason; it is kept with your name"
        raise DataError.of(f"model {model}", f"the gate refused version {version.number}", "a reason to overrule", hint)
    registry.promote(version, by or getuser(), reason or "promoted by hand")
    if version.decision == "refused":
        registry.tag(version, DECISION, "promoted")
    return registry.version(model, version.number)


def rollback(lake: Lake, model: str, reason: str = "", by: str | None = None) -> Version:
    """Make the champion before this one champion again; ConfigurationError where there was none."""
    lake.model(model)
    registry = lake.registry
    version = former_champion(lake, model)
    if version is None:
        raise ConfigurationError.of(f"model {model}", "no champion before this one", "an earlier champion")
    now = _champions(registry.moves(model))[-1]
    registry.promote(version, by or getuser(), f"rollback from version {now}: {reason or 'no reason given'}")
    return registry.version(model, version.number)


def former_champion(lake: Lake, model: str) -> Version | None:
    """The champion that a rollback goes back to; None where there is none."""
    stack, registry = _champions(lake.registry.moves(model)), lake.registry
    there = {version.number: version for version in registry.versions(model)}
    return next((there[number] for number in reversed(stack[:-1]) if number in there), None)


def _champions(moves: Sequence[Move]) -> list[int]:
    """The champions that a rollback goes back through: one that was rolled back from is left out.

    >>> _champions([Move(1, "", "", ""), Move(2, "", "", ""), Move(1, "", "", "rollback from version 2: bad")])
    [1]
    """
    stack: list[int] = []
    for move in moves:
        if move.reason.startswith("rollback from ") and move.version in stack:
            del stack[stack.index(move.version) + 1 :]
        else:
            stack.append(move.version)
    return stack


def prune(lake: Lake, retain_hours: int) -> list[str]:
    """Remove the training sets of models that no registered version names and that are older than so many hours."""
    named, root = lake.registry.training_sets(), f"{lake.settings.warehouse}/{FOLDER}"
    sets = [f"{root}/{name}/{id}" for name in lake.models for id in lake.storage.names(f"{root}/{name}")]
    old = [path for path in sets if path not in named and lake.storage.age_seconds(path) >= retain_hours * 3600]
    for path in old:
        lake.storage.remove(path)
    return old
