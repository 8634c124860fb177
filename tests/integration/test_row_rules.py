"""Every row rule gives what plain Python gives, on rows with NULL, NaN, infinities, odd text, dates and decimals."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from itertools import combinations
from typing import TYPE_CHECKING, Any

import pytest
from dateutil.parser import parse
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from pyspark.errors import IllegalArgumentException

from aurify.config.columns import parse_columns
from aurify.quality.java_regex import java_refuses
from aurify.quality.row_rules import ROW_RULES, failing
from aurify.quality.rule import OnFail, Rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Row = Mapping[str, Any]
UTC = timezone.utc
SCHEMA = parse_columns(
    "n int, m int, big bigint, x double, y double, d decimal(12,4), e decimal(12,4), s string, t string,"
    " day date, other_day date, at timestamp, flag boolean, `a.b c``d'e\"` string"
)
ODD = "a.b c`d'e\""
TEXT = ["", " ", "a", "A", "ab", "abc", "12345", "C12", "é", "ß", "日本", "\U0001f600", "a\nb", "NULL", "'", "`",
        "50%", "a_b", "a\\b", "2024-02-29", "2023-02-29", "NaN", '{"a": 1}', '{"a": "1"}', "{a: 1}", "[1]"]  # fmt: skip
NUMBERS = [0.0, -0.0, 1.0, -1.5, 2.0, math.nan, math.inf, -math.inf, 1e300]
DECIMALS = [Decimal(v) for v in ("0.0000", "0.1000", "0.2000", "0.3000", "-1.0000", "99999999.9999")]
DAYS = [date(1, 1, 1), date(1582, 10, 4), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]
MOMENTS = [datetime(1582, 10, 4, tzinfo=UTC), datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
           datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)]  # fmt: skip
POOLS: Mapping[str, Sequence[Any]] = {
    "n": [-2, 0, 1, 2, 3, 2**31 - 1], "m": [-2, 0, 1, 2, 3, 2**31 - 1], "big": [-(2**63), 0, 1, 2**63 - 1],
    "x": NUMBERS, "y": NUMBERS, "d": DECIMALS, "e": DECIMALS, "s": TEXT, "t": TEXT,
    "day": DAYS, "other_day": DAYS, "at": MOMENTS, "flag": [True, False], ODD: TEXT,
}  # fmt: skip
ROWS = 600


def _row(pick: random.Random) -> dict[str, Any]:
    return {name: None if pick.random() < 0.25 else pick.choice(pool) for name, pool in POOLS.items()}


class Oracle:
    """The rules in plain Python: True fails, False passes or is passed over, None undetermined."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.rows = rows

    def answers(self, rule: Rule) -> Iterator[bool | None]:
        kwargs = {k: v for k, v in rule.kwargs.items() if k != "ignore_row_if"}
        judge: Callable[..., bool | None] = getattr(self, rule.expectation, bool)
        keys = Counter(tuple(map(_same, self._of(row, rule))) for row in self.rows)
        for row in self.rows:
            values = self._of(row, rule)
            if self._passed_over(rule, values):
                yield False
            elif ROW_RULES[rule.expectation].needs_window:
                yield keys[tuple(map(_same, values))] > 1
            else:
                yield judge(*values, **kwargs)

    @staticmethod
    def _of(row: Row, rule: Rule) -> tuple[Any, ...]:
        return tuple(row[name] for name in rule.columns)

    @staticmethod
    def _passed_over(rule: Rule, values: Sequence[Any]) -> bool:
        if rule.expectation.endswith("be_null"):
            return False
        missing = [value is None for value in values]
        ignore = rule.kwargs.get("ignore_row_if")
        if ignore in ("neither", "never"):
            return False
        return any(missing) if ignore in ("either_value_is_missing", "any_value_is_missing") else all(missing)

    def expect_column_values_to_not_be_null(self, v: Any) -> bool:
        return v is None

    def expect_column_values_to_be_null(self, v: Any) -> bool:
        return v is not None

    def expect_column_values_to_be_in_set(self, v: Any, value_set: Sequence[Any]) -> bool:
        return not any(_same(v) == _same(member) for member in value_set)

    def expect_column_values_to_not_be_in_set(self, v: Any, value_set: Sequence[Any]) -> bool:
        return any(_same(v) == _same(member) for member in value_set)

    def expect_column_values_to_be_between(self, v: Any, **bounds: Any) -> bool:
        return not _within(v, **bounds)

    def expect_column_value_lengths_to_be_between(self, v: str, **bounds: Any) -> bool:
        return not _within(len(v), **bounds)

    def expect_column_value_lengths_to_equal(self, v: str, value: int) -> bool:
        return len(v) != value

    def expect_column_values_to_match_regex(self, v: str, regex: str) -> bool:
        return not re.search(regex, v)

    def expect_column_values_to_not_match_regex(self, v: str, regex: str) -> bool:
        return bool(re.search(regex, v))

    def expect_column_values_to_match_regex_list(
        self, v: str, regex_list: Sequence[str], match_on: str = "any"
    ) -> bool:
        found = [bool(re.search(regex, v)) for regex in regex_list]
        return not (any(found) if match_on == "any" else all(found))

    def expect_column_values_to_not_match_regex_list(self, v: str, regex_list: Sequence[str]) -> bool:
        return any(re.search(regex, v) for regex in regex_list)

    def expect_column_values_to_match_like_pattern(self, v: str, like_pattern: str, escape: str = "\\") -> bool:
        return not _is_like(v, like_pattern, escape)

    def expect_column_values_to_not_match_like_pattern(self, v: str, like_pattern: str, escape: str = "\\") -> bool:
        return _is_like(v, like_pattern, escape)

    def expect_column_values_to_match_like_pattern_list(
        self, v: str, like_pattern_list: Sequence[str], match_on: str = "any", escape: str = "\\"
    ) -> bool:
        found = [_is_like(v, pattern, escape) for pattern in like_pattern_list]
        return not (any(found) if match_on == "any" else all(found))

    def expect_column_values_to_not_match_like_pattern_list(
        self, v: str, like_pattern_list: Sequence[str], escape: str = "\\"
    ) -> bool:
        return any(_is_like(v, pattern, escape) for pattern in like_pattern_list)

    def expect_column_values_to_be_json_parseable(self, v: str) -> bool:
        return v not in JSON

    def expect_column_values_to_match_json_schema(self, v: str, json_schema: Mapping[str, Any]) -> bool:
        if v not in JSON:
            return True
        found = json.loads(v)
        return isinstance(found, dict) and json_schema["properties"]["a"]["type"] != JSON_TYPES[type(found.get("a"))]

    def expect_column_values_to_match_strftime_format(self, v: str, strftime_format: str) -> bool:
        return v != {"%Y-%m-%d": "2024-02-29", "%H%M%S": "12345"}[strftime_format]

    def expect_column_values_to_be_dateutil_parseable(self, v: str) -> bool:
        try:
            parse(v)
        except ValueError:
            return True
        return False

    def expect_column_pair_values_to_be_equal(self, a: Any, b: Any) -> bool:
        return bool(_same(a) != _same(b))

    def expect_column_pair_values_a_to_be_greater_than_b(self, a: Any, b: Any, or_equal: bool = False) -> bool | None:
        if a is None and b is None and or_equal:
            return False
        if a is None or b is None:
            return None
        return not (_rank(a) > _rank(b) or (or_equal and _rank(a) == _rank(b)))

    def expect_column_pair_values_to_be_in_set(self, a: Any, b: Any, value_pairs_set: Sequence[Any]) -> bool:
        return not any((_same(a), _same(b)) == (_same(x), _same(y)) for x, y in value_pairs_set)

    def expect_select_column_values_to_be_unique_within_record(self, *values: Any) -> bool:
        return any(_same(a) == _same(b) for a, b in combinations(values, 2))

    expect_multicolumn_values_to_be_unique = expect_select_column_values_to_be_unique_within_record

    def expect_multicolumn_values_to_be_equal(self, *values: Any) -> bool:
        return any(_same(a) != _same(b) for a, b in combinations(values, 2))

    def expect_multicolumn_sum_to_equal(self, *values: Any, sum_total: Any) -> bool:
        return bool(sum(0 if v is None else v for v in values) != sum_total)


def _same(value: Any) -> Any:
    """Spark's equality: NaN is equal to itself, 0.0 to -0.0."""
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def _is_like(value: str, pattern: str, escape: str) -> bool:
    """LIKE by way of Python's regular expressions."""
    regex, characters = "", iter(pattern)
    for character in characters:
        if character == escape:
            regex += re.escape(next(characters))
        else:
            regex += {"%": ".*", "_": "."}.get(character, re.escape(character))
    return bool(re.fullmatch(regex, value, re.DOTALL))


def _rank(value: Any) -> Any:
    """Spark's order: NaN is above every other number; numbers of two types are compared by value."""
    if isinstance(value, float) and math.isnan(value):
        return (1, 0)
    return (0, value)


def _within(
    v: Any, min_value: Any = None, max_value: Any = None, strict_min: bool = False, strict_max: bool = False
) -> bool:
    above = min_value is None or _rank(v) > _rank(min_value) or (not strict_min and _rank(v) == _rank(min_value))
    below = max_value is None or _rank(v) < _rank(max_value) or (not strict_max and _rank(v) == _rank(max_value))
    return bool(above and below)


PATTERNS = ["^C?[0-9]+$", "a", "", "^.$", "[A-Z]", "é|ß", "^$"]
LIKES = ["a%", "%", "_", "", "%\\%", "a\\_b", "a\\\\b", "%b", "{%}", "__"]
ESCAPED = ["a%", "%!%", "a!_b", "a\\b", "!!%"]
JSON = ["12345", "NaN", '{"a": 1}', '{"a": "1"}', "[1]"]
JSON_TYPES = {int: "integer", str: "string"}
LIST_IGNORE = ["all_values_are_missing", "any_value_is_missing", "never"]
PAIR_IGNORE = ["both_values_are_missing", "either_value_is_missing", "neither"]
PAIRS = [("n", "m"), ("x", "y"), ("d", "e"), ("s", "t"), ("day", "other_day"), ("n", "x"), ("s", ODD)]
LISTS = [("n", "m"), ("s", "t", ODD), ("x", "y"), ("d", "e", "n")]
SETS = ["n", "x", "d", "s", "day", "at", "flag", ODD, "big"]


def _subset(name: str) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(st.sampled_from(POOLS[name]), min_size=1, max_size=4).map(tuple)


def _bounds(pool: Sequence[Any]) -> st.SearchStrategy[dict[str, Any]]:
    real = [v for v in pool if not (isinstance(v, float) and math.isnan(v))]
    both = st.tuples(st.sampled_from(real), st.sampled_from(real)).map(sorted)
    ends = st.sampled_from([("min_value",), ("max_value",), ("min_value", "max_value")])
    made = st.tuples(both, ends, st.booleans(), st.booleans())
    return made.map(lambda m: {**{end: m[0][end == "max_value"] for end in m[1]},
                               "strict_min": m[2], "strict_max": m[3]})  # fmt: skip


def _pattern(draw: st.DrawFn, name: str) -> dict[str, Any]:
    """Arguments of the rules of text: what it matches, and on how many of a list."""
    any_or_all = {} if "not_match" in name else {"match_on": draw(st.sampled_from(["any", "all"]))}
    if "like_pattern" in name:
        escape: dict[str, Any] = draw(st.sampled_from([{}, {"escape": "!"}]))
        pattern = st.sampled_from(ESCAPED if escape else LIKES)
        if not name.endswith("list"):
            return {**escape, "like_pattern": draw(pattern)}
        return {**escape, **any_or_all, "like_pattern_list": tuple(draw(st.lists(pattern, min_size=1, max_size=3)))}
    if name.endswith("regex_list"):
        pattern = st.sampled_from(PATTERNS)
        return {**any_or_all, "regex_list": tuple(draw(st.lists(pattern, min_size=1, max_size=3)))}
    if name.endswith("regex"):
        return {"regex": draw(st.sampled_from(PATTERNS))}
    if name.endswith("json_schema"):
        return {"json_schema": {"properties": {"a": {"type": draw(st.sampled_from(["integer", "string"]))}}}}
    if name.endswith("strftime_format"):
        return {"strftime_format": draw(st.sampled_from(["%Y-%m-%d", "%H%M%S"]))}
    return {}


def _arguments(draw: st.DrawFn, name: str, columns: tuple[str, ...]) -> dict[str, Any]:
    if "lengths_to_equal" in name:
        return {"value": draw(st.integers(0, 4))}
    if "lengths_to_be_between" in name:
        return draw(_bounds([0, 1, 2, 3, 5]))
    if name.endswith("to_be_between"):
        return draw(_bounds(POOLS[columns[0]]))
    if "pair_values_to_be_in_set" in name:
        pair = st.tuples(*(st.none() | st.sampled_from(POOLS[c]) for c in columns))
        return {"value_pairs_set": tuple(draw(st.lists(pair, min_size=1, max_size=4)))}
    if name.endswith("in_set"):
        return {"value_set": draw(_subset(columns[0]))}
    if "sum" in name:
        return {"sum_total": draw(st.sampled_from([0, 1, 3, Decimal("0.3"), 2**31]))}
    return {"or_equal": draw(st.booleans())} if "greater" in name else _pattern(draw, name)


@st.composite
def _rules(draw: st.DrawFn, name: str) -> Rule:
    expectation = ROW_RULES[name]
    over, arguments = expectation.over.value, set(expectation.arguments)
    if over == ("column",):
        text = ["s", "t", ODD]
        ordered = [c for c in SETS if c != "flag"]
        of_text = ("regex", "lengths", "like", "json", "strftime", "dateutil")
        pool = text if any(w in name for w in of_text) else ordered if name.endswith("between") else SETS
        columns: tuple[str, ...] = (draw(st.sampled_from(pool)),)
    elif over == ("column_A", "column_B"):
        columns = draw(st.sampled_from(PAIRS))
    else:
        columns = draw(st.sampled_from([("n", "m"), ("d", "e"), ("n", "m", "d")] if "sum" in name else LISTS))
    kwargs = _arguments(draw, name, columns)
    if "ignore_row_if" in arguments:
        kwargs["ignore_row_if"] = draw(st.sampled_from(PAIR_IGNORE if len(over) == 2 else LIST_IGNORE))
    return Rule(name, name, columns, kwargs, OnFail.QUARANTINE, "")


KNOWN = [name for name, expectation in ROW_RULES.items() if not expectation.is_ours]
ALL_RULES = st.tuples(*(_rules(name) for name in KNOWN))


@settings(max_examples=4, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(rules=ALL_RULES, seed=st.integers(0, 2**32))
def test_every_rule_gives_what_plain_python_gives(spark: SparkSession, rules: tuple[Rule, ...], seed: int) -> None:
    pick = random.Random(seed)
    rows = [_row(pick) for _ in range(ROWS)]
    frame = spark.createDataFrame([(i, *row.values()) for i, row in enumerate(rows)], _numbered())
    answers = [failing(rule, SCHEMA).alias(f"r{i}") for i, rule in enumerate(rules)]
    found = sorted(frame.select("row_number", *answers).collect())
    oracle = Oracle(rows)
    wrong: list[str] = []
    for i, rule in enumerate(rules, start=1):
        pairs = zip(found, oracle.answers(rule), rows, strict=True)
        differ = [(values, got[i], expected) for got, expected, values in pairs if got[i] != expected]
        if differ:
            values, got, expected = differ[0]
            of_rule = {name: values[name] for name in rule.columns}
            wrong.append(f"{rule.expectation} {dict(rule.kwargs)} on {of_rule}: Spark {got}, Python {expected}")
    assert not wrong, "\n".join(wrong)


def _numbered() -> Any:
    from pyspark.sql.types import IntegerType, StructField, StructType

    return StructType([StructField("row_number", IntegerType()), *SCHEMA.fields])


def test_every_rule_has_an_oracle() -> None:
    windows = {name for name in KNOWN if ROW_RULES[name].needs_window}
    assert {name for name in KNOWN if not hasattr(Oracle, name)} == windows


PIECES = [
    *("a", "1", "(", ")", "[", "]", "{", "}", "{2}", "{3,1}", "*", "+", "?", "|", "^", "$", "\\", "\\d", "\\Q", "\\E"),
    *("\\p{L}", "(?:", "(?=", "(?<!", "(?<n>", "(?i)", "(?P<n>", "(?#", "&&", "-", "\\b", "\\[", "\\y", "é"),
]


def test_no_pattern_that_java_compiles_is_blamed(spark: SparkSession) -> None:
    assert spark._jvm is not None
    java = spark._jvm.java.util.regex.Pattern
    pick = random.Random(7)
    patterns = ["".join(pick.choices(PIECES, k=pick.randint(1, 7))) for _ in range(3000)]
    blamed = [pattern for pattern in patterns if java_refuses(pattern)]
    assert len(blamed) > 1000
    for pattern in blamed[:600]:
        with pytest.raises(IllegalArgumentException):
            java.compile(pattern)
