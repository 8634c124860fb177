"""Where a classifier errs most: values of columns, and pairs of them, whose error rate is the highest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any, Literal

from aurify.config.names import quoted
from aurify.errors import Problem, did_you_mean
from aurify.models.scored import Frame

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

KINDS = ("false_positive", "false_negative")
_PLACES = ("first", "first_value", "second", "second_value")
_WHOLE = (None, None, None, None)
_Group = tuple[str | None, str | None, str | None, str | None]


@dataclass(frozen=True)
class ErrorCluster:
    """A group of rows: its columns with their values, as text, and how often they are judged wrongly.

    `rows` are those that could be: the negatives where false positives are looked for, the positives otherwise.
    `relative` is the rate as a multiple of the rate in all of these rows. `examples` are the ids of the worst errors.
    """

    group: tuple[tuple[str, str | None], ...]
    rows: int
    errors: int
    rate: float
    relative: float
    examples: tuple[Any, ...]


def error_clusters(
    rows: DataFrame,
    by: Sequence[str],
    kind: Literal["false_positive", "false_negative"],
    *,
    id: str,
    label: str = "label",
    score: str = "score",
    threshold: float = 0.5,
    fewest: int = 30,
    most: int = 20,
    examples: int = 5,
) -> tuple[ErrorCluster, ...]:
    """The groups of one value of a column of `by`, or of two columns, that have the highest error rates, worst first.

    A group has `fewest` rows that could be errors or more, and one error. No more than `most` groups are told, with
    `examples` ids each: the false positives of the highest score, the false negatives of the lowest. Three actions.
    """
    frame = Frame("error_clusters", rows, label, (score,), others=(id, *by))
    frame.summary(_of_choices(frame, by, kind, {"fewest": fewest, "most": most, "examples": examples}))
    grouped = _grouped(_judged(frame, by, kind, id, threshold), by)
    told = _worst(grouped, fewest, most).collect()
    whole = next((row for row in told if _group(row) == _WHOLE), None)
    groups = [row for row in told if _group(row) != _WHOLE]
    if whole is None or not groups:
        return ()
    found = _examples(grouped, [_group(row) for row in groups], examples)
    usual = whole.errors / whole.rows
    return tuple(
        ErrorCluster(
            group=tuple((name, value) for name, value in zip(_group(row)[::2], _group(row)[1::2], strict=True) if name),
            rows=row.rows,
            errors=row.errors,
            rate=row.errors / row.rows,
            relative=row.errors / row.rows / usual,
            examples=tuple(found[_group(row)]),
        )
        for row in groups
    )


def _judged(frame: Frame, by: Sequence[str], kind: str, id: str, threshold: float) -> DataFrame:
    """The rows that could be such an error, with whether they are one and how bad."""
    from pyspark.sql import functions as F

    score, is_false_positive = frame.score_column(frame.scores[0]), kind == "false_positive"
    is_error = score >= threshold if is_false_positive else score < threshold
    return frame.rows.where(frame.label_column() == (0.0 if is_false_positive else 1.0)).select(
        F.col(quoted(id)).alias("id"),
        is_error.alias("is_error"),
        (score if is_false_positive else -score).alias("badness"),
        *(F.col(quoted(name)).cast("string").alias(f"_{place}") for place, name in enumerate(by)),
    )


def _grouped(judged: DataFrame, by: Sequence[str]) -> DataFrame:
    """Each row once for all rows together, once for each column, once for each pair of columns."""
    from pyspark.sql import functions as F

    def group(*places: int) -> Column:
        told: list[Column] = []
        for place in places:
            told += [F.lit(by[place]), F.col(f"_{place}")]
        told += [F.lit(None).cast("string")] * (4 - len(told))
        return F.struct(*(column.alias(name) for column, name in zip(told, _PLACES, strict=True)))

    columns = range(len(by))
    groups = [group(), *map(group, columns), *(group(*pair) for pair in combinations(columns, 2))]
    return judged.select("id", "is_error", "badness", F.explode(F.array(*groups)).alias("of")).select(
        "id", "is_error", "badness", "of.*"
    )


def _worst(grouped: DataFrame, fewest: int, most: int) -> DataFrame:
    """All rows together, and the groups of the highest rates."""
    from pyspark.sql import functions as F

    is_whole = F.col("first").isNull()
    counted = grouped.groupBy(*_PLACES).agg(F.count(F.lit(1)).alias("rows"), F.count_if("is_error").alias("errors"))
    return (
        counted.where((F.col("errors") > 0) & (is_whole | (F.col("rows") >= fewest)))
        .orderBy(is_whole.desc(), (F.col("errors") / F.col("rows")).desc(), F.col("errors").desc(), *_PLACES)
        .limit(1 + most)
    )


def _examples(grouped: DataFrame, groups: Sequence[_Group], examples: int) -> dict[_Group, list[Any]]:
    """The ids of the worst errors of these groups."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    places = ", ".join(f"{name} string" for name in _PLACES)
    asked = grouped.sparkSession.createDataFrame(list(groups), places)
    same = [grouped[name].eqNullSafe(asked[name]) for name in _PLACES]
    errors = grouped.where("is_error").join(F.broadcast(asked), on=same, how="left_semi")
    worst_first = Window.partitionBy(*_PLACES).orderBy(F.col("badness").desc(), F.col("id").asc())
    ranked = errors.withColumn("place", F.row_number().over(worst_first)).where(F.col("place") <= examples)
    found: dict[_Group, list[Any]] = {}
    for row in sorted(ranked.collect(), key=lambda row: int(row.place)):
        found.setdefault(_group(row), []).append(row.id)
    return found


def _group(row: Any) -> _Group:
    first, first_value, second, second_value = (row[name] for name in _PLACES)
    return first, first_value, second, second_value


def _of_choices(frame: Frame, by: Sequence[str], kind: str, numbers: dict[str, int]) -> list[Problem]:
    problems = [Problem(frame.where, f"{name} {number}", "1 or more") for name, number in numbers.items() if number < 1]
    if not by:
        problems.append(Problem(frame.where, "no column in by", "one categorical column or more"))
    if len(set(by)) < len(by):
        problems.append(Problem(frame.where, "a column twice in by", "each column once"))
    if kind not in KINDS:
        problems.append(Problem(frame.where, f"kind '{kind}'", " or ".join(KINDS), did_you_mean(kind, KINDS)))
    return problems
