"""Window aggregates of many entities at once, in NumPy: the same bits for the same events, whatever else is there.

An entity's events are a slice of sorted arrays, and a window of a row is a slice of that. Sums of numbers with a
fraction are taken over each window by itself, never as the difference of two running sums, so that a window over the
last days of a long history gives what it gives on these days alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from aurify.features.windows import Lag, Window

Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
PAIRS_AT_ONCE = 4_000_000
_LARGEST = (1 << 63) - 1


@dataclass(frozen=True)
class Values:
    """A column: numbers, or codes of what is told apart; and where it is there."""

    numbers: NDArray[np.float64] | Whole
    there: Flags

    def take(self, places: Whole) -> Values:
        """The values at these places."""
        return Values(self.numbers[places], self.there[places])


@dataclass(frozen=True)
class Events:
    """The events of entities: sorted by `entity`, a code, and `at`, in microseconds; known from `available` on."""

    entity: Whole
    at: Whole
    available: Whole | None = None

    @cached_property
    def _from(self) -> int:
        return int(self.at.min()) - 1 if len(self.at) else 0

    @cached_property
    def _span(self) -> int:
        """One more than the microseconds between the first event of all and the last, and one before."""
        return int(self.at.max()) - self._from + 1 if len(self.at) else 1

    @cached_property
    def _ordered(self) -> Whole | None:
        """One ascending number an event, of its entity and its moment; None where such numbers would be too large."""
        if len(self.at) and (int(self.entity[-1]) + 1) * self._span > _LARGEST:
            return None
        return self._number(self.entity, self.at)

    def _number(self, entity: Whole, at: Whole) -> Whole:
        return entity * self._span + np.clip(at - self._from, 0, self._span - 1)

    @cached_property
    def _moments(self) -> Whole:
        return np.unique(self.at)

    @cached_property
    def _ranked(self) -> Whole:
        """As `_ordered`, of the rank of its moment: slower, and never too large."""
        return self.entity * (len(self._moments) + 1) + np.searchsorted(self._moments, self.at)

    def first(self, entity: Whole, at: Whole, side: Literal["left", "right"]) -> Whole:
        """The place of the entity's first event not earlier than `at` ("left"), or later ("right")."""
        if self._ordered is not None and len(self.at):
            late = at > self.at.max()
            numbers = self._number(entity, at)
            places = np.searchsorted(self._ordered, numbers, side)
            return np.where(late, np.searchsorted(self._ordered, numbers, "right"), places) if late.any() else places
        rank = np.searchsorted(self._moments, at, side)
        return np.searchsorted(self._ranked, entity * (len(self._moments) + 1) + rank)


@dataclass(frozen=True)
class Slices:
    """For each of some rows the events of its window: those from `start` up to `end`.

    `group` tells the entities of the events apart.
    """

    start: Whole
    end: Whole
    group: Whole


Result = tuple[NDArray[np.float64] | Whole, Flags]


def rolled(
    events: Events,
    columns: Mapping[tuple[str, str], Values],
    windows: Sequence[Window | Lag],
    asked: Whole | None = None,
) -> dict[str, Result]:
    """Every window's numbers, a row an event, or only those at the places `asked`; and where they are known."""
    rows = np.arange(len(events.at)) if asked is None else asked
    slices: dict[tuple[timedelta, timedelta], Slices] = {}
    found: dict[str, Result] = {}
    for window in windows:
        stretch = (window.over, window.delay)
        if stretch not in slices:
            slices[stretch] = _slices(events, window, rows)
        values = columns[window.reading] if window.column else Values(events.at, np.ones(len(events.at), dtype=bool))
        numbers, known = _aggregated(window, values, slices[stretch])
        late = np.flatnonzero(_has_unknown(events, window)[rows]) if events.available is not None else rows[:0]
        if len(late):
            places, kept = _known_events(events, slices[stretch], late, events.at[rows])
            numbers[late], known[late] = _aggregated(window, values.take(places), kept)
        found[window.name] = (numbers, known)
    return found


def _micros(length: timedelta) -> int:
    return length // timedelta(microseconds=1)


def _slices(events: Events, window: Window | Lag, rows: Whole) -> Slices:
    entity, newest = events.entity[rows], events.at[rows] - _micros(window.delay)
    start = events.first(entity, newest - _micros(window.over), "right")
    return Slices(start, events.first(entity, newest, "right"), events.entity)


def _has_unknown(events: Events, window: Window | Lag) -> Flags:
    """Whether an event lies in a row's window that was not available yet."""
    assert events.available is not None
    late = np.flatnonzero(events.available > events.at)
    entity, first = events.entity[late], events.at[late] + _micros(window.delay)
    until = np.minimum(events.available[late], first + _micros(window.over))
    begin = events.first(entity, first, "left")
    end = np.maximum(events.first(entity, until, "left"), begin)
    open_ = np.zeros(len(events.at) + 1, dtype=np.int64)
    np.add.at(open_, begin, 1)
    np.add.at(open_, end, -1)
    return np.cumsum(open_[:-1]) > 0


def _known_events(events: Events, slices: Slices, rows: Whole, at: Whole) -> tuple[Whole, Slices]:
    """The places of the events that these rows knew of, one row after the other, and each row's slice of them.

    `rows` count among those of the slices, whose times are `at`.
    """
    assert events.available is not None
    places, counts = [], []
    for part, place, owner in _pairs(slices.start[rows], slices.end[rows]):
        known = events.available[place] <= at[rows[part]][owner]
        places.append(place[known])
        counts.append(np.bincount(owner[known], minlength=part.stop - part.start))
    end = np.cumsum(np.concatenate(counts))
    start = np.concatenate([[0], end[:-1]])
    return np.concatenate(places), Slices(start, end, np.repeat(np.arange(len(rows)), end - start))


def _pairs(start: Whole, end: Whole) -> Iterator[tuple[slice, Whole, Whole]]:
    """Parts of the rows: the places in their windows, and whose each is, counted from the part's first row."""
    total = np.cumsum(end - start)
    first = 0
    while first < len(start):
        done = total[first - 1] if first else 0
        last = max(first + 1, int(np.searchsorted(total, done + PAIRS_AT_ONCE, "right")))
        lengths = (end - start)[first:last]
        owner = np.repeat(np.arange(last - first), lengths)
        offset = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        yield slice(first, last), start[first:last][owner] + offset, owner
        first = last


def _aggregated(window: Window | Lag, values: Values, slices: Slices) -> Result:
    if isinstance(window, Lag):
        return _nth_last(values, slices, window.n)
    aggregate = window.aggregate
    count = _running(values.there.astype(np.int64), slices)
    if aggregate == "count":
        return count, np.ones(len(count), dtype=bool)
    if aggregate == "distinct":
        return _distinct(values, slices), np.ones(len(count), dtype=bool)
    if aggregate in ("min", "max"):
        return _extreme(values, slices, aggregate), count > 0
    total = _sums(np.where(values.there, values.numbers, 0), slices)
    if aggregate == "sum":
        return total, np.ones(len(count), dtype=bool)
    mean = np.divide(total, count, out=np.zeros(len(count)), where=count > 0)
    if aggregate in ("mean", "share"):
        return mean, count > 0
    squares = _squares_around(mean, values, slices)
    return np.sqrt(np.divide(squares, count - 1, out=np.zeros(len(count)), where=count > 1)), count > 1


def _nth_last(values: Values, slices: Slices, nth: int) -> Result:
    place = slices.end - nth
    found = np.zeros(len(place))
    known = place >= slices.start
    known[known] = values.there[place[known]]
    found[known] = values.numbers[place[known]]
    return found, known


def _running(numbers: Whole, slices: Slices) -> Whole:
    sums = np.concatenate([[0], np.cumsum(numbers)])
    return sums[slices.end] - sums[slices.start]  # type: ignore[no-any-return]


def _sums(numbers: NDArray[np.float64] | Whole, slices: Slices) -> NDArray[np.float64]:
    return _reduced(np.add, numbers.astype(np.float64), 0.0, slices)


def _extreme(values: Values, slices: Slices, aggregate: str) -> NDArray[np.float64]:
    least, none = (np.minimum, np.inf) if aggregate == "min" else (np.maximum, -np.inf)
    return _reduced(least, np.where(values.there, values.numbers, none), none, slices)


def _reduced(step: np.ufunc, numbers: NDArray[np.float64], none: float, slices: Slices) -> NDArray[np.float64]:
    """Each slice reduced by itself."""
    borders = np.empty(2 * len(slices.start), dtype=np.int64)
    borders[0::2], borders[1::2] = slices.start, slices.end
    found: NDArray[np.float64] = step.reduceat(np.append(numbers, none), borders)[0::2] if len(borders) else numbers[:0]
    found[slices.start >= slices.end] = none
    return found


def _squares_around(mean: NDArray[np.float64], values: Values, slices: Slices) -> NDArray[np.float64]:
    found = np.zeros(len(mean))
    for part, place, owner in _pairs(slices.start, slices.end):
        away = np.where(values.there[place], values.numbers[place] - mean[part][owner], 0.0)
        ends = np.cumsum((slices.end - slices.start)[part])
        own = Slices(np.concatenate([[0], ends[:-1]]), ends, owner)
        found[part] = _reduced(np.add, away * away, 0.0, own)
    return found


def _distinct(values: Values, slices: Slices) -> Whole:
    """How many values have their first occurrence in the slice."""
    order = np.lexsort((values.numbers, slices.group))
    same = (np.diff(values.numbers[order]) == 0) & (np.diff(slices.group[order]) == 0)
    before = np.full(len(order), -1, dtype=np.int64)
    before[order[1:][same]] = order[:-1][same]
    found = np.zeros(len(slices.start), dtype=np.int64)
    for part, place, owner in _pairs(slices.start, slices.end):
        is_first = values.there[place] & (before[place] < slices.start[part][owner])
        found[part] = np.bincount(owner[is_first], minlength=part.stop - part.start)
    return found
