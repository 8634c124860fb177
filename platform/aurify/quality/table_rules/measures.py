"""What is measured for a rule: a number, or a short list, that is taken from the rows once however many rules ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aurify.quality.conditions import Condition
    from aurify.quality.rule import Rule

Found = Mapping[str, object]

# Told in a report of a rule that fails; Great Expectations has as many.
LISTED = 20


@dataclass(frozen=True)
class Measure:
    """What is measured, of which column, with what given, over the rows that meet the condition."""

    of: str
    column: str = ""
    given: tuple[object, ...] = ()
    condition: Condition | None = None

    @property
    def name(self) -> str:
        """The measure in one line: two of the same name are the same.

        >>> Measure("row_count").name, Measure("max", "unit_price").name
        ('row_count', 'max(unit_price)')
        """
        inside = ", ".join([*([self.column] if self.column else []), *map(repr, self.given)])
        of = f"{self.of}({inside})" if inside else self.of
        return f"{of} where {self.condition.text}" if self.condition is not None else of


Measures = Callable[["Rule", Found], Mapping[str, Measure]]


def over_rows(rule: Rule, of: str, *given: object) -> Measure:
    """A measure of the rows that the rule is for."""
    return Measure(of, "", given, rule.condition)


def over_column(rule: Rule, of: str, *given: object) -> Measure:
    """A measure of the rule's column, over the rows that the rule is for."""
    return Measure(of, rule.columns[0], given, rule.condition)


def each(*, rows: str = "", **of_column: str) -> Measures:
    """Measures of the rule's column, by role; and one of its rows, as `rows`."""

    def measures(rule: Rule, found: Found) -> Mapping[str, Measure]:
        of_rows = {"rows": over_rows(rule, rows)} if rows else {}
        return {**of_rows, **{role: over_column(rule, of) for role, of in of_column.items()}}

    return measures


def nothing(rule: Rule, found: Found) -> Mapping[str, Measure]:
    """No measure at all."""
    return {}
