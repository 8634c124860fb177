"""Window aggregates against brute force on small drawings with ties, gaps, NULLs and late arrivals."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pytest

from aurify.features import rolling
from aurify.features.rolling import Events, Values, rolled
from aurify.features.windows import AGGREGATES, COUNTED, Lag, Window

SECOND = 1_000_000


@dataclass(frozen=True)
class Event:
    entity: int
    at: int
    available: int
    value: float | None


def drawn(seed: int, count: int = 50) -> list[Event]:
    pick = random.Random(seed)
    found = []
    for _ in range(count):
        at = pick.randrange(40) * SECOND
        late = pick.choice([0, 0, 0, 3, 15, 1000]) * SECOND
        value = pick.choice([None, 0.1, 0.2, 0.3, 1e15, -7.0])
        found.append(Event(pick.choice([0, 0, 0, 1, 2, 3]), at, at + late, value))
    return sorted(found, key=lambda e: (e.entity, e.at))


def windows() -> list[Window | Lag]:
    stretches = [(5, 0), (1, 0), (12, 4), (3, 20), (1000, 0)]
    lags = [Lag("v", timedelta(seconds=over), n) for over in (5, 1000) for n in (1, 3)]
    late = [Lag("v", timedelta(seconds=12), 2, delay=timedelta(seconds=4))]
    return [
        *lags,
        *late,
        *(
            Window(
                aggregate,
                timedelta(seconds=over),
                "" if aggregate in COUNTED and over == 5 else "v",
                timedelta(seconds=delay),
            )
            for over, delay in stretches
            for aggregate in AGGREGATES
        ),
    ]


def by_hand(events: Sequence[Event], row: Event, window: Window | Lag, late: bool) -> float | None:
    newest = row.at - window.delay // timedelta(microseconds=1)
    oldest = newest - window.over // timedelta(microseconds=1)
    seen = [
        e for e in events if e.entity == row.entity and oldest < e.at <= newest and (e.available <= row.at or not late)
    ]
    if isinstance(window, Lag):
        return seen[-window.n].value if len(seen) >= window.n else None
    there = [e.value for e in seen if e.value is not None]
    if window.aggregate == "count":
        return len(there) if window.column else len(seen)
    if window.aggregate == "distinct":
        return len(set(there))
    if window.aggregate == "sum":
        return sum(there)
    if window.aggregate == "std":
        return statistics.stdev(there) if len(there) > 1 else None
    if not there:
        return None
    return {"min": min(there), "max": max(there)}.get(window.aggregate, statistics.fmean(there))


def computed(events: Sequence[Event], late: bool = True) -> dict[str, list[float | None]]:
    told = Events(
        np.array([e.entity for e in events]),
        np.array([e.at for e in events]),
        np.array([e.available for e in events]) if late else None,
    )
    there = np.array([e.value is not None for e in events], dtype=bool)
    numbers = Values(np.array([e.value or 0.0 for e in events]), there)
    values = {("v", what): numbers for what in ("numbers", "values", "presence")}
    found = rolled(told, values, windows())
    return {
        name: [number if known else None for number, known in zip(of.tolist(), is_known.tolist(), strict=True)]
        for name, (of, is_known) in found.items()
    }


def is_close(one: float | None, other: float | None) -> bool:
    return one == other or (
        one is not None and other is not None and math.isclose(one, other, rel_tol=1e-9, abs_tol=1e-6)
    )


@pytest.mark.parametrize(("pairs_at_once", "largest"), [(7, 0), (4_000_000, 2**63 - 1)])
@pytest.mark.parametrize("late", [True, False])
def test_every_window_is_what_brute_force_finds(
    late: bool, pairs_at_once: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rolling, "PAIRS_AT_ONCE", pairs_at_once)
    monkeypatch.setattr(rolling, "_LARGEST", largest)
    for seed in range(4):
        events = drawn(seed)
        found = computed(events, late)
        for window in windows():
            expected = [by_hand(events, row, window, late) for row in events]
            unlike = [
                (i, one, other)
                for i, (one, other) in enumerate(zip(found[window.name], expected, strict=True))
                if not is_close(one, other)
            ]
            assert not unlike, (seed, window.name, unlike[:3])


def test_a_day_read_with_its_look_back_gives_the_same_bits_as_the_whole_history() -> None:
    events = [e for e in drawn(1, 600) if e.entity == 0 and e.available - e.at < 20 * SECOND]
    short = [w.name for w in windows() if w.over < timedelta(seconds=100)]
    whole = computed(events)
    recent = [e for e in events if e.at > 5 * SECOND]
    of_recent = computed(recent)
    rows = [i for i, e in enumerate(recent) if e.at >= 35 * SECOND]
    assert rows
    skipped = len(events) - len(recent)
    for name in short:
        assert [of_recent[name][i] for i in rows] == [whole[name][i + skipped] for i in rows], name


def test_without_events_there_is_nothing_to_find() -> None:
    assert computed([])["count_5s"] == []
