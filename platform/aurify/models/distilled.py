"""Distillation: a small LightGBM model that learns the scores of a large one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import Problem
from aurify.models.booster import Booster
from aurify.models.class_balance import IS_UNBALANCE, SCALE_POS_WEIGHT
from aurify.models.estimator import Estimator, Learned, Learning
from aurify.models.lightgbm_estimator import LightGBM
from aurify.models.lightgbm_parameters import CROSS_ENTROPY, MAIN_NAMES, with_main_names
from aurify.models.parts import Turns, held, score_names, with_scores

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Student(Booster):
    """A booster like any other. Its teacher is there until it is judged, and not kept with it."""

    teacher: Learned | None = field(default=None, compare=False)

    @classmethod
    def of_files(cls, files: Mapping[str, bytes]) -> Student:
        """The booster alone."""
        booster = Booster.of_files(files)
        return cls(booster.text, booster.features)


@dataclass(frozen=True)
class Distilled:
    """`into` learns the scores that `teacher` gives the rows it was fitted on (Hinton, Vinyals and Dean 2015).

    The student has cross entropy as its objective, so that it says none. With validation rows it stops early, if it
    says so, by how near it comes to the teacher there. The version is the student alone.
    """

    teacher: Estimator
    into: LightGBM

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with teacher and student."""
        problems = []
        if not (hasattr(self.teacher, "fit") and hasattr(self.teacher, "problems")):
            problems.append(Problem(where, repr(self.teacher), "an estimator, like LightGBM(...)", key="teacher"))
        else:
            problems += self.teacher.problems(f"{where}: teacher")
        if not isinstance(self.into, LightGBM):
            return [*problems, Problem(where, repr(self.into), "LightGBM(...)", key="into")]
        given, own = with_main_names(self.into.parameters), f"{where}: into"
        for name in sorted(given.keys() & {"objective", SCALE_POS_WEIGHT, IS_UNBALANCE}):
            problems.append(Problem(own, "a value", "the teacher's scores alone to learn", "leave it out", name))
        return [*problems, *self._student.problems(own)]

    @property
    def _student(self) -> LightGBM:
        own = {name: value for name, value in self.into.parameters.items() if MAIN_NAMES.get(name) != "objective"}
        return replace(self.into, parameters={**own, "objective": CROSS_ENTROPY})

    def fit(self, learning: Learning) -> Student:
        """Raises what the estimators raise. ConfigurationError: scores of the teacher that are not from 0 to 1."""
        turns = Turns.of("Distilled", learning, 2)
        teacher = turns.fitted(self.teacher, 0)
        (label,) = score_names(1)
        rows = held(_taught(learning.rows, teacher, learning), f"{learning.scratch}/taught")
        validation = None if learning.validation is None else _taught(learning.validation, teacher, learning)
        student = turns.fitted(self._student, 1, rows=rows, validation=validation, label=label)
        assert isinstance(student, Booster)
        return Student(student.text, student.features, teacher)


def _taught(rows: DataFrame, teacher: Learned, learning: Learning) -> DataFrame:
    """The rows with the teacher's score in the place of the label."""
    weight = [learning.weight] if learning.weight else []
    wanted = dict.fromkeys((*learning.features, *weight, *learning.order_by, *score_names(1)))
    return with_scores(rows, (teacher,)).select(*map(quoted, wanted))
