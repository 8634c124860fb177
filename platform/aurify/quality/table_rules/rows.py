"""The rows that are measured, and the values in them that a measure looks at."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError
from aurify.quality.row_rules.places import Place, place_of
from aurify.quality.table_rules.measures import Measure
from aurify.quality.table_rules.predicates import PREDICATES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Taken = Iterator[tuple[str, object]]


@dataclass(frozen=True)
class Rows:
    """The rows of a batch or table, and the frames of other tables by name."""

    frame: DataFrame
    others: Mapping[str, DataFrame] = field(default_factory=dict)

    def place(self, name: str) -> Place:
        """Where a column, or a field of structs, is."""
        if (place := place_of(name, self.frame.schema)) is None:
            raise ConfigurationError.of("rules of the batch", f"no column '{name}'", "a column of the rows")
        return place

    def value(self, measure: Measure, *test: object) -> Column:
        """The measure's column, NULL where the row does not meet the condition or the value not the test."""
        from pyspark.sql import functions as F

        value = self.place(measure.column).column
        asked = [] if measure.condition is None else [measure.condition.column()]
        if test:
            asked.append(PREDICATES[str(test[0])](value, *test[1:]))
        for condition in asked:
            value = F.when(condition, value)
        return value


Taker = Callable[[Rows, Sequence[Measure]], Taken]
