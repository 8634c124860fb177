"""The profile of a column: how its values spread over bins drawn once, so that batches can be held against it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

BINS = 20
MOST_CATEGORIES = 100


@dataclass(frozen=True)
class Bins:
    """Where the values of a column go: numbers to intervals, (edge, next edge], or categories to one each, others last.

    Numbers have `edges`, the limits between the bins; categories have names. One of them is empty.
    """

    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.categories) + 1 if self.categories else len(self.edges) + 1

    def counts(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """How many of the values, none of them missing, each bin has."""
        if not self.categories:
            return np.bincount(np.searchsorted(self.edges, values, "left"), minlength=self.count)
        place = {name: number for number, name in enumerate(self.categories)}
        last = len(self.categories)
        return np.bincount([place.get(str(value), last) for value in values], minlength=self.count)


@dataclass(frozen=True)
class Profile:
    """How many rows a column has, of how many it is missing, and how the others spread over its bins.

    Of rows that were weighed these are no whole numbers.
    """

    bins: Bins
    rows: float
    missing: float
    counts: tuple[float, ...]

    @property
    def there(self) -> float:
        """The rows with a value."""
        return self.rows - self.missing

    def plus(self, other: Profile) -> Profile:
        """The profile of the rows of both."""
        counts = tuple(mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True))
        return Profile(self.bins, self.rows + other.rows, self.missing + other.missing, counts)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Profile:
        """What `as_dict` gave."""
        bins = Bins(tuple(told["bins"]["edges"]), tuple(told["bins"]["categories"]))
        return cls(bins, told["rows"], told["missing"], tuple(told["counts"]))


Weekdays = Mapping[int, Profile]
"""The profiles of a column by the weekday of its rows."""

_FEWEST_OF_A_DAY = 30


def whole(days: Weekdays) -> Profile:
    """The profile of the rows of all weekdays."""
    first, *others = days.values()
    return reduce(Profile.plus, others, first)


def with_days_of(reference: Weekdays, batch: Weekdays) -> Profile:
    """The reference as if its weekdays were those of the batch: a Sunday is held against Sundays.

    A day that the reference hardly has stands as all its days. `rows` is what the weighed rows are worth, less than
    there are where few of them weigh much (Kish 1965, "Survey Sampling").
    """
    total = sum(profile.rows for profile in batch.values())
    every = whole(reference)
    if not total:
        return every
    parts = []
    for day, profile in batch.items():
        own = reference.get(day)
        parts.append((profile.rows / total, every if own is None or own.rows < _FEWEST_OF_A_DAY else own))
    asked = [(share, part) for share, part in parts if share and part.rows]
    worth = 1 / sum(share**2 / part.rows for share, part in asked) if asked else 0.0
    scale = [(share * worth / part.rows, part) for share, part in asked]
    counts = np.sum([factor * np.asarray(part.counts) for factor, part in scale], axis=0) if scale else every.counts
    missing = sum(factor * part.missing for factor, part in scale)
    return Profile(every.bins, worth, missing, tuple(float(count) for count in counts))


def number_bins(quantiles: Sequence[float]) -> Bins:
    """Bins between quantiles of the reference; equal ones are one edge.

    >>> number_bins([1.0, 1.0, 2.0, 5.0]).edges
    (1.0, 2.0, 5.0)
    """
    return Bins(edges=tuple(float(value) for value in np.unique(np.asarray(quantiles, np.float64))))


def category_bins(counts: Mapping[str, int], most: int = MOST_CATEGORIES) -> Bins:
    """A bin for each of the most frequent categories; of equal ones the first by name."""
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return Bins(categories=tuple(sorted(ranked[:most])) or ("",))


def profiled(values: NDArray[Any], bins: Bins) -> Profile:
    """The profile of values; a number is missing where it is NaN, anything else where it is None."""
    missing = np.isnan(values) if values.dtype.kind == "f" else np.asarray([value is None for value in values], bool)
    counts = bins.counts(values[~missing])
    return Profile(bins, len(values), int(missing.sum()), tuple(int(count) for count in counts))
