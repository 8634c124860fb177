"""The suite of a table: what must hold, read from its file without data and without a JVM."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aurify.config.yaml_file import read_yaml
from aurify.errors import Problem, SuiteError, did_you_mean
from aurify.quality.entries import Entry, read_entries
from aurify.quality.exchange import Head, as_ours
from aurify.quality.own import code_of
from aurify.quality.row_rules import judges_rows
from aurify.quality.rule import OnFail, Rule, Scope
from aurify.quality.rule_reader import Expectation, read_rules

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["OnFail", "Rule", "Suite", "empty_suite", "load_suite", "suite_file"]

_KEYS = ("table", "expectations", "notes")


@dataclass(frozen=True)
class Suite:
    """The expectations of one table, in the order of their file; `file` is empty where there is none.

    `entries` and `head` are what the file says, word for word, for whoever exports it.
    """

    table: str
    file: str
    rules: tuple[Rule, ...]
    entries: tuple[Entry, ...] = field(default=(), compare=False)
    head: Head = field(default_factory=Head, compare=False)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the rules say; where the file lies and how it is laid out don't count."""
        text = json.dumps(
            {"table": self.table, "rules": [_said(r) for r in self.rules]}, sort_keys=True, default=_tagged
        )
        return hashlib.sha256(text.encode()).hexdigest()

    def rule(self, id: str) -> Rule | None:
        """The rule of this id; None for a check that the engine adds."""
        return next((rule for rule in self.rules if rule.id == id), None)


def _said(rule: Rule) -> Mapping[str, object]:
    """What a rule says; what it leaves at its default is left out, so that a new setting changes no fingerprint."""
    said: dict[str, object] = {
        "id": rule.id,
        "expectation": rule.expectation,
        "columns": rule.columns,
        "kwargs": dict(rule.kwargs),
        "on_fail": rule.on_fail,
    }
    if rule.mostly != 1.0:
        said["mostly"] = rule.mostly
    if rule.condition is not None:
        said["condition"] = rule.condition.text
    if rule.stop_above is not None:
        said["stop_above"] = rule.stop_above
    if rule.order_by:
        said["order_by"] = rule.order_by
    if rule.own is not None:
        said["code"] = code_of(rule.own)
    if rule.scope is Scope.TABLE or (rule.scope is Scope.BATCH and judges_rows(rule)):
        said["scope"] = rule.scope
    return said


def empty_suite(table: str) -> Suite:
    """The suite of a table of which nothing is expected."""
    return Suite(table, "", ())


def suite_file(folder: Path, table: str) -> Path:
    """Where the suite of a table lies: its YAML file, or else the JSON file that Great Expectations exported."""
    stem = table.replace(".", "_")
    ours, theirs = folder / f"{stem}.yml", folder / f"{stem}.json"
    return theirs if theirs.exists() and not ours.exists() else ours


def load_suite(
    path: str | Path, table: str, columns: StructType, own: Mapping[str, Expectation] | None = None
) -> Suite:
    """The suite in a file, checked against the table's columns; SuiteError names all that is wrong with it.

    A `.json` file is one that Great Expectations exported, any other is YAML. `own` are the project's expectations.
    """
    file = str(path)
    is_theirs = file.endswith(".json")
    document, problems = _read_json(Path(path), file) if is_theirs else read_yaml(Path(path), file)
    rules: tuple[Rule, ...] = ()
    entries: tuple[Entry, ...] = ()
    head = Head()
    if document or not problems:
        if is_theirs:
            found, head = as_ours(document, table, file, problems)
        else:
            problems += _head_problems(document, table, file)
            found, head = document.get("expectations"), Head(name=table, notes=document.get("notes"))
        entries = tuple(read_entries(found, problems))
        rules = read_rules(entries, table, columns, problems, own or {})
    if problems:
        raise SuiteError(file, problems, hint="Nothing was run.")
    return Suite(table, file, rules, entries, head)


def _read_json(path: Path, file: str) -> tuple[dict[str, Any], list[Problem]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return {}, [Problem(file, f"a file that can't be read: {error.strerror}", "a suite as JSON")]
    except ValueError as error:
        return {}, [Problem(file, f"broken JSON: {error}", "a suite as Great Expectations exports it")]
    if not isinstance(document, dict):
        return {}, [Problem(file, f"a {type(document).__name__}", "a suite as Great Expectations exports it")]
    return document, []


def _head_problems(document: Mapping[str, object], table: str, file: str) -> list[Problem]:
    problems = [
        Problem(file, "an unknown key", f"one of {', '.join(_KEYS)}", did_you_mean(str(key), _KEYS), str(key))
        for key in document
        if key not in _KEYS
    ]
    if document.get("table") != table:
        found = f"'{document['table']}'" if "table" in document else "nothing"
        problems.append(Problem(file, found, table, "a suite stands in the file of its table", "table"))
    return problems


def _tagged(value: object) -> str:
    """Values that JSON lacks, so that no two of different type read alike."""
    if isinstance(value, date):
        return f"{type(value).__name__}:{value.isoformat()}"
    if isinstance(value, Decimal):
        return f"Decimal:{value.normalize()}"
    raise TypeError(f"a rule can't hold a {type(value).__name__}")
