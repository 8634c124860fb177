"""Two versions on different entities: the interval holds what it says, clustered rows and all."""

from __future__ import annotations

import random
from math import sqrt

import pytest

from aurify.scoring.trial import Sums, tried


def sums(entities: list[tuple[float, float]]) -> Sums:
    """Of entities with their hits and rows."""
    return Sums(
        len(entities),
        sum(h for h, _ in entities),
        sum(n for _, n in entities),
        sum(h * h for h, _ in entities),
        sum(h * n for h, n in entities),
        sum(n * n for _, n in entities),
    )


def singles(hits: int, rows: int) -> Sums:
    return sums([(1.0, 1.0)] * hits + [(0.0, 1.0)] * (rows - hits))


def test_entities_of_one_row_give_the_usual_test_of_two_shares() -> None:
    found = tried("precision", singles(60, 200), singles(90, 200))
    error = sqrt((0.3 * 0.7 + 0.45 * 0.55) / 199)
    assert found.difference == pytest.approx(0.15)
    assert found.low == pytest.approx(0.15 - 1.959964 * error, abs=1e-6)
    assert found.p_value == pytest.approx(0.00184, abs=2e-4)
    assert found.is_significant


def test_the_entities_needed_give_the_power_that_was_wanted() -> None:
    first = tried("precision", singles(60, 200), singles(60, 200), effect=0.1)
    assert first.entities_needed is not None
    hits = round(0.3 * first.entities_needed)
    enough = tried("precision", *[singles(hits, first.entities_needed)] * 2, effect=0.1)
    assert enough.power == pytest.approx(0.8, abs=0.01)
    assert first.power is not None
    assert first.power < 0.6


def drawn(draw: random.Random, entities: int, rate: float) -> Sums:
    """Entities of one to nine rows, most of which are hits or none is."""
    found = []
    for _ in range(entities):
        rows, own = draw.randint(1, 9), draw.betavariate(rate, 1 - rate)
        found.append((float(sum(draw.random() < own for _ in range(rows))), float(rows)))
    return sums(found)


def test_rows_that_hang_together_raise_no_false_alarm() -> None:
    draw = random.Random(11)
    alarms = sum(tried("recall", drawn(draw, 150, 0.3), drawn(draw, 150, 0.3)).is_significant for _ in range(800))
    assert 0.02 <= alarms / 800 <= 0.08, "5 % at a level of 95 %"


def test_a_difference_that_is_there_is_found_as_often_as_the_power_says() -> None:
    draw = random.Random(12)
    trials = [tried("recall", drawn(draw, 150, 0.3), drawn(draw, 150, 0.45), effect=0.15) for _ in range(400)]
    told = sum(trial.power or 0 for trial in trials) / 400
    assert sum(trial.is_significant for trial in trials) / 400 == pytest.approx(told, abs=0.08)


@pytest.mark.parametrize("few", [sums([]), singles(1, 1), sums([(0.0, 0.0)] * 5)])
def test_too_little_tells_nothing(few: Sums) -> None:
    found = tried("precision", singles(6, 20), few)
    assert (found.difference, found.p_value, found.entities_needed) == (None, None, None)
    assert not found.is_significant
