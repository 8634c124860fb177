"""Bins of a score card: merged as declared, told in words, worth what the formulas say."""

from __future__ import annotations

import math

import numpy as np
import pytest

from aurify.models.estimator import Estimator
from aurify.models.isolation_forest import IsolationForest
from aurify.models.score_bins import Bins
from aurify.models.score_card import ScoreCard
from aurify.models.score_points import Part, Scale, ScorePoints
from aurify.models.tree_estimators import GradientBoostedTrees, RandomForest

BINS = Bins((1.0, 2.0, 3.0), (10.0, 0.0, 30.0, 60.0, 0.0), (8.0, 2.0, 6.0, 4.0, 0.0))


def test_weight_of_evidence_and_information_value_are_those_of_the_formula() -> None:
    goods, bads = [10.5 / 102, 0.5 / 102, 30.5 / 102, 60.5 / 102], [8.5 / 22, 2.5 / 22, 6.5 / 22, 4.5 / 22]
    woe = [math.log(good / bad) for good, bad in zip(goods, bads, strict=True)]
    assert list(BINS.woe(0.5)) == pytest.approx([*woe, 0.0])
    iv = sum((good - bad) * part for good, bad, part in zip(goods, bads, woe, strict=True))
    assert BINS.iv(0.5) == pytest.approx(iv)


def test_a_value_is_in_the_bin_that_its_words_say() -> None:
    values = np.array([-np.inf, 1.0, 1.0001, 2.0, 3.0, 3.5, np.inf, np.nan])
    texts = BINS.texts()
    assert [texts[place] for place in BINS.places(values)] == [
        "1 or less", "1 or less", "above 1, 2 or less", "above 1, 2 or less", "above 2, 3 or less", "above 3",
        "above 3", "missing",
    ]  # fmt: skip
    assert Bins((), (1.0, 0.0), (1.0, 0.0)).texts() == ["any number", "missing"]


def test_a_small_bin_joins_the_neighbour_that_is_more_like_it() -> None:
    merged = BINS.with_none_below(0.05)
    assert merged.borders == (2.0, 3.0)  # a bad rate of 1 is nearer 8 of 18 than 6 of 36
    assert (merged.goods, merged.bads) == ((10.0, 30.0, 60.0, 0.0), (10.0, 6.0, 4.0, 0.0))
    assert BINS.with_none_below(0.4).borders == (3.0,)
    assert BINS.with_none_below(0.0) == BINS


def test_monotone_bins_have_the_rates_of_isotonic_regression() -> None:
    isotonic = pytest.importorskip("sklearn.isotonic")
    drawn = np.random.default_rng(5)
    for _ in range(30):
        rows, rates = drawn.integers(5, 100, 12), np.clip(np.linspace(0.7, 0.2, 12) + drawn.normal(0, 0.15, 12), 0, 1)
        bads = np.round(rows * rates)
        bins = Bins(tuple(range(11)), (*(rows - bads), 7.0), (*bads, 5.0)).monotone(0.5)
        expected = isotonic.isotonic_regression(bads / rows, sample_weight=rows, increasing=False)
        found = (np.array(bins.bads) / (np.array(bins.goods) + np.array(bins.bads)))[:-1]
        assert found[bins.places(np.arange(12.0))] == pytest.approx(expected)
        assert (bins.goods[-1], bins.bads[-1]) == (7.0, 5.0)


def test_points_are_base_points_at_base_odds_and_double_as_declared() -> None:
    scale = Scale(600, 50, 20)
    assert [scale.factor, scale.offset] == pytest.approx([28.8539, 487.123], abs=1e-3)  # Siddiqi 2006
    card = ScorePoints((), -math.log(50), scale, 0.5, {})
    assert card.points({"any": np.zeros(1)}) == pytest.approx([600])
    assert ScorePoints((), -math.log(100), scale, 0.5, {}).points({"any": np.zeros(1)}) == pytest.approx([620])


def test_a_card_is_kept_as_json() -> None:
    card = ScorePoints((Part("age", BINS, -0.9),), 0.1, Scale(600, 50, 20), 0.5, {"noise": 0.001})
    assert ScorePoints.of_files(card.files()) == card
    assert card.importance() == {"age": 1.0}


def test_values_out_of_range_are_told_all_at_once() -> None:
    wrong: dict[Estimator, int] = {
        ScoreCard(bins=1, fewest_in_bin=0.6, base_odds=0, smoothing=0, ridge=-1, base_points=float("nan")): 6,
        GradientBoostedTrees(rounds=0, depth=31, learning_rate=0, row_share=1.5, features_at_split="some"): 5,
        RandomForest(trees=0, bins=1, fewest_in_leaf=0): 3,
        IsolationForest(trees=0, sample=1, feature_share=0): 3,
    }
    for estimator, expected in wrong.items():
        problems = estimator.problems("models/m.py")
        assert len({problem.key for problem in problems}) == expected
        assert {problem.where for problem in problems} == {"models/m.py"}
    usual: list[Estimator] = [ScoreCard(), GradientBoostedTrees(), RandomForest(), IsolationForest()]
    for fine in usual:
        assert fine.problems("") == []
