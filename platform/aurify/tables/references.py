"""The other tables that suites look into: they must be there, and be refreshed first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from aurify.errors import Problem, did_you_mean
from aurify.quality import Rule, Suite
from aurify.quality.row_rules.domain import alike, field_type
from aurify.quality.row_rules.reference_rules import OTHER_TABLE
from aurify.tables.spec import TableSpec


def references(rules: Iterable[Rule]) -> set[str]:
    """The tables that rules name."""
    return {str(rule.kwargs[OTHER_TABLE]) for rule in rules if OTHER_TABLE in rule.kwargs}


def reference_problems(suites: Mapping[str, Suite], specs: Mapping[str, TableSpec]) -> list[Problem]:
    """What is wrong with the tables and columns that rules name, and with the order that follows from them."""
    problems = [p for suite in suites.values() for rule in suite.rules for p in _of_rule(rule, suite, specs)]
    graph = {name: {*spec.upstream, *references(suites[name].rules)} & set(specs) for name, spec in specs.items()}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as cycle:
        told = " -> ".join(reversed(cycle.args[1]))
        hint = "a suite can't look into a table that is made of its own"
        problems.append(
            Problem("suites", f"a circle: {told}", "tables that can be refreshed one after the other", hint)
        )
    return problems


def _unlike(rule: Rule, file: str, own: TableSpec, other: TableSpec, columns: Sequence[str]) -> list[Problem]:
    """The pairs of columns that can be equal by chance only, as a number and a text are."""
    problems = []
    for name, others in zip(rule.columns, columns, strict=False):
        kinds = tuple(k for k in (field_type(own.schema, name), field_type(other.schema, others)) if k is not None)
        if len(kinds) == 2 and (wanted := alike(kinds)):
            found = f"{name} {kinds[0].simpleString()} and {other.name}.{others} {kinds[1].simpleString()}"
            problems.append(Problem(file, found, wanted, "cast one of them in its table", rule.id))
    return problems


def _of_rule(rule: Rule, suite: Suite, specs: Mapping[str, TableSpec]) -> list[Problem]:
    name = rule.kwargs.get(OTHER_TABLE)
    if name is None:
        return []
    if name not in specs:
        hint = did_you_mean(str(name), specs)
        return [Problem(suite.file, f"the table '{name}'", "a table of the project", hint, f"{rule.id}.{OTHER_TABLE}")]
    known = specs[str(name)].schema.fieldNames()
    named = rule.kwargs.get("other_columns", rule.kwargs.get("other_column"))
    columns = tuple(map(str, named)) if isinstance(named, tuple) else () if named is None else (str(named),)
    problems = [
        Problem(suite.file, f"column '{c}'", f"a column of {name}", did_you_mean(c, known), rule.id)
        for c in columns
        if c not in known
    ]
    if not problems:
        problems += _unlike(rule, suite.file, specs[suite.table], specs[str(name)], columns)
    if isinstance(named, tuple) and len(named) != len(rule.columns):
        found, expected = f"{len(named)} columns of {name}", f"{len(rule.columns)}, one for each of column_list"
        problems.append(Problem(suite.file, found, expected, key=f"{rule.id}.other_columns"))
    return problems
