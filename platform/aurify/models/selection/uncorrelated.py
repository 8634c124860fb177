"""Features that are not nearly the same as another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import Problem
from aurify.models.columns import Numbers
from aurify.models.selection.labelled import Labelled
from aurify.models.selection.moments import read
from aurify.models.selection.products import correlations
from aurify.models.selection.selected import Selected, Verdict, selected

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

# Correlations are compared by these: the last digits of a sum depend on how rows lie.
DECIMALS = 9


@dataclass(frozen=True)
class Uncorrelated:
    """Drops of each two features whose correlation is above `limit`, plus or minus, the one farther from the label.

    Features are taken in the order of their correlation with the label, the declared order where it is the same: one
    stays unless it is too near to one that stayed before. Correlations are of the rows that have both, 30 or more.
    """

    limit: float = 0.95

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        return [] if 0 < self.limit < 1 else [Problem(where, f"limit {self.limit}", "between 0 and 1")]

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> Selected:
        """Two passes over the rows. A feature that is no number stays; the label is a number or a boolean."""
        frame = Labelled("Uncorrelated", rows, features, label)
        moments = read(frame, is_binary=False).moments
        told: dict[str, Verdict] = {}
        if moments:
            between = np.abs(correlations(frame.as_numbers(), moments)).round(DECIMALS)
            nearness = [round(abs(found.correlation or 0.0), DECIMALS) for found in moments]
            told = self._told(frame.numbers, between, nearness)
        others = {name: Verdict(name, True, "no number", {}) for name in frame.texts}
        return selected("uncorrelated", [{**told, **others}[name] for name in features])

    def _told(self, names: tuple[str, ...], between: Numbers, nearness: list[float]) -> dict[str, Verdict]:
        kept: list[int] = []
        told = {}
        for place in sorted(range(len(names)), key=lambda place: (-nearness[place], place)):
            nearest = max(kept, key=lambda other: np.nan_to_num(between[place, other]), default=place)
            most = 0.0 if nearest == place else float(np.nan_to_num(between[place, nearest]))
            statistics = {"with_label": nearness[place], "with_kept": most}
            reason = f"{self.limit:g} at most with all that stay"
            if most > self.limit:
                reason = _reason(most, names[nearest], nearness[nearest], nearness[place])
            else:
                kept.append(place)
            told[names[place]] = Verdict(names[place], most <= self.limit, reason, statistics)
        return told


def _reason(most: float, other: str, nearer: float, own: float) -> str:
    if own == nearer:
        return f"{most:.3f} with {other}, which is as near to the label and comes first"
    return f"{most:.3f} with {other}, which is nearer to the label: {nearer:.3f} against {own:.3f}"
