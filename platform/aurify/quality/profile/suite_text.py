"""The proposed suite as a person would have written it: YAML, the evidence as comments."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby

import yaml

from aurify.quality.profile.facts import TableFacts
from aurify.quality.profile.proposals import Finding, ProposedRule
from aurify.quality.rule import OnFail
from aurify.quality.values import shown

WIDTH = 120
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*(?: [A-Za-z0-9_]+)*")
_RULES = (
    "A rule that holds for all rows stands as it is; one that holds for nearly all warns. A range has a tenth of what"
    " it spans as slack. Values of personal columns are not shown."
)


def suite_text(facts: TableFacts, found: Sequence[Finding]) -> str:
    """The whole file; it loads as the suite of the table."""
    head = f"Proposed from all {facts.rows:,} rows of {facts.table}, none sampled. Read it before you keep it."
    lines = [*_comment(head), *_comment(_RULES), f"table: {_scalar(facts.table)}"]
    entries = entry_lines(facts, found)
    if any(finding.rule for finding in found):
        return _text([*lines, "expectations:", *entries])
    return _text([*lines, *_comment("nothing to propose"), *(line.strip() for line in entries), "expectations: []"])


def entry_lines(facts: TableFacts, found: Sequence[Finding], indent: int = 2) -> list[str]:
    """The findings as comments and entries of a list, those of a column below its name and type."""
    lines: list[str] = []
    for columns, of_columns in groupby(found, key=lambda finding: finding.columns):
        kinds = [f"{_one_line(name)} {facts.column(name).kind.simpleString()}" for name in columns]
        personal = ", personal" if any(facts.column(name).personal for name in columns) else ""
        lines += _comment(f"{', '.join(kinds)}{personal}", indent, "##")
        for finding in of_columns:
            lines += _comment(finding.evidence, indent)
            lines += _entry(finding.columns, finding.rule, indent) if finding.rule else []
    return lines


def arguments_of(columns: Sequence[str], rule: ProposedRule) -> dict[str, object]:
    """All that stands in the entry of a rule, in its order."""
    told: dict[str, object] = {"column": columns[0]} if len(columns) == 1 else {"column_list": list(columns)}
    told |= rule.arguments
    if rule.mostly < 1:
        told["mostly"] = rule.mostly
    return told | ({"on_fail": OnFail.WARN.value} if rule.mostly < 1 or rule.warns else {})


def _entry(columns: Sequence[str], rule: ProposedRule, indent: int) -> list[str]:
    """One line where there is room for it, else a line for each argument."""
    told = arguments_of(columns, rule)
    before = " " * indent
    line = f"{before}- {rule.expectation}: {{{', '.join(f'{key}: {_value(value)}' for key, value in told.items())}}}"
    if len(line) <= WIDTH:
        return [line]
    lines = [f"{before}- {rule.expectation}:"]
    for key, value in told.items():
        lines += _argument(key, value, indent + 4)
    return lines


def _argument(key: str, value: object, indent: int) -> list[str]:
    before = " " * indent
    line = f"{before}{key}: {_value(value)}"
    if len(line) <= WIDTH or not isinstance(value, list):
        return [line]
    return [f"{before}{key}: [", *_filled((_value(member) for member in value), indent + 2), f"{before}]"]


def _filled(members: Iterable[str], indent: int) -> list[str]:
    """The members with commas between them, as many in a line as there is room for."""
    lines: list[str] = []
    line = ""
    for member in members:
        if line and indent + len(line) + len(member) + 2 > WIDTH:
            lines.append(line.rstrip())
            line = ""
        line += f"{member}, "
    return [" " * indent + line for line in [*lines, line.rstrip().removesuffix(",")]]


def _value(value: object) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    return _scalar(shown(value) if isinstance(value, date) else value)


def _scalar(value: object) -> str:
    """A value as YAML reads it back, of the same type."""
    if isinstance(value, str):
        if _PLAIN.fullmatch(value) and yaml.safe_load(value) == value:
            return value
        if value.isprintable():
            return "'" + value.replace("'", "''") + "'"
        return yaml.safe_dump(value, default_style='"', width=10**9).strip()
    return yaml.safe_dump(value).splitlines()[0]


def _comment(text: str, indent: int = 0, mark: str = "#") -> list[str]:
    before = f"{' ' * indent}{mark} "
    return [before + line for line in textwrap.wrap(_one_line(text), WIDTH - len(before), break_on_hyphens=False)]


def _one_line(text: str) -> str:
    """Text with what is no printable character as an escape, so that it can't end a comment."""
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _text(lines: Sequence[str]) -> str:
    return "\n".join(lines) + "\n"


def as_documents(found: Sequence[Finding]) -> list[Mapping[str, object]]:
    """The findings for `--json`; a rule as its suite would have it."""
    return [
        {
            "columns": list(finding.columns),
            "evidence": finding.evidence,
            "rule": {finding.rule.expectation: arguments_of(finding.columns, finding.rule)} if finding.rule else None,
        }
        for finding in found
    ]
