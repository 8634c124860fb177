"""What a distilled model loses to its teacher, and how much smaller it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from aurify.models.booster import Booster, booster_of
from aurify.models.distilled import Student
from aurify.models.estimator import Learned
from aurify.models.fitted import FittedModel
from aurify.models.metrics import classifier_metrics

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

TEACHER = "_teacher"
# What is told of teacher and student alike, after the model's own metric.
BESIDE = ("roc_auc", "average_precision", "brier", "log_loss")


@dataclass(frozen=True)
class Size:
    """How large a model is; trees and leaves are told of LightGBM alone."""

    kind: str
    bytes: int
    trees: int | None = None
    leaves: int | None = None

    @classmethod
    def of(cls, learned: Learned) -> Size:
        """That of what was learned; the bytes are those of its files."""
        size = sum(map(len, learned.files().values()))
        if not isinstance(learned, Booster):
            return cls(learned.kind, size)
        lines = [line for line in learned.text.splitlines() if line.startswith("num_leaves=")]
        leaves = sum(int(line.removeprefix("num_leaves=")) for line in lines)
        return cls(learned.kind, size, int(booster_of(learned.text).num_trees()), leaves)


@dataclass(frozen=True)
class Distillation:
    """What a student loses: by part of the rows and metric, its own value and its teacher's; and how large both are."""

    metric: str
    teacher: Size
    student: Size
    metrics: Mapping[str, Mapping[str, tuple[float | None, float | None]]]

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        parts = {part: {name: _beside(*both) for name, both in told.items()} for part, told in self.metrics.items()}
        return {**asdict(self), "metrics": parts}


def _beside(teacher: float | None, student: float | None) -> dict[str, float | None]:
    difference = None if teacher is None or student is None else student - teacher
    return {"teacher": teacher, "student": student, "difference": difference}


def distillation(
    model: FittedModel,
    scored: Mapping[str, DataFrame],
    numbers: Mapping[str, Mapping[str, float | None]],
    label: str,
    metric: str,
) -> Distillation | None:
    """A student beside its teacher on the parts of the rows that it was judged by; None where it had no teacher.

    `numbers` are the student's own metrics by part; the teacher scores the same rows.
    """
    student = model.learned
    if not isinstance(student, Student) or student.teacher is None:
        return None
    teacher = replace(model, learned=student.teacher)
    names = dict.fromkeys((metric, *BESIDE))
    told = {}
    for part, rows in scored.items():
        others = asdict(classifier_metrics(teacher.scored(rows, TEACHER), label, TEACHER))
        told[part] = {name: (others[name], numbers[part].get(name)) for name in names if name in others}
    return Distillation(metric, Size.of(student.teacher), Size.of(student), told)
