"""Stacking: an estimator that learns from the scores of others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, ClassVar

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.columns import Columns, Numbers
from aurify.models.estimator import Estimator, Learned, Learning
from aurify.models.parts import (
    Turns,
    features_of,
    files_of,
    held,
    mean_importance,
    of_estimators,
    parts_of,
    score_names,
    with_scores,
)
from aurify.models.row_draws import drawn

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


@dataclass(frozen=True)
class Stack:
    """The parts, and what was learned from their scores."""

    parts: tuple[Learned, ...]
    final: Learned
    kind: ClassVar[str] = "stack"

    @property
    def features(self) -> tuple[str, ...]:
        """All that the parts score by."""
        return features_of(self.parts)

    def predict(self, columns: Columns) -> Numbers:
        """The final score of the parts' scores."""
        names = score_names(len(self.parts))
        return self.final.predict({name: part.predict(columns) for name, part in zip(names, self.parts, strict=True)})

    def importance(self) -> Mapping[str, float]:
        """The parts', by how much each part counts in the final one."""
        told = self.final.importance()
        return mean_importance(self.parts, [told.get(name, 0.0) for name in score_names(len(self.parts))])

    def files(self) -> dict[str, bytes]:
        """The files of the parts and of the final one."""
        return files_of((*self.parts, self.final), {})

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Stack:
        """What `files` gave."""
        (*parts, final), _ = parts_of(files)
        return cls(tuple(parts), final)


@dataclass(frozen=True)
class Stacking:
    """The final estimator learns from scores that each row got from parts that had not seen it (Wolpert 1992).

    A hash of `order_by` gives each row one of the `folds`. The parts that score later are then fitted on all rows:
    each estimator is fitted `folds` + 1 times. Where there are validation rows, these parts score them for `final`.
    """

    estimators: tuple[Estimator, ...]
    final: Estimator
    folds: int = 5

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with the estimators and the number of folds."""
        problems = [*of_estimators(where, self.estimators, 1), *self.final.problems(f"{where}: final")]
        if self.folds < 2:
            problems.append(Problem(where, str(self.folds), "2 or more", key="folds"))
        return problems

    def fit(self, learning: Learning) -> Stack:
        """Raises what the estimators raise."""
        count = len(self.estimators)
        turns = Turns.of("Stacking", learning, count * (self.folds + 1) + 1)
        rows = held(self._out_of_fold(turns), f"{learning.scratch}/out_of_fold")
        parts = tuple(
            turns.fitted(estimator, self.folds * count + place) for place, estimator in enumerate(self.estimators)
        )
        validation = None if learning.validation is None else _narrow(learning.validation, parts, learning)
        final = turns.fitted(
            self.final,
            turns.count - 1,
            rows=rows,
            validation=validation,
            features=score_names(count),
            categorical=(),
        )
        return Stack(parts, final)

    def _out_of_fold(self, turns: Turns) -> DataFrame:
        """The rows of every fold, scored by parts that learned from the other folds."""
        learning, count = turns.learning, len(self.estimators)
        scored = []
        for number in range(self.folds):
            is_in = fold(learning, self.folds) == number
            others = learning.rows.where(~is_in)
            parts = tuple(
                turns.fitted(estimator, number * count + place, rows=others)
                for place, estimator in enumerate(self.estimators)
            )
            scored.append(_narrow(learning.rows.where(is_in), parts, learning))
        return reduce(lambda left, right: left.unionByName(right), scored)


def fold(learning: Learning, folds: int) -> Column:
    """The number from 0 of the fold that a row is in."""
    from pyspark.sql import functions as F

    return F.floor(drawn(learning.order_by, learning.seed, "stacking") * folds).cast("int")


def _narrow(rows: DataFrame, parts: tuple[Learned, ...], learning: Learning) -> DataFrame:
    """The rows with the parts' scores as their only features."""
    kept = dict.fromkeys([learning.label, *([learning.weight] if learning.weight else []), *learning.order_by])
    return with_scores(rows, parts).select(*map(quoted, kept), *score_names(len(parts)))
