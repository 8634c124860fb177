"""A suite file becomes typed rules, or one error that names every mistake; no JVM, no Great Expectations."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timezone
from decimal import Decimal
from pathlib import Path
from textwrap import dedent, indent

import pytest

from aurify.config.columns import parse_columns
from aurify.errors import Problem, SuiteError
from aurify.quality import OnFail, Rule, Suite, empty_suite, load_suite
from aurify.quality.java_regex import java_refuses

TABLE = "silver.pos_lines"
SCHEMA = parse_columns(
    "line_id string, invoice_no string, quantity int, unit_price decimal(12,4), weight double, sold_at timestamp,"
    " sold_date date, delivered_date date, is_gift boolean, tags array<string>, labels map<string,string>"
)


def _load(folder: Path, expectations: str, table: str = TABLE) -> Suite:
    """The suite of these expectations."""
    file = folder / "silver_pos_lines.yml"
    body = indent(dedent(expectations).strip(), "  ")
    file.write_text(f"table: {table}\nexpectations:\n{body}\n", encoding="utf-8")
    return load_suite(file, TABLE, SCHEMA)


def _rule(folder: Path, expectation: str) -> Rule:
    (rule,) = _load(folder, expectation).rules
    return rule


def _problems(folder: Path, expectations: str) -> Sequence[Problem]:
    with pytest.raises(SuiteError) as caught:
        _load(folder, expectations)
    return caught.value.problems


def test_both_forms_give_the_same_rules(tmp_path: Path) -> None:
    short = """
        - expect_column_values_to_be_between: {column: quantity, min_value: -100000, max_value: 100000, on_fail: warn}
    """
    long = """
        - type: expect_column_values_to_be_between
          kwargs: {column: quantity, min_value: -100000, max_value: 100000}
          meta: {aurify: {on_fail: warn}, owner: us}
          severity: critical
    """
    assert _load(tmp_path, short) == _load(tmp_path, long)
    rule = _rule(tmp_path, short)
    assert rule.text == "quantity is between -100000 and 100000"
    assert rule.id == "expect_column_values_to_be_between(quantity)"
    assert rule.on_fail is OnFail.WARN
    assert dict(rule.kwargs) == {"min_value": -100000, "max_value": 100000}


@pytest.mark.parametrize(("severity", "on_fail"), [("critical", "quarantine"), ("warning", "warn"), ("info", "warn")])
def test_severity_decides_where_on_fail_is_silent(tmp_path: Path, severity: str, on_fail: str) -> None:
    rule = _rule(tmp_path, f"- expect_column_values_to_not_be_null: {{column: line_id, severity: {severity}}}")
    assert rule.on_fail == on_fail


def test_rules_without_an_id_get_one_of_their_own(tmp_path: Path) -> None:
    suite = _load(
        tmp_path,
        """
        - expect_column_values_to_not_be_null: {column: line_id}
        - expect_column_values_to_not_be_null: {column: line_id, id: "expect_column_values_to_not_be_null(line_id)#2"}
        - expect_column_values_to_not_be_null: {column: line_id}
        - expect_column_pair_values_to_be_equal: {column_A: sold_date, column_B: delivered_date}
        """,
    )
    assert [rule.id for rule in suite.rules] == [
        "expect_column_values_to_not_be_null(line_id)",
        "expect_column_values_to_not_be_null(line_id)#2",
        "expect_column_values_to_not_be_null(line_id)#3",
        "expect_column_pair_values_to_be_equal(sold_date, delivered_date)",
    ]


UTC = timezone.utc
GREATER = "expect_column_pair_values_a_to_be_greater_than_b"


@pytest.mark.parametrize(
    ("column", "written", "read"),
    [
        ("quantity", "3.0", 3),
        ("unit_price", "0.1", Decimal("0.1")),
        ("weight", "1", 1.0),
        ("line_id", "'3'", "3"),
        ("sold_date", "'2024-01-31'", date(2024, 1, 31)),
        ("sold_date", "2024-01-31", date(2024, 1, 31)),
        ("sold_at", "2024-01-31", datetime(2024, 1, 31, tzinfo=UTC)),
        ("sold_at", "'2024-01-31T12:00:00.5+02:00'", datetime(2024, 1, 31, 10, 0, 0, 500000, tzinfo=UTC)),
        ("sold_at", "'2024-01-31 12:00:00'", datetime(2024, 1, 31, 12, tzinfo=UTC)),
        ("is_gift", "true", True),
    ],
)
def test_values_are_read_after_the_type_of_the_column(tmp_path: Path, column: str, written: str, read: object) -> None:
    rule = _rule(tmp_path, f"- expect_column_values_to_be_in_set: {{column: {column}, value_set: [{written}]}}")
    value_set = rule.kwargs["value_set"]
    assert value_set == (read,)
    assert isinstance(value_set, tuple)
    assert type(value_set[0]) is type(read)


@pytest.mark.parametrize(
    ("expectation", "text"),
    [
        ("expect_column_values_to_be_between: {column: quantity, min_value: 0, strict_min: true}",
         "quantity is more than 0"),
        ("expect_column_values_to_be_between: {column: weight, min_value: 0, max_value: 9, strict_max: true}",
         "weight is at least 0.0 and less than 9.0"),
        ("expect_column_values_to_be_in_set: {column: line_id, value_set: [a, b]}", "line_id is one of 'a', 'b'"),
        ("expect_column_values_to_match_regex: {column: line_id, regex: '^C?[0-9]+$'}",
         "line_id matches '^C?[0-9]+$'"),
        ("expect_column_values_to_match_regex_list: {column: line_id, regex_list: [a, any], match_on: all}",
         "line_id matches all of 'a', 'any'"),
        ("expect_column_value_lengths_to_be_between: {column: line_id, max_value: 40}",
         "line_id is at most 40 characters long"),
        (f"{GREATER}: {{column_A: delivered_date, column_B: sold_date, or_equal: true}}",
         "delivered_date is greater than or equal to sold_date"),
        ("expect_compound_columns_to_be_unique: {column_list: [line_id, invoice_no, sold_at]}",
         "line_id, invoice_no and sold_at are unique together"),
        ("expect_column_values_to_not_be_null: {column: line_id, mostly: 0.95, on_fail: warn}",
         "line_id is not NULL in at least 95 % of rows"),
    ],
)  # fmt: skip
def test_a_rule_says_in_one_sentence_what_must_hold(tmp_path: Path, expectation: str, text: str) -> None:
    assert _rule(tmp_path, f"- {expectation}").text == text


BETWEEN = "expect_column_values_to_be_between"
IN_SET = "expect_column_values_to_be_in_set"
MATCH = "expect_column_values_to_match_regex"
NOT_NULL = "expect_column_values_to_not_be_null"
MISTAKES: Mapping[str, tuple[str, str]] = {
    "unknown expectation": ("expect_column_values_to_not_be_nul: {column: line_id}", f"did you mean '{NOT_NULL}'?"),
    "unknown column": (f"{NOT_NULL}: {{column: unit_prise}}", "did you mean 'unit_price'?"),
    "no column": (f"{NOT_NULL}: {{on_fail: warn}}", "found no such argument"),
    "unknown argument": (f"{BETWEEN}: {{column: quantity, min: 3, max_value: 4}}", "an unknown argument"),
    "missing argument": (f"{IN_SET}: {{column: line_id}}", "without which the expectation says nothing"),
    "no bound": (f"{BETWEEN}: {{column: quantity}}", "neither min_value nor max_value"),
    "text bound on numbers": (f"{BETWEEN}: {{column: quantity, min_value: '3'}}", "a number, as the column is int"),
    "number as text": (f"{IN_SET}: {{column: line_id, value_set: [1]}}", "put it in quotes"),
    "Norway": (f"{IN_SET}: {{column: line_id, value_set: [SE, NO]}}", "YAML reads a bare NO"),
    "no date": (f"{BETWEEN}: {{column: sold_date, min_value: '31.1.2024'}}", "a date like 2024-01-31"),
    "date that is none": (f"{BETWEEN}: {{column: sold_date, min_value: '2024-02-30'}}", "a date like 2024-01-31"),
    "moment for a date": (f"{BETWEEN}: {{column: sold_date, min_value: '2024-01-01 10:00'}}", "a date like"),
    "order of booleans": (f"{BETWEEN}: {{column: is_gift, min_value: true}}", "a bound on a boolean column"),
    "NaN as bound": (f"{BETWEEN}: {{column: weight, min_value: .nan}}", "a number that others can be compared with"),
    "fraction in whole numbers": (f"{IN_SET}: {{column: quantity, value_set: [1.5]}}", "whole numbers"),
    "NULL in a set": (f"{IN_SET}: {{column: line_id, value_set: [a, null]}}", "found NULL in a value set"),
    "empty set": (f"{IN_SET}: {{column: line_id, value_set: []}}", "found an empty list"),
    "min above max": (f"{BETWEEN}: {{column: quantity, min_value: 4, max_value: 3}}", "min_value 4 above max_value 3"),
    "mostly as per cent": (f"{NOT_NULL}: {{column: line_id, mostly: 95, on_fail: warn}}", "95 % is written 0.95"),
    "quarantine of a batch": (
        f"{NOT_NULL}: {{column: line_id, mostly: 0.9, on_fail: quarantine, scope: batch}}",
        "a verdict on the batch, not on a row",
    ),
    "row that fails a share": (
        f"{NOT_NULL}: {{column: line_id, mostly: 0.9, on_fail: fail, scope: row}}",
        "leave `scope` out",
    ),
    "no such scope": (f"{NOT_NULL}: {{column: line_id, scope: rows}}", "did you mean 'row'?"),
    "stop above as per cent": (f"{NOT_NULL}: {{column: line_id, stop_above: 5}}", "a share between 0 and 1"),
    "on_fail": (f"{NOT_NULL}: {{column: line_id, on_fail: quarantaine}}", "did you mean 'quarantine'?"),
    "severity": (f"{NOT_NULL}: {{column: line_id, severity: fatal}}", "one of critical, warning, info"),
    "regex": (f"{MATCH}: {{column: line_id, regex: '(a'}}", "the group opened at position 1 is not closed"),
    "Python's regex": (f"{MATCH}: {{column: line_id, regex: '(?P<n>a)'}}", "Java writes (?<name>...)"),
    "regex on a list": (f"{MATCH}: {{column: tags, regex: a}}", "a column of text"),
    "uniqueness of maps": ("expect_column_values_to_be_unique: {column: labels}", "columns without maps"),
    "one column twice": ("expect_compound_columns_to_be_unique: {column_list: [line_id, line_id]}", "each named once"),
    "text and number": ("expect_column_pair_values_to_be_equal: {column_A: line_id, column_B: quantity}", "compared"),
    "sum of text": ("expect_multicolumn_sum_to_equal: {column_list: [line_id, quantity], sum_total: 1}", "of numbers"),
    "pair of three": (
        "expect_column_pair_values_to_be_in_set: {column_A: line_id, column_B: quantity, value_pairs_set: [[a, 1, 2]]}",
        "a list of two values",
    ),
    "suite parameter": (f"{BETWEEN}: {{column: quantity, min_value: {{$PARAMETER: low}}}}", "write the value"),
    "no mapping": (f"{NOT_NULL}: line_id", "a mapping of its arguments"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_named_once_with_place_and_way_on(tmp_path: Path, name: str) -> None:
    expectation, told = MISTAKES[name]
    (problem,) = _problems(tmp_path, f"- {NOT_NULL}: {{column: line_id}}\n- {expectation}")
    assert problem.where.startswith(f"expectation 2 ({expectation.split(':')[0]}")
    assert told in "\n".join(problem.lines())


def test_all_mistakes_of_a_file_are_told_at_once(tmp_path: Path) -> None:
    planted = [expectation for expectation, _ in MISTAKES.values()]
    problems = _problems(tmp_path, "\n".join(f"- {expectation}" for expectation in planted))
    assert len(problems) == len(planted)


def test_two_rules_of_one_id_are_a_mistake(tmp_path: Path) -> None:
    (problem,) = _problems(
        tmp_path,
        f"- {NOT_NULL}: {{column: line_id, id: there}}\n- {NOT_NULL}: {{column: invoice_no, id: there}}",
    )
    assert problem.key == "id"
    assert "the id of expectation 1" in problem.found


def test_a_key_that_stands_twice_is_a_mistake(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, f"- {BETWEEN}:\n    column: quantity\n    min_value: 1\n    min_value: 2")
    assert "twice" in problem.found


def test_a_suite_of_another_table_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match=r"found 'gold\.sales'") as caught:
        _load(tmp_path, f"- {NOT_NULL}: {{column: line_id}}", table="gold.sales")
    assert caught.value.exit_code == 2


def test_arguments_that_are_not_indented_are_a_mistake(tmp_path: Path) -> None:
    (problem,) = _problems(tmp_path, f"- {NOT_NULL}:\n  column: line_id")
    assert "indent the arguments" in problem.hint


def test_a_missing_file_is_an_error_and_an_empty_suite_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(SuiteError, match="no file"):
        load_suite(tmp_path / "none.yml", TABLE, SCHEMA)
    assert empty_suite(TABLE).rules == ()


def test_the_fingerprint_follows_what_the_rules_say_and_not_how_the_file_looks(tmp_path: Path) -> None:
    first = _load(tmp_path, f"- {BETWEEN}: {{column: quantity, min_value: 1, max_value: 2}}").fingerprint
    laid_out = f"- {BETWEEN}:  # a comment\n    max_value: 2.0\n    column: quantity\n    min_value: 1"
    assert _load(tmp_path, laid_out).fingerprint == first
    assert _load(tmp_path, f"- {BETWEEN}: {{column: quantity, min_value: 1, max_value: 3}}").fingerprint != first
    assert _load(tmp_path, f"- {BETWEEN}: {{column: weight, min_value: 1, max_value: 2}}").fingerprint != first


@pytest.mark.parametrize(
    "pattern",
    [r"^\p{L}+$", r"\Q(\E", "[a[bc]&&[^b]]", "(?<n>a)\\k<n>", "a++", "(?x)(a # (", "[]a]", r"\x{1F600}", "(?i:a)"],
)
def test_a_pattern_that_only_java_reads_is_let_pass(pattern: str) -> None:
    assert java_refuses(pattern) == ""


@pytest.mark.parametrize("pattern", ["(", ")", "[a", "*a", "a{", "a{3,2}", "(?P=n)", "a\\", r"\y", "a**", "(|*)"])
def test_a_pattern_that_java_never_compiles_is_told(pattern: str) -> None:
    assert java_refuses(pattern)


def test_loading_starts_no_jvm_and_leaves_great_expectations_alone(tmp_path: Path) -> None:
    _load(tmp_path, f"- {BETWEEN}: {{column: quantity, min_value: 1}}")
    program = f"""
        import sys
        from aurify.config.columns import parse_columns
        from aurify.quality import load_suite
        load_suite({str(tmp_path / "silver_pos_lines.yml")!r}, {TABLE!r}, parse_columns("quantity int"))
        from pyspark import SparkContext
        assert SparkContext._gateway is None
        assert "great_expectations" not in sys.modules
    """
    paths = {"PYTHONPATH": ":".join(p for p in sys.path if p)}
    subprocess.run([sys.executable, "-c", dedent(program)], check=True, env=paths)
