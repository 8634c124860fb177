"""Expectations that look a value up in another table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING

from aurify.config.columns import sql_type
from aurify.config.names import quoted
from aurify.quality.row_rules import arguments as arg
from aurify.quality.row_rules.domain import Domain, Over, column, hashable
from aurify.quality.row_rules.registry import Registry

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

    from aurify.quality.rule import Rule

REFERENCE_RULES = Registry()
OTHER_TABLE = "other_table_name"


@REFERENCE_RULES.row(
    "expect_column_values_to_exist_in_table",
    "{column} is among {other_column} of {other_table_name}",
    wants=hashable,
    is_ours=True,
    other_table_name=arg.THE_NAME,
    other_column=arg.THE_NAME,
)
def is_unknown(at: Domain, other_table_name: str, other_column: str) -> Column:
    """A foreign key; NULL is passed over, and never a member."""
    return column(flag_of(at.names, other_table_name, (other_column,))).isNull()


@REFERENCE_RULES.row(
    "expect_compound_columns_to_exist_in_table",
    "{columns} are among {other_columns} of {other_table_name}",
    over=Over.COLUMNS,
    wants=hashable,
    is_ours=True,
    other_table_name=arg.THE_NAME,
    other_columns=arg.THE_NAMES,
    ignore_row_if=arg.LIST_IGNORE,
)
def are_unknown(at: Domain, other_table_name: str, other_columns: Sequence[str]) -> Column:
    """A foreign key of several columns, in the order of the other table's; one with a NULL in it is no member."""
    return column(flag_of(at.names, other_table_name, other_columns)).isNull()


def flag_of(names: Sequence[str], other_table: str, other_columns: Sequence[str]) -> str:
    """The column that is TRUE where the values were found in the other table, and NULL where they were not."""
    return f"_found({', '.join(names)} in {other_table}: {', '.join(other_columns)})"


def is_reference(rule: Rule) -> bool:
    """Whether the rule looks its columns up in another table."""
    return rule.expectation in REFERENCE_RULES


def with_references(rows: DataFrame, rules: Sequence[Rule], others: Mapping[str, DataFrame]) -> DataFrame:
    """The rows with a flag for every lookup of the rules, each of them joined once, by its distinct keys."""
    from pyspark.sql import functions as F

    for flag, (columns, rule) in _lookups(rules).items():
        known = others[str(rule.kwargs[OTHER_TABLE])]
        keys = [f"{flag} {number}" for number in range(len(columns))]
        domain = Domain(rule.columns, rows.schema, "never")
        # in the type of the column that is looked up, so that no two keys can be equal to one value
        pairs = zip(_others(rule), domain.types, keys, strict=True)
        members = [F.expr(f"try_cast({quoted(n)} AS {sql_type(kind)})").alias(key) for n, kind, key in pairs]
        is_whole = reduce(and_, [column(key).isNotNull() for key in keys])
        found = known.select(*members).where(is_whole).distinct().withColumn(flag, F.lit(True))
        same = [value == column(key) for value, key in zip(domain.columns, keys, strict=True)]
        rows = rows.join(found, reduce(and_, same), "left").drop(*map(column, keys))
    return rows


def flags(rules: Sequence[Rule]) -> list[str]:
    """The flags that `with_references` adds."""
    return list(_lookups(rules))


def _lookups(rules: Sequence[Rule]) -> dict[str, tuple[tuple[str, ...], Rule]]:
    """The distinct lookups, by flag."""
    asked = (rule for rule in rules if is_reference(rule))
    return {flag_of(r.columns, str(r.kwargs[OTHER_TABLE]), _others(r)): (r.columns, r) for r in asked}


def _others(rule: Rule) -> tuple[str, ...]:
    named = rule.kwargs.get("other_columns", rule.kwargs.get("other_column"))
    return tuple(map(str, named)) if isinstance(named, tuple) else (str(named),)
