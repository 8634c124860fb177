"""Bagging: the mean of models, each of which learns from rows drawn with replacement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import Problem
from aurify.models.blend import Blend
from aurify.models.estimator import Estimator, Learning
from aurify.models.parts import Turns
from aurify.models.row_draws import drawn, poisson

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Bagging:
    """So many `models` of one estimator, with seeds of their own (Breiman 1996, "Bagging predictors").

    A row is in a model's sample as often as a Poisson distribution of mean `share` says (Oza and Russell 2001, "Online
    bagging and boosting"), by a hash of `order_by`. It is then there so often, rather than weighted, which every
    estimator can learn from; rows with equal `order_by` are drawn together.
    """

    estimator: Estimator
    models: int = 10
    share: float = 1.0

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with the estimator and the numbers."""
        problems = self.estimator.problems(f"{where}: estimator")
        if self.models < 1:
            problems.append(Problem(where, str(self.models), "1 or more", key="models"))
        if not 0 < self.share <= 1:
            problems.append(Problem(where, str(self.share), "above 0, and 1 at most", key="share"))
        return problems

    def fit(self, learning: Learning) -> Blend:
        """One fit after the other; the validation rows are the same for all."""
        turns = Turns.of("Bagging", learning, self.models)
        parts = [
            turns.fitted(
                self.estimator,
                number,
                rows=resampled(learning, number, self.share),
                seed=learning.seed + number,
            )
            for number in range(self.models)
        ]
        return Blend(tuple(parts), (1 / self.models,) * self.models)


def resampled(learning: Learning, number: int, share: float) -> DataFrame:
    """The rows that the model of this number learns from, each as often as it was drawn."""
    from pyspark.sql import functions as F

    times = poisson(drawn(learning.order_by, learning.seed, f"bagging {number}"), share)
    return learning.rows.select("*", F.explode(F.array_repeat(F.lit(1), times)).alias("_copy")).drop("_copy")
