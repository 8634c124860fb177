"""The parts of an ensemble: fitted in turn within one time limit, scored together, kept in a folder each."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from aurify.errors import Problem
from aurify.models.estimator import Estimator, Learned, Learning
from aurify.models.fitted import FittedModel
from aurify.models.kinds import LEARNED, class_of
from aurify.models.time_limit import stopped

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

PARTS = "parts.json"


@dataclass(frozen=True)
class Turns:
    """Fits of one ensemble, `count` of them, one after the other; `begun` is of the monotonic clock, in seconds."""

    where: str
    learning: Learning
    count: int
    begun: float

    @classmethod
    def of(cls, where: str, learning: Learning, count: int) -> Turns:
        """Turns whose time begins now."""
        return cls(where, learning, count, time.monotonic())

    def fitted(self, estimator: Estimator, number: int, **changes: Any) -> Learned:
        """What it learns in the time that is left, its scratch a folder of its own; `number` is from 0."""
        own = replace(self.learning, scratch=f"{self.learning.scratch}/{number}", time_limit=self._left(number))
        return estimator.fit(replace(own, **changes))

    def _left(self, number: int) -> timedelta | None:
        limit = self.learning.time_limit
        if limit is None:
            return None
        left = limit - timedelta(seconds=time.monotonic() - self.begun)
        if left <= timedelta(0):
            found = f"{number} of {self.count} fits were done"
            raise stopped(self.where, found, limit, "give it more time, or fewer parts")
        return left


def of_estimators(where: str, estimators: Sequence[Estimator], fewest: int) -> list[Problem]:
    """What is wrong with the estimators of an ensemble."""
    problems = []
    if len(estimators) < fewest:
        problems.append(Problem(where, f"{len(estimators)} estimators", f"{fewest} or more", key="estimators"))
    for place, estimator in enumerate(estimators):
        problems += estimator.problems(f"{where}: estimators[{place}]")
    return problems


def score_names(count: int) -> tuple[str, ...]:
    """The columns that hold the scores of so many parts."""
    return tuple(f"_score_of_{place}" for place in range(count))


def with_scores(rows: DataFrame, parts: Sequence[Learned]) -> DataFrame:
    """The rows with a column of scores for each part."""
    for name, part in zip(score_names(len(parts)), parts, strict=True):
        rows = FittedModel.of(part, rows).scored(rows, name)
    return rows


def held(rows: DataFrame, folder: str) -> DataFrame:
    """The rows written to a folder, so that they are made once."""
    rows.write.mode("overwrite").parquet(folder)
    return rows.sparkSession.read.parquet(folder)


def features_of(parts: Sequence[Learned]) -> tuple[str, ...]:
    """All that the parts score by."""
    return tuple(dict.fromkeys(name for part in parts for name in part.features))


def mean_importance(parts: Sequence[Learned], weights: Sequence[float]) -> dict[str, float]:
    """The mean of what the parts tell; empty where one that counts can't tell."""
    told = [(part.importance(), weight) for part, weight in zip(parts, weights, strict=True) if weight > 0]
    if not told or not all(importance for importance, _ in told):
        return {}
    whole = sum(weight for _, weight in told)
    found = dict.fromkeys(features_of(parts), 0.0)
    for importance, weight in told:
        for name, value in importance.items():
            found[name] += value * weight / whole
    return found


def files_of(parts: Sequence[Learned], about: Mapping[str, object]) -> dict[str, bytes]:
    """The parts' files, each part's in a folder, and what is to be known of them all."""
    described = {**about, "kinds": [part.kind for part in parts]}
    found = {PARTS: json.dumps(described).encode()}
    for place, part in enumerate(parts):
        found |= {f"{place}/{name}": content for name, content in part.files().items()}
    return found


def parts_of(files: Mapping[str, bytes]) -> tuple[tuple[Learned, ...], dict[str, Any]]:
    """What `files_of` was given; ConfigurationError where this version of Aurify can't read a part."""
    about = json.loads(files[PARTS])
    parts = []
    for place, kind in enumerate(about["kinds"]):
        prefix = f"{place}/"
        own = {name.removeprefix(prefix): content for name, content in files.items() if name.startswith(prefix)}
        parts.append(class_of(kind, LEARNED).of_files(own))
    return tuple(parts), about
