"""What a selection computes from batches: the numbers of NumPy, SciPy and pandas, however the rows lie in them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from aurify.errors import ConfigurationError, Problem
from aurify.models.estimator import FittedStage, Learned, Learning, Stage
from aurify.models.fitted import features_after, staged
from aurify.models.kinds import STAGES, class_of
from aurify.models.selection import (
    ChiSquare,
    Lasso,
    RecursiveElimination,
    Round,
    Selected,
    Uncorrelated,
    Verdict,
    products,
    tables,
)
from aurify.models.selection import moments as moments_of
from aurify.models.selection.chi_square import dependence, false_discoveries
from aurify.models.selection.information import information_value
from aurify.models.selection.labelled import LABEL
from aurify.models.selection.moments import Moments
from aurify.models.selection.selected import selected
from aurify.models.selection.tables import Table

stats = pytest.importorskip("scipy.stats")

SHAPES = ("normal", "skewed", "far", "whole", "spiked", "flag", "constant", "lacking", "odd")


def drawn(rows: int = 3_000) -> dict[str, np.ndarray[Any, Any]]:
    """Numbers of all shapes that columns have, and a label that hangs on the first."""
    pick = np.random.default_rng(5)
    made = {
        "normal": pick.normal(size=rows),
        "skewed": np.exp(pick.normal(size=rows) * 3),
        "far": 1.7e9 + pick.integers(0, 86_400, rows),
        "whole": pick.integers(-3, 4, rows).astype(float),
        "spiked": np.where(pick.random(rows) < 0.6, 0.0, pick.random(rows)),
        "flag": (pick.random(rows) < 0.03).astype(float),
        "constant": np.full(rows, 0.1),
        "lacking": np.full(rows, np.nan),
        "odd": pick.normal(size=rows),
    }
    made["odd"][pick.random(rows) < 0.2] = np.nan
    made["odd"][:3] = [np.inf, -np.inf, -0.0]
    made[LABEL] = (pick.random(rows) < 1 / (1 + np.exp(1 - made["normal"] - made["flag"] * 3))).astype(float)
    return made


def batches(values: dict[str, np.ndarray[Any, Any]], rows: int = 700) -> Iterator[pa.RecordBatch]:
    """NaN is NULL in every other batch."""
    whole = len(values[LABEL])
    for number, start in enumerate(range(0, whole, rows)):
        part = {
            name: pa.array(told[start : start + rows], from_pandas=number % 2 == 0) for name, told in values.items()
        }
        yield pa.RecordBatch.from_pydict(part)


def finite(values: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.where(np.isfinite(values), values, np.nan)


@pytest.fixture(scope="module")
def values() -> dict[str, np.ndarray[Any, Any]]:
    return drawn()


@pytest.fixture(scope="module")
def moments(values: dict[str, np.ndarray[Any, Any]]) -> dict[str, Moments]:
    return moments_by_name(values)


def moments_by_name(values: dict[str, np.ndarray[Any, Any]], rows: int = 700) -> dict[str, Moments]:
    found = moments_of._partial(batches(values, rows))
    return {name: found[place] for place, name in enumerate(name for name in values if name != LABEL)}


def table_of(values: dict[str, np.ndarray[Any, Any]], name: str, bins: int = 10) -> Table:
    alone = {name: values[name], LABEL: values[LABEL]}
    uppers = [tables._uppers(moments_by_name(alone)[name])]
    return tables._cut(tables._partial(batches(alone), uppers)[0], uppers[0], bins)


@pytest.mark.parametrize("name", SHAPES)
def test_moments_of_batches_are_those_of_all_rows(
    values: dict[str, np.ndarray[Any, Any]], moments: dict[str, Moments], name: str
) -> None:
    there = pd.Series(finite(values[name]))
    found = moments[name]
    assert found.count == there.count()
    if not found.count:
        assert (found.mean, found.deviation, found.correlation, found.distinct) == (None, None, None, 0)
        return
    assert found.mean == pytest.approx(there.mean(), rel=1e-12, abs=1e-12)
    assert found.deviation == pytest.approx(there.std(ddof=0), rel=1e-9, abs=1e-12)
    if name == "constant":
        assert found.correlation is None
    else:
        assert found.correlation == pytest.approx(there.corr(pd.Series(values[LABEL])), abs=1e-9)
    if there.nunique() < moments_of.HASHES:
        assert found.distinct == there.nunique()
    else:
        assert found.distinct == pytest.approx(there.nunique(), rel=0.1)


def test_a_hundred_thousand_values_are_counted_within_a_few_percent() -> None:
    found = Moments.of(np.arange(100_000) / 7, np.zeros(100_000))
    assert found.distinct == pytest.approx(100_000, rel=0.1)
    assert found.values is None


def test_labels_are_counted_by_what_is_wrong_with_them() -> None:
    label = np.array([0.0, 1.0, 1.0, 2.0, np.nan, np.inf])
    found = moments_of._partial(batches({"x": label, LABEL: label}, 4))[-1]
    assert (found.rows, found.missing, found.others, found.positives) == (6, 1, 2, 2)


def test_correlations_are_those_of_the_rows_that_have_both(values: dict[str, np.ndarray[Any, Any]]) -> None:
    told = {**values, "also odd": np.where(np.arange(3_000) % 3 == 0, np.nan, values["odd"] * 2 + values["normal"])}
    told["seldom"] = np.where(np.arange(3_000) < 29, values["normal"], np.nan)
    told[LABEL] = told.pop(LABEL)
    names = [name for name in told if name != LABEL]
    by_name = moments_by_name(told)
    centres = np.array([by_name[name].centre[0] for name in names])
    widths = np.array([by_name[name].width for name in names])
    parts = [products._partial([batch], centres, widths)[0] for batch in batches(told)]
    found = products._correlations(reduce(add, parts))
    expected = pd.DataFrame({name: finite(told[name]) for name in names}).corr(min_periods=30).to_numpy(copy=True)
    constant = names.index("constant")
    expected[constant] = expected[:, constant] = np.nan
    assert np.array_equal(np.isnan(found), np.isnan(expected))
    assert np.nanmax(np.abs(found - expected)) < 1e-9
    assert np.isnan(found[names.index("seldom")]).all()


@pytest.mark.parametrize("name", SHAPES)
def test_the_bins_count_the_rows_that_they_say(values: dict[str, np.ndarray[Any, Any]], name: str) -> None:
    found = table_of(values, name)
    numbers, label = finite(values[name]), values[LABEL]
    place = np.where(np.isnan(numbers), len(found.edges), np.searchsorted(found.edges, numbers))
    bins = len(found.edges) + (found.missing > 0)
    assert found.rows.tolist() == np.bincount(place, minlength=bins).tolist()
    assert found.positives.tolist() == np.bincount(place, label, minlength=bins).astype(int).tolist()
    assert found.missing == np.isnan(numbers).sum()
    assert found.rows.min() > 0


@pytest.mark.parametrize("name", ["normal", "skewed", "far"])
def test_bins_of_many_values_have_about_as_many_rows_each(values: dict[str, np.ndarray[Any, Any]], name: str) -> None:
    found = table_of(values, name)
    assert len(found.rows) == 10
    assert found.rows.tolist() == pytest.approx([300] * 10, abs=3_000 / 100)


def test_few_values_have_a_bin_each(values: dict[str, np.ndarray[Any, Any]]) -> None:
    assert table_of(values, "whole").edges == (-3, -2, -1, 0, 1, 2, np.inf)
    assert table_of(values, "flag").edges == (0, np.inf)
    assert table_of(values, "constant").edges == (np.inf,)
    assert table_of(values, "lacking").edges == ()


def test_a_value_of_most_rows_is_a_bin_of_its_own(values: dict[str, np.ndarray[Any, Any]]) -> None:
    found = table_of(values, "spiked")
    assert found.edges[0] == 0.0
    assert found.rows[0] == (values["spiked"] == 0).sum()


def test_bins_are_the_same_however_rows_lie(values: dict[str, np.ndarray[Any, Any]]) -> None:
    turned = np.random.default_rng(1).permutation(3_000)
    again = {name: told[turned] for name, told in values.items()}
    for name in SHAPES:
        one, other = table_of(values, name), table_of(again, name)
        assert one.edges == other.edges
        assert (one.rows.tolist(), one.positives.tolist()) == (other.rows.tolist(), other.positives.tolist())


@pytest.mark.parametrize("name", ["normal", "flag", "odd", "whole"])
def test_the_test_of_a_table_is_that_of_scipy(values: dict[str, np.ndarray[Any, Any]], name: str) -> None:
    table = table_of(values, name)
    counts = np.stack([table.positives, table.rows - table.positives])
    expected = stats.chi2_contingency(counts, correction=False)
    found = dependence(table)
    assert found.chi_square == pytest.approx(expected.statistic)
    assert found.degrees == expected.dof
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert found.cramers_v == pytest.approx(stats.contingency.association(counts, method="cramer"))


def test_false_discoveries_are_those_of_scipy() -> None:
    p_values = [0.3, 0.001, 0.04, 0.04, 0.9, 0.0, 0.012]
    assert false_discoveries(p_values) == pytest.approx(stats.false_discovery_control(p_values))
    assert false_discoveries([]) == []


def test_the_information_value_is_that_of_the_books() -> None:
    table = Table(np.array([100, 200, 100]), np.array([10, 40, 50]), 0)
    good, bad = [90 / 300, 160 / 300, 50 / 300], [10 / 100, 40 / 100, 50 / 100]
    expected = sum((b - g) * np.log(b / g) for g, b in zip(good, bad, strict=True))
    assert information_value(table) == pytest.approx(expected)


def test_a_bin_without_positives_has_half_of_one() -> None:
    found = information_value(Table(np.array([4, 4]), np.array([0, 2]), 0))
    good, bad = [4.5 / 7, 2.5 / 7], [0.5 / 3, 2.5 / 3]
    assert found == pytest.approx(sum((b - g) * np.log(b / g) for g, b in zip(good, bad, strict=True)))
    assert information_value(Table(np.array([9]), np.array([4]), 0)) == 0.0


SELECTED = Selected(
    "chi_square",
    (Verdict("a", True, "why", {"p_value": 0.01}), Verdict("b", False, "why not", {"p_value": 0.5, "degrees": 9.0})),
    (Round(2, 0.7, ("b",)), Round(1, 0.8, ())),
)


def test_a_selection_drops_features_and_makes_none() -> None:
    stage: FittedStage = SELECTED
    assert features_after(["b", "c", "a"], [stage]) == ("c", "a")
    assert staged({"a": np.ones(2)}, [stage]).keys() == {"a"}, "what was dropped need not be there"
    assert stage.applied_in_training({"a": np.ones(2)}, np.zeros(2)) == {}
    assert SELECTED.kept == ("a",)


def test_a_selection_is_kept_with_its_report() -> None:
    kept = json.loads(json.dumps(SELECTED.as_dict(), allow_nan=False))
    assert class_of("selected", STAGES).of_dict(kept) == SELECTED
    assert SELECTED.report() == [
        {"feature": "a", "kept": True, "reason": "why", "p_value": 0.01, "degrees": None},
        {"feature": "b", "kept": False, "reason": "why not", "p_value": 0.5, "degrees": 9.0},
    ]


def test_a_selection_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="none of 1 features to keep"):
        selected("lasso", [Verdict("a", False, "why", {})])


@dataclass(frozen=True)
class Odd:
    def problems(self, where: str) -> list[Problem]:
        return [Problem(where, "nothing", "something")]

    def fit(self, learning: Learning) -> Learned:
        raise NotImplementedError


@pytest.mark.parametrize(
    ("stage", "told"),
    [
        (Uncorrelated(), []),
        (Uncorrelated(1.0), ["limit 1.0"]),
        (ChiSquare(), []),
        (ChiSquare(level=0.0, keep=0, bins=1), ["1 bins", "level 0.0", "keep 0"]),
        (Lasso(keep=3), []),
        (Lasso(), ["strength None, keep None"]),
        (Lasso(strength=-1.0, keep=0), ["strength -1.0, keep 0", "strength -1.0", "keep 0"]),
        (
            RecursiveElimination(0, Odd(), step=1.5, rounds=0, metric="auc", workers=0),  # type: ignore[arg-type]
            ["keep 0", "rounds 0", "workers 0", "step 1.5", "metric 'auc'", "nothing"],
        ),
        (RecursiveElimination(2, Odd(), step=3), ["nothing"]),
    ],
)
def test_values_that_can_not_be_are_told_at_once(stage: Stage, told: list[str]) -> None:
    assert [problem.found for problem in stage.problems("model")] == told


def test_a_step_is_a_share_or_a_number_and_the_last_round_drops_the_rest() -> None:
    left = tuple("abcdefghij")
    done = [Round(10, 0.5, ("k",))]
    asked = {"by share": 0.25, "by number": 4, "at least one": 0.01}
    found = {name: RecursiveElimination(3, Odd(), step)._excess(left, done) for name, step in asked.items()}
    assert found == {"by share": 2, "by number": 4, "at least one": 1}
    assert RecursiveElimination(8, Odd(), 4)._excess(left, done) == 2
    assert RecursiveElimination(3, Odd(), 1, rounds=2)._excess(left, done) == 7
    assert RecursiveElimination(12, Odd(), 1)._excess(left, done) == 0
