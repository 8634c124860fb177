"""From measured facts to a suite: what is proposed, what is not, and that it reads back as it was meant."""

from __future__ import annotations

import doctest
import re
import string
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pyspark.sql import types as T

from aurify.errors import ConfigurationError
from aurify.quality import OnFail, Suite, empty_suite, load_suite
from aurify.quality.java_regex import java_refuses
from aurify.quality.profile import (
    Assured,
    ColumnFacts,
    Finding,
    Reference,
    TableFacts,
    findings,
    proposals,
    shapes,
    slack,
    suite_text,
)
from aurify.quality.profile import facts as facts_module
from aurify.quality.profile.merge import merged_text, not_in
from aurify.quality.profile.shapes import pattern_of
from aurify.quality.profile.slack import day_range, moment_range, number_range

TABLE = "silver.lines"
ODD = ["a.b", 'it\'s "odd"', "ti`ck", "with space", "on", "null", "#hash", "ünï", "line\nbreak", "{x}: [y]", "1"]
INT, TEXT, PRICE, REAL = T.IntegerType(), T.StringType(), T.DecimalType(12, 2), T.DoubleType()


def facts_of(*columns: ColumnFacts, rows: int = 1000, **more: Any) -> TableFacts:
    """A table of these columns."""
    return TableFacts(TABLE, rows, columns, more.get("distinct", {}), more.get("orphans", {}), jobs=1)


def column(kind: T.DataType = TEXT, name: str = "x", present: int = 1000, **more: Any) -> ColumnFacts:
    """A column that is never NULL."""
    return ColumnFacts(name, kind, more.pop("personal", False), present, **more)


def suite_of(folder: Path, facts: TableFacts, found: Sequence[Finding]) -> Suite:
    """The proposals, written and read."""
    file = folder / "suite.yml"
    file.write_text(suite_text(facts, found), encoding="utf-8")
    return load_suite(file, facts.table, T.StructType([T.StructField(c.name, c.kind) for c in facts.columns]))


def rules_of(facts: TableFacts, assured: Assured | None = None) -> dict[str, Finding]:
    """The findings with a rule, by expectation without its usual beginning."""
    found = findings(facts, assured) if assured else findings(facts)
    return {re.sub("^expect_(column_)?(values_to_)?", "", f.rule.expectation): f for f in found if f.rule}


@pytest.mark.parametrize(
    ("missing", "mostly"), [(0, 1.0), (1, 0.999), (4, 0.99), (15, 0.98), (50, 0.95), (51, None), (1000, None)]
)
def test_a_column_that_is_nearly_never_null_warns(missing: int, mostly: float | None) -> None:
    facts = facts_of(column(present=1000 - missing, longest=3))
    found = rules_of(facts).get("not_be_null")
    assert (found.rule.mostly if found and found.rule else None) == mostly
    assert f"{missing:,}" in findings(facts)[0].evidence or mostly == 1.0


def test_the_evidence_stands_above_the_rule() -> None:
    facts = TableFacts(TABLE, 1_067_371, (column(INT, "stock", present=1_062_989),), {}, {}, 1)
    assert suite_text(facts, findings(facts)).splitlines()[-3:] == [
        "  ## stock int",
        "  # 1,067,371 rows; NULL in 0.41 %: 4,382",
        "  - expect_column_values_to_not_be_null: {column: stock, mostly: 0.99, on_fail: warn}",
    ]


@pytest.mark.parametrize(
    ("low", "high", "kind", "bounds"),
    [
        (-80995, 80995, INT, (-100000, 100000)),
        (0, 9, INT, (0, 10)),
        (1, 12, INT, (1, 14)),
        (-12, -1, INT, (-14, -1)),
        (5, 5, INT, (4, 6)),
        (0, 0, INT, (-1, 1)),
        (-1, 2**31 - 1, INT, (-300000000, 2**31 - 1)),
        (Decimal("0.01"), Decimal("0.05"), PRICE, (0, 0.06)),
        (Decimal("-0.05"), Decimal("0.05"), PRICE, (-0.06, 0.06)),
        (0.25, 0.75, REAL, (0.2, 0.8)),
        (0.0, 1.7e308, REAL, (0.0, 1.7976931348623157e308)),
    ],
)
def test_a_range_has_a_tenth_of_its_spread_as_slack_and_does_not_cross_zero(
    low: Any, high: Any, kind: T.DataType, bounds: tuple[float, float]
) -> None:
    assert number_range(low, high, kind) == bounds


NUMBERS: dict[str, tuple[T.DataType, st.SearchStrategy[Any]]] = {
    "int": (INT, st.integers(-(2**31), 2**31 - 1)),
    "long": (T.LongType(), st.integers(-(2**63), 2**63 - 1)),
    "wide": (T.DecimalType(38, 0), st.integers(1 - 10**38, 10**38 - 1).map(Decimal)),
    "decimal": (T.DecimalType(38, 10), st.integers(1 - 10**38, 10**38 - 1).map(lambda n: Decimal(n).scaleb(-10))),
    "price": (PRICE, st.integers(-(10**6), 10**6).map(lambda n: Decimal(n).scaleb(-2))),
    "double": (REAL, st.floats(allow_nan=False, allow_infinity=False)),
}


@pytest.mark.parametrize("name", NUMBERS)
@given(data=st.data())
def test_a_range_holds_what_was_seen_after_it_was_written_and_read(name: str, data: st.DataObject) -> None:
    kind, values = NUMBERS[name]
    low, high = sorted((data.draw(values), data.draw(values)))
    facts = facts_of(column(kind, low=low, high=high))
    text = suite_text(facts, findings(facts))
    (entry,) = [e for e in yaml.safe_load(text)["expectations"] if "expect_column_values_to_be_between" in e]
    lower, upper = (entry["expect_column_values_to_be_between"][key] for key in ("min_value", "max_value"))
    exact = [Decimal(repr(v)) if isinstance(v, float) else Decimal(v) for v in (lower, low, high, upper)]
    assert exact == sorted(exact)
    assert low < 0 or lower >= 0 or low == high == 0
    assert high > 0 or upper <= 0 or low == high == 0
    if isinstance(kind, T.IntegralType):
        assert (type(lower), type(upper)) == (int, int)


def test_time_goes_on_so_only_its_far_end_is_bounded() -> None:
    zone = timezone.utc
    assert day_range(date(2010, 1, 1), date(2010, 12, 31)) == (date(2009, 11, 25), date(2099, 12, 31))
    assert day_range(date(1, 1, 1), date(9999, 12, 31)) == (date(1, 1, 1), None)
    seen = datetime(2010, 1, 1, 8, tzinfo=zone), datetime(2010, 1, 1, 9, tzinfo=zone)
    assert moment_range(*seen) == (datetime(2009, 12, 31, tzinfo=zone), datetime(2099, 12, 31, 23, 59, 59, tzinfo=zone))


def test_numbers_that_are_each_given_once_have_no_upper_bound() -> None:
    ids = column(INT, "id", low=1, high=1000)
    found = rules_of(facts_of(ids, distinct={("id",): 1000}))
    assert found["be_between"].rule is not None
    assert found["be_between"].rule.arguments == {"min_value": 1}
    assert "be_unique" in found


def test_nan_and_infinities_lie_outside_of_every_range() -> None:
    some = rules_of(facts_of(column(REAL, low=0.0, high=1.0, beyond=3)))["be_between"]
    assert some.rule is not None
    assert some.rule.mostly == 0.99
    assert "NaN or infinite in 0.3 %: 3" in some.evidence
    assert "be_between" not in rules_of(facts_of(column(REAL, low=0.0, high=1.0, beyond=300)))


SEVERAL = {"France": 500, "EIRE": 300, "NO": 200}


@pytest.mark.parametrize(
    ("facts", "is_set"),
    [
        (column(values=SEVERAL), True),
        (column(values={**SEVERAL, "Malta": 1}, present=1001), True),
        (column(values={**SEVERAL, "Malta": 1, "Chad": 1}, present=1002), False),
        (column(values={f"v{n}": 20 for n in range(50)}), True),
        (column(values={f"v{n}": 19 for n in range(51)}, present=969), False),
        (column(values={"a": 50, "b": 49}, present=99), False),
        (column(values=SEVERAL, personal=True), False),
        (column(INT, values={1: 500, 2: 300, 5: 200}, low=1, high=5), True),
        (column(INT, values={1: 500, 2: 300, 3: 200}, low=1, high=3), False),
        (column(INT, values={n * n: 100 for n in range(11)}, low=0, high=100, present=1100), False),
    ],
)
def test_a_set_is_proposed_where_the_next_value_is_surely_one_of_it(facts: ColumnFacts, is_set: bool) -> None:
    rows = max(facts.present, 1)
    found = rules_of(facts_of(replace(facts, longest=5), rows=rows))
    assert ("be_in_set" in found) == is_set
    assert ("be_between" in found) == (not is_set and facts.low is not None)


@pytest.mark.parametrize(
    ("shapes", "regex", "matching"),
    [
        ({"999999": 1000}, r"^\d{6}$", 1000),
        ({"999999": 990, "A999999": 10}, r"^(?:\d{6}|[A-Z]\d{6})$", 1000),
        ({"99999": 600, "999999": 400}, r"^\d+$", 1000),
        ({"99999": 999, "aaa": 1}, r"^\d{5}$", 999),
        ({"99999": 998, "aaa": 2}, r"^(?:\d{5}|[a-z]{3})$", 1000),
        ({"9999-99-99 99:99:99": 1000}, r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$", 1000),
        ({"9": 500, "-99": 300, "9.99": 200}, r"^-?\d+(?:\.\d+)?$", 1000),
        ({"9": 500, "+99": 500}, r"^[+-]?\d+$", 1000),
        ({"(9)*[A]{a}?": 1000}, r"^\(\d\)\*\[[A-Z]\]\{[a-z]\}\?$", 1000),
        ({"€ 9.99": 1000}, r"^€ \d\.\d{2}$", 1000),
        ({"é99": 1000}, None, 0),
        ({"a\n": 1000}, None, 0),
        ({"a" + "-a" * 8: 1000}, None, 0),
        ({c * 3: 200 for c in "9A-+."}, None, 0),
    ],
)
def test_shapes_become_one_regular_expression_or_none(shapes: dict[str, int], regex: str | None, matching: int) -> None:
    found = pattern_of(shapes, 1000, runs_are_one=False, personal=False)
    assert (found.regex if found else None, found.matching if found else 0) == (regex, matching)


def test_where_runs_are_counted_as_one_they_have_every_length() -> None:
    found = pattern_of({"a.a@a.a": 1000}, 1000, runs_are_one=True, personal=False)
    assert found is not None
    assert found.regex == r"^[a-z]+\.+[a-z]+@+[a-z]+\.+[a-z]+$"


SHAPE_OF = str.maketrans(
    string.ascii_uppercase + string.ascii_lowercase + string.digits, "A" * 26 + "a" * 26 + "9" * 10
)
CODES = st.text(st.sampled_from("AZaz09-_. (*)[]{}+?|^$\\/#€é日\U0001f600\n"), max_size=12)


@given(codes=st.lists(CODES, min_size=1, max_size=40), runs_are_one=st.booleans(), personal=st.booleans())
def test_a_regular_expression_matches_what_it_says_in_java_and_python(
    codes: list[str], runs_are_one: bool, personal: bool
) -> None:
    shapes = [code.translate(SHAPE_OF) for code in codes]
    counted = Counter(re.sub(r"(.)\1+", r"\1", s, flags=re.DOTALL) if runs_are_one else s for s in shapes)
    found = pattern_of(counted, len(codes), runs_are_one=runs_are_one, personal=personal)
    if found is not None:
        assert java_refuses(found.regex) == ""
        assert sum(bool(re.search(found.regex, code)) for code in codes) >= found.matching
        assert found.matching >= 0.999 * len(codes)


def test_the_first_of_the_known_forms_is_taken_where_shapes_are_too_many() -> None:
    forms = {"32 hexadecimal digits": 999}
    found = rules_of(facts_of(column(forms=forms, shortest=32, longest=32)))["match_regex"]
    assert found.rule is not None
    assert found.rule.mostly == 0.999
    assert found.evidence == "all but 0.1 % (1 of 1,000) are 32 hexadecimal digits"


def test_lengths_are_bounded_where_nothing_else_is_known_of_a_text() -> None:
    assert rules_of(facts_of(column(shortest=1, longest=35)))["value_lengths_to_be_between"].rule is not None
    (found,) = [
        f.rule for f in rules_of(facts_of(column(shortest=22, longest=22))).values() if f.rule and f.rule.arguments
    ]
    assert (found.expectation, found.arguments) == ("expect_column_value_lengths_to_equal", {"value": 22})


@pytest.mark.parametrize(("distinct", "mostly"), [(1000, 1.0), (999, 0.99), (995, 0.99), (994, None), (1, None)])
def test_a_key_is_proposed_where_hardly_a_value_is_there_twice(distinct: int, mostly: float | None) -> None:
    found = rules_of(facts_of(column(longest=9), distinct={("x",): distinct})).get("be_unique")
    assert (found.rule.mostly if found and found.rule else None) == mostly


def test_several_columns_are_a_key_only_without_any_exception() -> None:
    columns = column(name="day"), column(name="shop")
    both = ("day", "shop")
    assert "expect_compound_columns_to_be_unique" in str(findings(facts_of(*columns, distinct={both: 1000})))
    assert "expect_compound_columns_to_be_unique" not in str(findings(facts_of(*columns, distinct={both: 999})))


def test_what_the_engine_sees_to_needs_no_rule() -> None:
    ids, other = column(name="id", longest=9), column(name="code", longest=9)
    facts = facts_of(ids, other, distinct={("id",): 1000, ("code",): 1000})
    found = findings(facts, Assured(filled=("id",), key=("id",), latest_wins=True))
    rules = [(f.columns, f.rule.expectation, f.rule.warns) for f in found if f.rule and not f.rule.arguments]
    assert rules == [
        (("code",), "expect_column_values_to_not_be_null", False),
        (("code",), "expect_column_values_to_be_unique", True),
    ]
    assert any("the newest is kept" in f.evidence for f in found)


def test_few_rows_only_warn() -> None:
    facts = facts_of(column(longest=3, present=99), column(INT, "n", 99, low=1, high=3), rows=99, distinct={("x",): 99})
    found = [f.rule for f in findings(facts) if f.rule]
    assert len(found) == 5
    assert all(rule.warns for rule in found)


def test_a_table_without_rows_says_so_and_loads(tmp_path: Path) -> None:
    facts = facts_of(column(present=0), rows=0)
    assert suite_of(tmp_path, facts, findings(facts)).rules == ()
    all_null = facts_of(column(present=0), rows=10)
    assert suite_of(tmp_path, all_null, findings(all_null)).rules == ()
    assert "NULL in all 10 rows" in suite_text(all_null, findings(all_null))


def test_a_reference_is_proposed_where_nearly_all_values_are_keys(tmp_path: Path) -> None:
    customers = Reference("x", "silver.customers", "customer_id")
    facts = facts_of(column(longest=5), orphans={customers: 2, replace(customers, table="a.b"): 500})
    found = findings(facts)
    (told,) = [f.evidence for f in found if "keys of" in f.evidence]
    assert told == "all but 0.2 % (2 of 1,000) are keys of silver.customers"
    rule = suite_of(tmp_path, facts, found).rules[-1]
    assert (rule.expectation, rule.mostly) == ("expect_column_values_to_exist_in_table", 0.99)
    assert dict(rule.kwargs) == {"other_table_name": "silver.customers", "other_column": "customer_id"}


def test_no_value_of_a_personal_column_is_shown(tmp_path: Path) -> None:
    columns = (
        column(INT, "age", personal=True, low=17, high=8193, values={17: 500, 8193: 500}),
        column(name="born", personal=True, shapes={"9999-99-99": 1000}, shortest=10, longest=10),
        column(name="name", personal=True, shapes={"é": 600, "--": 400}, shortest=1, longest=2, values={"é": 1000}),
        column(T.DateType(), "day", personal=True, low=date(1961, 8, 13), high=date(1989, 11, 9)),
    )
    facts = facts_of(*columns)
    text = suite_text(facts, findings(facts))
    assert not [
        v for v in ("17", "8193", "é", "--", "1961", "1989") if v in text.replace("1,000", "").split("##", 1)[1]
    ]
    assert r"^\d{4}-\d{2}-\d{2}$" in text
    suite_of(tmp_path, facts, findings(facts))


VALUES = st.text(max_size=20) | st.sampled_from(
    ["yes", "NO", "null", "~", "1", "1.5", "0x1F", "2024-01-01", "- a", " "]
)


@given(members=st.sets(VALUES, min_size=1, max_size=30), name=st.sampled_from(ODD), data=st.data())
def test_odd_names_and_values_are_read_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, members: set[str], name: str, data: st.DataObject
) -> None:
    order = data.draw(st.permutations(sorted(members)))
    texts = column(name=name, values=dict.fromkeys(order, 100), present=100 * len(members), longest=20)
    facts = facts_of(texts, rows=100 * len(members))
    suite = suite_of(tmp_path_factory.mktemp("odd"), facts, findings(facts))
    (rule,) = [rule for rule in suite.rules if rule.expectation == "expect_column_values_to_be_in_set"]
    assert rule.columns == (name,)
    assert rule.kwargs["value_set"] == tuple(sorted(members))
    assert rule.on_fail is OnFail.QUARANTINE
    again = replace(texts, values=dict.fromkeys(sorted(members), 100))
    assert suite_text(facts, findings(facts)) == suite_text(facts_of(again, rows=facts.rows), findings(facts))


def test_no_line_is_longer_than_a_page() -> None:
    texts = column(
        name="country of residence", values={f"Member of the set {n:02}": 100 for n in range(50)}, present=5000
    )
    facts = facts_of(texts, rows=5000)
    lines = suite_text(facts, findings(facts)).splitlines()
    assert max(map(len, lines)) <= 120
    assert "      value_set: [" in lines


SUITE = """\
# Ours.
table: silver.lines
expectations:
    # Keep me.
    - expect_column_values_to_not_be_null: {column: x}
    - type: expect_column_values_to_be_in_set
      kwargs:
        column: n
        value_set:
          - 1
          - 2   # two
# After the list.
notes: kept
"""
SCHEMA = T.StructType([T.StructField("x", TEXT), T.StructField("n", INT)])


def _suite(folder: Path, text: str) -> Suite:
    file = folder / "silver_lines.yml"
    file.write_text(text, encoding="utf-8")
    return _read(file)


def _read(file: Path) -> Suite:
    return load_suite(file, TABLE, SCHEMA)


def test_what_a_suite_does_not_have_is_added_and_the_rest_stays_as_it_is(tmp_path: Path) -> None:
    suite = _suite(tmp_path, SUITE)
    facts = facts_of(column(longest=9, shortest=1), column(INT, "n", low=1, high=9))
    new = not_in(suite, findings(facts))
    text = merged_text(suite, facts, new, _read)
    assert text.startswith(SUITE.partition("# After")[0])
    assert text.endswith("# After the list.\nnotes: kept\n")
    rules = _suite(tmp_path, text).rules
    assert [(r.expectation.removeprefix("expect_column_"), *r.columns) for r in rules[2:]] == [
        ("value_lengths_to_be_between", "x"),
        ("values_to_not_be_null", "n"),
        ("values_to_be_between", "n"),
    ]
    assert not_in(_suite(tmp_path, text), findings(facts)) == []


@pytest.mark.parametrize("end", ["expectations: []\n", "expectations: []", "expectations: []\nnotes: kept\n"])
def test_an_empty_list_is_filled(tmp_path: Path, end: str) -> None:
    suite = _suite(tmp_path, f"table: {TABLE}\n{end}")
    facts = facts_of(column(INT, "n", low=1, high=9))
    assert len(_suite(tmp_path, merged_text(suite, facts, not_in(suite, findings(facts)), _read)).rules) == 2


def test_a_list_in_brackets_is_refused_with_the_way_on(tmp_path: Path) -> None:
    suite = _suite(tmp_path, f"table: {TABLE}\nexpectations: [{{expect_column_values_to_be_null: {{column: x}}}}]\n")
    facts = facts_of(column(INT, "n", low=1, high=9))
    with pytest.raises(ConfigurationError, match="--output FILE"):
        merged_text(suite, facts, not_in(suite, findings(facts)), _read)


def test_a_table_without_a_suite_lacks_every_rule() -> None:
    facts = facts_of(column(INT, "n", low=1, high=9))
    assert len(not_in(empty_suite(TABLE), findings(facts))) == 2


@pytest.mark.parametrize("module", [facts_module, proposals, shapes, slack], ids=lambda module: str(module.__name__))
def test_examples_in_docstrings_are_true(module: ModuleType) -> None:
    assert doctest.testmod(module).failed == 0
