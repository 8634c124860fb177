"""Profiles of the columns of a frame: the bins of a reference in one job, and what falls into them in one more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aurify.config.names import quoted
from aurify.models.columns import columns_of
from aurify.models.fitted import is_text
from aurify.monitoring.profile import (
    BINS,
    MOST_CATEGORIES,
    Bins,
    Profile,
    Weekdays,
    category_bins,
    number_bins,
    profiled,
    whole,
)

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

_ACCURACY = 10_000
_ALL, _DAY = 0, "_day"
_COLUMNS = "column string, day int, rows bigint, missing bigint, counts array<bigint>"


def bins_of(rows: DataFrame, columns: Sequence[str]) -> dict[str, Bins]:
    """Bins for the columns of a reference: between 20-quantiles of numbers, the most frequent of anything else.

    One job for all numbers, one more for all others.
    """
    from pyspark.sql import functions as F

    texts = [name for name in columns if is_text(rows.schema[name].dataType.simpleString())]
    numbers = [name for name in columns if name not in texts]
    found: dict[str, Bins] = {}
    if numbers:
        asked = []
        for name in numbers:
            value = F.col(quoted(name)).cast("double")
            there = F.when(~F.isnan(value), value)
            asked.append(F.percentile_approx(there, [place / BINS for place in range(1, BINS)], _ACCURACY))
        told = rows.agg(*asked).collect()[0]
        found |= {name: number_bins(told[place] or []) for place, name in enumerate(numbers)}
    if texts:
        pairs = [F.struct(F.lit(name).alias("n"), F.col(quoted(name)).cast("string").alias("v")) for name in texts]
        values = rows.select(F.explode(F.array(*pairs)).alias("p")).where("p.v IS NOT NULL")
        counted = values.groupBy("p.n", "p.v").count().collect()
        for name in texts:
            own = {row["v"]: int(row["count"]) for row in counted if row["n"] == name}
            found[name] = category_bins(own, MOST_CATEGORIES)
    return {name: found[name] for name in columns}


def profiles_of(rows: DataFrame, bins: Mapping[str, Bins]) -> dict[str, Profile]:
    """The profiles of the columns that have bins, in one job; what comes back is a few numbers a task."""
    from pyspark.sql import functions as F

    return {name: whole(days) for name, days in _by_day(rows, bins, F.lit(_ALL)).items()}


def weekdays_of(rows: DataFrame, bins: Mapping[str, Bins], time: str) -> dict[str, Weekdays]:
    """The same by the weekday of a time, 1 being Sunday; 0 is that of rows without one."""
    from pyspark.sql import functions as F

    return _by_day(rows, bins, F.coalesce(F.dayofweek(F.col(quoted(time)).cast("timestamp")), F.lit(_ALL)))


def _by_day(rows: DataFrame, bins: Mapping[str, Bins], day: Column) -> dict[str, Weekdays]:
    own = {name: f"_{place}" for place, name in enumerate(bins)}  # Python takes no odd names
    given = rows.select(*map(quoted, bins), day.cast("int")).toDF(*own.values(), _DAY)
    told = given.mapInArrow(partial(_counted, bins=dict(bins), names=own), _COLUMNS).collect()
    nothing = {name: Profile(each, 0, 0, (0,) * each.count) for name, each in bins.items()}
    found: dict[str, dict[int, Profile]] = {name: {} for name in bins}
    for row in told:
        name, days = row["column"], found[row["column"]]
        counted = Profile(bins[name], row["rows"], row["missing"], tuple(row["counts"]))
        days[row["day"]] = days.get(row["day"], nothing[name]).plus(counted)
    return {name: days or {_ALL: nothing[name]} for name, days in found.items()}


def _counted(
    batches: Iterable[pa.RecordBatch], bins: Mapping[str, Bins], names: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """What a task counted, a row for each column and day."""
    import pyarrow as pa

    found: dict[tuple[str, int], Profile] = {}
    for batch in batches:
        days = np.asarray(batch.column(_DAY))
        places = {int(day): days == day for day in np.unique(days)}
        for name, values in columns_of(batch, names).items():
            given = values if not bins[name].categories else _texts(values)
            for day, own in places.items():
                part = profiled(given if len(places) == 1 else given[own], bins[name])
                found[name, day] = found[name, day].plus(part) if (name, day) in found else part
    if found:
        told = [[*place, profile.rows, profile.missing, list(profile.counts)] for place, profile in found.items()]
        kinds = (pa.string(), pa.int32(), pa.int64(), pa.int64(), pa.list_(pa.int64()))
        arrays = [pa.array(values, kind) for values, kind in zip(zip(*told, strict=True), kinds, strict=True)]
        yield pa.RecordBatch.from_arrays(arrays, ["column", "day", "rows", "missing", "counts"])


def _texts(values: np.ndarray) -> np.ndarray:
    """Anything as text, None where it is missing."""
    found: np.ndarray = np.asarray([None if value is None else str(value) for value in values], object)
    return found
