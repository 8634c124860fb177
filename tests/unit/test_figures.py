"""Figures: PNGs of a size that shows something, the same each time, that leave Matplotlib's state alone."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from aurify.errors import ConfigurationError
from aurify.models import At, ErrorCluster, Interval, Metrics, SegmentMetrics
from aurify.models.curve_points import CurvePoint, CurvePoints, ScoreBin
from aurify.models.explain.figures import contributions_figure, dependence_figure, importance_figure
from aurify.models.explain.sample import ContributionSample
from aurify.models.explain.summaries import Dependence, DependenceBin
from aurify.models.figures import (
    calibration_figure,
    clusters_figure,
    history_figure,
    intervals_figure,
    lift_figure,
    precision_recall_figure,
    roc_figure,
    score_figure,
    segments_figure,
)
from aurify.models.metrics import CalibrationBin

matplotlib = pytest.importorskip("matplotlib")

ODD = "price in $ and $x_1^$ {net} of a rather long name that goes on"


def curve(power: float = 3.0) -> CurvePoints:
    rates = np.linspace(0.01, 1, 100)
    points = tuple(CurvePoint(1 - r, r ** (1 / power), 0.1 / (0.1 + r), r) for r in rates.tolist())
    bins = tuple(ScoreBin(i / 40, (i + 1) / 40, i, 400 - 10 * i) for i in range(40))
    return CurvePoints(10_000, 500, points, bins)


def metrics(area: float = 0.9) -> Metrics:
    bins = tuple(CalibrationBin(i / 10, i / 11, 100) for i in range(10))
    lift = (4.0, 2.0, 1.0, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1)
    return Metrics(10_000, 500, At(), area, area / 2, 0.5, 0.7, 0.5, 0.6, 0.2, 0.8, lift, 0.1, 0.2, 0.01, bins)


def sample(rows: int = 400) -> ContributionSample:
    pick = np.random.default_rng(0)
    values = pick.normal(size=(rows, 3))
    values[::7, 1] = np.nan
    return ContributionSample(
        ("amount", ODD, "constant"), values, np.column_stack([values[:, 0], *pick.normal(size=(2, rows))])
    )


def segments() -> list[SegmentMetrics]:
    return [SegmentMetrics(name, metrics(0.6), name is None) for name in (None, ODD, "b")]


FIGURES: dict[str, Callable[[], bytes]] = {
    "precision_recall": lambda: precision_recall_figure({"champion": curve(), ODD: curve(2.0)}),
    "roc": lambda: roc_figure({"champion": curve(), ODD: curve(2.0)}),
    "scores": lambda: score_figure(curve()),
    "calibration": lambda: calibration_figure({"validation": metrics(), ODD: metrics()}),
    "lift": lambda: lift_figure({"validation": metrics(), ODD: metrics()}),
    "segments": lambda: segments_figure(segments(), ODD),
    "intervals": lambda: intervals_figure({ODD: Interval("ks", 0.5, 0.4, 0.6, 0.95, 200)}),
    "clusters": lambda: clusters_figure([ErrorCluster(((ODD, None),), 100, 10, 0.1, 3.0, (1,))]),
    "history": lambda: history_figure({"auc": [0.7, 0.8, 0.85]}, best=2),
    "importance": lambda: importance_figure({ODD: 0.75, "b": 0.25}),
    "contributions": lambda: contributions_figure(sample()),
    "dependence": lambda: dependence_figure(
        Dependence(ODD, (DependenceBin(None, 1.0, 0.5, -0.2, 10), DependenceBin(1.0, None, 2.0, 0.3, 10),
                         DependenceBin(None, None, None, 0.1, 4)))
    ),
}  # fmt: skip


def pixels(content: bytes) -> tuple[int, int, int]:
    """Width, height, and of how many different bytes the picture is made."""
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    place, packed, size = 8, b"", (0, 0)
    while place < len(content):
        (length,) = struct.unpack(">I", content[place : place + 4])
        kind, body = content[place + 4 : place + 8], content[place + 8 : place + 8 + length]
        if kind == b"IHDR":
            size = struct.unpack(">II", body[:8])
        packed += body if kind == b"IDAT" else b""
        place += 12 + length
    return size[0], size[1], len(set(zlib.decompress(packed)))


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_a_png_that_shows_something(name: str) -> None:
    width, height, shades = pixels(FIGURES[name]())
    assert width >= 600
    assert height >= 150
    assert shades > 50


def test_figures_leave_what_pyplot_has_open_alone() -> None:
    from matplotlib import pyplot, rcParams

    before, settings = pyplot.get_fignums(), dict(rcParams)
    FIGURES["roc"]()
    assert pyplot.get_fignums() == before
    assert dict(rcParams) == settings


def test_a_contribution_figure_is_the_same_whatever_the_order_of_its_rows() -> None:
    found = sample()
    turned = ContributionSample(found.features, found.values[::-1], found.contributions[::-1])
    assert contributions_figure(found) == contributions_figure(turned)


def test_more_lines_make_a_higher_figure() -> None:
    few, many = (pixels(importance_figure({str(i): 1.0 for i in range(n)}))[1] for n in (3, 20))
    assert many > few


@pytest.mark.parametrize(
    "drawn",
    [
        lambda: roc_figure({}),
        lambda: score_figure(replace(curve(), histogram=())),
        lambda: calibration_figure({"test": replace(metrics(), calibration=())}),
        lambda: segments_figure(segments(), "shop", "roc"),
        lambda: importance_figure({}),
        lambda: contributions_figure(sample(0)),
    ],
)
def test_nothing_to_draw_is_told(drawn: Callable[[], bytes]) -> None:
    with pytest.raises(ConfigurationError, match=r"found (no|nothing)"):
        drawn()
