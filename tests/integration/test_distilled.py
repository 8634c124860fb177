"""A small model that learned from a large one goes through its gate, states its loss, and leaves as ONNX."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from click.testing import CliRunner

from aurify.cli.main import main
from aurify.errors import ConfigurationError
from aurify.models import Distilled, LightGBM, OnDriver, Python, onnx_model, onnx_scored
from aurify.models.booster import Booster
from aurify.models.distillation import Size, distillation
from aurify.models.distilled import Student
from aurify.models.fitted import FittedModel
from aurify.models.onnx_file import FINGERPRINT, MODEL, VERSION, OnnxModel
from tests.integration.lakes import Toy
from tests.integration.loans import area, in_memory, learning, loans
from tests.integration.test_train import TABLES, delivered

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

SMALL = '''
from aurify.models import Distilled, Scoring


@model("small", data=Training("silver.found", ("gold.cards",), "is_fraud", "at", "reported"),
       features=["amount", "count_3d"], split=ByTime(train=8 * DAY, validation=2 * DAY, gap=2 * DAY, test=6 * DAY),
       estimator=Distilled(LightGBM(dict(TREES), rounds=60), into=LightGBM({"num_leaves": 4}, 8, 5)),
       gate=Gate(at_least={"roc_auc": 0.6}), owner="tests", scoring=Scoring(rows="gold.cards", decide={"review": 0.3}))
def small(rows):
    """How likely a payment is a fraud."""
    return rows
'''
FEATURES = ("income", "age", "debts", "is_new", "noise")


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory, spark: object) -> Toy:
    toy = Toy(tmp_path_factory.mktemp("distilled"), TABLES + SMALL)
    delivered(toy)
    toy.refresh()
    assert toy.lake.train("small").passed
    return toy


def run(toy: Toy, *command: str) -> Any:
    told = CliRunner().invoke(main, [*command, "--project", str(toy.root)])
    assert told.exit_code == 0, told.output
    return told.stdout


def test_a_student_comes_near_its_teacher_in_a_fraction_of_its_size(spark: SparkSession, tmp_path: Path) -> None:
    rows = loans(spark)
    asked = learning(rows.where("NOT is_later"), str(tmp_path), FEATURES, validation=rows.where("is_later"))
    teacher = LightGBM({"objective": "binary", "num_leaves": 31}, rounds=80)
    student = Distilled(teacher, into=LightGBM({"num_leaves": 7}, rounds=30)).fit(asked)
    large = teacher.fit(replace(asked, scratch=f"{asked.scratch}/alone"))
    assert student.teacher == large
    assert "objective=cross_entropy" in student.text
    later = in_memory(rows.where("is_later"))
    own, of_teacher = student.predict(later), large.predict(later)
    assert np.corrcoef(own, of_teacher)[0, 1] > 0.9
    assert area(later["is_bad"], own) > area(later["is_bad"], of_teacher) - 0.03
    model = FittedModel.of(student, rows)
    numbers = {"later": {"roc_auc": area(later["is_bad"], own)}}
    told = distillation(model, {"later": rows.where("is_later")}, numbers, "is_bad", "roc_auc")
    assert told is not None
    found = told.metrics["later"]["roc_auc"]
    assert found == pytest.approx((area(later["is_bad"], of_teacher), area(later["is_bad"], own)))
    assert told.teacher == Size.of(large)
    assert (told.student.trees, told.teacher.trees) == (30, 80)
    assert 30 * 2 <= (told.student.leaves or 0) <= 30 * 7
    assert told.student.bytes < told.teacher.bytes / 4
    kept = FittedModel.of_files(model.files())
    assert type(kept.learned) is Booster
    assert distillation(kept, {}, {}, "is_bad", "roc_auc") is None


def test_a_teacher_may_be_any_classifier_and_none_that_gives_no_chances(spark: SparkSession, tmp_path: Path) -> None:
    asked = learning(loans(spark, 600), str(tmp_path), ("known_income", "age"))
    small = LightGBM({"num_leaves": 4}, rounds=5)
    logistic = OnDriver(Python("sklearn.linear_model:LogisticRegression"))
    student = Distilled(logistic, into=small).fit(asked)
    assert isinstance(student, Student)
    assert Size.of(student).trees == 5
    line = OnDriver(Python("sklearn.linear_model:LinearRegression"))
    shifted = asked.rows.withColumn("is_bad", asked.rows["is_bad"] * 5.0)
    with pytest.raises(ConfigurationError, match="0 to 1 for cross_entropy"):
        Distilled(line, into=small).fit(replace(asked, rows=shifted))


def test_the_loss_stands_in_the_card_and_in_what_the_command_shows(toy: Toy) -> None:
    told = json.loads(run(toy, "models", "show", "small", "--json"))["distillation"]
    assert set(told["metrics"]) == {"validation", "test"}
    metric = told["metrics"]["test"]["average_precision"]
    shown = toy.lake.trained("small").metrics
    assert metric["student"] == pytest.approx(shown["average_precision"])
    assert 0.3 < metric["teacher"] <= 1
    assert (told["teacher"]["trees"], told["student"]["trees"]) == (60, 8)
    assert told["student"]["bytes"] < told["teacher"]["bytes"]
    page = run(toy, "models", "show", "small")
    assert "distilled from a teacher" in page
    assert "Beside the teacher that it was distilled from" in toy.lake.card("small")


def test_a_student_scores_like_any_champion_and_has_reasons(toy: Toy) -> None:
    assert toy.lake.score("small").exit_code == 0
    rows = toy.lake.read("gold.small_scores").collect()
    assert any(row["reasons"] for row in rows)


def test_the_champion_leaves_as_onnx_and_the_file_scores_alike(toy: Toy, tmp_path: Path) -> None:
    from pyspark.sql import functions as F

    file = tmp_path / "small.onnx"
    told = json.loads(run(toy, "models", "export", "small", "--onnx", str(file), "--json"))
    assert told["difference"] <= 1e-6
    assert (told["version"], told["inputs"], told["bytes"]) == (
        1, {"amount": "double", "count_3d": "bigint"}, file.stat().st_size,
    )  # fmt: skip
    about = onnx_model(file).learned
    assert isinstance(about, OnnxModel)
    version = toy.lake.registry.version("small", 1)
    assert (about.about[MODEL], about.about[VERSION], about.about[FINGERPRINT]) == ("small", "1", version.fingerprint)
    assert "differ by" in run(toy, "models", "export", "small", "--onnx", str(file))
    registry = toy.lake.registry
    rows = registry.load(registry.version("small", 1)).scored(toy.lake.read("gold.cards"), "own")
    scored = onnx_scored(rows, file, "of_file")
    far, count = scored.select(F.max(F.abs(F.col("own") - F.col("of_file"))), F.count("of_file")).collect()[0]
    assert far <= 1e-6
    assert count == rows.count()
