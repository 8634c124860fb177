"""A row condition is read in all three syntaxes, typed after the columns, without a JVM and Great Expectations."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from textwrap import dedent
from typing import Any

import pytest

from aurify.config.columns import parse_columns
from aurify.quality.conditions import Condition, read_condition
from aurify.quality.values import Unfit

SCHEMA = parse_columns(
    "quantity int, weight double, unit_price decimal(12,4), country string, sold_date date, sold_at timestamp,"
    " is_gift boolean, tags array<string>, address struct<city: string, `zip code`: string>, `a.b` int,"
    ' `it\'s "odd"` string'
)
COL = "great_expectations"


def _read(value: object, parser: object = None) -> Condition:
    return read_condition(value, parser, SCHEMA)


def _compare(name: object, operator: object, parameter: object) -> dict[str, object]:
    return {"type": "comparison", "column": {"name": name}, "operator": operator, "parameter": parameter}


def _null(name: str, is_null: object = True) -> dict[str, object]:
    return {"type": "nullity", "column": {"name": name}, "is_null": is_null}


def _join(word: str, *conditions: object) -> dict[str, object]:
    return {"type": word, "conditions": list(conditions)}


def _sql(text: str) -> dict[str, object]:
    return {"type": "pass_through", "pass_through_filter": text}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ('col("quantity") > 5', "quantity > 5"),
        ('col("quantity")==-5', "quantity = -5"),
        ('col("weight") <= 1e3', "weight <= 1000.0"),
        ('col("unit_price") != 0.10', "unit_price != 0.1"),
        ('  col("country") == "France"  ', "country = 'France'"),
        ('col("country") == \'it is "so"\'', "country = 'it is \"so\"'"),
        ('col("country") == " France"', "country = ' France'"),
        ('col("country") == ""', "country = ''"),
        ('col("country") == "日本"', "country = '日本'"),
        ('col("quantity") == "5"', "quantity = 5"),
        ('col("is_gift") == "true"', "is_gift = true"),
        ('col("sold_date") >= date("2024-01-31")', "sold_date >= 2024-01-31"),
        ("col(\"sold_at\") < date( '2024-01-31T12:00:00+02:00' )", "sold_at < 2024-01-31 10:00:00"),
        ('col("country").notnull()', "country IS NOT NULL"),
        ('col("country") .notNull()', "country IS NOT NULL"),
        ('col("a.b") > 5', "`a.b` > 5"),
        ('col("address.city") == "Lyon"', "address.city = 'Lyon'"),
        ('col("address.zip code") == "1"', "address.`zip code` = '1'"),
    ],
)
def test_the_syntax_of_great_expectations_is_read(text: str, read: str) -> None:
    assert _read(text, COL).text == read
    assert _read(text, "great_expectations__experimental__") == _read(text, COL)


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (_compare("quantity", ">", 5), "quantity > 5"),
        (_compare("country", "==", "it's"), 'country = "it\'s"'),
        (_compare('it\'s "odd"', "!=", "a"), "`it's \"odd\"` != 'a'"),
        (_compare("`a.b`", ">=", 5.0), "`a.b` >= 5"),
        (_compare("quantity", "IN", [1, 2.0]), "quantity IN (1, 2)"),
        (_compare("country", "NOT_IN", ["a", "b"]), "country NOT IN ('a', 'b')"),
        (_null("address.city"), "address.city IS NULL"),
        (_null("tags", is_null=False), "tags IS NOT NULL"),
        ({"type": "nullity", "column": "tags", "is_null": True}, "tags IS NULL"),
        (_sql(" quantity  > 5 "), "quantity > 5"),
    ],
)
def test_a_mapping_is_read_as_great_expectations_exports_it(value: Mapping[str, object], read: str) -> None:
    assert _read(json.loads(json.dumps(value))).text == read
    assert _read(value, COL).text == read


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (_join("and", _compare("quantity", ">", 1), _null("country")), "quantity > 1 AND country IS NULL"),
        (
            _join("and", _join("or", _compare("quantity", ">", 1), _null("country")), _sql("weight < 1 or is_gift")),
            "(quantity > 1 OR country IS NULL) AND (weight < 1 or is_gift)",
        ),
        (
            _join("or", _join("or", _null("quantity"), _null("country")), _join("and", _null("weight"), _null("tags"))),
            "quantity IS NULL OR country IS NULL OR (weight IS NULL AND tags IS NULL)",
        ),
    ],
)
def test_conditions_are_joined_as_deep_as_they_are(value: Mapping[str, object], read: str) -> None:
    assert _read(value).text == read


def test_a_condition_knows_the_columns_that_it_names() -> None:
    joined = _join("and", _compare("quantity", ">", 1), _null("address.city"), _compare("quantity", "<", 9))
    assert _read(joined).columns == ("quantity", "address.city")
    assert _read("quantity > 1").columns == ()


@pytest.mark.parametrize("parser", [None, "spark"])
@pytest.mark.parametrize(
    ("sql", "line"),
    [
        ("quantity > 5", "quantity > 5"),
        ("\n  quantity\n\t> 5 -- a remark\n  and country = 'a  b' ", "quantity > 5 and country = 'a  b'"),
        ("quantity /* a\nremark */ > 5", "quantity > 5"),
        ("country = '-- it''s \\' no remark' and `a.b`>1", "country = '-- it''s \\' no remark' and `a.b`>1"),
        ("country rlike (r'\\')  or  quantity > 5", "country rlike (r'\\') or quantity > 5"),
        ("country = 'a\nb'", "country = 'a\\nb'"),
        ("country = 'a", "country = 'a"),
    ],
)
def test_sql_is_told_in_one_line(sql: str, line: str, parser: str | None) -> None:
    assert _read(sql, parser).text == line


MISTAKES: Mapping[str, tuple[Any, object, str]] = {
    "no text": ("  ", None, "found an empty text"),
    "no condition": (5, None, "found 5"),
    "pandas": ("quantity > 5", "pandas", "found condition_parser 'pandas'"),
    "pandas as exported": (_sql("quantity > 5"), "pandas", "found condition_parser 'pandas'"),
    "parser": ("quantity > 5", "sparc", "found condition_parser 'sparc'"),
    "no parser": ('col("quantity") > 5', None, "expected SQL"),
    "two comparisons": ('col("quantity") > 5 and col("weight") > 1', COL, "expected one comparison like"),
    "SQL": ("quantity > 5", COL, "expected one comparison like"),
    "number without column": ("5 > 3", COL, "expected one comparison like"),
    "unknown column": ('col("quantitty") > 5', COL, "found column 'quantitty'"),
    "unknown field": (_compare("address.town", "==", "Lyon"), None, "found column 'address.town'"),
    "text over numbers": ('col("quantity") > "a lot"', COL, "a number, as the column is int"),
    "number over text": (_compare("country", "==", 5), None, "text, as the column is string"),
    "no date": ('col("sold_date") > date("31.1.2024")', COL, "a date like 2024-01-31"),
    "list": (_compare("tags", "==", "a"), None, "can't be compared with one"),
    "NULL": (_compare("country", "==", None), None, "found a comparison with NULL"),
    "NULL as a member": (_compare("country", "IN", ["a", None]), None, "found a comparison with NULL"),
    "one member": (_compare("country", "IN", "a"), None, "a list of at least one value for IN"),
    "no member": (_compare("country", "NOT_IN", []), None, "a list of at least one value for NOT_IN"),
    "operator": (_compare("country", "=", "a"), None, "found operator '='"),
    "no operator": ({"type": "comparison", "column": {"name": "country"}, "parameter": "a"}, None, "found no operator"),
    "no column": ({"type": "nullity", "is_null": True}, None, "found the column NULL"),
    "is_null": (_null("country", "yes"), None, "found is_null 'yes'"),
    "type": ({"type": "compare"}, None, "found type 'compare'"),
    "no type": ({"column": {"name": "country"}}, None, "found no type"),
    "key": ({**_null("country"), "isnull": True}, None, "found the key 'isnull'"),
    "no conditions": (_join("and"), None, "a list of at least one condition to join by and"),
    "within": (_join("and", _null("country"), _null("land")), None, "found column 'land'"),
    "suite parameter": (_compare("quantity", ">", {"$PARAMETER": "low"}), None, "expected a plain value"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_in_a_condition_is_told(name: str) -> None:
    value, parser, told = MISTAKES[name]
    with pytest.raises(Unfit) as caught:
        _read(value, parser)
    assert told in str(caught.value)


def test_the_hint_names_the_column_that_was_meant() -> None:
    with pytest.raises(Unfit) as caught:
        _read(_compare("address.citty", "==", "Lyon"))
    assert caught.value.hint == "did you mean 'address.city'?"


def test_reading_starts_no_jvm_and_leaves_great_expectations_alone() -> None:
    program = f"""
        import sys
        from aurify.config.columns import parse_columns
        from aurify.quality.conditions import read_condition
        read_condition({_compare("quantity", ">", 5)!r}, None, parse_columns("quantity int"))
        read_condition('col("quantity") > 5', {COL!r}, parse_columns("quantity int"))
        from pyspark import SparkContext
        assert SparkContext._gateway is None
        assert "great_expectations" not in sys.modules
    """
    paths = {"PYTHONPATH": ":".join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", dedent(program)], check=True, env=paths)
