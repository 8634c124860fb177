"""The first job: one aggregate over all columns, and what is worth counting after it."""

from __future__ import annotations

import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from aurify.config.names import quoted
from aurify.quality.profile.facts import (
    ENOUGH_ROWS,
    LONGEST,
    MOST_NUMBERS,
    MOST_SHAPES,
    MOST_TEXTS,
    Family,
    family_of,
)
from aurify.quality.profile.shapes import COVERED, FORMS
from aurify.quality.row_rules.domain import hashable

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Sketches are off by some per cent: what may be meant is counted exactly.
ROOM = 1.2
NEARLY_ALL = 0.9
MOST_KEYS, MOST_PAIRS = 8, 6
CHANCE_REPEATS = 10
# Whether a column has few shapes is seen in one row of so many; how many rows have which is counted in all of them.
ONE_IN = 16

_CHARACTERS = string.ascii_uppercase + string.ascii_lowercase + string.digits
_SHAPES = "A" * 26 + "a" * 26 + "9" * 10
_WITH_SKETCH = (Family.TEXT, Family.WHOLE, Family.DATE, Family.MOMENT)


@dataclass(frozen=True)
class Place:
    """A column of the frame by its number, so that its name means nothing to Spark."""

    number: int
    name: str
    kind: T.DataType
    personal: bool

    @property
    def family(self) -> Family:
        """The family of its type."""
        return family_of(self.kind)

    @property
    def value(self) -> Column:
        """The column."""
        from pyspark.sql import functions as F

        return F.col(f"c{self.number}")

    @property
    def shape(self) -> Column:
        """The shape of a text; NULL where it is too long to have one."""
        from pyspark.sql import functions as F

        return F.col(f"s{self.number}")

    @property
    def skeleton(self) -> Column:
        """The shape with one character for each run of equal ones."""
        from pyspark.sql import functions as F

        return F.regexp_replace(self.shape, r"(?s)(.)\1+", "$1")


def by_number(frame: DataFrame, places: Sequence[Place]) -> DataFrame:
    """The columns by number."""
    from pyspark.sql import functions as F

    return frame.select(*(F.col(quoted(p.name)).alias(f"c{p.number}") for p in places))


def with_shapes(rows: DataFrame, places: Iterable[Place], asked: Column | None = None) -> DataFrame:
    """The rows with the shapes of texts; NULL where `asked` is not TRUE."""
    from pyspark.sql import functions as F

    shapes: list[Column] = []
    for place in places:
        is_short = F.length(place.value) <= LONGEST
        short = F.when(is_short if asked is None else asked & is_short, place.value)
        shapes.append(F.translate(short, _CHARACTERS, _SHAPES).alias(f"s{place.number}"))
    return rows.select("*", *shapes)


def measured_columns(rows: DataFrame, places: Sequence[Place]) -> Mapping[str, Any]:
    """Everything that is counted in the first job, as one row."""
    from pyspark.sql import functions as F

    plain = [p.value for p in places if p.family in _WITH_SKETCH]
    # By content, so that it does not hang on how the rows lie.
    asked = F.pmod(F.xxhash64(F.lit(ONE_IN), *plain), F.lit(ONE_IN)) == 0
    shaped = with_shapes(rows, [p for p in places if p.family is Family.TEXT], asked)
    (row,) = shaped.agg(*_aggregates(places)).collect()
    found: Mapping[str, Any] = row.asDict()
    return found


def _aggregates(places: Sequence[Place]) -> list[Column]:
    from pyspark.sql import functions as F

    made = [F.count(F.lit(1)).alias("rows")]
    for place in places:
        wanted = {"present": F.count(place.value), **_extremes(place), **_sketches(place)}
        if place.family is Family.TEXT:
            wanted |= {"shortest": F.min(F.length(place.value)), "longest": F.max(F.length(place.value))}
            wanted |= {f"form{n}": F.count(F.when(has, 1)) for n, has in enumerate(_has_form(place.value))}
        made += [column.alias(f"{what}_{place.number}") for what, column in wanted.items()]
    return made


def _extremes(place: Place) -> dict[str, Column]:
    """The least and the greatest value, in a form that Python can take whatever it is."""
    from pyspark.sql import functions as F

    value, family = place.value, place.family
    if family in (Family.WHOLE, Family.DECIMAL):
        return {"low": F.min(value), "high": F.max(value)}
    if family is Family.FRACTION:
        is_beyond = F.isnan(value) | (F.abs(value) == float("inf"))
        finite = F.when(~is_beyond, value)
        return {"low": F.min(finite), "high": F.max(finite), "beyond": F.count(F.when(is_beyond, 1))}
    if isinstance(place.kind, T.TimestampType):
        return {"low": F.unix_micros(F.min(value)), "high": F.unix_micros(F.max(value))}
    if family in (Family.DATE, Family.MOMENT):
        return {"low": F.min(value).cast("string"), "high": F.max(value).cast("string")}
    return {}


def _sketches(place: Place) -> dict[str, Column]:
    """About how many values there are, and of texts about how many shapes."""
    from pyspark.sql import functions as F

    def about(value: Column) -> Column:
        return F.hll_sketch_estimate(F.hll_sketch_agg(value))

    if place.family is Family.TEXT:
        return {"values": about(place.value), "shapes": about(place.shape), "skeletons": about(place.skeleton)}
    if isinstance(place.kind, T.IntegralType):
        return {"values": about(place.value.cast("bigint"))}
    return {"values": about(place.value.cast("string"))} if place.family in _WITH_SKETCH else {}


def _has_form(value: Column) -> list[Column]:
    """Whether a text has each of the known forms; what is cheap to see is asked first."""
    from pyspark.sql import functions as F

    length = F.length(value)
    may_have = {
        "UUIDs": length == 36,
        "32 hexadecimal digits": length == 32,
        "40 hexadecimal digits": length == 40,
        "64 hexadecimal digits": length == 64,
        "e-mail addresses": value.contains("@") & (length <= 254),
    }
    return [may_have[form] & value.rlike(regex) for form, regex in FORMS.items()]


class FirstPass:
    """The one row of the first job."""

    def __init__(self, places: Sequence[Place], row: Mapping[str, Any]) -> None:
        self.places = {place.name: place for place in places}
        self.row = row
        self.rows = int(row["rows"])

    def count(self, name: str, what: str) -> int:
        """One of the counts of a column; 0 where its type has no such."""
        return int(self.row.get(f"{what}_{self.places[name].number}") or 0)

    def extreme(self, name: str, what: str) -> object:
        """The least or greatest value of a column, as the job gave it."""
        return self.row.get(f"{what}_{self.places[name].number}")

    def with_few_values(self) -> list[Place]:
        """The columns whose values are counted; those of personal ones never are."""
        return [place for name, place in self.places.items() if self._has_few_values(name, place)]

    def with_few_shapes(self) -> dict[Place, bool]:
        """The columns whose shapes are counted, each with whether a run must be one character."""
        found: dict[Place, bool] = {}
        for name, place in self.places.items():
            present = self.count(name, "present")
            has_form = any(self.count(name, f"form{n}") >= COVERED * present for n in range(len(FORMS)))
            if place.family is not Family.TEXT or present < ENOUGH_ROWS or has_form:
                continue
            if (is_few := self.count(name, "shapes") <= MOST_SHAPES) or self.count(name, "skeletons") <= MOST_SHAPES:
                found[place] = not is_few
        return found

    def key_candidates(self, said: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
        """What is said to be a key, and single columns with hardly a value twice; pairs where there is neither."""
        found = [key for key in said if all(name in self.places and self._can_tell_rows_apart(name) for name in key)]
        singles = [(name,) for name in self.places if self._is_nearly_unique(name)][:MOST_KEYS]
        found += [single for single in singles if single not in found]
        return found or self._pairs()

    def _has_few_values(self, name: str, place: Place) -> bool:
        most = {Family.TEXT: MOST_TEXTS, Family.WHOLE: MOST_NUMBERS}.get(place.family, 0)
        is_enough = self.count(name, "present") >= ENOUGH_ROWS
        is_short = self.count(name, "longest") <= LONGEST
        return most > 0 and is_enough and is_short and not place.personal and self.count(name, "values") <= ROOM * most

    def _can_tell_rows_apart(self, name: str) -> bool:
        """A combination with a NULL in it identifies nothing; Spark can't group by maps."""
        return 0 < self.rows == self.count(name, "present") and not hashable((self.places[name].kind,))

    def _is_nearly_unique(self, name: str) -> bool:
        is_fit = self.places[name].family in (Family.TEXT, Family.WHOLE) and self.count(name, "longest") <= LONGEST
        present = self.count(name, "present")
        return is_fit and present > 1 and self.count(name, "values") >= NEARLY_ALL * present

    def _pairs(self) -> list[tuple[str, ...]]:
        """Pairs with enough combinations for all rows, and so few that chance alone would repeat some."""
        fit = [n for n, p in self.places.items() if p.family in _WITH_SKETCH and self._can_tell_rows_apart(n)]
        values = {n: self.count(n, "values") for n in fit if self.count(n, "longest") <= LONGEST}
        found: list[tuple[str, ...]] = []
        for a, b in combinations(values, 2):
            if NEARLY_ALL * self.rows <= values[a] * values[b] <= self.rows**2 / (2 * CHANCE_REPEATS):
                found.append((a, b))
        return found[:MOST_PAIRS]
