"""Features that a binary label depends on, by Pearson's test of independence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from aurify.errors import EnvironmentFailure, Problem
from aurify.models.selection.information import of_bins
from aurify.models.selection.labelled import Labelled
from aurify.models.selection.moments import read
from aurify.models.selection.selected import Selected, Verdict, selected
from aurify.models.selection.tables import Table, tables

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Dependence:
    """The test of one feature: how likely such a table is if label and feature are independent, and Cramér's V."""

    chi_square: float
    degrees: int
    p_value: float
    cramers_v: float


@dataclass(frozen=True)
class ChiSquare:
    """Keeps features that depend on the label at a `level` of false discoveries, and of these the `keep` likeliest.

    Numbers are cut into `bins` of about as many rows each; the rows without a feature are a bin. Without `keep` all of
    them stay.
    """

    level: float = 0.05
    keep: int | None = None
    bins: int = 10

    def problems(self, where: str) -> list[Problem]:
        """All that is wrong with its values."""
        problems = of_bins(where, self.bins)
        if not 0 < self.level <= 1:
            problems.append(Problem(where, f"level {self.level}", "above 0, and 1 at most"))
        if self.keep is not None and self.keep < 1:
            problems.append(Problem(where, f"keep {self.keep}", "1 or more"))
        return problems

    def fit(self, rows: DataFrame, features: tuple[str, ...], label: str, fold: str, folds: int) -> Selected:
        """Two passes over the rows, three if a feature is a text; the label is 0 or 1, or a boolean."""
        refuse_without_scipy("ChiSquare")
        frame = Labelled("ChiSquare", rows, features, label)
        found = tables(frame, read(frame), self.bins)
        tests = {name: dependence(table) for name, table in found.items()}
        rates = dict(zip(tests, false_discoveries([test.p_value for test in tests.values()]), strict=True))
        best = sorted(tests, key=lambda name: (tests[name].p_value, -tests[name].cramers_v, features.index(name)))
        asked = set(best if self.keep is None else best[: self.keep])
        return selected("chi_square", [self._verdict(name, tests[name], rates[name], asked) for name in features])

    def _verdict(self, name: str, test: Dependence, rate: float, asked: set[str]) -> Verdict:
        statistics = {
            "chi_square": test.chi_square,
            "degrees": float(test.degrees),
            "p_value": test.p_value,
            "false_discoveries": rate,
            "cramers_v": test.cramers_v,
        }
        if not test.degrees:
            return Verdict(name, False, "has one bin alone", statistics)
        if rate > self.level:
            return Verdict(name, False, f"false discoveries {rate:.3g}, above {self.level:g}", statistics)
        if name not in asked:
            return Verdict(name, False, f"not among the best {self.keep}", statistics)
        return Verdict(name, True, f"false discoveries {rate:.3g}, {self.level:g} at most", statistics)


def dependence(table: Table) -> Dependence:
    """Pearson's test of a table, without a correction for continuity."""
    from scipy.special import chdtrc  # type: ignore[import-untyped]

    counts = np.stack([table.positives, table.rows - table.positives]).astype(np.float64)
    rows, degrees = float(counts.sum()), counts.shape[1] - 1
    if not degrees:
        return Dependence(0.0, 0, 1.0, 0.0)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / rows
    statistic = float(np.sum((counts - expected) ** 2 / expected))
    return Dependence(statistic, degrees, float(chdtrc(degrees, statistic)), float(np.sqrt(statistic / rows)))


def false_discoveries(p_values: Sequence[float]) -> list[float]:
    """For each test the rate of false discoveries if it and all that are likelier count (Benjamini, Hochberg 1995)."""
    values = np.asarray(p_values, np.float64)
    order = np.argsort(values, kind="stable")[::-1]
    ranks = np.arange(len(values), 0, -1)
    rates = np.empty(len(values))
    rates[order] = np.minimum(1.0, np.minimum.accumulate(values[order] * len(values) / ranks))
    return [float(rate) for rate in rates]


def refuse_without_scipy(where: str) -> None:
    """EnvironmentFailure where p values can't be computed."""
    if find_spec("scipy") is None:
        raise EnvironmentFailure.of(where, "no package scipy", "it on the driver", "pip install 'aurify[models]'")
