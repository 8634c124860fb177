"""Suites go to Great Expectations' JSON and come back the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from aurify.config.columns import parse_columns
from aurify.errors import SuiteError
from aurify.quality import OnFail, Suite, load_suite
from aurify.quality.exchange import as_theirs

SCHEMA = parse_columns("id int, country string, sold_on date, amount decimal(10,2)")
OURS = """
table: silver.sales
notes: the till's sales
expectations:
  - expect_column_values_to_not_be_null: {column: id, id: id_there, notes: needed downstream}
  - expect_column_values_to_be_between: {column: sold_on, min_value: 2020-01-01, on_fail: warn, stop_above: 0.1}
  - expect_column_values_to_be_in_set:
      {column: country, value_set: [FR, DE], mostly: 0.9, row_condition: amount > 0, severity: warning}
  - expect_table_row_count_to_be_between: {min_value: 1}
"""
THEIRS = {
    "name": "sales",
    "id": "0b43b0d3-7e5e-4a0b-9b0d-7a8f5c3f1f1e",
    "expectations": [
        {
            "type": "expect_column_values_to_be_in_set",
            "kwargs": {
                "column": "country",
                "value_set": ["FR", "DE"],
                "mostly": 0.95,
                "row_condition": {"type": "comparison", "column": {"name": "id"}, "operator": ">", "parameter": 3},
            },
            "meta": {"owner": "finance"},
            "severity": "critical",
            "id": "6d3f7f9f-0a9a-4c59-93b4-3c2b3f0d5e11",
            "notes": ["a note"],
        }
    ],
    "meta": {"great_expectations_version": "1.24.1"},
    "notes": None,
}


def _ours(folder: Path) -> Suite:
    file = folder / "silver_sales.yml"
    file.write_text(OURS, encoding="utf-8")
    return load_suite(file, "silver.sales", SCHEMA)


def _again(folder: Path, document: object) -> Suite:
    file = folder / "silver_sales.json"
    file.write_text(json.dumps(document), encoding="utf-8")
    return load_suite(file, "silver.sales", SCHEMA)


def test_out_in_and_out_again_is_identical(tmp_path: Path) -> None:
    suite = _ours(tmp_path)
    out = as_theirs(suite)
    again = _again(tmp_path, out)
    assert again.rules == suite.rules
    assert again.fingerprint == suite.fingerprint
    assert as_theirs(again) == out
    assert out["expectations"][1]["kwargs"]["min_value"] == "2020-01-01"
    assert out["expectations"][1]["meta"] == {"aurify": {"on_fail": "warn", "stop_above": 0.1}}
    assert out["expectations"][2]["kwargs"]["condition_parser"] == "spark"


def test_a_suite_of_theirs_loads_as_it_is_and_keeps_what_is_theirs(tmp_path: Path) -> None:
    suite = _again(tmp_path, THEIRS)
    (rule,) = suite.rules
    assert (rule.mostly, rule.on_fail) == (0.95, OnFail.FAIL)
    assert rule.condition is not None
    out = as_theirs(suite)
    assert out["meta"] == {**THEIRS["meta"], "aurify": {"table": "silver.sales"}}  # type: ignore[dict-item]
    assert {**out, "meta": THEIRS["meta"]} == THEIRS
    assert as_theirs(_again(tmp_path, out)) == out


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({"expectations": [], "expectation": 1}, "did you mean 'expectations'?"),
        ({"expectations": [], "meta": {"aurify": {"table": "gold.other"}}}, "a suite stands in the file of its table"),
        ({"expectations": [], "meta": []}, "a mapping"),
        ([], "a suite as Great Expectations exports it"),
    ],
)
def test_what_is_no_suite_is_told(tmp_path: Path, document: object, told: str) -> None:
    with pytest.raises(SuiteError, match=told.replace("?", r"\?")):
        _again(tmp_path, document)
