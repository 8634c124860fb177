"""From the entries of a suite to typed rules: every argument read after the columns that it is compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import Problem, did_you_mean
from aurify.quality.conditions import Condition, read_condition
from aurify.quality.consequence import ConsequenceReader
from aurify.quality.entries import Entry, entry_ids
from aurify.quality.row_rules import ROW_RULES
from aurify.quality.row_rules.arguments import Argument
from aurify.quality.row_rules.domain import Over, field_type
from aurify.quality.row_rules.registry import RowExpectation
from aurify.quality.row_rules.sentences import sentence
from aurify.quality.rule import Rule, Scope
from aurify.quality.table_rules import TABLE_RULES
from aurify.quality.table_rules.registry import Kind, TableExpectation
from aurify.quality.values import Unfit, shown

if TYPE_CHECKING:
    from pyspark.sql.types import DataType, StructType

Expectation = RowExpectation | TableExpectation
OF_ANY = ("mostly", "row_condition", "condition_parser")
OF_A_RUN = ("batch_id", "result_format", "catch_exceptions", "include_config", "windows", "meta")
_COLUMN_ARGUMENTS = (*Over.COLUMN.value, *Over.PAIR.value, *Over.COLUMNS.value)


def expectation_named(name: str) -> Expectation | None:
    """The expectation of this name, of rows or of a table; None where there is none."""
    return ROW_RULES.get(name) or TABLE_RULES.get(name)


def read_rules(
    entries: Sequence[Entry],
    table: str,
    columns: StructType,
    problems: list[Problem],
    own: Mapping[str, Expectation],
) -> tuple[Rule, ...]:
    """The rules that can be read; what is wrong with the others goes to `problems`."""
    ids = entry_ids(entries, problems)
    rules = (_EntryReader(entry, table, columns, problems, own).rule(ids[entry.number]) for entry in entries)
    return tuple(rule for rule in rules if rule is not None)


@dataclass(frozen=True)
class _EntryReader:
    """One entry, in the light of its table."""

    entry: Entry
    table: str
    schema: StructType
    problems: list[Problem]
    own: Mapping[str, Expectation]

    def note(self, found: str, expected: str, hint: str = "", key: str = "") -> None:
        self.problems.append(Problem(self.entry.where, found, expected, hint, key))

    def rule(self, id: str) -> Rule | None:
        before = len(self.problems)
        expectation = expectation_named(self.entry.name) or self.own.get(self.entry.name)
        if expectation is None:
            hint = did_you_mean(self.entry.name, [*ROW_RULES, *TABLE_RULES, *self.own])
            self.note("an unknown expectation", "the name of an expectation", hint or "see `aurify expectations`")
            return None
        if isinstance(expectation, TableExpectation) and expectation.unsupported:
            self.note("an expectation that can't run on Spark", expectation.unsupported)
            return None
        reader = ConsequenceReader(self.entry, isinstance(expectation, RowExpectation) or expectation.of_rows)
        follows = reader.read()
        self.problems.extend(fault.at(self.entry.where, key) for key, fault in reader.faults)
        of_history = isinstance(expectation, TableExpectation) and expectation.kind is Kind.HISTORY
        if follows.scope is Scope.TABLE and of_history:
            self.note("scope table", "scope batch: batches are compared with earlier batches", key="scope")
        types = self.types(expectation)
        kwargs = self.kwargs(expectation, types)
        condition = self.condition()
        order_by = self.order_by(expectation)
        if len(self.problems) > before:
            return None
        columns = self.columns(expectation)
        where = condition.text if condition is not None else ""
        return Rule(
            id=id,
            expectation=expectation.name,
            columns=columns,
            kwargs=kwargs,
            on_fail=follows.on_fail,
            text=sentence(expectation, columns, kwargs, follows.mostly, where),
            scope=follows.scope,
            mostly=follows.mostly,
            condition=condition,
            stop_above=follows.stop_above,
            order_by=order_by,
            own=self.own.get(expectation.name),
        )

    def columns(self, expectation: Expectation) -> tuple[str, ...]:
        """The columns that the expectation is about."""
        found: list[object] = []
        for key in expectation.over.value:
            value = self.entry.arguments.get(key)
            found += value if isinstance(value, list) else [value]
        return tuple(name for name in found if isinstance(name, str))

    def types(self, expectation: Expectation) -> tuple[DataType, ...]:
        """The types of the columns; empty where a column or its type is wrong."""
        before = len(self.problems)
        listed = expectation.over is Over.COLUMNS
        for key in expectation.over.value:
            if (value := self.entry.arguments.get(key)) is None or not isinstance(value, list if listed else str):
                found = "no such argument" if value is None else shown(value)
                self.note(found, "a list of column names" if listed else "a column name", key=key)
        columns = self.columns(expectation)
        several = expectation.over in (Over.PAIR, Over.COLUMNS)
        if several and columns and len(set(columns)) < max(2, len(columns)):
            self.note(", ".join(columns), "two or more columns, each named once", key=expectation.over.value[0])
        types = [field_type(self.schema, name) for name in columns]
        for name in [name for name, kind in zip(columns, types, strict=True) if kind is None]:
            self.note(f"column '{name}'", f"a column of {self.table}", did_you_mean(name, self.schema.names))
        if len(self.problems) > before:
            return ()
        known = tuple(kind for kind in types if kind is not None)
        if wanted := expectation.wants(known):
            found = ", ".join(f"{name} {kind.simpleString()}" for name, kind in zip(columns, known, strict=True))
            self.note(found, wanted)
            return ()
        return known

    def kwargs(self, expectation: Expectation, types: tuple[DataType, ...]) -> dict[str, object]:
        """The arguments besides the columns, typed; those that are NULL or say nothing are left out."""
        known, mine = expectation.arguments, expectation.over.value
        apart = {*mine, *OF_ANY, *OF_A_RUN} - set(known)
        given = {k: v for k, v in self.entry.arguments.items() if k not in apart and (v is not None or k not in known)}
        for name in given:
            if name not in known:
                other = name in _COLUMN_ARGUMENTS
                hint = f"it goes by {', '.join(mine)}" if other and mine else did_you_mean(name, known)
                self.note("an unknown argument", f"one of {', '.join((*mine, *known, *OF_ANY))}", hint, name)
        for name, argument in known.items():
            if argument.required and name not in given:
                self.note("no such argument", "a value, without which the expectation says nothing", key=name)
        read: dict[str, object] = {}
        for name, argument in known.items():
            if name in given and (types or not argument.typed):
                read.update(self.read(name, argument, given[name], types))
        if read.keys() >= given.keys() & known.keys():
            self.check_together(expectation, read)
        return read

    def read(self, name: str, argument: Argument, value: object, types: tuple[DataType, ...]) -> Mapping[str, object]:
        try:
            return {name: argument.read(value, types)}
        except Unfit as fault:
            self.problems.append(fault.at(self.entry.where, name))
            return {}

    def check_together(self, expectation: Expectation, read: Mapping[str, object]) -> None:
        try:
            expectation.agree(read)
        except Unfit as fault:
            self.problems.append(fault.at(self.entry.where))

    def condition(self) -> Condition | None:
        """The rows that the rule is for; None for all."""
        value, parser = (self.entry.arguments.get(key) for key in ("row_condition", "condition_parser"))
        if value is None:
            return None
        try:
            return read_condition(value, parser, self.schema)
        except Unfit as fault:
            self.problems.append(fault.at(self.entry.where, "row_condition"))
            return None

    def order_by(self, expectation: Expectation) -> tuple[str, ...]:
        """The columns that say which row comes first, for the expectations that need it."""
        found = self.entry.settings.get("order_by")
        needed = isinstance(expectation, TableExpectation) and expectation.needs_order
        if found is None:
            if needed:
                hint = "rows of a Spark table have no order of their own"
                self.note("no such setting", "the columns that say which row comes first", hint, "order_by")
            return ()
        names = tuple(found) if isinstance(found, list) else (found,)
        if not needed:
            self.note(shown(found), "no order: the expectation needs none", key="order_by")
        for name in names:
            if not isinstance(name, str) or field_type(self.schema, name) is None:
                hint = did_you_mean(str(name), self.schema.names)
                self.note(f"column {shown(name)}", f"a column of {self.table}", hint, "order_by")
        return tuple(str(name) for name in names)
