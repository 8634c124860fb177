"""What a rule looks at: its columns within the row, their types, and the rows that it passes over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from operator import and_, or_
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.config.names import quoted
from aurify.quality.row_rules.places import Place, place_of

if TYPE_CHECKING:
    from pyspark.sql import Column

    from aurify.quality.conditions import Condition

Types = tuple[T.DataType, ...]
Wants = Callable[[Types], str]


class Over(Enum):
    """The arguments that name a rule's columns."""

    COLUMN = ("column",)
    PAIR = ("column_A", "column_B")
    COLUMNS = ("column_list",)


@dataclass(frozen=True)
class Domain:
    """The columns of one rule; `ignore` says which missing values make it pass over a row.

    `condition` counts for rules that compare rows with each other: a row that does not meet it is none of the others.
    """

    names: tuple[str, ...]
    schema: T.StructType
    ignore: str
    condition: Condition | None = None

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the names lead; `a.b` is the column of this name, else the field `b` of the struct `a`."""
        return tuple(map(self._place, self.names))

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, quoted: spaces and quotes in a name mean nothing."""
        return tuple(place.column for place in self.places)

    @property
    def types(self) -> Types:
        """The types of the columns."""
        return tuple(place.kind for place in self.places)

    @property
    def as_text(self) -> Column:
        """The only column as Spark writes it."""
        (place,) = self.places
        return place.column if isinstance(place.kind, T.StringType) else place.column.cast("string")

    @property
    def is_looked_at(self) -> Column | None:
        """TRUE where the rule looks at the row, FALSE where it passes over; None where it looks at every row."""
        present = [c.isNotNull() for c in self.columns]
        if self.ignore in ("both_values_are_missing", "all_values_are_missing"):
            return reduce(or_, present)
        if self.ignore in ("either_value_is_missing", "any_value_is_missing"):
            return reduce(and_, present)
        return None

    def _place(self, name: str) -> Place:
        if (place := place_of(name, self.schema)) is None:
            raise KeyError(name)
        return place


def field_type(schema: T.StructType, name: str) -> T.DataType | None:
    """The type of a column, or of a field of structs; None where the name leads nowhere."""
    place = place_of(name, schema)
    return None if place is None else place.kind


def column(name: str) -> Column:
    """The column of exactly this name."""
    from pyspark.sql import functions as F

    return F.col(quoted(name))


def balanced(parts: Sequence[Column], join: Callable[[Column, Column], Column]) -> Column:
    """The parts joined as a tree of logarithmic depth: hundreds of them overflow no stack."""
    level = list(parts)
    while len(level) > 1:
        level = [join(*level[i : i + 2]) if i + 1 < len(level) else level[i] for i in range(0, len(level), 2)]
    return level[0]


def any_type(types: Types) -> str:
    """Every type will do."""
    return ""


def text_like(types: Types) -> str:
    """Text, or what Spark writes as text."""
    bad = [t for t in types if isinstance(t, T.ArrayType | T.MapType | T.StructType)]
    return "a column of text, or of plain values, which are read as Spark writes them" if bad else ""


def text(types: Types) -> str:
    """Text alone."""
    return "" if all(isinstance(t, T.StringType | T.CharType | T.VarcharType) for t in types) else "a column of text"


def numeric(types: Types) -> str:
    """Numbers."""
    return "" if all(isinstance(t, T.NumericType) for t in types) else "columns of numbers"


def hashable(types: Types) -> str:
    """Whatever Spark can group by."""
    return "columns without maps, which have no equality" if any(map(_holds_map, types)) else ""


def alike(types: Types) -> str:
    """Types that have an equality in common."""
    families = {_family(t) for t in types}
    return hashable(types) or ("" if len(families) == 1 else "columns that can be compared: all numbers, all text, ...")


def _family(kind: T.DataType) -> str:
    if isinstance(kind, T.NumericType):
        return "number"
    if isinstance(kind, T.DateType | T.TimestampType):
        return "time"
    return kind.simpleString()


def _holds_map(kind: T.DataType) -> bool:
    if isinstance(kind, T.StructType):
        return any(_holds_map(field.dataType) for field in kind.fields)
    if isinstance(kind, T.ArrayType):
        return _holds_map(kind.elementType)
    return isinstance(kind, T.MapType)
