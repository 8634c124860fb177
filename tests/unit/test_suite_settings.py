"""What `mostly`, `severity`, `on_fail` and `scope` mean together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from aurify.config.columns import parse_columns
from aurify.quality import OnFail, Rule, Scope, Suite, load_suite

NOT_NULL = "expect_column_values_to_not_be_null"
ROWS = "expect_table_row_count_to_be_between"


@pytest.mark.parametrize(
    ("settings", "on_fail", "scope"),
    [
        ("", OnFail.QUARANTINE, Scope.ROW),
        (", severity: warning", OnFail.WARN, Scope.ROW),
        (", severity: critical, on_fail: drop", OnFail.DROP, Scope.ROW),
        (", mostly: 0.9", OnFail.FAIL, Scope.BATCH),
        (", mostly: 0.9, severity: info", OnFail.WARN, Scope.BATCH),
        (", mostly: 0.9, on_fail: quarantine", OnFail.QUARANTINE, Scope.ROW),
        (", mostly: 1.0", OnFail.QUARANTINE, Scope.ROW),
        (", scope: batch", OnFail.FAIL, Scope.BATCH),
        (", on_fail: fail", OnFail.FAIL, Scope.ROW),
    ],
)
def test_a_rule_of_rows(tmp_path: Path, settings: str, on_fail: OnFail, scope: Scope) -> None:
    rule = _rules(tmp_path, f"{NOT_NULL}: {{column: id{settings}}}")[0]
    assert (rule.on_fail, rule.scope) == (on_fail, scope)


@pytest.mark.parametrize(("settings", "on_fail"), [("", OnFail.FAIL), (", severity: warning", OnFail.WARN)])
def test_a_rule_of_the_batch(tmp_path: Path, settings: str, on_fail: OnFail) -> None:
    rule = _rules(tmp_path, f"{ROWS}: {{min_value: 1{settings}}}")[0]
    assert (rule.on_fail, rule.scope) == (on_fail, Scope.BATCH)


def test_stop_above_is_kept_and_changes_the_fingerprint(tmp_path: Path) -> None:
    lax, strict = (f"{NOT_NULL}: {{column: id, stop_above: {share}}}" for share in (0.5, 0.1))
    assert _rules(tmp_path, lax)[0].stop_above == 0.5
    assert _fingerprint(tmp_path, lax) != _fingerprint(tmp_path, strict)


def _rules(folder: Path, expectation: str) -> Sequence[Rule]:
    return _suite(folder, expectation).rules


def _fingerprint(folder: Path, expectation: str) -> str:
    return _suite(folder, expectation).fingerprint


def _suite(folder: Path, expectation: str) -> Suite:
    file = folder / "silver_t.yml"
    file.write_text(f"table: silver.t\nexpectations:\n  - {expectation}\n", encoding="utf-8")
    return load_suite(file, "silver.t", parse_columns("id int"))
