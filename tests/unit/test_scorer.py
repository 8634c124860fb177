"""Rows that a model fails on are found by halving; the others have their scores."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import pytest

from aurify.models.fitted import FittedModel
from aurify.scoring.scorer import scores_of


class Fussy:
    """Scores x / 10, and refuses whole batches with a negative number in them."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def predict(self, columns: dict[str, Any]) -> Any:
        self.asked.append(len(columns["x"]))
        if (columns["x"] < 0).any():
            raise ValueError("negative\nand more")
        return columns["x"] / 10


def scored(values: list[float]) -> tuple[list[float], list[str | None] | None, int]:
    model = Fussy()
    found, errors = scores_of(cast("FittedModel", model), {"x": np.asarray(values, float)}, len(values))
    return found.tolist(), errors, len(model.asked)


def test_rows_that_score_are_scored_at_once() -> None:
    assert scored([1, 2, 3]) == ([0.1, 0.2, 0.3], None, 1)


def test_one_bad_row_costs_a_few_more_calls_and_no_other_row() -> None:
    values = [float(n) for n in range(1000)]
    values[617] = -1
    found, errors, calls = scored(values)
    assert errors is not None
    assert [place for place, error in enumerate(errors) if error] == [617]
    assert errors[617] == "ValueError: negative"
    assert np.isnan(found[617])
    assert [found[0], found[999]] == [0.0, 99.9]
    assert calls <= 21


def test_a_row_without_a_number_is_told_beside_those_that_have_one() -> None:
    found, errors, _ = scored([1, float("nan")])
    assert found[0] == pytest.approx(0.1)
    assert errors == [None, "the model gives no number"]


def test_no_row_asks_no_model() -> None:
    assert scored([])[2] == 0
