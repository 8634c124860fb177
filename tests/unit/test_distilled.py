"""What is wrong with a model to distil is told with the specs, and a student is a booster like any other."""

from __future__ import annotations

from typing import Any

import pytest

from aurify.models.bagging import Bagging
from aurify.models.booster import Booster
from aurify.models.distillation import Distillation, Size
from aurify.models.distilled import Distilled, Student
from aurify.models.lightgbm_estimator import LightGBM

TEACHER = LightGBM({"objective": "binary"}, rounds=50)


def test_a_good_declaration_has_no_problems() -> None:
    assert Distilled(TEACHER, into=LightGBM({"num_leaves": 7}, rounds=9)).problems("model") == []
    assert Distilled(Bagging(TEACHER, models=3), into=LightGBM({})).problems("model") == []


@pytest.mark.parametrize(
    ("teacher", "into", "said"),
    [
        (TEACHER, LightGBM({"objective": "binary"}), "into: objective: found a value"),
        (TEACHER, LightGBM({"app": "binary"}), "into: objective: found a value"),
        (TEACHER, LightGBM({"unbalance": True}), "into: is_unbalance: found a value"),
        (TEACHER, LightGBM({"num_leafs": 7}), "found 'num_leafs'"),
        (TEACHER, LightGBM({}, rounds=0), "into: rounds: found 0"),
        (TEACHER, LightGBM({}, engine="synapseml"), "or engine='barrier'"),
        (TEACHER, LightGBM({}, balance="is_unbalance"), "none, unless the objective is binary"),
        (TEACHER, {"num_leaves": 7}, "into: found {'num_leaves': 7}"),
        ("LightGBM", LightGBM({}), "teacher: found 'LightGBM'"),
        (LightGBM({"objective": "binray"}), LightGBM({}), "did you mean 'binary'?"),
    ],
)
def test_a_mistake_is_told_where_it_is(teacher: Any, into: Any, said: str) -> None:
    problems = Distilled(teacher, into).problems("model risk: estimator")
    assert len(problems) == 1
    text = "\n".join(problems[0].lines())
    assert said in text
    assert "model risk: estimator" in text


def test_a_student_is_kept_as_an_ordinary_booster() -> None:
    teacher, booster = Booster("large", ("a",)), Booster("small", ("a",))
    student = Student("small", ("a",), teacher)
    assert (student.kind, student.files()) == (booster.kind, booster.files())


def test_what_a_student_loses_is_told_by_part_and_metric() -> None:
    told = Distillation("roc_auc", Size("blend", 900), Size("lightgbm", 9, 2, 6), {"test": {"roc_auc": (0.9, 0.8)}})
    beside = told.as_dict()["metrics"]["test"]["roc_auc"]
    assert beside == {"teacher": 0.9, "student": 0.8, "difference": pytest.approx(-0.1)}
    assert told.as_dict()["teacher"] == {"kind": "blend", "bytes": 900, "trees": None, "leaves": None}
