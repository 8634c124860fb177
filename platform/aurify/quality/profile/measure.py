"""The facts of a table, measured by Spark: a few jobs for all columns, every row counted, nothing sampled.

1. one aggregate: rows, NULLs, extremes, lengths, forms, and sketches of how many values and shapes there are;
2. the values and shapes of columns that have few, one group-by for all;
3. exact numbers of distinct values of what may be a key, one aggregate for all;
4. references into other tables, one group-by for all (orphans.py).

A job that has nothing to count is not run. With adaptive execution Spark shows each stage of one as a job of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING

from pyspark.sql import types as T

from aurify.quality.profile.facts import ColumnFacts, Family, Reference, TableFacts
from aurify.quality.profile.first_pass import FirstPass, Place, by_number, measured_columns, with_shapes
from aurify.quality.profile.orphans import count_orphans
from aurify.quality.profile.shapes import FORMS
from aurify.quality.profile.slack import moment_of

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.quality.values import Value

VALUE, SHAPE, SKELETON = "value", "shape", "skeleton"
Counts = Mapping[tuple[int, str], Mapping[str, int]]


def measured(
    frame: DataFrame,
    table: str,
    columns: T.StructType,
    keys: Sequence[tuple[str, ...]] = (),
    parents: Mapping[Reference, DataFrame] | None = None,
) -> TableFacts:
    """Measure columns of a frame; personal ones are marked in their metadata.

    `keys` are combinations that are said to be keys. `parents` has a frame for every reference that is to be counted.
    """
    places = [Place(n, f.name, f.dataType, bool(f.metadata.get("pii"))) for n, f in enumerate(columns.fields)]
    rows = by_number(frame, places)
    first = FirstPass(places, measured_columns(rows, places))
    few_values, few_shapes = first.with_few_values(), first.with_few_shapes()
    candidates = first.key_candidates(keys)
    references = {r: parent for r, parent in (parents or {}).items() if first.count(r.column, "present")}
    counts = _counted(rows, few_values, few_shapes)
    return TableFacts(
        table,
        first.rows,
        tuple(_column(place, first, counts) for place in places),
        distinct=_distinct(rows, candidates, places),
        orphans=count_orphans(frame, references),
        jobs=1 + sum(map(bool, (few_values or few_shapes, candidates, references))),
    )


def _column(place: Place, first: FirstPass, counts: Counts) -> ColumnFacts:
    name = place.name
    values, shapes = counts.get((place.number, VALUE)), counts.get((place.number, SHAPE))
    is_whole = place.family is Family.WHOLE
    return ColumnFacts(
        name,
        place.kind,
        place.personal,
        present=first.count(name, "present"),
        low=_extreme(first.extreme(name, "low"), place.kind),
        high=_extreme(first.extreme(name, "high"), place.kind),
        beyond=first.count(name, "beyond"),
        shortest=first.count(name, "shortest"),
        longest=first.count(name, "longest"),
        forms={form: first.count(name, f"form{number}") for number, form in enumerate(FORMS)},
        values=None if values is None else {int(v) if is_whole else v: count for v, count in values.items()},
        shapes=shapes or counts.get((place.number, SKELETON)),
        runs_are_one=shapes is None,
    )


def _extreme(found: object, kind: T.DataType) -> Value | None:
    """The value as the column has it; None where Python has no such day."""
    if isinstance(found, int) and isinstance(kind, T.TimestampType):
        return moment_of(found)
    if isinstance(found, str):
        try:
            return date.fromisoformat(found) if isinstance(kind, T.DateType) else datetime.fromisoformat(found)
        except ValueError:
            return None
    return found  # type: ignore[return-value]


def _counted(rows: DataFrame, values: Sequence[Place], shapes: Mapping[Place, bool]) -> Counts:
    """How often each value, shape or skeleton is there, by the column's number and which of the three it is."""
    from pyspark.sql import functions as F

    wanted = [(p.number, VALUE, p.value.cast("string")) for p in values]
    for p, runs_are_one in shapes.items():
        wanted.append((p.number, SKELETON, p.skeleton) if runs_are_one else (p.number, SHAPE, p.shape))
    if not wanted:
        return {}
    cells = [F.struct(F.lit(of).alias("of"), text.alias("text")) for of, (_, _, text) in enumerate(wanted)]
    every = with_shapes(rows, shapes).select(F.inline(F.array(*cells))).where("text IS NOT NULL")
    counted = every.groupBy("of", "text").count()
    found: dict[tuple[int, str], dict[str, int]] = defaultdict(dict)
    for of, text, count in sorted(counted.collect()):
        number, what, _ = wanted[of]
        found[number, what][text] = count
    return found


def _distinct(
    rows: DataFrame, candidates: Sequence[tuple[str, ...]], places: Sequence[Place]
) -> dict[tuple[str, ...], int]:
    """The exact number of values of each candidate."""
    from pyspark.sql import functions as F

    if not candidates:
        return {}
    value = {place.name: place.value for place in places}
    counts = [F.count_distinct(*(value[name] for name in key)) for key in candidates]
    (row,) = rows.agg(*(count.alias(f"d{number}") for number, count in enumerate(counts))).collect()
    return {key: int(row[number]) for number, key in enumerate(candidates)}
