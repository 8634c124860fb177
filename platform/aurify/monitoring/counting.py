"""Profiles of the columns of a frame: the bins of a reference in one job, and what falls into them in one more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from aurify.config.names import quoted
from aurify.models.columns import columns_of
from aurify.models.fitted import is_text
from aurify.monitoring.profile import BINS, MOST_CATEGORIES, Bins, Profile, category_bins, number_bins, profiled

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame

_ACCURACY = 10_000
_COLUMNS = "column string, rows bigint, missing bigint, counts array<bigint>"


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
    own = {name: f"_{place}" for place, name in enumerate(bins)}  # Python takes no odd names
    given = rows.select(*map(quoted, bins)).toDF(*own.values())
    told = given.mapInArrow(partial(_counted, bins=dict(bins), names=own), _COLUMNS).collect()
    found = {name: Profile(each, 0, 0, (0,) * each.count) for name, each in bins.items()}
    for row in told:
        name = row["column"]
        found[name] = found[name].plus(Profile(bins[name], row["rows"], row["missing"], tuple(row["counts"])))
    return found


def _counted(
    batches: Iterable[pa.RecordBatch], bins: Mapping[str, Bins], names: Mapping[str, str]
) -> Iterator[pa.RecordBatch]:
    """What a task counted, a row for each column."""
    import pyarrow as pa

    found: dict[str, Profile] = {}
    for batch in batches:
        for name, values in columns_of(batch, names).items():
            is_number = not bins[name].categories
            part = profiled(values if is_number else _texts(values), bins[name])
            found[name] = found[name].plus(part) if name in found else part
    if found:
        told = [[profile.rows, profile.missing, list(profile.counts)] for profile in found.values()]
        rows, missing, counts = zip(*told, strict=True)
        arrays = [
            pa.array(list(found), pa.string()),
            pa.array(rows, pa.int64()),
            pa.array(missing, pa.int64()),
            pa.array(counts, pa.list_(pa.int64())),
        ]
        yield pa.RecordBatch.from_arrays(arrays, ["column", "rows", "missing", "counts"])


def _texts(values: np.ndarray) -> np.ndarray:
    """Anything as text, None where it is missing."""
    found: np.ndarray = np.asarray([None if value is None else str(value) for value in values], object)
    return found
