"""The measures that are plain aggregates, so that all of them are taken in one pass over the rows."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pyspark.sql import types as T

from aurify.quality.table_rules.predicates import PREDICATES

if TYPE_CHECKING:
    from pyspark.sql import Column

# With it `percentile_approx` drops no value below a billion of them: it is exact.
EXACT = 2**31 - 1
SKETCH = 10_000
JUST_ABOVE = 1e-10
QUARTILES = (0.25, 0.75)
LEVELS = tuple(i / 20 for i in range(21))
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


@dataclass(frozen=True)
class Operand:
    """What an aggregate is of: a column, NULL on rows that don't meet the condition, and whether a row meets it."""

    value: Column | None
    kind: T.DataType
    meets: Column | None

    @property
    def there(self) -> Column:
        """The column, which a measure of rows has not."""
        assert self.value is not None
        return self.value

    @property
    def number(self) -> Column:
        """The column as a double; NaN is no number, and NULL."""
        from pyspark.sql import functions as F

        double = self.there.cast("double")
        return F.when(~F.isnan(double), double)


@dataclass(frozen=True)
class Aggregate:
    """The columns that Spark computes, and what they say together."""

    columns: Callable[..., Sequence[Column]]
    read: Callable[[Sequence[Any], T.DataType], object] = lambda values, kind: plain(number(values[0]), kind)


def portable(value: Column, kind: T.DataType) -> Column:
    """The value as it leaves Spark: a moment as microseconds, which no time zone of the driver can move."""
    from pyspark.sql import functions as F

    return F.unix_micros(value) if isinstance(kind, T.TimestampType) else value


def plain(value: object, kind: T.DataType) -> object:
    """The value in Python; a moment is in UTC."""
    is_moment = isinstance(kind, T.TimestampType) and isinstance(value, int)
    return _EPOCH + timedelta(microseconds=value) if is_moment else value  # type: ignore[arg-type]


def number(value: object) -> object:
    """NaN is None, as Great Expectations has it of an aggregate."""
    return None if isinstance(value, float) and math.isnan(value) else value


def _rows(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.count(F.lit(1) if of.meets is None else F.when(of.meets, F.lit(1)))]


def _nulls(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    is_missing = of.there.isNull() if of.meets is None else of.meets & of.there.isNull()
    return [F.count(F.when(is_missing, F.lit(1)))]


def _values(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.count(of.there)]


def _smallest(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [portable(F.min(of.there), of.kind)]


def _largest(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [portable(F.max(of.there), of.kind)]


def _mean(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.mean(of.there)]


def _deviation(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.stddev_samp(of.there.cast("double"))]


def _sum(of: Operand) -> list[Column]:
    """Of long integers the upper and the lower halves apart, which can't overflow."""
    from pyspark.sql import functions as F

    if isinstance(of.kind, T.LongType):
        return [F.sum(F.shiftright(of.there, 32)), F.sum(of.there.bitwiseAND(F.lit(0xFFFFFFFF)))]
    return [F.sum(of.there)]


def _whole_sum(values: Sequence[Any], kind: T.DataType) -> object:
    if len(values) == 1 or values[0] is None:
        return number(values[0])
    return (values[0] << 32) + values[1]


def _quantiles(of: Operand, *levels: float) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.percentile_approx(of.number, list(levels), EXACT)]


def _median(of: Operand) -> list[Column]:
    return _quantiles(of, 0.5, 0.5 + JUST_ABOVE)


def _middle(values: Sequence[Any], kind: T.DataType) -> object:
    return number((values[0][0] + values[0][1]) / 2) if values[0] else None


def _quartiles(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.percentile(of.there.cast("double"), list(QUARTILES))]


def _quantile_sketch(of: Operand) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.percentile_approx(of.number, list(LEVELS), SKETCH)]


def _bins(of: Operand, *edges: float) -> list[Column]:
    """Rows below the bins, in each of them, and above; the last one has its upper edge, and NaN is above."""
    from pyspark.sql import functions as F

    number = of.there.cast("double")
    within = [(number >= F.lit(low)) & (number < F.lit(high)) for low, high in pairwise(edges)]
    within[-1] = within[-1] | (number == F.lit(edges[-1]))
    all_bins = [number < F.lit(edges[0]), *within, number > F.lit(edges[-1])]
    return [F.count(F.when(is_in, F.lit(1))) for is_in in all_bins]


def _failing(of: Operand, test: str, *given: object) -> list[Column]:
    from pyspark.sql import functions as F

    return [F.count(F.when(PREDICATES[test](of.there, *given), F.lit(1)))]


def _first(values: Sequence[Any], kind: T.DataType) -> object:
    return values[0]


def _own(of: Operand, name: str, function: Callable[..., Column], given: Sequence[tuple[str, object]]) -> list[Column]:
    """The aggregate that a project has made itself."""
    return [function(of.there, **dict(given))]


def _list(values: Sequence[Any], kind: T.DataType) -> object:
    return list(values)


AGGREGATES: Mapping[str, Aggregate] = {
    "row_count": Aggregate(_rows),
    "null_count": Aggregate(_nulls, _first),
    "value_count": Aggregate(_values, _first),
    "min": Aggregate(_smallest),
    "max": Aggregate(_largest),
    "mean": Aggregate(_mean),
    "stdev": Aggregate(_deviation),
    "sum": Aggregate(_sum, _whole_sum),
    "median": Aggregate(_median, _middle),
    "quantiles": Aggregate(_quantiles),
    "quartiles": Aggregate(_quartiles),
    "quantile_sketch": Aggregate(_quantile_sketch),
    "bin_counts": Aggregate(_bins, _list),
    "own": Aggregate(_own, lambda values, kind: plain(values[0], T.DoubleType())),
    "failing_count": Aggregate(_failing, _first),
}
