"""The model that is trained on this machine and on clusters: the same on all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import aurify
from aurify.models.registry import Version
from aurify.workflows.lake import Lake
from retail.generate import generate
from tests.cluster.processes import REPOSITORY

MODEL, SCORES = "card_fraud", "gold.card_fraud_scores"


@dataclass(frozen=True)
class Trained:
    """A lake with a model that was trained and has scored, and the documents of its commands."""

    lake: Lake
    version: Version
    told: Mapping[str, Any]


def connect(env: str, places: Mapping[str, str]) -> Lake:
    """The lake of an environment whose settings refer to these variables."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in places.items():
            patch.setenv(name, value)
        return aurify.connect(env, REPOSITORY)


def train_here(lake: Lake, home: Path) -> Trained:
    """Days of a shop, a model of them and its scores, on this machine alone; `lake` lends its session."""
    generate(lake.spark, str(home / "sources"), days=3, history=45)
    own = connect("local", {"AURIFY_WAREHOUSE": str(home / "lake"), "AURIFY_SOURCES": str(home / "sources")})
    assert own.refresh().exit_code == 0
    trained = own.train(MODEL)
    assert own.score(MODEL).exit_code == 0
    return Trained(own, own.registry.version(MODEL, trained.version), trained.as_dict())
