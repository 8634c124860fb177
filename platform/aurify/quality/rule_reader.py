"""From the entries of a suite to typed rules: every argument read after the columns that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import Problem, did_you_mean
from aurify.quality.entries import Entry, entry_ids, read_entries
from aurify.quality.row_rules import ROW_RULES
from aurify.quality.row_rules.arguments import MOSTLY, Argument, check_range
from aurify.quality.row_rules.domain import Over
from aurify.quality.row_rules.registry import RowExpectation
from aurify.quality.row_rules.sentences import sentence
from aurify.quality.rule import OnFail, Rule
from aurify.quality.values import Unfit, shown

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

SEVERITIES = {"critical": OnFail.QUARANTINE, "warning": OnFail.WARN, "info": OnFail.WARN}


def read_rules(found: object, table: str, columns: StructType, problems: list[Problem]) -> tuple[Rule, ...]:
    """The rules that can be read; what is wrong with the others goes to `problems`."""
    entries = read_entries(found, problems)
    ids = entry_ids(entries, problems)
    rules = (_EntryReader(entry, table, columns, problems).rule(ids[entry.number]) for entry in entries)
    return tuple(rule for rule in rules if rule is not None)


@dataclass(frozen=True)
class _EntryReader:
    """One entry, in the light of its table."""

    entry: Entry
    table: str
    schema: StructType
    problems: list[Problem]

    def note(self, found: str, expected: str, hint: str = "", key: str = "") -> None:
        self.problems.append(Problem(self.entry.where, found, expected, hint, key))

    def rule(self, id: str) -> Rule | None:
        before = len(self.problems)
        on_fail = self.on_fail()
        if self.entry.name not in ROW_RULES:
            self.note("an unknown expectation", "the name of a row rule", did_you_mean(self.entry.name, ROW_RULES))
            return None
        expectation = ROW_RULES[self.entry.name]
        types = self.types(expectation)
        kwargs = self.kwargs(expectation, types)
        if "mostly" in kwargs and on_fail is not OnFail.WARN:
            hint = "say `on_fail: warn`, or leave `mostly` out"
            expected = "on_fail warn: a share is a verdict on the batch, not on a row"
            self.note(f"a share below 1 with on_fail {on_fail}", expected, hint, "mostly")
        if len(self.problems) > before:
            return None
        columns = self.entry.columns
        return Rule(id, expectation.name, columns, kwargs, on_fail, sentence(expectation, columns, kwargs))

    def on_fail(self) -> OnFail:
        severity, on_fail = self.entry.settings.get("severity", "critical"), self.entry.settings.get("on_fail")
        chosen = OnFail.WARN
        if isinstance(severity, str) and severity in SEVERITIES:
            chosen = SEVERITIES[severity]
        else:
            hint = did_you_mean(str(severity), SEVERITIES)
            self.note(shown(severity), f"one of {', '.join(SEVERITIES)}", hint, "severity")
        if on_fail is None:
            return chosen
        words = [str(word) for word in OnFail]
        if on_fail in words:
            return OnFail(str(on_fail))
        self.note(shown(on_fail), f"one of {', '.join(words)}", did_you_mean(str(on_fail), words), "on_fail")
        return chosen

    def types(self, expectation: RowExpectation) -> tuple[DataType, ...]:
        """The types of the columns; empty where a column or its type is wrong."""
        before = len(self.problems)
        listed = expectation.over is Over.COLUMNS
        for key in expectation.over.value:
            if (value := self.entry.arguments.get(key)) is None or not isinstance(value, list if listed else str):
                found = "no such argument" if value is None else shown(value)
                self.note(found, "a list of column names" if listed else "a column name", key=key)
        columns = self.entry.columns
        if expectation.over is not Over.COLUMN and columns and len(set(columns)) < max(2, len(columns)):
            self.note(", ".join(columns), "two or more columns, each named once", key=expectation.over.value[0])
        for name in columns:
            if name not in self.schema.names:
                self.note(f"column '{name}'", f"a column of {self.table}", did_you_mean(name, self.schema.names))
        if len(self.problems) > before:
            return ()
        types = tuple(self.schema[name].dataType for name in columns)
        if wanted := expectation.wants(types):
            found = ", ".join(f"{name} {kind.simpleString()}" for name, kind in zip(columns, types, strict=True))
            self.note(found, wanted)
            return ()
        return types

    def kwargs(self, expectation: RowExpectation, types: tuple[DataType, ...]) -> dict[str, object]:
        """The arguments besides the columns, typed; those that are NULL or say nothing are left out."""
        known: dict[str, Argument] = {**expectation.arguments, "mostly": MOSTLY}
        columns = (*Over.COLUMN.value, *Over.PAIR.value, *Over.COLUMNS.value)
        mine = expectation.over.value
        given = {k: v for k, v in self.entry.arguments.items() if k not in mine and (v is not None or k not in known)}
        for name in given:
            if name not in known:
                hint = f"it goes by {', '.join(mine)}" if name in columns else did_you_mean(name, known)
                self.note("an unknown argument", f"one of {', '.join((*mine, *known))}", hint, name)
        for name, argument in known.items():
            if argument.required and name not in given:
                self.note("no such argument", "a value, without which the expectation says nothing", key=name)
        read: dict[str, object] = {}
        for name, argument in known.items():
            if name in given and (types or not argument.typed):
                read.update(self.read(name, argument, given[name], types))
        if "min_value" in known and read.keys() >= given.keys() & {"min_value", "max_value"}:
            self.check_range(read)
        return {name: value for name, value in read.items() if (name, value) != ("mostly", 1.0)}

    def read(self, name: str, argument: Argument, value: object, types: tuple[DataType, ...]) -> Mapping[str, object]:
        try:
            return {name: argument.read(value, types)}
        except Unfit as fault:
            self.problems.append(fault.at(self.entry.where, name))
            return {}

    def check_range(self, read: Mapping[str, object]) -> None:
        try:
            check_range(read)
        except Unfit as fault:
            self.problems.append(fault.at(self.entry.where))
