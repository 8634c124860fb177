"""Figures of a monitored model as PNG: its metric by day, and how far each column was off in each batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from aurify.models.canvas import COLOURS, GREY, MARKERS, named, plain_text, png
from aurify.monitoring.alert import SEVERITIES, rank
from aurify.monitoring.performance import Performance

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_COLUMNS = 30
# From what is as in training to red, darker where it is graver, so that grey shows it as well.
SHADES = ("#f2f2f2", "#F0E442", "#E69F00", "#9b0000")


def days_figure(told: Performance) -> bytes:
    """The metric of each day: by labels where they have come, by scores alone before; dotted, that of the test."""

    def draw(axes: Axes) -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num

        known = [(day.day, day.value(told.metric)) for day in told.days]
        guessed = [(day.day, day.estimated) for day in told.days]
        shown = (("by labels", known, "-"), ("by scores alone", guessed, "--"))
        for (name, points, style), colour, marker in zip(shown, COLOURS, MARKERS, strict=False):
            there = [(day, value) for day, value in points if value is not None]
            if there:
                days, values = zip(*there, strict=True)
                axes.plot(days, values, color=colour, marker=marker, markersize=3, linestyle=style, label=name)
        learned = [day.day for day in told.days if day.is_learned]
        if learned:
            first, last = (float(date2num(day)) for day in (min(learned), max(learned)))  # type: ignore[no-untyped-call]
            axes.axvspan(first, last, color=COLOURS[5], alpha=0.2, label="before its test")
        axes.axhspan(told.test.low, told.test.high, color=GREY, alpha=0.2, label="on its test")
        axes.axhline(told.test.estimate, color=GREY, linestyle=":")
        axes.set(ylim=(0, None))
        locator = AutoDateLocator()  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        axes.legend(frameon=False)

    metric = told.metric.replace("_", " ")
    return png(f"The model by day: {metric}", "day of the rows", metric, draw)


def drift_figure(severities: Mapping[str, Sequence[str]], batches: Sequence[int]) -> bytes:
    """A line for each column, those that were worst most often first, a square for each batch by its severity."""
    worst = sorted(severities, key=lambda name: (-sum(map(rank, severities[name])), name))[:MOST_COLUMNS]

    def draw(axes: Axes) -> None:
        from matplotlib.colors import ListedColormap
        from matplotlib.patches import Patch

        grid = [[rank(severity) for severity in severities[name]] for name in worst]
        axes.imshow(grid, cmap=ListedColormap(SHADES), vmin=0, vmax=len(SHADES) - 1, aspect="auto")
        named(axes, map(plain_text, worst))
        step = max(1, len(batches) // 12)
        axes.set_xticks(range(0, len(batches), step), [str(batch) for batch in batches[::step]])
        axes.grid(visible=False)
        names = ("as in training", *SEVERITIES)
        shown = [Patch(facecolor=shade, edgecolor=GREY, label=name) for shade, name in zip(SHADES, names, strict=True)]
        axes.legend(handles=shown, frameon=False, loc="upper left", bbox_to_anchor=(1, 1))

    return png("Drift by feature", "batch", "", draw, len(worst))
