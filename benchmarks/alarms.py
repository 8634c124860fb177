"""`alarms`: how often a batch that did not drift raises an alarm, and a shift in one of its columns is found.

On profiles, drawn from the exact shares of each bin: 1,000 seeded batches of each size, 50 columns each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from benchmarks import results

COLUMNS, REPETITIONS, REFERENCE_ROWS = 50, 1_000, 100_000
SIZES = {"1k": 1_000, "100k": 100_000, "1m": 1_000_000}
SHIFTS = {"5_percent": 1.05, "10_percent": 1.10, "20_percent": 1.20}
SEED = 7


def measure(scratch: Path) -> None:
    """The share of batches with a false alarm, and of shifted columns found, by size."""
    draw = np.random.default_rng(SEED)
    columns = [_Column(draw, number) for number in range(COLUMNS)]
    reference = {column.name: column.profile(draw, REFERENCE_ROWS) for column in columns}
    ratios: dict[str, dict[str, float]] = {"false_alarms": {}}
    worst: dict[str, float] = {}
    for size, rows in SIZES.items():
        alarms, furthest = 0, 0.0
        for _ in range(REPETITIONS):
            found = _drifts(reference, {column.name: column.profile(draw, rows) for column in columns})
            alarms += any(told.severity for told in found)
            furthest = max(furthest, max(told.distance for told in found))
        ratios["false_alarms"][size] = alarms / REPETITIONS
        worst[size] = round(furthest, 5)
        for shift, factor in SHIFTS.items():
            told = ratios.setdefault(f"found_{shift}", {})
            told[size] = _found(draw, columns, reference, rows, factor)
    told_of = {"largest distance without a drift": worst, "repetitions": REPETITIONS, "reference rows": REFERENCE_ROWS}
    results.write("alarms", {"columns": COLUMNS, **SIZES}, ratios, told_of)


def _found(draw: np.random.Generator, columns: list[_Column], reference: Any, rows: int, factor: float) -> float:
    """The share of repetitions in which a column of numbers that was multiplied is told, each in its turn."""
    numbers = [column for column in columns if column.is_number]
    found = 0
    for repetition in range(REPETITIONS):
        shifted = numbers[repetition % len(numbers)]
        batch = {column.name: column.profile(draw, 0) for column in columns}
        batch[shifted.name] = shifted.profile(draw, rows, factor)
        found += any(told.column == shifted.name and told.severity for told in _drifts(reference, batch))
    return found / REPETITIONS


def _drifts(reference: Any, batch: Any) -> Any:
    from aurify.monitoring.drift import drifts

    return drifts(reference, batch)


class _Column:
    """Amounts, ages, waiting times, counts, or one of a few to many categories; the parameters are drawn."""

    def __init__(self, draw: np.random.Generator, number: int) -> None:
        from scipy import stats

        from aurify.monitoring.profile import Bins, category_bins, number_bins

        self.name = f"x{number}"
        self.is_number = number % 5 != 4
        self.missing = float(draw.choice([0.0, 0.02, 0.2]))
        self.bins: Bins
        if not self.is_number:
            shares = draw.dirichlet(np.full(int(draw.integers(3, 60)), 0.7))
            self.bins = category_bins({f"c{place:02}": 1 for place in range(len(shares))})
            self.shares = np.append(shares, 0.0)
            return
        kinds = (
            stats.lognorm(s=draw.uniform(0.4, 1.2)),
            stats.norm(loc=40, scale=draw.uniform(8, 16)),
            stats.expon(scale=draw.uniform(1, 9)),
            stats.poisson(mu=draw.uniform(2, 30)),
        )
        self.kind = kinds[number % 5]
        drawn = self.kind.rvs(REFERENCE_ROWS, random_state=draw)
        self.bins = number_bins(np.quantile(drawn, np.linspace(0.05, 0.95, 19)))
        self.shares = self._shares(1.0)

    def _shares(self, factor: float) -> Any:
        """The exact shares of the bins where every value is multiplied."""
        cumulated = np.concatenate([[0.0], self.kind.cdf(np.asarray(self.bins.edges) / factor), [1.0]])
        return np.diff(cumulated)

    def profile(self, draw: np.random.Generator, rows: int, factor: float = 1.0) -> Any:
        """The profile of drawn rows."""
        from aurify.monitoring.profile import Profile

        missing = int(draw.binomial(rows, self.missing))
        shares = self.shares if factor == 1.0 else self._shares(factor)
        counts = draw.multinomial(rows - missing, shares / shares.sum())
        return Profile(self.bins, rows, missing, tuple(int(count) for count in counts))
