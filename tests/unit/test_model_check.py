"""What is wrong with a model's file is told without data and without a JVM."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from aurify import ByTime, Training, model
from aurify.models import LightGBM, Search, Whole
from aurify.models.check import check_models
from aurify.models.declare import ATTRIBUTE, ModelSpec
from aurify.tables.discovery import Columns

DAY = timedelta(days=1)
TABLES = {"silver.found": Columns(("id", "at", "is_fraud"), is_view=False), "gold.cards": Columns(("amount",), True)}


def risk(**more: Any) -> ModelSpec:
    """A sound model, but for what is given."""

    @model(
        "risk",
        data=Training("silver.found", ("gold.cards",), "is_fraud", "at"),
        split=ByTime(train=DAY, test=DAY),
        estimator=LightGBM({"objective": "binary"}),
        owner="tests",
        **more,
    )
    def rows(rows: Any) -> Any:
        """How likely a payment is a fraud."""
        return rows

    spec: ModelSpec = getattr(rows, ATTRIBUTE)
    return spec


def test_a_sound_model_has_no_problems() -> None:
    sound = risk(metric="roc_auc", features=("amount",), search=Search({"rounds": Whole(1, 9)}))
    assert check_models([sound], TABLES, Path()) == []


def test_a_wrong_metric_is_told_once_also_where_a_search_goes_by_it() -> None:
    (problem,) = check_models([risk(metric="roc_acu", search=Search({"rounds": Whole(1, 9)}))], TABLES, Path())
    assert (problem.found, problem.hint) == ("metric 'roc_acu'", "did you mean 'roc_auc'?")
