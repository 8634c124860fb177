"""Rules of a batch as a whole: how they are read, what they measure, and what they make of it; no JVM."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.conditions import read_condition
from aurify.quality.result import Judgement, RowCounts
from aurify.quality.row_rules.domain import field_type
from aurify.quality.rule import OnFail, Rule
from aurify.quality.table_rules import TABLE_RULES
from aurify.quality.table_rules.measure import jobs_needed, measures_kept
from aurify.quality.table_rules.measures import Measure
from aurify.quality.table_rules.registry import Kind, Registry
from aurify.quality.table_rules.stability import stability_index
from aurify.quality.values import Unfit

UTC = timezone.utc
SCHEMA = parse_columns(
    "n int, big bigint, x double, d decimal(12,4), s string, day date, at timestamp, flag boolean,"
    " place struct<city: string, zip: int>, `a.b` string, labels map<string,string>"
)


def _rule(name: str, column: str = "", where: str = "", mostly: float = 1.0, **kwargs: Any) -> Rule:
    """The rule, its arguments read as a suite's are."""
    expectation = TABLE_RULES[name]
    types = [kind for kind in [field_type(SCHEMA, column)] if column and kind is not None]
    if wanted := expectation.wants(tuple(types)):
        raise Unfit(column, wanted)
    order_by = tuple(kwargs.pop("order_by", ()))
    read = {key: expectation.arguments[key].read(value, types) for key, value in kwargs.items()}
    expectation.agree(read)
    condition = read_condition(where, None, SCHEMA) if where else None
    columns = (column,) if column else ()
    return Rule(name, name, columns, read, OnFail.FAIL, "", mostly=mostly, condition=condition, order_by=order_by)


def _judged(rule: Rule, **found: object) -> Judgement:
    judgement = TABLE_RULES[rule.expectation].judge(rule, SCHEMA, found)
    assert judgement is not None
    return judgement


def _holds(rule: Rule, **found: object) -> bool:
    return _judged(rule, **found).holds


MAX = "expect_column_max_to_be_between"
MEAN = "expect_column_mean_to_be_between"


@pytest.mark.parametrize(
    ("column", "bounds", "value", "holds"),
    [
        ("n", {"min_value": 1, "max_value": 3}, 3, True),
        ("n", {"min_value": 1, "max_value": 3, "strict_max": True}, 3, False),
        ("n", {"min_value": 3, "strict_min": True}, 3, False),
        ("n", {"min_value": 0}, None, False),
        ("x", {"max_value": 0.1}, 0.1, True),
        ("x", {"max_value": math.inf}, math.inf, True),
        ("d", {"max_value": 0.1}, Decimal("0.1000"), True),
        ("d", {"max_value": 0.1, "strict_max": True}, Decimal("0.1000"), False),
        ("s", {"min_value": "b"}, "é", True),
        ("day", {"max_value": "2024-02-29"}, date(2024, 2, 29), True),
        ("at", {"max_value": "2024-02-29T13:00:00+01:00"}, datetime(2024, 2, 29, 12, tzinfo=UTC), True),
        ("at", {"max_value": "2024-02-29 11:59"}, datetime(2024, 2, 29, 12, tzinfo=UTC), False),
    ],
)
def test_a_value_is_in_its_range_or_not(column: str, bounds: Mapping[str, Any], value: object, holds: bool) -> None:
    judgement = _judged(_rule(MAX, column, **bounds), value=value)
    assert judgement == Judgement(holds, value)


@pytest.mark.parametrize(("value", "holds"), [(0.1, True), (Decimal("0.1"), True), (Decimal("0.1001"), False)])
def test_a_mean_is_compared_as_the_number_that_it_is(value: object, holds: bool) -> None:
    column = "d" if isinstance(value, Decimal) else "n"
    assert _holds(_rule(MEAN, column, min_value=0.1, max_value=0.1), value=value) is holds


def test_shares_of_nothing_are_0() -> None:
    values = _rule("expect_column_proportion_of_non_null_values_to_be_between", "n", min_value=0.5)
    distinct = _rule("expect_column_proportion_of_unique_values_to_be_between", "n", max_value=0.5)
    assert _judged(values, rows=0, nulls=0) == Judgement(False, 0)
    assert _judged(values, rows=4, nulls=1) == Judgement(True, 0.75)
    assert _judged(distinct, rows=4, nulls=4, distinct=0) == Judgement(True, 0)
    assert _judged(distinct, rows=5, nulls=1, distinct=3) == Judgement(False, 0.75)


def test_a_quantile_may_miss_its_bound_by_a_ten_thousandth() -> None:
    ranges = {"quantiles": [0, 0.5, 1], "value_ranges": [[1, 2], [None, 10], [5, None]]}
    rule = _rule("expect_column_quantile_values_to_be_between", "x", quantile_ranges=ranges)
    judgement = _judged(rule, values=[0.99995, 10.002, math.inf])
    assert judgement.details == {"success_details": [True, False, True]}
    assert judgement.observed == {"quantiles": [0, 0.5, 1], "values": [0.99995, 10.002, math.inf]}
    assert not judgement.holds
    assert not _holds(rule, values=None)


IN_SET = "expect_column_distinct_values_to_be_in_set"
CONTAIN = "expect_column_distinct_values_to_contain_set"
EQUAL = "expect_column_distinct_values_to_equal_set"
MODE = "expect_column_most_common_value_to_be_in_set"


def test_other_values_are_counted_and_told() -> None:
    rule = _rule(IN_SET, "s", value_set=["a", "b"])
    assert _judged(rule, unexpected=0) == Judgement(True, None, {"unexpected_count": 0, "partial_unexpected_list": []})
    assert _judged(rule, unexpected=2, unexpected_values=["c", "d"]) == Judgement(
        False, None, {"unexpected_count": 2, "partial_unexpected_list": ["c", "d"]}
    )


def test_a_member_that_is_listed_twice_is_missing_once() -> None:
    rule = _rule(CONTAIN, "x", value_set=[1, 1.0, math.nan, 3])
    assert _holds(rule, present=3)
    judgement = _judged(rule, present=2, present_values=[1.0, math.nan])
    assert judgement == Judgement(False, None, {"missing_count": 1, "partial_missing_list": [3.0]})


def test_a_set_is_equal_where_nothing_is_missing_and_nothing_more() -> None:
    rule = _rule(EQUAL, "n", value_set=[1, 2])
    assert _holds(rule, unexpected=0, present=2)
    assert not _holds(rule, unexpected=1, unexpected_values=[3], present=2)
    assert _judged(rule, unexpected=0, present=0, present_values=[]).details == {
        "unexpected_count": 0, "partial_unexpected_list": [], "missing_count": 2, "partial_missing_list": [1, 2],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("ties_okay", "counts", "holds", "observed"),
    [
        (False, [("a", 3), ("z", 1)], True, ["a"]),
        (False, [("a", 3), ("b", 3)], False, ["a", "b"]),
        (True, [("z", 3), ("a", 3), ("b", 2)], True, ["a", "z"]),
        (True, [("b", 3), ("c", 3)], False, ["b", "c"]),
        (True, [], False, []),
        (True, [("z", 1), *((f"{i:02}", 1) for i in range(20))], True, [f"{i:02}" for i in range(20)]),
    ],
)
def test_one_of_the_most_common_values_is_in_the_set(
    ties_okay: bool, counts: Sequence[tuple[str, int]], holds: bool, observed: Sequence[str]
) -> None:
    rule = _rule(MODE, "s", value_set=["a", "z"], ties_okay=ties_okay)
    assert _judged(rule, counts=counts) == Judgement(holds, observed)


Z = "expect_column_value_z_scores_to_be_less_than"
OUTLIERS = "expect_column_values_to_not_be_outliers"


def _measured(rule: Rule, **found: object) -> dict[str, str]:
    """The names of the measures by role, but for the rows and NULLs of every such rule."""
    wanted = TABLE_RULES[rule.expectation].measures(rule, found)
    return {role: measure.name for role, measure in wanted.items() if role not in ("rows", "nulls")}


def test_z_scores_are_counted_when_mean_and_deviation_are_known() -> None:
    rule = _rule(Z, "x", threshold=3, double_sided=True, mostly=0.5)
    first = {"mean": "mean(x)", "deviation": "stdev(x)"}
    assert _measured(rule) == first
    counted = "failing_count(x, 'has_great_z_score', 2.0, 0.5, 3.0, True)"
    assert _measured(rule, mean=2.0, deviation=0.5) == {**first, "unexpected": counted}
    assert "sample" in _measured(rule, mean=2.0, deviation=0.5, unexpected=1)
    assert _measured(rule, mean=2.0, deviation=0.0) == {**first, "undetermined": "value_count(x)"}
    judgement = _judged(rule, rows=10, nulls=2, unexpected=5)
    assert judgement == Judgement(False, counts=RowCounts(10, 2, 5))
    assert _judged(rule, rows=10, nulls=2, undetermined=8) == Judgement(True, counts=RowCounts(10, 2, 0, 8))


def test_outliers_lie_beyond_fences_or_far_from_the_mean() -> None:
    iqr, std = _rule(OUTLIERS, "x"), _rule(OUTLIERS, "x", method="std", multiplier=2)
    assert _measured(iqr) == {"quartiles": "quartiles(x)"}
    beyond = "failing_count(x, 'is_beyond_fences', -0.5, 3.5)"
    assert _measured(iqr, quartiles=[1.0, 2.0])["unexpected"] == beyond
    assert "unexpected" not in _measured(iqr, quartiles=[1.0, math.nan])
    far = "failing_count(x, 'is_far_from', 2.0, 3.0)"
    assert _measured(std, mean=Decimal("2.0"), deviation=1.5)["unexpected"] == far
    assert "unexpected" not in _measured(std, mean=math.inf, deviation=None)


KL = "expect_column_kl_divergence_to_be_less_than"


def test_a_column_like_its_partition_of_values_has_no_divergence() -> None:
    partition = {"values": ["a", "b"], "weights": [0.75, 0.25]}
    rule = _rule(KL, "s", partition_object=partition, threshold=0.1)
    assert _judged(rule, nonnull=4, counts=[("a", 3), ("b", 1)]).observed == 0
    judgement = _judged(rule, nonnull=4, counts=[("a", 2), ("c", 2)])
    assert (judgement.holds, judgement.observed) == (False, None)
    assert judgement.details["observed_partition"] == {"values": ["a", "b", "c"], "weights": [0.5, 0.0, 0.5]}
    lenient = _rule(KL, "s", partition_object=partition, threshold=0.1, tail_weight_holdout=0.5)
    judgement = _judged(lenient, nonnull=4, counts=[("a", 2), ("c", 2)])
    assert judgement.details["expected_partition"] == {"values": ["a", "b", "c"], "weights": [0.375, 0.125, 0.5]}
    assert judgement.observed == pytest.approx(0.5 * math.log(0.5 / 0.375))


def test_weights_beyond_the_bins_are_tails() -> None:
    partition = {"bins": [0, 1, 2], "weights": [0.4, 0.4], "tail_weights": [0.1, 0.1]}
    rule = _rule(KL, "x", partition_object=partition, threshold=0.1)
    judgement = _judged(rule, nonnull=10, counts=[1, 4, 4, 1])
    assert judgement.holds
    assert judgement.details["observed_partition"] == {
        "bins": [0, 1, 2],
        "weights": [0.4, 0.4],
        "tail_weights": [0.1, 0.1],
    }
    endless = {"bins": [-math.inf, 1, 2, math.inf], "weights": [0.25, 0.5, 0.25]}
    judgement = _judged(_rule(KL, "x", partition_object=endless), nonnull=4, counts=[0, 1, 2, 1, 0])
    assert judgement.details["expected_partition"] == {"bins": [1, 2], "weights": [0.5], "tail_weights": [0.25, 0.25]}
    assert (judgement.holds, judgement.observed) == (True, 0)


def test_fields_of_structs_count_as_columns() -> None:
    names = ["n", "big", "x", "d", "s", "day", "at", "flag", "place", "place.city", "place.zip", "a.b", "labels"]
    assert _judged(_rule("expect_table_column_count_to_equal", value=13)) == Judgement(True, 13)
    assert not _holds(_rule("expect_table_column_count_to_be_between", min_value=3, max_value=12))
    assert _holds(_rule("expect_table_columns_to_match_ordered_list", column_list=names))
    assert _holds(_rule("expect_table_columns_to_match_set", column_set=["n"], exact_match=False))
    swapped = _judged(_rule("expect_table_columns_to_match_ordered_list", column_list=["big", "n", *names[2:-1]]))
    assert swapped.details["mismatched"] == [
        {"Expected Column Position": 0, "Expected": "big", "Found": "n"},
        {"Expected Column Position": 1, "Expected": "n", "Found": "big"},
        {"Expected Column Position": 12, "Expected": None, "Found": "labels"},
    ]
    other = _judged(_rule("expect_table_columns_to_match_set", column_set=[*names[1:], "m"]))
    assert (other.holds, other.details) == (False, {"mismatched": {"unexpected": ["n"], "missing": ["m"]}})
    assert other.observed == sorted(names)


@pytest.mark.parametrize(
    ("kwargs", "holds"),
    [
        ({"column": "a.b"}, True), ({"column": "place.zip"}, True), ({"column": "m"}, False),
        ({"column": "big", "column_index": 1}, True), ({"column": "big", "column_index": 0}, False),
        ({"column": "labels", "column_index": -1}, True), ({"column": "n", "column_index": 99}, False),
    ],
)  # fmt: skip
def test_a_column_exists_or_not(kwargs: Mapping[str, Any], holds: bool) -> None:
    expectation = TABLE_RULES["expect_column_to_exist"]
    rule = Rule("r", "expect_column_to_exist", (), kwargs, OnFail.FAIL, "")
    assert expectation.judge(rule, SCHEMA, {}) == Judgement(holds)


def test_types_are_judged_by_their_names() -> None:
    assert _judged(_rule("expect_column_type_to_be", "n", type_="IntegerType")) == Judgement(True, "IntegerType")
    assert _judged(_rule("expect_column_values_to_be_of_type", "place.zip", type_="LongType")).observed == "IntegerType"
    listed = ["int64", "BIGINT", "LongType"]
    assert _holds(_rule("expect_column_values_to_be_in_type_list", "big", type_list=listed))


ROWS_NEAR = "expect_table_row_count_to_be_near_history"
RECENT = "expect_column_max_to_be_recent"
STABLE = "expect_column_distribution_to_be_near_history"


def _volumes(*rows: int) -> list[dict[str, object]]:
    return [{"rows": count} for count in rows]


def test_volume_stays_within_the_band_of_the_last_batches() -> None:
    rule = _rule(ROWS_NEAR, batches=6)
    history = _volumes(9, 100, 110, 90, 105, 95, 100)
    judgement = _judged(rule, rows=120, history=history)
    reach = 3 * 1.4826 * 5
    assert judgement.holds
    assert judgement.details == pytest.approx({"median": 100, "low": 100 - reach, "high": 100 + reach, "batches": 6})
    assert not _holds(rule, rows=123, history=history)
    alike = _volumes(*[100] * 5)
    assert _holds(rule, rows=110, history=alike)
    assert not _holds(rule, rows=111, history=alike)


def test_too_few_batches_make_a_rule_not_applicable() -> None:
    for rule in (_rule(ROWS_NEAR), _rule(STABLE, "s", told_by="values")):
        found = {"rows": 1, "nulls": 0, "values": [], "history": _volumes(1, 2, 3, 4)}
        assert TABLE_RULES[rule.expectation].judge(rule, SCHEMA, found) is None


@pytest.mark.parametrize(
    ("latest", "holds"),
    [
        (datetime(2024, 2, 28, 12, tzinfo=UTC), True),
        (datetime(2024, 2, 28, 11, 59, tzinfo=UTC), False),
        (datetime(2024, 2, 28, 13, tzinfo=timezone(timedelta(hours=1))), True),
        (date(2024, 2, 29), True),
        (date(2024, 2, 28), False),
        (None, False),
    ],
)
def test_the_latest_moment_is_recent_or_not(latest: object, holds: bool) -> None:
    rule = _rule(RECENT, "at", max_age="24 hours")
    assert _holds(rule, latest=latest, at=datetime(2024, 2, 29, 12, tzinfo=UTC)) is holds


def _values(rows: int, nulls: int, **counts: int) -> dict[str, object]:
    return {"rows": rows, "nulls": nulls, "values": [[value, count] for value, count in counts.items()]}


def test_shares_of_values_are_compared_with_their_mean_in_earlier_batches() -> None:
    rule = _rule(STABLE, "s", told_by="values", min_batches=2)
    history = [_values(10, 1, a=6, b=3), _values(20, 2, a=10, b=8)]
    judgement = _judged(rule, **_values(10, 1, a=5, c=4), history=history)
    expected = {"'a'": 0.55, "'b'": 0.35, "all others": 0, "NULL": 0.1}
    observed = {"'a'": 0.5, "'b'": 0.0, "all others": 0.4, "NULL": 0.1}
    assert judgement.details["expected"] == pytest.approx(expected)
    assert judgement.details["observed"] == pytest.approx(observed)
    assert judgement.observed == pytest.approx(stability_index(list(expected.values()), list(observed.values())))
    assert not judgement.holds
    assert _holds(rule, **_values(10, 1, b=4, a=5), history=history)


def test_shares_between_quantiles_are_told_from_quantiles_alone() -> None:
    def batch(low: float, high: float) -> dict[str, object]:
        quantiles = [low + (high - low) * i / 20 for i in range(21)]
        told: dict[str, object] = json.loads(json.dumps({"rows": 100, "nulls": 0, "quantiles": quantiles}))
        return told

    rule = _rule(STABLE, "x", told_by="quantiles", min_batches=3)
    history = [batch(0, 1), batch(0, 1), batch(0, 1)]
    assert _judged(rule, **batch(0, 1), history=history).observed == pytest.approx(0, abs=1e-9)
    moved = _judged(rule, **batch(0.5, 1.5), history=history)
    observed = moved.details["observed"]
    assert isinstance(observed, dict)
    assert list(observed.values()) == pytest.approx([0] * 5 + [0.1] * 4 + [0.6, 0])
    assert not moved.holds
    assert not _holds(rule, rows=100, nulls=100, quantiles=None, history=history)


@pytest.mark.parametrize(
    ("name", "column", "kwargs", "found"),
    [
        (MAX, "n", {}, "neither min_value nor max_value"),
        (MEAN, "s", {"min_value": 1}, "s"),
        (MEAN, "n", {"min_value": 2, "max_value": 1}, "min_value 2 above max_value 1"),
        ("expect_table_row_count_to_equal", "", {"value": -1}, "-1"),
        ("expect_table_row_count_to_equal", "", {"value": 1.5}, "1.5"),
        ("expect_column_proportion_of_unique_values_to_be_between", "n", {"min_value": 95}, "95"),
        ("expect_column_unique_value_count_to_be_between", "labels", {"min_value": 1}, "labels"),
        ("expect_column_quantile_values_to_be_between", "n", {"quantile_ranges": {"quantiles": [0.5]}},
         "{'quantiles': [0.5]}"),
        ("expect_column_quantile_values_to_be_between", "n",
         {"quantile_ranges": {"quantiles": [0.5, 1], "value_ranges": [[0, 1]]}}, "2 quantiles and 1 value_ranges"),
        ("expect_column_quantile_values_to_be_between", "n",
         {"quantile_ranges": {"quantiles": [5], "value_ranges": [[0, 1]]}}, "5.0"),
        ("expect_column_quantile_values_to_be_between", "n",
         {"quantile_ranges": {"quantiles": [0.5], "value_ranges": [[1, 0]]}}, "the range [1, 0]"),
        (KL, "s", {"partition_object": {"values": ["a"], "weights": [0.5]}}, "weights that add up to 0.5"),
        (KL, "s", {"partition_object": {"values": ["a"], "weights": [0.5, 0.5]}}, "2 weights"),
        (KL, "s", {"partition_object": {"bins": [0, 1], "weights": [1]}}, "bins"),
        (KL, "x", {"partition_object": {"bins": [0, 0], "weights": [1]}}, "the bins [0.0, 0.0]"),
        (KL, "x", {"partition_object": {"bins": [0, 1], "weights": [1], "tails": 1}}, "also tails"),
        (KL, "s", {"partition_object": {"values": ["a"], "weights": [1]}, "internal_weight_holdout": 0.1},
         "internal_weight_holdout with values"),
        ("expect_column_type_to_be", "n", {"type_": "Integer"}, "'Integer'"),
        ("expect_column_values_to_be_in_type_list", "n", {"type_list": ["int64"]}, "int64"),
        ("unexpected_rows_expectation", "", {"unexpected_rows_query": "SELECT * FROM t"}, "no {batch}"),
        ("unexpected_rows_expectation", "", {"unexpected_rows_query": "SELECT '{a}' FROM {batch}"}, "{a}, {batch}"),
        ("unexpected_rows_expectation", "", {"unexpected_rows_query": "SELECT {batch"}, "a brace that is not closed"),
        (OUTLIERS, "x", {"method": "mad"}, "'mad'"),
        (OUTLIERS, "x", {"multiplier": -1}, "-1"),
        (RECENT, "at", {"max_age": "soon"}, "'soon'"),
        (RECENT, "n", {"max_age": "1 day"}, "n"),
        (STABLE, "s", {"told_by": "quantiles"}, "'quantiles'"),
        (ROWS_NEAR, "", {"batches": 0}, "0"),
    ],
)  # fmt: skip
def test_arguments_that_mean_nothing_are_refused(name: str, column: str, kwargs: Mapping[str, Any], found: str) -> None:
    with pytest.raises(Unfit) as caught:
        _rule(name, column, **kwargs)
    assert found in caught.value.found


def test_equal_measures_have_one_name() -> None:
    condition = read_condition("n > 0", None, SCHEMA)
    assert Measure("row_count").name == "row_count"
    assert Measure("max", "x", (), condition).name == f"max(x) where {condition.text}"
    assert Measure("quantiles", "x", (0.5, 1.0)).name == "quantiles(x, 0.5, 1.0)"


def test_jobs_are_told_without_spark() -> None:
    rules = [
        _rule("expect_table_column_count_to_equal", value=3),
        _rule(MAX, "n", max_value=3),
        _rule(MAX, "x", max_value=3, where="n > 0"),
        _rule(MEAN, "x", max_value=3),
        _rule(IN_SET, "s", value_set=["a"]),
        _rule("expect_column_unique_value_count_to_be_between", "n", min_value=3),
    ]
    shared = [("one pass over the rows for all aggregates", 1), ("passes for the counts of different values", 1)]
    assert jobs_needed(rules[:1]) == []
    assert jobs_needed(rules) == shared
    rules += [
        _rule(MODE, "s", value_set=["a"], where="n > 0"),
        _rule(Z, "x", threshold=3, double_sided=False),
        _rule("expect_column_values_to_be_increasing", "at", order_by=["n"]),
        _rule("expect_table_row_count_to_equal_other_table", other_table_name="silver.t"),
        _rule("unexpected_rows_expectation", unexpected_rows_query="SELECT * FROM {batch} WHERE n < 0;"),
    ]
    assert sorted(jobs_needed(rules)) == sorted(
        [
            *shared,
            ("a second pass for z-scores and outliers", 1),
            ("rows in order, on one task", 1),
            ("the query SELECT * FROM {batch} WHERE n < 0", 1),
            ("the rows of silver.t", 1),
            ("the values of s where n > 0", 1),
        ]
    )


def test_a_ledger_keeps_what_history_is_told_by() -> None:
    rules = [
        _rule(ROWS_NEAR, where="n > 0"),
        _rule(RECENT, "at", max_age="1 day"),
        _rule(STABLE, "x", told_by="quantiles"),
    ]
    assert measures_kept(rules) == {
        ROWS_NEAR: ["row_count where n > 0"],
        STABLE: ["row_count", "null_count(x)", "quantile_sketch(x)"],
    }


def test_every_expectation_says_what_it_is() -> None:
    for name, expectation in TABLE_RULES.items():
        assert expectation.name == name
        assert bool(expectation.unsupported) is (expectation.kind is Kind.UNSUPPORTED)
        assert not expectation.difference or expectation.difference.endswith(".")
    with pytest.raises(ValueError, match="twice"):
        Registry(TABLE_RULES, TABLE_RULES)
