"""Bins of one feature for a score card: their borders, who is in them, and what they tell (Siddiqi 2006, chapter 6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from aurify.models.columns import Numbers


@dataclass(frozen=True)
class Bins:
    """Bins of a feature: number i holds values above `borders[i - 1]`, up to `borders[i]`; the last the missing ones.

    `goods` and `bads` are the weights of the rows with label 0 and 1, a bin each, so one more than borders and one.
    """

    borders: tuple[float, ...]
    goods: tuple[float, ...]
    bads: tuple[float, ...]

    def places(self, values: Numbers) -> NDArray[np.int64]:
        """The number of each value's bin."""
        found = np.searchsorted(np.array(self.borders), values, side="left")
        return np.where(np.isnan(values), len(self.borders) + 1, found).astype(np.int64)

    def texts(self) -> list[str]:
        """The bins in words.

        >>> Bins((2.5, 7.0), (1, 1, 1, 0), (0, 0, 1, 0)).texts()
        ['2.5 or less', 'above 2.5, 7 or less', 'above 7', 'missing']
        """
        if not self.borders:
            return ["any number", "missing"]
        told = [f"{border:.10g}" for border in self.borders]
        between = [f"above {low}, {high} or less" for low, high in pairwise(told)]
        return [f"{told[0]} or less", *between, f"above {told[-1]}", "missing"]

    def shares(self) -> Numbers:
        """The share of each bin in all rows."""
        rows = np.add(self.goods, self.bads)
        return np.asarray(rows / rows.sum(), np.float64)

    def woe(self, smoothing: float) -> Numbers:
        """The weight of evidence: log of the share of the goods over that of the bads, with `smoothing` added to each.

        0 for a bin without rows: nothing speaks for or against it.
        """
        goods, bads = self._distributions(smoothing)
        return np.where(self._is_filled(), np.log(goods) - np.log(bads), 0.0)

    def parts_of_iv(self, smoothing: float) -> Numbers:
        """What each bin adds to the information value."""
        goods, bads = self._distributions(smoothing)
        return np.where(self._is_filled(), (goods - bads) * (np.log(goods) - np.log(bads)), 0.0)

    def iv(self, smoothing: float) -> float:
        """The information value of the feature."""
        return float(self.parts_of_iv(smoothing).sum())

    def with_none_below(self, fewest: float) -> Bins:
        """The bins, each that holds less than this share of all rows merged with the neighbour that is more like it."""
        found = self
        while found.borders and found.shares()[:-1].min() < fewest:
            smallest = int(found.shares()[:-1].argmin())
            rates = found._rates()
            gaps = [
                abs(rates[i] - rates[smallest]) if 0 <= i < len(rates) else np.inf for i in (smallest - 1, smallest + 1)
            ]
            found = found._merged(smallest - 1 if gaps[0] <= gaps[1] else smallest)
        return found

    def monotone(self, smoothing: float) -> Bins:
        """The bins, neighbours merged until the bad rate only rises or only falls, whichever tells more."""
        return max((self._rising(sign) for sign in (1.0, -1.0)), key=lambda bins: bins.iv(smoothing))

    def _rising(self, sign: float) -> Bins:
        """Neighbours pooled wherever the rate falls, as in isotonic regression (Ayer et al. 1955)."""
        found, at = self, 0
        while at < len(found.borders):
            rates = sign * found._rates()
            if rates[at] > rates[at + 1]:
                found, at = found._merged(at), max(at - 1, 0)
            else:
                at += 1
        return found

    def _merged(self, place: int) -> Bins:
        """One bin in place of this one and the next."""

        def joined(of_bins: tuple[float, ...]) -> tuple[float, ...]:
            return (*of_bins[:place], of_bins[place] + of_bins[place + 1], *of_bins[place + 2 :])

        borders = (*self.borders[:place], *self.borders[place + 1 :])
        return replace(self, borders=borders, goods=joined(self.goods), bads=joined(self.bads))

    def _rates(self) -> Numbers:
        """The bad rate of each bin of numbers; of an empty one that of all."""
        goods, bads = np.array(self.goods), np.array(self.bads)
        rows = goods + bads
        found: Numbers = np.where(rows > 0, bads / np.where(rows > 0, rows, 1.0), bads.sum() / rows.sum())
        return found[:-1]

    def _is_filled(self) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = np.array(self.goods) + np.array(self.bads) > 0
        return found

    def _distributions(self, smoothing: float) -> tuple[Numbers, Numbers]:
        is_filled = self._is_filled()

        def spread(counts: tuple[float, ...]) -> Numbers:
            found: Numbers = (np.array(counts) + smoothing) / (sum(counts) + smoothing * is_filled.sum())
            return found

        return spread(self.goods), spread(self.bads)
