"""Drift by effect, less what chance does: no false alarms, and shifts that are there are found."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import mannwhitneyu, wasserstein_distance

from aurify.monitoring.drift import Drift, Limits, drifts
from aurify.monitoring.profile import Bins, Profile, category_bins, number_bins, profiled, whole, with_days_of


def numbers(draw: np.random.Generator, rows: int) -> NDArray[np.float64]:
    return draw.lognormal(sigma=0.5, size=rows)


def binned(values: NDArray[Any]) -> Bins:
    return number_bins(np.nanquantile(values, np.linspace(0.05, 0.95, 19)))


def one(reference: NDArray[Any], batch: NDArray[Any], bins: Bins | None = None) -> Drift:
    used = bins or binned(reference)
    (found,) = drifts({"x": profiled(reference, used)}, {"x": profiled(batch, used)})
    return found


def texts(*counted: tuple[str | None, int]) -> NDArray[Any]:
    return np.asarray([name for name, count in counted for _ in range(count)], object)


def test_values_fall_into_the_bins_of_the_reference_and_missing_ones_are_counted_apart() -> None:
    found = profiled(np.asarray([0.5, 1.0, 1.5, 9.0, np.nan]), number_bins([1.0, 2.0]))
    assert (found.rows, found.missing, found.counts) == (5, 1, (2, 1, 1))
    bins = category_bins({"a": 5, "b": 3, "c": 1}, most=2)
    assert profiled(texts(("a", 2), ("z", 1), (None, 3)), bins).counts == (2, 0, 1)


def test_profiles_add_up_and_survive_json() -> None:
    bins = number_bins([1.0, 2.0])
    parts = [profiled(np.asarray(values), bins) for values in ([0.1, np.nan], [1.5, 3.0, 4.0])]
    whole = profiled(np.asarray([0.1, np.nan, 1.5, 3.0, 4.0]), bins)
    assert parts[0].plus(parts[1]) == whole == Profile.of_dict(whole.as_dict())


def test_the_distances_are_those_of_scipy() -> None:
    draw = np.random.default_rng(1)
    then, now = numbers(draw, 4000), numbers(draw, 3000) * 1.3
    bins, found = binned(then), one(then, now)
    shares = [np.asarray(profiled(values, bins).counts) / len(values) for values in (then, now)]
    assert found.jensen_shannon == pytest.approx(jensenshannon(*shares, base=2))
    places = np.arange(bins.count)
    assert found.wasserstein == pytest.approx(wasserstein_distance(places, places, *shares))
    assert found.distance == pytest.approx(np.abs(np.cumsum(shares[0] - shares[1])).max())
    ranks = [np.repeat(places, np.asarray(profiled(values, bins).counts, np.int64)) for values in (now, then)]
    above = mannwhitneyu(*ranks).statistic / (len(then) * len(now))
    assert found.shift == pytest.approx(above - 0.5)


@pytest.mark.parametrize("rows", [1_000, 100_000])
def test_a_batch_that_did_not_drift_raises_no_alarm(rows: int) -> None:
    draw = np.random.default_rng(rows)
    reference = numbers(draw, 50_000)
    assert [one(reference, numbers(draw, rows)).severity for _ in range(20)] == [""] * 20


@pytest.mark.parametrize(
    ("rows", "factor", "severity"), [(1_000, 1.5, "orange"), (100_000, 1.05, "yellow"), (20_000, 2.5, "red")]
)
def test_a_shift_is_found_and_weighed_by_its_size(rows: int, factor: float, severity: str) -> None:
    draw = np.random.default_rng(3)
    found = one(numbers(draw, 50_000), numbers(draw, rows) * factor)
    assert found.severity == severity
    assert "moved" in found.why[0]


def test_a_million_rows_do_not_cry_wolf_over_a_change_that_does_not_matter() -> None:
    draw = np.random.default_rng(4)
    found = one(numbers(draw, 1_000_000), numbers(draw, 1_000_000) * 1.005)
    assert found.distance > 0.002
    assert found.severity == ""


def test_values_that_go_missing_and_categories_that_are_new_are_told() -> None:
    draw = np.random.default_rng(5)
    reference, batch = numbers(draw, 20_000), numbers(draw, 20_000)
    batch[:6_000] = np.nan
    assert one(reference, batch).why == ("30.0% are missing, 0.0% in training",)
    before, after = texts(("a", 6000), ("b", 4000)), texts(("a", 5000), ("b", 3000), ("new", 2000))
    found = one(before, after, category_bins({"a": 6000, "b": 4000}))
    assert found.severity == "orange"
    assert "20.0% are categories that training hardly had" in found.why


def test_the_worst_come_first_and_an_empty_batch_says_nothing() -> None:
    draw = np.random.default_rng(6)
    reference = {name: numbers(draw, 20_000) for name in "abc"}
    bins = {name: binned(values) for name, values in reference.items()}
    then = {name: profiled(values, bins[name]) for name, values in reference.items()}
    factors = {"a": 1.0, "b": 3.0, "c": 1.3}
    now = {name: profiled(numbers(draw, 20_000) * factor, bins[name]) for name, factor in factors.items()}
    assert [told.column for told in drifts(then, now)] == ["b", "c", "a"]
    nothing = {name: profiled(np.empty(0), own) for name, own in bins.items()}
    assert {told.severity for told in drifts(then, nothing)} == {""}
    assert {told.severity for told in drifts(then, now, lambda name: Limits(distance={"red": 0.99}, shift={}))} == {""}


def test_a_day_is_held_against_the_same_weekday() -> None:
    draw = np.random.default_rng(8)
    bins = number_bins(np.linspace(0.5, 3.0, 19).tolist())
    days = {day: profiled(numbers(draw, 3_000) * (2 if day == 1 else 1), bins) for day in range(1, 8)}
    sunday = {1: profiled(numbers(draw, 2_000) * 2, bins)}
    (by_all,) = drifts({"x": whole(days)}, {"x": whole(sunday)})
    (by_day,) = drifts({"x": with_days_of(days, sunday)}, {"x": whole(sunday)})
    assert (by_all.severity, by_day.severity) == ("red", "")
    week = {day: profiled(numbers(draw, 100) * (2 if day == 1 else 1), bins) for day in range(1, 8)}
    even = with_days_of(days, week)
    assert even.rows == pytest.approx(21_000)
    assert even.counts == pytest.approx(whole(days).counts)


def test_a_weekday_that_the_reference_hardly_has_is_held_against_all_days() -> None:
    bins = number_bins([1.0, 2.0])
    days = {2: Profile(bins, 100, 10, (30, 30, 30)), 3: Profile(bins, 5, 0, (5, 0, 0))}
    found = with_days_of(days, {3: Profile(bins, 50, 0, (50, 0, 0))})
    assert (found.rows, found.missing) == pytest.approx((105, 10))
    assert with_days_of(days, {3: Profile(bins, 0, 0, (0, 0, 0))}) == whole(days)


def test_a_column_of_one_value_is_as_in_training() -> None:
    bins = number_bins([0.0, 1.0])
    days = {1: Profile(bins, 1_000, 0, (0, 1_000, 0)), 2: Profile(bins, 3_333, 0, (3_333, 0, 0))}
    batch = {1: Profile(bins, 777, 0, (0, 777, 0))}
    (found,) = drifts({"x": with_days_of(days, batch)}, {"x": whole(batch)})
    assert (found.severity, found.shift) == ("", 0.0)
