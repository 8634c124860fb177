"""What labels say of a model by day, and what its scores alone say before they come."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from aurify.models.curve import At
from aurify.models.intervals import Interval
from aurify.monitoring.declare import Monitoring
from aurify.monitoring.estimated import Calibration, estimated
from aurify.monitoring.monitor_page import Monitored, figures_of, monitor_page
from aurify.monitoring.performance import Day, Performance, window_of

FIRST = date(2024, 1, 1)
TEST = Interval("average_precision", 0.6, 0.5, 0.7, 0.95, 200)


def days(*labelled: int, learned: int = 0) -> list[Day]:
    made = enumerate(labelled)
    return [Day(FIRST + timedelta(days=n), 100, known, known // 10, 0.6, None, n < learned) for n, known in made]


def test_calibrated_scores_foretell_the_metric_that_labels_will_show() -> None:
    draw = np.random.default_rng(1)
    scores = draw.beta(1, 6, size=60_000)
    labels = draw.random(len(scores)) < scores / 2  # scores are twice what they should be
    calibration = Calibration.of_counts(scores, np.ones(len(scores)), labels.astype(float))
    assert calibration is not None
    later = draw.beta(2, 6, size=60_000)
    truth = draw.random(len(later)) < later / 2
    chance = calibration.chances(later)
    for metric, expected in (
        ("average_precision", average_precision_score(truth, later)),
        ("roc_auc", roc_auc_score(truth, later)),
        ("recall", truth[later >= 0.3].sum() / truth.sum()),
    ):
        found = estimated(metric, later, np.ones(len(later)), chance, At(threshold=0.3))
        assert found == pytest.approx(expected, abs=0.04), metric


def test_without_a_chance_of_a_positive_nothing_is_estimated() -> None:
    assert estimated("roc_auc", np.asarray([0.1, 0.2]), np.ones(2), np.zeros(2), At()) is None
    assert Calibration.of_counts(np.asarray([0.1, 0.2]), np.ones(2), np.zeros(2)) is None


def test_the_window_is_of_the_newest_days_whose_labels_have_come_and_that_were_not_learned_from() -> None:
    week = Monitoring()
    assert window_of(days(), week) is None
    assert window_of(days(100, 100, learned=2), week) is None
    assert window_of(days(100, 100, 100, 20, learned=1), week) == (date(2024, 1, 2), date(2024, 1, 3))
    assert window_of(days(*[95] * 12), week) == (date(2024, 1, 6), date(2024, 1, 12))
    assert window_of(days(*[95] * 12), Monitoring(settled=0.96)) is None


def test_a_loss_is_what_is_surely_gone_of_what_the_test_had() -> None:
    told = Performance("average_precision", TEST, tuple(days(100)), window=(FIRST, FIRST), now=TEST)
    assert told.lost == 0
    worse = replace(told, now=Interval("average_precision", 0.2, 0.1, 0.2, 0.95, 200))
    assert worse.lost == pytest.approx(0.3 / 0.6)
    assert "from 2024-01-01 to 2024-01-01 is 0.2, between 0.1 and 0.2; on its test it was 0.6" in worse.why
    assert replace(told, now=None).lost == 0


def test_a_page_tells_what_there_is_and_escapes_names() -> None:
    row = {
        "batch": 1, "column": "<b>", "severity": "red", "rows": 60, "distance": 0.4, "surely": 0.3, "psi": 1.0,
        "jensen_shannon": 0.3, "missing": 0.0, "unseen": 0.0, "why": ["it moved"],
    }  # fmt: skip
    told = Monitored("m", 1, "now", [], Performance("roc_auc", TEST, tuple(days(100, 0))), ["a training"], [row])
    figures = figures_of(told)
    assert set(figures) == {"model_by_day", "drift_by_feature"}
    assert all(content.startswith(b"\x89PNG") for content in figures.values())
    page = monitor_page(replace(told, figures=figures))
    assert "&lt;b&gt;" in page
    assert "<b>" not in page
    assert page.count("<img") == 2
    assert "No batch was compared yet" in monitor_page(replace(told, drift=[], performance=None))
