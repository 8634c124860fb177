"""Curves of a scored frame on Spark: rows parted by ranges of the score, each part cumulated after the better ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

from aurify.config.names import quoted
from aurify.models.curve import PARTS, At, Counts, Curve, Numbers, Slice
from aurify.models.replicates import Draws

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import Column, DataFrame

    from aurify.models.scored import Frame, Scores, Summary

ROWS_OF_A_PART = 500_000
CELLS_OF_A_PART = 8_000_000
NO_DRAWS = Draws()
_FOUND = "part int, segment string, lines binary"

Place: TypeAlias = tuple[int, str | None]
Mapped: TypeAlias = "Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]"


@dataclass(frozen=True)
class Ties:
    """Distinct scores, best first, with the rows and positives of each in every weighting."""

    score: Numbers
    rows: Numbers
    positives: Numbers

    def __getitem__(self, kept: slice) -> Ties:
        return Ties(self.score[kept], self.rows[kept], self.positives[kept])

    def then(self, later: Ties) -> Ties:
        """This last score, and the later ones; it may go on as the first of them."""
        if self.score[-1] == later.score[0]:
            later.rows[0] += self.rows[-1]
            later.positives[0] += self.positives[-1]
            return later
        return Ties(
            np.concatenate([self.score, later.score]),
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.positives, later.positives]),
        )


@dataclass(frozen=True)
class Plan:
    """What is drawn: which parts of a curve, where, for which draws of which units."""

    parts: tuple[str, ...]
    at: At
    draws: Draws = NO_DRAWS
    unit: tuple[str, ...] = ()


def curves(frame: Frame, plan: Plan, summary: Summary, score: int = 0) -> dict[str | None, Curve]:
    """The curve of every segment, under None where there are none; two actions, one shuffle.

    The first action parts, sorts and keeps the rows and counts each part, the second cumulates. The driver sees a row
    for each part and segment. All rows of one score are in one part.
    """
    with _parted(frame, plan, summary, score) as parted:
        before, whole = _offsets(_collected(parted, partial(_counted, draws=plan.draws), plan))
        told = _collected(parted, partial(_summed, plan=plan, before=before, whole=whole), plan)
    merged: dict[str | None, dict[str, Numbers]] = {}
    for (_, segment), lines in told:
        merge_into(merged.setdefault(segment, {}), _split(lines, plan))
    return {segment: Curve(whole[segment], parts, plan.at) for segment, parts in merged.items()}


def merge_into(found: dict[str, Numbers], more: dict[str, Numbers]) -> None:
    """Each part merged as it asks to be."""
    for name, lines in more.items():
        found[name] = PARTS[name].merge(found[name], lines) if name in found else lines


@contextmanager
def _parted(frame: Frame, plan: Plan, summary: Summary, score: int) -> Iterator[DataFrame]:
    """The rows as Python reads them, kept in memory or on disk until both actions are done."""
    from pyspark.sql import functions as F

    parts = _number_of_parts(summary.rows, plan.draws)
    segment = F.col(quoted(frame.segment)).cast("string") if frame.segment is not None else F.lit(None).cast("string")
    unit = F.xxhash64(*map(quoted, plan.unit)) if plan.unit else F.lit(0).cast("bigint")
    read = frame.rows.select(
        segment.alias("segment"),
        frame.score_column(frame.scores[score]).alias("score"),
        frame.label_column().alias("label"),
        unit.alias("unit"),
    )
    ranged = _ranged(read, _bounds(summary.scores[score], parts))
    parted = ranged.repartition(parts, "part").sortWithinPartitions("part", "segment", _best_first())
    parted.persist()
    try:
        yield parted
    finally:
        parted.unpersist()


def _best_first() -> Column:
    from pyspark.sql import functions as F

    return F.col("score").desc()


def _number_of_parts(rows: int, draws: Draws) -> int:
    return max(1, rows // ROWS_OF_A_PART, rows * draws.weightings // CELLS_OF_A_PART)


def _bounds(scores: Scores, parts: int) -> list[float]:
    """Quantiles of the score between the parts, without repeats."""
    places = np.linspace(0, len(scores.quantiles), min(parts, len(scores.quantiles)) + 1)[1:-1]
    return sorted({scores.quantiles[int(place)] for place in places})


def _ranged(read: DataFrame, bounds: Sequence[float]) -> DataFrame:
    """Each row with the number of the range of scores that it is in, the best having the highest."""
    from pyspark.ml.feature import Bucketizer
    from pyspark.sql import functions as F

    if not bounds:
        return read.withColumn("part", F.lit(0))
    splits = [float("-inf"), *bounds, float("inf")]
    found = Bucketizer(splits=splits, inputCol="score", outputCol="part").transform(read)
    return found.withColumn("part", F.col("part").cast("int"))


def _collected(parted: DataFrame, mapped: Mapped, plan: Plan) -> list[tuple[Place, Numbers]]:
    rows = parted.mapInArrow(mapped, _FOUND).collect()
    width = plan.draws.weightings
    return [((row.part, row.segment), np.frombuffer(row.lines).reshape(-1, width)) for row in rows]


def _offsets(told: Iterable[tuple[Place, Numbers]]) -> tuple[dict[Place, Counts], dict[str | None, Counts]]:
    """What each part has before it, and the whole of each segment."""
    before: dict[Place, Counts] = {}
    whole: dict[str | None, Counts] = {}
    for place, (rows, positives) in sorted(told, key=lambda found: -found[0][0]):
        _, segment = place
        before[place] = whole.get(segment, Counts(np.zeros_like(rows), np.zeros_like(rows)))
        whole[segment] = before[place] + Counts(rows, positives)
    return before, whole


def _split(lines: Numbers, plan: Plan) -> dict[str, Numbers]:
    ends = np.cumsum([PARTS[name].lines(plan.at) for name in plan.parts])
    return dict(zip(plan.parts, np.split(lines, ends[:-1]), strict=True))


def _counted(batches: Iterable[pa.RecordBatch], draws: Draws) -> Iterator[pa.RecordBatch]:
    """The rows and positives of each place."""
    for place, found in groupby(_tied(batches, draws), key=itemgetter(0)):
        total = np.zeros((2, draws.weightings))
        for _, ties in found:
            total += [ties.rows.sum(axis=0), ties.positives.sum(axis=0)]
        yield _told(place, total)


def _summed(
    batches: Iterable[pa.RecordBatch], plan: Plan, before: dict[Place, Counts], whole: dict[str | None, Counts]
) -> Iterator[pa.RecordBatch]:
    """The lines of each place, cumulated from what is before it."""
    for place, found in groupby(_tied(batches, plan.draws), key=itemgetter(0)):
        so_far, lines = before[place], dict[str, Numbers]()
        for _, ties in found:
            cumulated = Slice(ties.score, ties.rows, ties.positives, so_far, whole[place[1]])
            merge_into(lines, {name: PARTS[name].of(cumulated, plan.at) for name in plan.parts})
            so_far = cumulated.after()
        yield _told(place, np.concatenate([lines[name] for name in plan.parts]))


def _told(place: Place, lines: Numbers) -> pa.RecordBatch:
    import pyarrow as pa

    part, segment = place
    return pa.record_batch(
        [pa.array([part], pa.int32()), pa.array([segment], pa.string()), pa.array([lines.tobytes()], pa.binary())],
        ["part", "segment", "lines"],
    )


def _tied(batches: Iterable[pa.RecordBatch], draws: Draws) -> Iterator[tuple[Place, Ties]]:
    """Sorted rows as ties, each score of a place once; the last of a batch waits for the next batch."""
    held: tuple[Place, Ties] | None = None
    for batch in batches:
        for place, ties in _ties_of(batch, draws):
            if held is not None and held[0] == place:
                ties = held[1].then(ties)
            elif held is not None:
                yield held
            if len(ties.score) > 1:
                yield place, ties[:-1]
            held = place, ties[-1:]
    if held is not None:
        yield held


def _ties_of(batch: pa.RecordBatch, draws: Draws) -> Iterator[tuple[Place, Ties]]:
    if not batch.num_rows:
        return
    part, score, label = (batch[name].to_numpy() for name in ("part", "score", "label"))
    segments = batch["segment"].dictionary_encode()
    code = segments.indices.fill_null(-1).to_numpy()
    is_new_place = _differs(part) | _differs(code)
    starts = np.flatnonzero(is_new_place | _differs(score))
    weights = draws.weights(batch["unit"].to_numpy())
    rows, positives = (np.add.reduceat(cells, starts, axis=0) for cells in (weights, weights * label[:, None]))
    places = np.flatnonzero(is_new_place[starts])
    for first, last in zip(places, [*places[1:], len(starts)], strict=True):
        row, own = starts[first], slice(first, last)
        segment = segments.dictionary[int(code[row])].as_py() if code[row] >= 0 else None
        yield (int(part[row]), segment), Ties(score[starts][own], rows[own], positives[own])


def _differs(values: Any) -> Any:
    """Where a value is not the one before it; the first is not."""
    differs = np.ones(len(values), dtype=bool)
    differs[1:] = values[1:] != values[:-1]
    return differs
