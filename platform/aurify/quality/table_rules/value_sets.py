"""Expectations of the set of values that a column has, and of its most common ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.quality.result import Judgement
from aurify.quality.row_rules import arguments as row_arg
from aurify.quality.table_rules.measures import LISTED, Found, Measure, over_column
from aurify.quality.table_rules.registry import Registry, Traits

if TYPE_CHECKING:
    from aurify.quality.rule import Rule

VALUE_SETS = Registry()

TYPED_SET = (
    "The members of the set are read as the column's type has them and each counts once; Great Expectations counts"
    " a member that is listed twice as missing, and a date, moment or decimal given as text as missing from the list."
)
TYPED_MEMBERS = (
    "The members of the set are read as the column's type has them, where Great Expectations finds a date, moment or"
    " decimal only if the suite was made in Python; of more than 20 values that are equally common, 20 are told."
)


def _outside(rule: Rule, found: Found) -> Mapping[str, Measure]:
    """Values outside the set: their number, and where there are some, the first of them."""
    members = rule.kwargs["value_set"]
    wanted = {"unexpected": over_column(rule, "distinct_count", "is_outside", members)}
    if found.get("unexpected"):
        wanted["unexpected_values"] = over_column(rule, "failing_values", LISTED, True, "is_outside", members)
    return wanted


def _inside(rule: Rule, found: Found) -> Mapping[str, Measure]:
    """Values inside the set: their number, and where some are missing, those that are there."""
    members = _once(rule.kwargs["value_set"])
    wanted = {"present": over_column(rule, "distinct_count", "is_inside", members)}
    if found.get("present", len(members)) != len(members):
        wanted["present_values"] = over_column(rule, "failing_values", len(members), True, "is_inside", members)
    return wanted


@VALUE_SETS.measured(
    "expect_column_distinct_values_to_be_in_set",
    "every {column} is one of {value_set}",
    _outside,
    Traits(beside=True),
    value_set=row_arg.THE_VALUES,
)
def has_no_other_values(found: Found, value_set: Sequence[object]) -> Judgement:
    """NULL is no value; NaN is equal to NaN."""
    details = _unexpected(found)
    return Judgement(not details["unexpected_count"], None, details)


@VALUE_SETS.measured(
    "expect_column_distinct_values_to_contain_set",
    "each of {value_set} is a {column}",
    _inside,
    Traits(beside=True, difference=TYPED_SET),
    value_set=row_arg.THE_VALUES,
)
def has_all_values(found: Found, value_set: Sequence[object]) -> Judgement:
    """Further values are no fault."""
    details = _missing(found, value_set)
    return Judgement(not details["missing_count"], None, details)


@VALUE_SETS.measured(
    "expect_column_distinct_values_to_equal_set",
    "the values of {column} are {value_set}",
    lambda rule, found: {**_outside(rule, found), **_inside(rule, found)},
    Traits(beside=True, difference=TYPED_SET),
    value_set=row_arg.THE_VALUES,
)
def has_just_these_values(found: Found, value_set: Sequence[object]) -> Judgement:
    """No other value, and none missing."""
    details = {**_unexpected(found), **_missing(found, value_set)}
    return Judgement(not details["unexpected_count"] and not details["missing_count"], None, details)


def _most_common(rule: Rule, found: Found) -> Mapping[str, Measure]:
    return {"counts": over_column(rule, "most_common", LISTED + 1, rule.kwargs["value_set"])}


@VALUE_SETS.measured(
    "expect_column_most_common_value_to_be_in_set",
    "the most common {column} is one of {value_set}",
    _most_common,
    Traits(difference=TYPED_MEMBERS),
    value_set=row_arg.THE_VALUES,
    ties_okay=row_arg.FLAG,
)
def has_usual_mode(found: Found, value_set: Sequence[object], ties_okay: bool = False) -> Judgement:
    """Of several equally common values, with `ties_okay`, one must be in the set; without it the rule fails."""
    counts: Any = found["counts"]
    modes = [value for value, rows in counts if rows == counts[0][1]]
    members = {_same(member) for member in value_set}
    is_member = bool(modes) and _same(modes[0]) in members  # members stand first among equals
    return Judgement(is_member and (ties_okay or len(modes) == 1), sorted(modes, key=_rank)[:LISTED])


def _unexpected(found: Found) -> dict[str, object]:
    values = found.get("unexpected_values", [])
    return {"unexpected_count": found["unexpected"], "partial_unexpected_list": values}


def _missing(found: Found, value_set: Sequence[object]) -> dict[str, object]:
    members, listed = _once(value_set), found.get("present_values")
    present = {_same(value) for value in listed} if isinstance(listed, Sequence) else set(map(_same, members))
    missing = [member for member in members if _same(member) not in present]
    return {"missing_count": len(missing), "partial_missing_list": missing[:LISTED]}


def _once(members: object) -> tuple[object, ...]:
    """The members, each once."""
    assert isinstance(members, Sequence)
    return tuple({_same(member): member for member in members}.values())


def _same(value: object) -> object:
    """Spark's equality: NaN is equal to itself."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _rank(value: Any) -> tuple[bool, Any]:
    """Spark's order: NaN is above every number."""
    return (True, 0) if _same(value) == "NaN" else (False, value)
