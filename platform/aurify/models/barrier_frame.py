"""The rows of a fit as its workers read them: numbers alone, in one partition a worker, always in the same order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.numeric_columns import number
from aurify.publish.ranges import task_values

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

# Types whose every value a 4-byte number holds.
NARROW = ("float", "byte", "short", "boolean")
_KEY = "_key"


@dataclass(frozen=True)
class Roles:
    """Which column is what."""

    features: tuple[str, ...]
    label: str
    weight: str | None
    categorical: tuple[str, ...]
    order_by: tuple[str, ...]
    is_validation: str | None
    has_validation: bool

    def all_names(self) -> list[str]:
        named = (*self.features, self.label, self.weight, self.is_validation, *self.order_by)
        return [name for name in named if name is not None]


def feature(place: int) -> str:
    """The name that a feature has in the prepared rows."""
    return f"_{place}"


def is_narrow(rows: DataFrame, features: Sequence[str]) -> bool:
    """Whether four bytes a value hold the features exactly."""
    return all(rows.schema[name].dataType.typeName() in NARROW for name in features)


def prepared(rows: DataFrame, validation: DataFrame | None, roles: Roles, narrow: bool) -> DataFrame:
    """The numbers of the rows under short names, with `order_by` and, where there are such, who validates."""
    from pyspark.sql import functions as F

    if validation is None:
        flag = F.coalesce(F.col(quoted(roles.is_validation)), F.lit(False)) if roles.is_validation else None
        return _numbers(rows, roles, narrow, flag)
    training = _numbers(rows, roles, narrow, F.lit(False))
    return training.unionByName(_numbers(validation, roles, narrow, F.lit(True)))


def _numbers(rows: DataFrame, roles: Roles, narrow: bool, flag: Column | None) -> DataFrame:
    from pyspark.sql import functions as F

    kind = "float" if narrow else "double"
    return rows.select(
        *(number(rows, name, kind).alias(feature(place)) for place, name in enumerate(roles.features)),
        number(rows, roles.label, "double").alias(LABEL),
        *([number(rows, roles.weight, "double").alias(WEIGHT)] if roles.weight else []),
        *([flag.alias(VALIDATION)] if flag is not None else []),
        *(F.col(quoted(name)).alias(f"_by{place}") for place, name in enumerate(roles.order_by)),
    )


def placed(numbers: DataFrame, workers: int) -> DataFrame:
    """The prepared rows in a partition for each worker, sorted; those that validate are the first worker's.

    Where `order_by` doesn't tell two rows apart, their numbers do: then it is all the same which is first.
    """
    from pyspark.sql import functions as F

    by = [name for name in numbers.columns if name.startswith("_by")]
    own = [name for name in numbers.columns if name not in by]
    if workers == 1:
        return numbers.repartition(1).sortWithinPartitions(*by, *own).select(*own)
    keys = F.array(*map(F.lit, task_values(workers)))
    place = F.pmod(F.xxhash64(*by), F.lit(workers)).cast("int")
    if VALIDATION in own:
        place = F.when(F.col(VALIDATION), 0).otherwise(place)
    keyed = numbers.withColumn(_KEY, F.element_at(keys, place + 1))
    return keyed.repartition(workers, _KEY).sortWithinPartitions(*by, *own).select(*own)
