"""A model for each group, and one for the groups that have none."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from aurify.models.columns import Columns, Numbers, matrix
from aurify.models.python_model import PythonModel

GROUPS, FALLBACK = "groups.json", "fallback"
Group = str | float


@dataclass(frozen=True)
class GroupFit:
    """What became of a group: `trouble` tells why it has no model. A number is told as a float."""

    group: Group
    rows: int
    trouble: str | None = None


@dataclass(frozen=True)
class GroupModels:
    """`models` by group, each with the same features; without `fallback` a row of no model's group is scored NaN."""

    group: str
    fits: tuple[GroupFit, ...]
    models: Mapping[Group, PythonModel]
    fallback: PythonModel | None
    kind: ClassVar[str] = "by_group"

    @property
    def features(self) -> tuple[str, ...]:
        """The group's column, and what the models read."""
        return (self.group, *self._numbers)

    def predict(self, columns: Columns) -> Numbers:
        """Each row's score by the model of its group."""
        rows = matrix(columns, self._numbers)
        scores = np.full(len(rows), np.nan)
        without = np.ones(len(rows), bool)
        for group, places in _places(columns[self.group]):
            if group in self.models:
                scores[places] = self.models[group].scores(rows[places])
                without[places] = False
        if self.fallback is not None:
            scores[without] = self.fallback.scores(rows[without])
        return scores

    def importance(self) -> Mapping[str, float]:
        """The mean of the models', by the rows of their groups; the group itself is no part of it."""
        rows = {fit.group: fit.rows for fit in self.fits}
        told = [(rows[group], model.importance()) for group, model in self.models.items()]
        whole = sum(count for count, importance in told if importance)
        found = dict.fromkeys(self._numbers, 0.0) if whole else {}
        for count, importance in told:
            for name, value in importance.items():
                found[name] += value * count / whole
        return found

    def report(self) -> str:
        """How many groups have a model, and why the others have none, a line each."""
        others = "scored by a model of all groups" if self.fallback is not None else "scored NaN"
        lines = [f"{len(self.models)} of {len(self.fits)} groups of {self.group} have a model; others are {others}"]
        return "\n".join(
            [*lines, *(f"  {fit.group}, {fit.rows} rows: {fit.trouble}" for fit in self.fits if fit.trouble)]
        )

    def files(self) -> dict[str, bytes]:
        """The models, each in a folder of its own, and what became of every group."""
        told = [{"group": fit.group, "rows": fit.rows, "trouble": fit.trouble} for fit in self.fits]
        folders = {str(place): self.models[group] for place, group in enumerate(self.models)}
        folders |= {FALLBACK: self.fallback} if self.fallback is not None else {}
        about = {"column": self.group, "fits": told, "models": list(self.models)}
        found = {GROUPS: json.dumps(about).encode()}
        for folder, model in folders.items():
            found |= {f"{folder}/{name}": content for name, content in model.files().items()}
        return found

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> GroupModels:
        """What `files` gave."""
        about = json.loads(files[GROUPS])
        folders: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            folder, _, name = path.partition("/")
            folders.setdefault(folder, {})[name] = content
        models = {group: PythonModel.of_files(folders[str(place)]) for place, group in enumerate(about["models"])}
        fallback = PythonModel.of_files(folders[FALLBACK]) if FALLBACK in folders else None
        return cls(about["column"], tuple(GroupFit(**told) for told in about["fits"]), models, fallback)

    @property
    def _numbers(self) -> tuple[str, ...]:
        return next(iter(self.models.values())).features


def _places(values: NDArray[Any]) -> Iterator[tuple[Group, NDArray[np.intp]]]:
    """Each group that is there, and where its rows are; a missing one is none."""
    is_text = values.dtype == object
    is_there = np.array([value is not None for value in values], bool) if is_text else ~np.isnan(values)
    there = np.flatnonzero(is_there)
    groups, inverse = np.unique(values[there].astype(str if is_text else float), return_inverse=True)
    order = there[np.argsort(inverse, kind="stable")]
    counts = np.bincount(inverse, minlength=len(groups))
    for group, end, count in zip(groups.tolist(), np.cumsum(counts), counts, strict=True):
        yield group, order[end - count : end]
