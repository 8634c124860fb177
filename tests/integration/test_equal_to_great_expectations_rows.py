"""Every row rule counts what Great Expectations counts on Spark, under conditions in all three syntaxes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.result import RowCounts
from aurify.quality.row_rules import ROW_RULES
from tests.integration.great_expectations_rows import Case, GreatExpectations, our_counts

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

# Great Expectations, and what it brings along, warn of their own future.
pytestmark = pytest.mark.filterwarnings("ignore")

UTC = timezone.utc
SCHEMA = parse_columns(
    "n int, m int, big bigint, x double, y double, d decimal(12,4), e decimal(12,4), s string, t string, doc string,"
    " day date, other_day date, at timestamp, other_at timestamp, flag boolean, tags array<string>, blob binary,"
    " place struct<city: string, zip: int>, `a.b` string, `net price` double"
)
TEXT = ["", " ", "a", "A", "ab", "abc", "12345", "C12", "é", "ß", "日本", "\U0001f600", "a\nb", "NULL", "'", '"', "\\d"]
DOCS = ['{"a": 1}', '{"a": "1"}', "[1]", "NaN", "12345", "null", '"x"', "{}"]
NO_DOCS = ["", "{a: 1}", "2024-02-29", "2023-02-29", "24-2-29", "[1", "\U0001f600", " 1 "]
NUMBERS = [0.0, -0.0, 1.0, -1.5, 0.1, 0.5, 3.0, math.nan, math.inf, -math.inf, 1e300]
DECIMALS = [Decimal(v) for v in ("0.0000", "0.1000", "0.2000", "0.3000", "-1.0000", "99999999.9999")]
YEAR_ONE = date(1, 1, 1)  # PySpark can't write it as a literal, and Great Expectations breaks off
DAYS = [YEAR_ONE, date(1582, 10, 4), date(1970, 1, 1), date(2024, 2, 29), date(9999, 12, 31)]
MOMENTS = [datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC), datetime(2024, 2, 29, tzinfo=UTC),
           datetime(2024, 2, 29, 12, tzinfo=UTC), datetime(2024, 2, 29, 12, 0, 0, 1, tzinfo=UTC)]  # fmt: skip
PLACES = [("Lyon", 69000), ("Paris", None), (None, 1), (None, None)]
POOLS: Mapping[str, Sequence[Any]] = {
    "n": [-2, 0, 1, 2, 3], "m": [-2, 0, 1, 2, 3], "big": [-(2**63), 0, 1, 2**63 - 1], "x": NUMBERS, "y": NUMBERS,
    "d": DECIMALS, "e": DECIMALS, "s": TEXT, "t": [*TEXT, *DOCS, *NO_DOCS], "doc": DOCS, "day": DAYS, "other_day": DAYS,
    "at": MOMENTS, "other_at": MOMENTS, "flag": [True, False], "tags": [[], ["a"], ["a", None], ["b"]],
    "blob": [b"", b"ab", b"\xff"], "place": PLACES, "a.b": TEXT, "net price": NUMBERS,
}  # fmt: skip
ROWS = 200

PATTERNS = ["^C?[0-9]+$", "a", "", "^.$", "[A-Z]", "é|ß", "^$", "\\\\d", "^\\p{L}+$"]
ONE = [name for name in POOLS if name not in ("doc", "place")] + ["place.city", "place.zip"]
ORDERED = ["n", "big", "x", "d", "day"]
PAIRS = [("n", "m"), ("x", "y"), ("d", "e"), ("s", "t"), ("day", "other_day"), ("n", "x"), ("s", "a.b"), ("at", "day"),
         ("place.zip", "n"), ("net price", "x")]  # fmt: skip
LISTS = [("n", "m"), ("s", "t", "doc"), ("x", "net price", "y"), ("d", "e", "n"), ("day", "other_day")]
SUMS = [("n", "m"), ("d", "e"), ("n", "m", "d"), ("x", "y", "n", "m"), ("d", "x")]
PAIR_IGNORE = ["both_values_are_missing", "either_value_is_missing", "neither"]
LIST_IGNORE = ["all_values_are_missing", "any_value_is_missing", "never"]
SCHEMAS = [{"properties": {"a": {"type": "integer"}}}, {"type": "object", "required": ["a"]}, {"enum": [None, "x"]}]


def _compare(name: str, operator: str, parameter: object) -> dict[str, object]:
    return {"type": "comparison", "column": {"name": name}, "operator": operator, "parameter": parameter}


def _null(name: str, is_null: bool = True) -> dict[str, object]:
    return {"type": "nullity", "column": {"name": name}, "is_null": is_null}


COL = {"condition_parser": "great_expectations"}
SQL = {"condition_parser": "spark"}
CONDITIONS: Sequence[Mapping[str, Any]] = [
    {"row_condition": "n >= 1 and s is not null", **SQL},
    {"row_condition": "length(s) > 1 or `a.b` = 'a' -- a remark", **SQL},
    {"row_condition": 'col("n") > 0', **COL},
    {"row_condition": 'col("n") == "1"', **COL},
    {"row_condition": 'col("x") <= -1.5e0', **COL},
    {"row_condition": 'col("s") == "a"', **COL},
    {"row_condition": "col(\"s\") != 'é'", "condition_parser": "great_expectations__experimental__"},
    {"row_condition": 'col("day") >= date("1970-01-01")', **COL},
    {"row_condition": 'col("at") < date("2024-02-29 12:00:00")', **COL},
    {"row_condition": 'col("flag") == "true"', **COL},
    {"row_condition": 'col("place.city").notnull()', **COL},
    {"row_condition": _compare("d", ">=", 0.1)},
    {"row_condition": _compare("s", "==", '"')},
    {"row_condition": _compare("s", "!=", "\\d")},
    {"row_condition": _compare("s", "IN", ["a", "'", "a\nb"])},
    {"row_condition": _compare("x", "NOT_IN", [0, 1.5])},
    {"row_condition": _compare("`a.b`", "==", "日本")},
    {"row_condition": _compare("net price", "<", 1e300)},
    {"row_condition": {"type": "and", "conditions": [_compare("n", ">", -2), _null("t", is_null=False)]}},
    {"row_condition": {"type": "or", "conditions": [
        {"type": "and", "conditions": [_compare("m", "<=", 1), _compare("day", "==", "2024-02-29")]}, _null("n")]}},
    {"row_condition": {"type": "pass_through", "pass_through_filter": "n % 2 = 0"}},
]  # fmt: skip


@pytest.fixture(scope="module")
def theirs() -> Iterator[GreatExpectations]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GX_ANALYTICS_ENABLED", "false")
        yield GreatExpectations()


def _figures(counts: RowCounts) -> dict[str, object]:
    """The figures of a result as Great Expectations has them."""
    elements, judged = counts.elements, counts.looked_at
    return {
        "element_count": elements,
        "missing_count": counts.missing,
        "unexpected_count": counts.unexpected,
        "missing_percent": counts.missing / elements * 100 if elements else None,
        "unexpected_percent_total": counts.unexpected / elements * 100 if elements else None,
        "unexpected_percent": counts.unexpected / judged * 100 if judged else None,
    }


def _column(name: str, pick: random.Random) -> str:
    if name.endswith(("null", "unique")):
        return pick.choice(ONE)
    if name.endswith("in_set"):
        return pick.choice([column for column in ONE if column not in ("tags", "blob")])
    if name.endswith("values_to_be_between"):
        return pick.choice(ORDERED)
    if name.endswith("json_schema"):
        return "doc"
    if "json" in name or "strftime" in name:
        return pick.choice(["t", "doc", "place.city"])
    return pick.choice(["s", "t", "doc", "a.b", "place.city", "n", "d", "day", "flag", "blob"])


def _values(column: str) -> Sequence[Any]:
    if column.startswith("place."):
        return ["Lyon", "Paris"] if column.endswith("city") else [1, 69000]
    return [value for value in POOLS[column] if value != YEAR_ONE]


def _range(pool: Sequence[Any], pick: random.Random) -> dict[str, Any]:
    low, high = sorted(pick.choices([value for value in pool if value == value], k=2))
    ends = pick.choice([{"min_value": low}, {"max_value": high}, {"min_value": low, "max_value": high}])
    return {**ends, "strict_min": pick.random() < 0.5, "strict_max": pick.random() < 0.5}


def _arguments(name: str, columns: Sequence[str], pick: random.Random) -> dict[str, Any]:
    """Arguments under which both are meant to be equal."""
    if name.endswith("lengths_to_equal"):
        return {"value": pick.randint(0, 4)}
    if name.endswith("lengths_to_be_between"):
        return _range([0, 1, 2, 3, 5], pick)
    if name.endswith("values_to_be_between"):
        return _range(_values(columns[0]), pick)
    if name.endswith("pair_values_to_be_in_set"):
        return {"value_pairs_set": [[pick.choice([None, *_values(c)]) for c in columns] for _ in range(4)]}
    if name.endswith("in_set"):
        return {"value_set": pick.choices(_values(columns[0]), k=3)}
    if name.endswith("regex_list"):
        given = {"regex_list": pick.sample(PATTERNS, k=pick.randint(1, 3))}
        return given if "not_match" in name else {**given, "match_on": pick.choice(["any", "all"])}
    if name.endswith("regex"):
        return {"regex": pick.choice(PATTERNS)}
    if name.endswith("sum_to_equal"):
        return {"sum_total": pick.choice([0, 1, 3, 0.3, -1.5])}
    if name.endswith("json_schema"):
        return {"json_schema": pick.choice(SCHEMAS)}
    if name.endswith("strftime_format"):
        return {"strftime_format": pick.choice(["%Y-%m-%d", "%H%M%S", "%y-%m-%d"])}
    return {"or_equal": pick.random() < 0.5} if "greater" in name else {}


def _case(name: str, pick: random.Random) -> Case:
    over, ignores = ROW_RULES[name].over.value, "ignore_row_if" in ROW_RULES[name].arguments
    kwargs: dict[str, Any] = {}
    if len(over) == 2:
        columns: Sequence[str] = pick.choice(PAIRS)
        kwargs = dict(zip(over, columns, strict=True))
    elif over == ("column",):
        columns = [_column(name, pick)]
        kwargs = {"column": columns[0]}
    else:
        columns = pick.choice(SUMS if "sum" in name else LISTS)
        kwargs = {"column_list": list(columns)}
    kwargs.update(_arguments(name, columns, pick))
    if ignores:
        kwargs["ignore_row_if"] = pick.choice(PAIR_IGNORE if len(over) == 2 else LIST_IGNORE)
    if pick.random() < 0.5:
        kwargs["mostly"] = pick.choice([0, 0.5, 0.75, 0.9])
    if pick.random() < 0.5 and not name.endswith("pair_values_to_be_in_set"):
        kwargs.update(pick.choice(CONDITIONS))
    return Case(name, kwargs, SCHEMA)


def _rows(pick: random.Random) -> list[tuple[Any, ...]]:
    return [tuple(None if pick.random() < 0.25 else pick.choice(pool) for pool in POOLS.values()) for _ in range(ROWS)]


UNKNOWN_ON_SPARK = ("like_pattern", "dateutil", "multicolumn_values_to_be_unique")
COUNTED = [
    name
    for name, expectation in ROW_RULES.items()
    if not expectation.is_ours and not any(word in name for word in UNKNOWN_ON_SPARK)
]


@pytest.mark.parametrize("seed", [1, 2])
def test_both_count_the_same(spark: SparkSession, theirs: GreatExpectations, seed: int) -> None:
    pick = random.Random(seed)
    cases = [_case(name, pick) for name in COUNTED]
    cases += [Case("expect_column_values_to_not_be_null", {"column": "t", **c}, SCHEMA) for c in CONDITIONS]
    frame = spark.createDataFrame(_rows(pick), SCHEMA).coalesce(1).cache()
    wrong = []
    for case, counts, result in zip(cases, our_counts(frame, cases), theirs.results(frame, cases), strict=True):
        expected = {"success": counts.hold(case.rule.mostly), **_figures(counts)}
        found = {"success": result.success, **result.result}
        told = {key: found[key] for key in expected if key in found}
        if "unexpected_count" not in told or told != {key: expected[key] for key in told}:
            wrong.append(f"{case.name} {case.kwargs}\n  ours   {expected}\n  theirs {told or result.exception_info}")
    frame.unpersist()
    assert not wrong, "\n".join(wrong)
