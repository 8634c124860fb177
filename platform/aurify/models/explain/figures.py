"""Figures of explanations as PNG: what counts, how it goes with the values, of few rows or of bins."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import ConfigurationError
from aurify.models.canvas import COLOURS, GREY, bars, named, plain_text, png
from aurify.models.columns import Numbers
from aurify.models.explain.sample import ContributionSample
from aurify.models.explain.summaries import Dependence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Ends and middle of a scale from low to high values that keeps its order in grey as well.
SCALE = "cividis"
SPREAD = 0.35


def importance_figure(importance: Mapping[str, float], unit: str = "share of all gain", most: int = 20) -> bytes:
    """The features that count most, a bar each."""
    if not importance:
        raise ConfigurationError.of("importance_figure", "no importance", "one feature or more")
    best = sorted(importance, key=lambda name: (-importance[name], name))[:most]

    def draw(axes: Axes) -> None:
        bars(axes, best, [importance[name] for name in best])

    return png("Importance of the features", f"importance ({unit})", "", draw, len(best))


def contributions_figure(sample: ContributionSample, most: int = 15) -> bytes:
    """A dot for each row and feature, by contribution; the colour is the rank of the value, grey a missing one."""
    if not len(sample.contributions):
        raise ConfigurationError.of("contributions_figure", "no row", "a sample of one row or more")
    sizes = np.abs(sample.contributions).mean(axis=0)
    best = sorted(range(len(sizes)), key=lambda place: (-sizes[place], place))[:most]

    def draw(axes: Axes) -> None:
        for line, place in enumerate(best):
            added, rank = sample.contributions[:, place], _rank(sample.values[:, place])
            order = np.lexsort((rank, added))  # dots hide others: not by the order of the rows
            added, rank = added[order], rank[order]
            beside = line + _beside(added)
            there = ~np.isnan(rank)
            axes.scatter(added[~there], beside[~there], s=5, color=GREY, linewidths=0)
            axes.scatter(added[there], beside[there], s=5, c=rank[there], cmap=SCALE, vmin=0, vmax=1, linewidths=0)
        axes.axvline(0, color=GREY, linewidth=1)
        named(axes, [plain_text(sample.features[place]) for place in best])

    told = "contribution to the raw score\n(colour of the value: blue low, yellow high, grey missing)"
    return png("What pushes the scores", told, "", draw, 2 * len(best))


def dependence_figure(found: Dependence) -> bytes:
    """The mean contribution over the mean value of each bin; dashed, that of the rows without the feature."""
    there = [(each.mean_value, each.mean_contribution) for each in found.bins if each.mean_value is not None]
    missing = [each.mean_contribution for each in found.bins if each.mean_value is None]

    def draw(axes: Axes) -> None:
        axes.plot([x for x, _ in there], [y for _, y in there], color=COLOURS[0], marker="o", markersize=4)
        for value in missing:
            axes.axhline(value, color=COLOURS[1], linestyle="--", label="missing")
            axes.legend(frameon=False)
        axes.axhline(0, color=GREY, linewidth=1)

    title = f"What {found.feature} adds"
    return png(title, f"{found.feature} (mean of a bin)", "mean contribution to the raw score", draw)


def _rank(values: Numbers) -> Numbers:
    """The rank of each value from 0 to 1, equal ones alike; NaN where it is missing."""
    there = ~np.isnan(values)
    distinct, place = np.unique(values[there], return_inverse=True)
    ranks = np.full(len(values), np.nan)
    ranks[there] = place / max(len(distinct) - 1, 1)
    return ranks


def _beside(added: Numbers) -> Numbers:
    """How far each dot lies beside its line: those of about one contribution spread evenly, whatever their order."""
    span = float(np.ptp(added)) or 1.0
    _, cell, counts = np.unique(np.rint(added / span * 60), return_inverse=True, return_counts=True)
    order = np.lexsort((added, cell))
    within = np.empty(len(added))
    within[order] = np.arange(len(added)) - np.repeat(np.cumsum(counts) - counts, counts)
    centred = within - (counts[cell] - 1) / 2
    beside: Numbers = SPREAD * 2 * centred / max(int(counts.max()), 2)
    return beside
