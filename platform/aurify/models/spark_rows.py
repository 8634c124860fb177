"""The rows that Spark ML learns from: numbers in a fixed order, seen through in one pass before anything is learned."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aurify.errors import ConfigurationError, Problem, no_column
from aurify.models.barrier_frame import Roles, feature, placed, prepared
from aurify.models.barrier_rows import LABEL, VALIDATION, WEIGHT
from aurify.models.estimator import Learning
from aurify.models.numeric_columns import is_number
from aurify.models.time_limit import ended_after

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, Row

VECTOR = "_features"
IMPUTE = "fill it in a stage before, as Imputed does, or leave the feature out"


@dataclass(frozen=True)
class Reader:
    """Who learns from the rows, and what it reads of them; `name` is told in errors."""

    name: str
    learning: Learning
    takes_missing: bool = False
    reads_label: bool = True
    reads_validation: bool = False

    @property
    def validation(self) -> DataFrame | None:
        """The rows to validate on, where they are read."""
        return self.learning.validation if self.reads_validation else None

    @property
    def weight(self) -> str | None:
        """The weight, where there is a label that it weighs."""
        return self.learning.weight if self.reads_label else None


@contextmanager
def numbers(reader: Reader) -> Iterator[tuple[DataFrame, int]]:
    """The numbers of the rows under short names, held in memory or on disk for the block, and how many they are.

    They lie in a partition a worker, by a hash of `order_by`, sorted. Spark's jobs in the block end with the time
    limit. ConfigurationError tells all that the columns, then all that the values say against learning.
    """
    learning = reader.learning
    refuse_misfits(reader)
    rows, validation = learning.rows, reader.validation
    roles = Roles(
        learning.features, learning.label, learning.weight, (), learning.order_by, None, validation is not None
    )
    with within_time(reader):
        held = placed(prepared(rows, validation, roles, narrow=False), learning.workers).persist()
        try:
            yield held, refuse_unlearnable(reader, held)
        finally:
            held.unpersist()


@contextmanager
def within_time(reader: Reader) -> Iterator[None]:
    """End Spark's jobs in the block with the time limit, and tell so."""
    learning, hint = reader.learning, "give it more time, more workers or fewer rows"
    with ended_after(learning.rows.sparkSession, learning.time_limit, reader.name, hint):
        yield


def with_vector(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """The rows with these columns as one vector, which takes their place."""
    from pyspark.ml.feature import VectorAssembler

    assembled = VectorAssembler(inputCols=list(columns), outputCol=VECTOR, handleInvalid="error").transform(rows)
    return assembled.drop(*columns)


def refuse_misfits(reader: Reader) -> None:
    """ConfigurationError with all that can be told without reading a row."""
    learning, problems = reader.learning, []
    if not learning.features:
        problems.append(Problem(f"{reader.name}: features", "none", "one column or more"))
    if not learning.order_by:
        expected = "columns that tell the rows apart, for the same model twice"
        problems.append(Problem(f"{reader.name}: order_by", "none", expected))
    if reader.reads_label and learning.label in learning.features:
        problems.append(
            Problem(f"{reader.name}: features", f"the label '{learning.label}'", "what is known when scoring")
        )
    problems += _of_columns(reader, learning.rows, reader.name)
    if reader.validation is not None:
        problems += _of_columns(reader, reader.validation, f"{reader.name}: validation")
    if problems:
        raise ConfigurationError(reader.name, problems)


def _of_columns(reader: Reader, rows: DataFrame, where: str) -> list[Problem]:
    learning, problems = reader.learning, []
    read = [*learning.features, *([learning.label] if reader.reads_label else [])]
    read += [reader.weight] if reader.weight else []
    types = {field.name: field.dataType for field in rows.schema.fields}
    for name in dict.fromkeys([*read, *learning.order_by]):
        if name not in types:
            problems.append(no_column(where, name, types))
        elif name in read and not is_number(types[name]):
            hint = "encode it in a stage before" if name in learning.features else ""
            problems.append(Problem(where, f"{name} is {types[name].simpleString()}", "a number", hint))
    return problems


def refuse_unlearnable(reader: Reader, held: DataFrame) -> int:
    """The number of rows to learn from; ConfigurationError with all that the numbers say against it."""
    counted = held.agg(*_counts(reader, held)).first()
    assert counted is not None
    problems = [] if counted["rows"] else [Problem(f"{reader.name}: rows", "none", "rows to learn from")]
    if reader.validation is not None and not counted["validation_rows"]:
        problems.append(Problem(f"{reader.name}: validation", "no rows", "some"))
    if reader.reads_label:
        problems += _of_label(reader, counted)
    problems += _of_missing(reader, counted)
    if problems:
        raise ConfigurationError(reader.name, problems)
    return int(counted["rows"])


def _counts(reader: Reader, held: DataFrame) -> Sequence[Column]:
    from pyspark.sql import functions as F

    trains = ~F.col(VALIDATION) if VALIDATION in held.columns else F.lit(True)
    counts = {"rows": trains, "validation_rows": ~trains}
    if reader.reads_label:
        is_label = F.coalesce(F.col(LABEL).isin(0.0, 1.0), F.lit(False))
        counts["unlabelled"] = ~is_label
        weighs = trains & (F.col(WEIGHT) > 0) if reader.weight else trains
        counts["positives"] = weighs & (F.col(LABEL) == 1.0)
        counts["negatives"] = weighs & (F.col(LABEL) == 0.0)
    if reader.weight:
        counts["unweighted"] = ~_is_finite(F.col(WEIGHT)) | (F.col(WEIGHT) < 0)
    if not reader.takes_missing:
        for place in range(len(reader.learning.features)):
            counts[f"missing_{place}"] = ~_is_finite(F.col(feature(place)))
    return [F.count_if(condition).alias(name) for name, condition in counts.items()]


def _is_finite(column: Column) -> Column:
    from pyspark.sql import functions as F

    return F.coalesce(F.abs(column) < float("inf"), F.lit(False))  # NaN is more than infinity to Spark


def _of_label(reader: Reader, counted: Row) -> list[Problem]:
    where, problems = f"{reader.name}: {reader.learning.label}", []
    if counted["unlabelled"]:
        problems.append(Problem(where, f"neither 0 nor 1 in {counted['unlabelled']} rows", "a label in every row"))
    for name in ("positives", "negatives"):
        if counted["rows"] and not counted[name]:
            problems.append(Problem(where, f"no {name}", "rows of both classes"))
    if reader.weight and counted["unweighted"]:
        found = f"no number of 0 or more in {counted['unweighted']} rows"
        problems.append(Problem(f"{reader.name}: {reader.weight}", found, "a weight in every row"))
    return problems


def _of_missing(reader: Reader, counted: Row) -> list[Problem]:
    if reader.takes_missing:
        return []
    missing = {name: counted[f"missing_{place}"] for place, name in enumerate(reader.learning.features)}
    return [
        Problem(f"{reader.name}: {name}", f"missing or infinite in {rows} rows", "a number in every row", IMPUTE)
        for name, rows in missing.items()
        if rows
    ]
