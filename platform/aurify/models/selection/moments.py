"""One pass over the numbers: their moments, how many values they have and about where these lie."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aurify.errors import ConfigurationError, Problem
from aurify.models.columns import Numbers
from aurify.models.selection.labelled import Labelled, numbers_of
from aurify.models.selection.merged import Batches, merged

HASHES = 1_024
FEW_VALUES = 64
_OF_LABEL = -1


@dataclass(frozen=True)
class Places:
    """About where values lie: by the upper 16 bits of a double, how many values there are, the least and the most."""

    keys: NDArray[np.int64]
    counts: NDArray[np.int64]
    lows: Numbers
    highs: Numbers

    @classmethod
    def of(cls, ordered: Numbers) -> Places:
        """The places of values in ascending order."""
        bits = ordered.view(np.int64)
        keys = (bits ^ ((bits >> 63) & np.int64(2**63 - 1))) >> 48  # in the order of the values, the negative too
        first = np.flatnonzero(_is_new(keys))
        ends = np.append(first, len(keys))[1:]
        return cls(keys[first], ends - first, ordered[first], ordered[ends - 1])

    def __add__(self, other: Places) -> Places:
        keys, place = np.unique(np.concatenate([self.keys, other.keys]), return_inverse=True)
        counts = np.zeros(len(keys), np.int64)
        lows, highs = np.full(len(keys), np.inf), np.full(len(keys), -np.inf)
        np.add.at(counts, place, np.concatenate([self.counts, other.counts]))
        np.minimum.at(lows, place, np.concatenate([self.lows, other.lows]))
        np.maximum.at(highs, place, np.concatenate([self.highs, other.highs]))
        return Places(keys, counts, lows, highs)


@dataclass(frozen=True)
class Moments:
    """Of the rows that have the feature: the means of it and of the label, and their sums of squares and products.

    `values` are all its values where these are few, else None; `hashes` the least of their hashes.
    """

    count: int
    centre: Numbers
    spread: Numbers
    values: Numbers | None
    hashes: NDArray[np.uint64]
    places: Places

    @classmethod
    def of(cls, values: Numbers, label: Numbers) -> Moments:
        """The moments of these rows."""
        there = ~np.isnan(values)
        both = np.stack([values[there], label[there]])
        count = both.shape[1]
        centre = both.mean(axis=1) if count else np.zeros(2)
        apart = both - centre[:, None]
        ordered = np.sort(both[0]) + 0.0  # minus zero is zero
        distinct = ordered[_is_new(ordered)]
        few = distinct if len(distinct) <= FEW_VALUES else None
        return cls(count, centre, apart @ apart.T, few, _least(_hashed(distinct)), Places.of(ordered))

    def __add__(self, other: Moments) -> Moments:
        """Both together, by Chan, Golub and LeVeque (1983), which loses no digits."""
        count = self.count + other.count
        share = other.count / count if count else 0.0
        apart = other.centre - self.centre
        return Moments(
            count,
            self.centre + apart * share,
            self.spread + other.spread + np.outer(apart, apart) * self.count * share,
            _together(self.values, other.values),
            _least(np.union1d(self.hashes, other.hashes)),
            self.places + other.places,
        )

    @property
    def mean(self) -> float | None:
        """None without a value."""
        return float(self.centre[0]) if self.count else None

    @property
    def deviation(self) -> float | None:
        """The standard deviation of the rows, not of what they are drawn from; None without a value."""
        if self.is_constant:
            return 0.0 if self.count else None
        return math.sqrt(self.spread[0, 0] / self.count)

    @property
    def width(self) -> float:
        """What it is divided by to be standardised: 1 where it has no deviation."""
        return self.deviation or 1.0

    @property
    def is_constant(self) -> bool:
        """Whether it has one value at most."""
        return self.values is not None and len(self.values) < 2

    @property
    def correlation(self) -> float | None:
        """Pearson's, with the label; None where either has one value."""
        width = math.sqrt(self.spread[0, 0]) * math.sqrt(self.spread[1, 1])
        if self.is_constant or not width > 0 or not math.isfinite(width):
            return None
        return float(np.clip(self.spread[0, 1] / width, -1.0, 1.0))

    @property
    def distinct(self) -> int:
        """How many values it has: exact below 1,024, else within about 3 % (Bar-Yossef et al. 2002)."""
        if len(self.hashes) < HASHES:
            return len(self.hashes)
        return round((HASHES - 1) / (float(self.hashes[-1]) / 2.0**64))


@dataclass(frozen=True)
class Labels:
    """All rows, those without a label, those whose label is neither 0 nor 1, and those that have 1."""

    rows: int = 0
    missing: int = 0
    others: int = 0
    positives: int = 0

    def __add__(self, other: Labels) -> Labels:
        return Labels(
            self.rows + other.rows,
            self.missing + other.missing,
            self.others + other.others,
            self.positives + other.positives,
        )


@dataclass(frozen=True)
class Read:
    """What the pass tells: of the label, and of every number in their order."""

    labels: Labels
    moments: tuple[Moments, ...]


def read(frame: Labelled, is_binary: bool = True) -> Read:
    """One pass over the rows; ConfigurationError with all that is wrong with columns, then with labels."""
    frame.refuse_misfits()
    found = merged(frame.as_numbers(), _partial)
    labels = found.pop(_OF_LABEL, Labels())
    problems = _of_labels(frame, labels, is_binary)
    if problems:
        raise ConfigurationError(frame.where, problems)
    return Read(labels, tuple(found[place] for place in range(len(frame.numbers))))


def _partial(batches: Batches) -> dict[int, Any]:
    """The labels, and the moments of each number."""
    found: dict[int, Any] = {}
    for batch in batches:
        values, label = numbers_of(batch)
        missing = int(np.isnan(label).sum())
        others = int((~np.isin(label, (0.0, 1.0))).sum()) - missing
        told: dict[int, Any] = {_OF_LABEL: Labels(len(label), missing, others, int((label == 1.0).sum()))}
        told |= {place: Moments.of(values[:, place], label) for place in range(values.shape[1])}
        for place, part in told.items():
            found[place] = found[place] + part if place in found else part
    return found


def _of_labels(frame: Labelled, labels: Labels, is_binary: bool) -> list[Problem]:
    if not labels.rows:
        return [Problem(frame.where, "no row", "rows to learn from")]
    problems = []
    if labels.missing:
        found = f"{labels.missing:,} of {labels.rows:,} rows without a label in {frame.label}"
        problems.append(Problem(frame.where, found, "one in every row"))
    if is_binary and labels.others:
        found = f"{labels.others:,} of {labels.rows:,} rows with another label in {frame.label}"
        problems.append(Problem(frame.where, found, "0 or 1 in every row"))
    if is_binary and not problems and labels.positives in (0, labels.rows):
        found = f"{labels.positives:,} positives in {labels.rows:,} rows"
        problems.append(Problem(frame.where, found, "rows of both classes"))
    return problems


def _is_new(ordered: Numbers | NDArray[np.int64]) -> NDArray[np.bool_]:
    """Where a value is another than the one before."""
    return np.append(np.ones(min(1, len(ordered)), bool), ordered[1:] != ordered[:-1])


def _together(one: Numbers | None, other: Numbers | None) -> Numbers | None:
    if one is None or other is None:
        return None
    both: Numbers = np.union1d(one, other)
    return both if len(both) <= FEW_VALUES else None


def _hashed(values: Numbers) -> NDArray[np.uint64]:
    """Their bits mixed by splitmix64 (Steele, Lea and Flood 2014)."""
    mixed = values.view(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)), np.uint64)


def _least(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return np.sort(hashes)[:HASHES]
