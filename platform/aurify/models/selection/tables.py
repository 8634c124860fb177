"""Each feature cut into bins, with the rows and the positives of every bin: what a feature tells of a binary label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from aurify.models.columns import Numbers
from aurify.models.selection.labelled import LABEL, Labelled, numbers_of
from aurify.models.selection.merged import Batches, merged
from aurify.models.selection.moments import Moments, Read

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

CELLS = 512
MOST_LEVELS = 100
MOST_BINS = 100
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Table:
    """Rows and positives of the bins of a feature; where any row lacks it, the last bin is of those.

    Of a number `edges` are the upper edges of its bins, which belong to them, the last one infinite. Of a text `levels`
    are the commonest values, None for all others together. `distinct` counts the values of a text.
    """

    rows: Counts
    positives: Counts
    missing: int
    edges: tuple[float, ...] = ()
    levels: tuple[str | None, ...] = ()
    distinct: int | None = None


def tables(frame: Labelled, read: Read, bins: int) -> dict[str, Table]:
    """The table of every feature, the same however the rows are partitioned; one pass, and one more if any is a text.

    A number has a bin for each value where it has no more than `bins` values, else bins of about as many rows each:
    an edge is off by 1/512 of the rows at most, unless values are far more uneven than a range of 6 % tells.
    """
    uppers = [_uppers(moments) for moments in read.moments]
    told = merged(frame.as_numbers(), partial(_partial, uppers=uppers)) if uppers else {}
    found = {name: _cut(told[place], uppers[place], bins) for place, name in enumerate(frame.numbers)}
    if frame.texts:
        found |= _of_texts(frame.texts, frame.as_texts())
    return {name: found[name] for name in frame.features}


def _uppers(moments: Moments) -> Numbers:
    """The upper edges of fine cells: of each value where these are few, else even steps in each place by its rows."""
    if moments.values is not None:
        return moments.values
    places = moments.places
    steps = np.ceil(CELLS * places.counts / moments.count).astype(np.int64)
    cells = [
        low + (high - low) * (np.arange(1, step + 1) / step) if low < high else np.array([high])
        for low, high, step in zip(places.lows, places.highs, steps, strict=True)
    ]
    edges = np.concatenate(cells)
    edges[-1] = places.highs[-1]
    return np.unique(edges)


def _partial(batches: Batches, uppers: Sequence[Numbers]) -> dict[int, Counts]:
    """For each number the rows and the positives of its cells, the missing last."""
    found = {place: np.zeros((2, len(edges) + 1), np.int64) for place, edges in enumerate(uppers)}
    for batch in batches:
        values, label = numbers_of(batch)
        for place, counts in found.items():
            cells = np.searchsorted(uppers[place], values[:, place])  # NaN is after all
            counts[0] += np.bincount(cells, minlength=counts.shape[1])
            counts[1] += np.bincount(cells[label == 1.0], minlength=counts.shape[1])
    return found


def _cut(counts: Counts, uppers: Numbers, bins: int) -> Table:
    """The cells together as bins."""
    there, missing = counts[:, :-1], counts[:, -1:]
    edges: tuple[float, ...] = ()
    if there.size and there[0].any():
        ends = _ends(there[0], bins)
        edges = (*(float(edge) for edge in uppers[ends]), np.inf)
        there = np.add.reduceat(there, np.append(0, ends + 1), axis=1)
    lacking = int(missing[0, 0])
    together = np.concatenate([there, missing], axis=1) if lacking else there
    return Table(together[0], together[1], lacking, edges)


def _ends(rows: Counts, bins: int) -> NDArray[np.int64]:
    """The last cell of each bin but the last bin."""
    so_far = np.cumsum(rows)
    last = np.searchsorted(so_far, so_far[-1])
    if np.count_nonzero(rows) <= bins:
        ends = np.flatnonzero(rows)
    else:
        wanted = so_far[-1] * np.arange(1, bins) / bins
        ends = np.unique(np.searchsorted(so_far, wanted))
    return np.asarray(ends[ends < last], np.int64)


def _of_texts(names: Sequence[str], texts: DataFrame) -> dict[str, Table]:
    """The commonest values of each text, ties in the order of the values; all others are one bin."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    by_rows = Window.partitionBy("place", F.col("value").isNull()).orderBy(F.desc("rows"), "value")
    counted = texts.groupBy("place", "value").agg(
        F.count(F.lit(1)).alias("rows"), F.count_if(F.col(LABEL) == 1.0).alias("positives")
    )
    level = F.least(F.row_number().over(by_rows), F.lit(MOST_LEVELS + 1))
    level = F.when(F.col("value").isNull(), MOST_LEVELS + 2).otherwise(level)
    bins = counted.withColumn("level", level).groupBy("place", "level")
    summed = bins.agg(
        F.sum("rows").alias("rows"),
        F.sum("positives").alias("positives"),
        F.count("value").alias("values"),
        F.min("value").alias("value"),
    )
    told = sorted(summed.collect(), key=lambda row: (int(row.place), int(row.level)))
    found = {}
    for place, name in enumerate(names):
        own = [row for row in told if row.place == place]
        there = [row for row in own if row.level <= MOST_LEVELS + 1]
        found[name] = Table(
            np.array([row.rows for row in own], np.int64),
            np.array([row.positives for row in own], np.int64),
            sum(row.rows for row in own if row.level > MOST_LEVELS + 1),
            levels=tuple(row.value if row.level <= MOST_LEVELS else None for row in there),
            distinct=sum(row["values"] for row in there),
        )
    return found
