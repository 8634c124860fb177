"""A scored frame: what it must hold, and what is known of it before any curve is drawn."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, Problem, did_you_mean, no_column
from aurify.models.curve import BINNINGS, METRICS, At

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame
    from pyspark.sql.types import DataType

QUANTILES = 256
SEGMENTS = 1_000


@dataclass(frozen=True)
class Scores:
    """The range of a score, and quantiles of it, about evenly spaced, in ascending order."""

    low: float
    high: float
    quantiles: tuple[float, ...]

    @property
    def are_probabilities(self) -> bool:
        """Whether all of them lie between 0 and 1."""
        return self.low >= 0 and self.high <= 1


@dataclass(frozen=True)
class Summary:
    """What one pass over the rows tells."""

    rows: int
    scores: tuple[Scores, ...]


@dataclass(frozen=True)
class Frame:
    """The columns of a frame that are read, and for whom: `where` is the function that an error names.

    `keys` are there in every row, `others` need not be.
    """

    where: str
    rows: DataFrame
    label: str
    scores: tuple[str, ...]
    others: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    segment: str | None = None

    def label_column(self) -> Column:
        """The label as 0.0 or 1.0."""
        from pyspark.sql import functions as F

        return F.col(quoted(self.label)).cast("double")

    def score_column(self, name: str) -> Column:
        """The score as a double; minus zero is zero."""
        from pyspark.sql import functions as F

        return F.col(quoted(name)).cast("double") + F.lit(0.0)

    def summary(self, problems: Sequence[Problem] = ()) -> Summary:
        """One pass over the rows; ConfigurationError with these problems and all that is wrong with the frame."""
        problems = [*problems, *self._of_columns()]
        if problems:
            raise ConfigurationError(self.where, problems)
        told = self.rows.agg(*self._counts(), *self._ranges()).collect()[0].asDict()
        problems = list(self._of_rows(told))
        if problems:
            raise ConfigurationError(self.where, problems)
        scores = [
            Scores(told[f"low_{i}"], told[f"high_{i}"], tuple(told[f"quantiles_{i}"])) for i in range(len(self.scores))
        ]
        return Summary(told["rows"], tuple(scores))

    def _counts(self) -> list[Column]:
        from pyspark.sql import functions as F

        label = self.label_column()
        counted = {
            "unlabelled": label.isNull(),
            "mislabelled": label.isNotNull() & ~label.isin(0.0, 1.0),
            "positives": label == 1.0,
            "negatives": label == 0.0,
            **{f"unscored_{i}": ~_is_number(self.score_column(name)) for i, name in enumerate(self.scores)},
            **{f"unkeyed_{i}": F.col(quoted(name)).isNull() for i, name in enumerate(self.keys)},
        }
        columns = [F.count_if(condition).alias(name) for name, condition in counted.items()]
        if self.segment is not None:
            columns.append(F.approx_count_distinct(quoted(self.segment)).alias("segments"))
        return [F.count(F.lit(1)).alias("rows"), *columns]

    def _ranges(self) -> list[Column]:
        from pyspark.sql import functions as F

        levels = [i / QUANTILES for i in range(1, QUANTILES)]
        columns = []
        for i, name in enumerate(self.scores):
            score = F.when(_is_number(self.score_column(name)), self.score_column(name))
            columns += [
                F.min(score).alias(f"low_{i}"),
                F.max(score).alias(f"high_{i}"),
                F.percentile_approx(score, levels, 40 * QUANTILES).alias(f"quantiles_{i}"),
            ]
        return columns

    def _of_columns(self) -> list[Problem]:
        problems = []
        types = {field.name: field.dataType for field in self.rows.schema.fields}
        segment = [self.segment] if self.segment is not None else []
        for name in dict.fromkeys([self.label, *self.scores, *self.keys, *self.others, *segment]):
            if name not in types:
                problems.append(no_column(self.where, name, types, "a column of the frame"))
        if self.label in types and not (_is_boolean(types[self.label]) or _is_numeric(types[self.label])):
            found = f"label {self.label} is {types[self.label].simpleString()}"
            problems.append(Problem(self.where, found, "a boolean, or a number that is 0 or 1"))
        for name in self.scores:
            if name in types and not _is_numeric(types[name]):
                found = f"score {name} is {types[name].simpleString()}"
                problems.append(Problem(self.where, found, "a number, higher where a positive is likelier"))
        return problems

    def _of_rows(self, told: dict[str, Any]) -> Iterable[Problem]:
        rows = told["rows"]
        if not rows:
            yield Problem(self.where, "no row", "rows of both classes")
            return
        if told["unlabelled"]:
            yield self._counted(told["unlabelled"], rows, f"without a label in {self.label}", "0 or 1 in every row")
        if told["mislabelled"]:
            yield self._counted(told["mislabelled"], rows, f"with another label in {self.label}", "0 or 1 in every row")
        for i, name in enumerate(self.scores):
            if told[f"unscored_{i}"]:
                what = f"whose score {name} is NULL, NaN or infinite"
                yield self._counted(told[f"unscored_{i}"], rows, what, "a number in every row")
        for i, name in enumerate(self.keys):
            if told[f"unkeyed_{i}"]:
                yield self._counted(told[f"unkeyed_{i}"], rows, f"without {name}", "one in every row")
        for name, other in (("positives", "negatives"), ("negatives", "positives")):
            if not told[name]:
                yield Problem(self.where, f"no {name}, {told[other]:,} {other}", "rows of both classes")
        if told.get("segments", 0) > SEGMENTS:
            found = f"about {told['segments']:,} values of {self.segment}"
            yield Problem(self.where, found, f"{SEGMENTS:,} segments at most", "group rare values first")

    def _counted(self, count: int, rows: int, what: str, expected: str) -> Problem:
        return Problem(self.where, f"{count:,} of {rows:,} rows {what}", expected)


def of_choices(where: str, at: At) -> list[Problem]:
    """What is wrong with where metrics are taken."""
    problems = []
    if math.isnan(at.threshold):
        problems.append(Problem(where, f"threshold {at.threshold}", "a number"))
    if not 0 < at.precision <= 1:
        problems.append(Problem(where, f"precision {at.precision}", "above 0, and 1 at most"))
    if at.bins < 1:
        problems.append(Problem(where, f"{at.bins} bins", "1 or more"))
    if at.binning not in BINNINGS:
        problems.append(
            Problem(where, f"binning '{at.binning}'", " or ".join(BINNINGS), did_you_mean(at.binning, BINNINGS))
        )
    return problems


def of_metric(where: str, metric: str) -> list[Problem]:
    """What is wrong with a metric's name."""
    if metric in METRICS:
        return []
    return [Problem(where, f"metric '{metric}'", "a metric that is one number", did_you_mean(metric, METRICS))]


def _is_number(score: Column) -> Column:
    from pyspark.sql import functions as F

    return score.isNotNull() & ~F.isnan(score) & (F.abs(score) != F.lit(float("inf")))


def _is_boolean(kind: DataType) -> bool:
    return kind.typeName() == "boolean"


def _is_numeric(kind: DataType) -> bool:
    from pyspark.sql.types import NumericType

    return isinstance(kind, NumericType)
