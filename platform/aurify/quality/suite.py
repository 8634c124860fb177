"""The suite of a table: what must hold, read from its file without data and without a JVM."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

from aurify.config.yaml_file import read_yaml
from aurify.errors import Problem, SuiteError, did_you_mean
from aurify.quality.rule import OnFail, Rule
from aurify.quality.rule_reader import read_rules

if TYPE_CHECKING:
    from pyspark.sql.types import StructType

__all__ = ["OnFail", "Rule", "Suite", "empty_suite", "load_suite"]

_KEYS = ("table", "expectations", "notes")


@dataclass(frozen=True)
class Suite:
    """The expectations of one table, in the order of their file; `file` is empty where there is none."""

    table: str
    file: str
    rules: tuple[Rule, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the rules say; where the file lies and how it is laid out don't count."""
        rules = [
            {
                "id": rule.id,
                "expectation": rule.expectation,
                "columns": rule.columns,
                "kwargs": dict(rule.kwargs),
                "on_fail": rule.on_fail,
            }
            for rule in self.rules
        ]
        text = json.dumps({"table": self.table, "rules": rules}, sort_keys=True, default=_tagged)
        return hashlib.sha256(text.encode()).hexdigest()


def empty_suite(table: str) -> Suite:
    """The suite of a table of which nothing is expected."""
    return Suite(table, "", ())


def load_suite(path: str | Path, table: str, columns: StructType) -> Suite:
    """The suite in a file, checked against the table's columns; SuiteError names all that is wrong with it."""
    file = str(path)
    document, problems = read_yaml(Path(path), file)
    rules: tuple[Rule, ...] = ()
    if document or not problems:
        problems += _head_problems(document, table, file)
        rules = read_rules(document.get("expectations"), table, columns, problems)
    if problems:
        raise SuiteError(file, problems, hint="Nothing was run.")
    return Suite(table, file, rules)


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
