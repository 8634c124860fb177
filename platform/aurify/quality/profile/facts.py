"""What was measured of a table: plain counts and extremes, from which proposals are made without Spark."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING

from pyspark.sql import types as T

if TYPE_CHECKING:
    from aurify.quality.values import Value

# Fewer rows teach too little: their rules warn, and neither sets nor shapes are looked for.
ENOUGH_ROWS = 100
# The longest text, in characters, that can be a code, a key or a member of a set.
LONGEST = 64
MOST_TEXTS, MOST_NUMBERS = 50, 10
MOST_SHAPES = 64

_NAMES_OF_NO_TABLE = ("id", "key", "code", "name", "no", "number", "nr")


class Family(Enum):
    """What can be measured of a type."""

    TEXT = "text"
    WHOLE = "whole numbers"
    DECIMAL = "decimals"
    FRACTION = "binary fractions"
    DATE = "dates"
    MOMENT = "moments"
    OTHER = "whatever has no order that a suite could name"


def family_of(kind: T.DataType) -> Family:
    """The family of a type.

    >>> family_of(T.DecimalType(20, 0)), family_of(T.DecimalType(12, 4))
    (<Family.WHOLE: 'whole numbers'>, <Family.DECIMAL: 'decimals'>)
    """
    if isinstance(kind, T.StringType | T.CharType | T.VarcharType):
        return Family.TEXT
    if isinstance(kind, T.IntegralType) or (isinstance(kind, T.DecimalType) and kind.scale == 0):
        return Family.WHOLE
    if isinstance(kind, T.DecimalType):
        return Family.DECIMAL
    if isinstance(kind, T.FloatType | T.DoubleType):
        return Family.FRACTION
    if isinstance(kind, T.DateType):
        return Family.DATE
    return Family.MOMENT if isinstance(kind, T.TimestampType | T.TimestampNTZType) else Family.OTHER


@dataclass(frozen=True)
class ColumnFacts:
    """One column, every row counted.

    `low` and `high` leave out the `beyond` values, NaN and the infinities, and are None where Python has no such date.
    `values` and `shapes` say how often each is there, and are None where they were too many to count. A shape is the
    text with 9 for a digit, A and a for a letter; where `runs_are_one`, with one character for a run of equal ones.
    """

    name: str
    kind: T.DataType
    personal: bool
    present: int
    low: Value | None = None
    high: Value | None = None
    beyond: int = 0
    shortest: int = 0
    longest: int = 0
    forms: Mapping[str, int] = field(default_factory=dict)
    values: Mapping[str | int, int] | None = None
    shapes: Mapping[str, int] | None = None
    runs_are_one: bool = False

    @property
    def family(self) -> Family:
        """The family of its type."""
        return family_of(self.kind)


@dataclass(frozen=True)
class Reference:
    """A column whose values may be keys of another table."""

    column: str
    table: str
    key: str


@dataclass(frozen=True)
class TableFacts:
    """A table as it was measured, in `jobs` Spark jobs.

    `distinct` has the exact number of values of columns, or of combinations, that may be keys; `orphans` how many
    values of a reference are no key of the other table.
    """

    table: str
    rows: int
    columns: tuple[ColumnFacts, ...]
    distinct: Mapping[tuple[str, ...], int]
    orphans: Mapping[Reference, int]
    jobs: int

    def column(self, name: str) -> ColumnFacts:
        """The column of a name."""
        return next(column for column in self.columns if column.name == name)


@dataclass(frozen=True)
class Assured:
    """What the engine itself sees to, so that no rule has to: columns never NULL, and those that are a key together.

    `latest_wins`: a batch may hold several rows of a key, of which the newest is kept.
    """

    filled: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    latest_wins: bool = False


def may_refer(column: str, table: str, key: str) -> bool:
    """Whether a column's name says that its values are keys of another table.

    >>> may_refer("customer_id", "silver.customers", "customer_id"), may_refer("seller_id", "silver.sellers", "id")
    (True, True)
    >>> may_refer("customer_id", "silver.customers", "id"), may_refer("customer", "silver.customers", "id")
    (True, True)
    >>> may_refer("id", "silver.customers", "id"), may_refer("country", "silver.customers", "id")
    (False, False)
    """
    name, wanted = _settled(column), _settled(key)
    if wanted not in _NAMES_OF_NO_TABLE:
        return name == wanted or name.endswith(f"_{wanted}")
    owners = _singulars(_settled(table.rpartition(".")[2]))
    return any(name in (owner, f"{owner}_{wanted}") or name.endswith(f"_{owner}_{wanted}") for owner in owners)


def _settled(name: str) -> str:
    """A name without the differences of style: `CustomerID` is `customer_id`."""
    return re.sub(r"[^0-9a-z]+", "_", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()).strip("_")


def _singulars(plural: str) -> tuple[str, ...]:
    endings = (("ies", "y"), ("es", ""), ("s", ""), ("", ""))
    return tuple(plural.removesuffix(end) + instead for end, instead in endings if plural.endswith(end))
