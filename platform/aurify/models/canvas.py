"""What all figures share: colours that colour-blind people tell apart, plain axes, a PNG."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Okabe and Ito 2008, "Color universal design"; the darkest ones first, without yellow, which paper does not show.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
GREY = "#767676"
INCHES = (6.4, 4.0)
DOTS_PER_INCH = 120


def png(title: str, x: str, y: str, draw: Callable[[Axes], None], lines: int = 0) -> bytes:
    """A figure of one pair of axes, which `draw` fills; with `lines` of text beside it, as high as these need."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    width, height = INCHES
    height = 1.6 + 0.28 * lines if lines else height
    figure = Figure(figsize=(width, height), dpi=DOTS_PER_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    # Centred below the whole figure: long names beside the axes leave these little room.
    figure.suptitle(plain_text(title, 60), fontsize=12)
    figure.supxlabel(plain_text(x, 90), fontsize=10)
    axes.set_ylabel(plain_text(y))
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25)
    axes.set_axisbelow(True)
    draw(axes)
    kept = BytesIO()
    figure.savefig(kept, format="png", metadata={"Software": None})
    return kept.getvalue()


def plain_text(text: str, longest: int = 40) -> str:
    """A name as it is, without what Matplotlib would read as formulas, and not too long.

    >>> plain_text("price in $")
    'price in \\\\$'
    """
    short = text if len(text) <= longest else f"{text[: longest - 3]}..."
    return short.replace("$", r"\$")


def bars(axes: Axes, names: Iterable[str], values: Iterable[float], is_weak: Iterable[bool] = ()) -> None:
    """Horizontal bars, the first on top; a weak one is hatched."""
    told, sizes = [plain_text(name) for name in names], list(values)
    drawn = axes.barh(range(len(told)), sizes, color=COLOURS[0], height=0.7)
    for bar, weak in zip(drawn, is_weak, strict=False):
        if weak:
            bar.set(facecolor="white", edgecolor=COLOURS[0], hatch="///")
    named(axes, told)


def named(axes: Axes, names: Iterable[str]) -> None:
    """A name for each line of the figure, the first on top."""
    told = list(names)
    axes.set_yticks(range(len(told)), told)
    axes.set_ylim(len(told) - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
