"""LightGBM as an estimator of a model's file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aurify.errors import Problem
from aurify.models.booster import Booster
from aurify.models.estimator import Learning


@dataclass(frozen=True)
class LightGBM:
    """Gradient boosted trees; `parameters` are LightGBM's own."""

    parameters: Mapping[str, Any] = field(default_factory=dict)
    rounds: int = 100
    early_stopping_rounds: int | None = None

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        return []

    def fit(self, learning: Learning) -> Booster:
        """Train in barrier tasks."""
        from aurify.models.barrier_lightgbm import fit

        fitted = fit(
            learning.rows,
            features=learning.features,
            label=learning.label,
            parameters={"objective": "binary", "seed": learning.seed, **self.parameters},
            workers=learning.workers,
            rounds=self.rounds,
            order_by=learning.order_by,
            validation=learning.validation,
            early_stopping_rounds=self.early_stopping_rounds,
            categorical=learning.categorical,
            weight=learning.weight,
            time_limit=learning.time_limit,
        )
        return Booster(fitted.model_text, learning.features)
