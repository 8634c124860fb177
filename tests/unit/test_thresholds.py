"""Thresholds are proposed from enough batches, with what was seen beside them, and none is set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from aurify.config.columns import parse_columns
from aurify.quality import load_suite
from aurify.quality.thresholds import Threshold, as_yaml, propose_thresholds, rounded, upper_share

SUITE = """
table: silver.t
expectations:
  - expect_column_values_to_be_between: {column: v, max_value: 9, id: out}
  - expect_column_values_to_not_be_null: {column: v, mostly: 0.5, id: there}
  - expect_column_mean_to_be_between: {column: v, min_value: 1, max_value: 100, id: mean}
  - expect_column_values_to_be_unique: {column: v, on_fail: warn, id: told}
  - expect_column_to_exist: {column: v, id: exists}
"""
Rows = Sequence[Mapping[str, Any]]


def shares(*failed: int, rows: int = 1000) -> Rows:
    return [{"elements": rows + 10, "missing": 10, "unexpected": n, "observed": None} for n in failed]


def observed(*values: object) -> Rows:
    return [{"elements": None, "observed": json.dumps(v)} for v in values]


@pytest.fixture
def proposed(tmp_path: Path) -> Any:
    path = tmp_path / "silver_t.yml"
    path.write_text(SUITE)
    suite = load_suite(path, "silver.t", parse_columns("v int"), {})

    def propose(**told: Rows) -> dict[tuple[str, str], Threshold]:
        return {(t.rule, t.setting): t for t in propose_thresholds(suite.rules, told)}

    return propose


def test_each_kind_of_rule_gets_its_own_limit(proposed: Any) -> None:
    found = proposed(
        out=shares(10, 12, 11, 10, 12), there=shares(100, 90, 110, 95, 105), mean=observed(40.0, 41.0, 42.0, 40.5, 41.5)
    )
    assert set(found) == {("out", "stop_above"), ("there", "mostly"), ("mean", "min_value"), ("mean", "max_value")}
    out = found["out", "stop_above"]
    assert (out.now, out.change, out.least, out.most, out.batches) == (None, "new", 0.01, 0.012, 5)
    assert 0.012 < out.proposed < 0.02
    there = found["there", "mostly"]
    assert (there.now, there.change) == (0.5, "tighter")
    assert 0.8 < there.proposed < 0.89
    assert found["mean", "min_value"].proposed <= 40
    assert found["mean", "min_value"].change == "tighter"
    assert 42 <= found["mean", "max_value"].proposed < 100


def test_what_was_seen_always_passes_what_is_proposed(proposed: Any) -> None:
    for failed in ((0, 0, 0, 0, 0), (1, 0, 0, 0, 900), (1000,) * 5, (3, 3, 3, 3, 3)):
        found = proposed(out=shares(*failed), there=shares(*failed))
        assert max(failed) / 1000 <= found["out", "stop_above"].proposed <= 1
        assert 0 <= found["there", "mostly"].proposed <= 1 - max(failed) / 1000
    for values in ((-5.0, -3, -4, -4.5, -3.5), (0.0, 0, 0, 0, 0), (0.001, 0.1, 5, 1e9, 3)):
        found = proposed(mean=observed(*values))
        assert found["mean", "min_value"].proposed <= min(values)
        assert found["mean", "max_value"].proposed >= max(values)


def test_too_few_batches_and_values_that_are_no_numbers_propose_nothing(proposed: Any) -> None:
    assert not proposed(out=shares(1, 2, 3, 4), mean=observed(1, 2, 3, 4))
    assert not proposed(mean=observed("a", None, True, [1], float("nan"), 1.0))
    assert not proposed(out=[{"elements": 10, "missing": 10, "unexpected": 0}] * 9), "no row was judged"
    assert not proposed(told=shares(1, 2, 3, 4, 5), exists=observed(1, 2, 3, 4, 5)), "a warning has no limit"


def test_the_lines_can_be_copied_into_a_suite(proposed: Any) -> None:
    told = as_yaml(list(proposed(out=shares(0, 0, 0, 0, 0), mean=observed(1e7, 2e7, 3e7, 2e7, 2e7)).values()))
    read = yaml.safe_load(told)
    assert read["out"] == {"stop_above": 0.0006}
    assert all(isinstance(bound, int | float) for bound in read["mean"].values()), told


@pytest.mark.parametrize("value", [0.0, 1e-300, 0.1, 0.9999, 123456.789, -7e20])
def test_rounding_goes_outward(value: float) -> None:
    import math

    assert rounded(value, math.floor) <= value <= rounded(value, math.ceil)
    assert upper_share([min(abs(value), 1.0)], 10**9) >= min(abs(value), 1.0)
