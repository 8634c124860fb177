"""Blending: estimators whose scores are averaged with the weights that fit the validation rows best."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem
from aurify.models.blend import Blend
from aurify.models.columns import Numbers
from aurify.models.estimator import Estimator, Learning
from aurify.models.numeric_columns import number
from aurify.models.parts import Turns, held, of_estimators, score_names, with_scores
from aurify.models.row_draws import drawn

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

WHERE = "Blending"
NEAREST = 1e-15
GAP, STEPS = 1e-7, 5_000
_LABEL, _WEIGHT = "_label", "_weight"


@dataclass(frozen=True)
class Blending:
    """Classifiers, weighted for the smallest log loss on the validation rows (Cover 1984; see `best_weights`).

    The driver reads about `most_rows` scored validation rows, half of each class where there are more, drawn by a hash
    of `order_by`; each counts for all those of its class that it stands for. An estimator that stops early by the
    same rows makes the weights lean a little to itself.
    """

    estimators: tuple[Estimator, ...]
    most_rows: int = 100_000

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with the estimators and the number of rows."""
        problems = of_estimators(where, self.estimators, 2)
        if self.most_rows < 2:
            problems.append(Problem(where, str(self.most_rows), "2 or more", key="most_rows"))
        return problems

    def fit(self, learning: Learning) -> Blend:
        """ConfigurationError: no validation rows, of both classes, with probabilities as scores."""
        if learning.validation is None:
            hint = "declare a validation part of the split, or use Stacking, which needs none"
            raise ConfigurationError.of(WHERE, "no validation rows", "some to choose the weights by", hint)
        turns = Turns.of(WHERE, learning, len(self.estimators))
        parts = tuple(turns.fitted(estimator, place) for place, estimator in enumerate(self.estimators))
        scores = score_names(len(parts))
        narrow = with_scores(learning.validation, parts).select(
            *map(quoted, learning.order_by), *_told(learning), *scores
        )
        rows = held(narrow, f"{learning.scratch}/validation")
        labels, weights, scored = self._sample(rows, learning, scores)
        return Blend(parts, best_weights(np.where(labels[:, None] == 1, scored, 1 - scored), weights))

    def _sample(self, rows: DataFrame, learning: Learning, scores: tuple[str, ...]) -> tuple[Numbers, Numbers, Numbers]:
        """Labels, weights and scores of rows that stand for all."""
        from pyspark.sql import functions as F

        counts = _counts(rows, scores)
        shares = {label: min(1.0, self.most_rows / 2 / count) for label, count in counts.items()}
        share = F.when(F.col(_LABEL) == 1, shares[1]).otherwise(shares[0])
        is_drawn = drawn(learning.order_by, learning.seed, "blending") < share
        few = rows.where(is_drawn).select(_LABEL, (F.col(_WEIGHT) / share).alias(_WEIGHT), *scores).collect()
        found = np.array(few, np.float64).reshape(len(few), 2 + len(scores))
        found = found[np.lexsort(found.T)]  # sums of the same numbers differ by their order
        return found[:, 0], found[:, 1], found[:, 2:]


def best_weights(chances: Numbers, weights: Numbers) -> tuple[float, ...]:
    """The weights, 0 or more and 1 in all, of the mean of parts with the smallest log loss.

    `chances` are what each part, a column each, gave to what then was, a row each; `weights` are the rows'. Cover's
    algorithm (1984, "An algorithm for maximizing expected log investment return"): a part's weight grows by how much
    better than the mean it does. What is left to gain is at most the logarithm of the largest such factor.
    """
    chances = np.clip(chances, NEAREST, 1)
    rows = weights / weights.sum()
    found = np.full(chances.shape[1], 1 / chances.shape[1])
    for _ in range(STEPS):
        factors = rows @ (chances / (chances @ found)[:, None])
        found = found * factors / (found @ factors)
        if factors.max() - 1 < GAP:
            break
    return tuple(map(float, found))


def _told(learning: Learning) -> list[Column]:
    from pyspark.sql import functions as F

    assert learning.validation is not None
    rows = learning.validation
    weight = number(rows, learning.weight) if learning.weight else F.lit(1.0)
    return [number(rows, learning.label).alias(_LABEL), weight.alias(_WEIGHT)]


def _counts(rows: DataFrame, scores: tuple[str, ...]) -> dict[int, int]:
    """How many rows there are of each class."""
    from pyspark.sql import functions as F

    odd = [F.count_if(~F.coalesce(F.col(name).between(0, 1), F.lit(False))).alias(name) for name in scores]
    is_odd = ~F.coalesce(F.col(_LABEL).isin(0.0, 1.0), F.lit(False))
    classes = [F.count_if(F.col(_LABEL) == label).alias(f"of_{label}") for label in (0, 1)]
    told = rows.agg(*odd, F.count_if(is_odd).alias("odd"), *classes).collect()[0]
    problems = [
        Problem(f"{WHERE}: estimators[{place}]", f"{told[name]:,} validation scores that are none", "from 0 to 1")
        for place, name in enumerate(scores)
        if told[name]
    ]
    if told["odd"]:
        found = f"{told['odd']:,} labels of validation rows that are neither 0 nor 1"
        problems.append(Problem(WHERE, found, "0 or 1 in every row", "a regression can be stacked"))
    elif not (told["of_0"] and told["of_1"]):
        found = f"{told['of_1']:,} validation rows with 1, {told['of_0']:,} with 0"
        problems.append(Problem(WHERE, found, "rows of both classes"))
    if problems:
        raise ConfigurationError(WHERE, problems)
    return {0: told["of_0"], 1: told["of_1"]}
