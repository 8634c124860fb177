"""A model for each of a hundred groups scores all rows in one pass."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyspark.sql import functions as F

from aurify.models.by_group import ByGroup
from aurify.models.estimator import Learning
from aurify.models.fitted import FittedModel
from aurify.models.group_models import GroupModels
from aurify.models.python_reference import Python
from aurify.models.registry import RECORD
from tests.integration.lakes import Toy
from tests.integration.spark_jobs import jobs_of
from tests.integration.test_score import published
from tests.integration.test_train import START, TABLES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

pytest.importorskip("sklearn")

GROUPS, A_GROUP, FEW = 100, 20, 2
BY_CARD = '''
from aurify.models import OnDriver, Python, Scoring


@model("by_card", data=Training("silver.found", ("gold.cards",), "is_fraud", "at", "reported"),
       features=["card", "amount"], split=ByTime(train=10 * DAY, gap=2 * DAY, test=6 * DAY), owner="tests",
       estimator=OnDriver(Python("sklearn.tree:DecisionTreeClassifier")),
       scoring=Scoring(rows="gold.cards", decide={"review": 0.5}))
def by_card(rows):
    """How likely a payment is a fraud, by the payments of its own card."""
    return rows
'''
SCORES = "gold.by_card_scores"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """Payments of a hundred cards."""
    toy, pick = Toy(tmp_path_factory.mktemp("groups"), TABLES + BY_CARD), random.Random(3)
    lines = []
    for id in range(GROUPS * A_GROUP):
        at = START + timedelta(minutes=id)
        lines.append(f"{id},c{id % GROUPS},{at:%Y-%m-%d %H:%M:%S},{at:%Y-%m-%d},{pick.uniform(1, 99):.2f},0.5")
    toy.deliver("paid/1.csv", "id,card,at,day,amount,noise", lines, at=1)
    toy.refresh("+gold.cards")
    return toy.root


def learned(toy: Toy, groups: int) -> GroupModels:
    """A model for each of so many cards, and one for all others."""
    is_fraud = F.pmod(F.xxhash64("id"), F.lit(100)) < F.col("amount")
    rows = toy.lake.read("gold.cards").withColumn("is_fraud", is_fraud.cast("int"))
    own = rows.where(F.substring("card", 2, 9).cast("int") < groups)
    tree = Python("sklearn.tree:DecisionTreeClassifier", {"max_depth": 3})
    asked = Learning(own, None, ("card", "amount"), "is_fraud", ("id",), "unused", seed=5)
    made = ByGroup("card", tree, fewest=10).fit(asked)
    assert len(made.models) == groups
    return made


def scored(toy: Toy, models: GroupModels) -> int:
    """Score all rows by these models; gives how many jobs Spark ran."""
    model, registry = FittedModel({"card": "string", "amount": "double"}, (), models), toy.lake.registry
    with registry.run("by_card", {}) as run:
        version = registry.register("by_card", run, model, {RECORD: model.fingerprint}, [])
    registry.promote(version, "tests", "for the test")
    with jobs_of(toy.lake.session) as jobs:
        (batch,) = published(toy.lake.score("by_card"), SCORES)
    assert batch.balance.inserted == GROUPS * A_GROUP
    return jobs[0]


def test_a_hundred_groups_are_scored_in_as_many_jobs_as_two_each_by_its_own_model(root: Path, tmp_path: Path) -> None:
    few, all_of_them = (Toy.at(root).copied(tmp_path / str(groups)) for groups in (FEW, GROUPS))
    of_few = scored(few, learned(few, FEW))
    models = learned(all_of_them, GROUPS)
    assert scored(all_of_them, models) == of_few
    amounts = {row["id"]: row["amount"] for row in all_of_them.lake.read("gold.cards").collect()}
    found = {row["id"]: row["score"] for row in all_of_them.lake.read(SCORES).collect()}
    for group in range(GROUPS):
        ids = range(group, GROUPS * A_GROUP, GROUPS)
        alone = models.models[f"c{group}"].estimator.predict_proba([[amounts[id]] for id in ids])[:, 1]
        assert [found[id] for id in ids] == pytest.approx(alone.tolist(), abs=1e-12)
