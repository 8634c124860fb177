"""Whether rows can be learned from and judged by: labels of both classes, features that are there, rows enough."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aurify.config.names import quoted
from aurify.errors import ConfigurationError, DataError, Problem, no_column
from aurify.models.split import PART

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

FEWEST = 20
_NO_LABELS = ("timestamp", "timestamp_ntz", "date", "binary")


def refuse_unlearnable(where: str, rows: DataFrame, target: str, features: Sequence[str], parts: Sequence[str]) -> None:
    """One aggregation over the rows with their `part`. DataError with all that keeps them from being learned from.

    ConfigurationError where a feature, or the target, is no column of them.
    """
    _refuse_missing(where, rows, target, features)
    told = {row[PART]: row.asDict() for row in rows.groupBy(PART).agg(*_counts(rows, target, features)).collect()}
    problems: list[Problem] = []
    for part in parts:
        if part not in told:
            problems.append(Problem(f"{where}: {part}", "no row", "rows", "a longer span, or later labels"))
        else:
            problems += _of_part(f"{where}: {part}", told[part], target)
    problems += _of_features(where, told.get("train", {}), features)
    if problems:
        raise DataError(f"{where} can't be trained", problems)


def _refuse_missing(where: str, rows: DataFrame, target: str, features: Sequence[str]) -> None:
    problems = [
        no_column(where, name, rows.columns, "a column of its training set")
        for name in dict.fromkeys((target, *features))
        if name not in rows.columns
    ]
    if not problems and rows.schema[target].dataType.typeName() in _NO_LABELS:
        kind = rows.schema[target].dataType.simpleString()
        problems.append(Problem(where, f"target {target} is {kind}", "a boolean, or a number that is 0 or 1"))
    if not features:
        problems.append(Problem(where, "no feature", "one or more", "name `features`, or views that have some"))
    if problems:
        raise ConfigurationError(where, problems)


def label(target: str) -> Column:
    """The target as a double."""
    from pyspark.sql import functions as F

    return F.col(quoted(target)).cast("double")


def _counts(rows: DataFrame, target: str, features: Sequence[str]) -> list[Column]:
    from pyspark.sql import functions as F

    answer = label(target)
    is_there = answer.isNotNull() & ~F.isnan(answer)
    counts = [
        F.count(F.lit(1)).alias("rows"),
        F.count_if(~is_there).alias("unlabelled"),
        F.count_if(is_there & ~answer.isin(0.0, 1.0)).alias("other"),
        F.count_if(answer == 1.0).alias("positives"),
        F.count_if(answer == 0.0).alias("negatives"),
    ]
    for place, name in enumerate(features):
        column = F.col(quoted(name))
        is_float = rows.schema[name].dataType.typeName() in ("double", "float")
        value = column.isNotNull() & ~F.isnan(column) if is_float else column.isNotNull()
        counts.append(F.count_if(value).alias(f"there_{place}"))
    return counts


def _of_part(where: str, told: Mapping[str, Any], target: str) -> list[Problem]:
    problems = []
    if told["unlabelled"]:
        found = f"{target} is NULL or NaN in {told['unlabelled']:,} of {told['rows']:,} rows"
        problems.append(Problem(where, found, "a label in every row", "leave rows without an answer out"))
    if told["other"]:
        problems.append(Problem(where, f"{target} is neither 0 nor 1 in {told['other']:,} rows", "0 or 1"))
    labelled = told["positives"] + told["negatives"]
    if labelled and not told["other"] and not (told["positives"] and told["negatives"]):
        found = f"{target} is {1 if told['positives'] else 0} in all of {labelled:,} rows"
        problems.append(Problem(where, found, "both classes", "a longer span of time"))
    if 0 < told["rows"] < FEWEST:
        problems.append(Problem(where, f"{told['rows']} rows", f"{FEWEST} or more", "a longer span of time"))
    return problems


def _of_features(where: str, told: Mapping[str, Any], features: Sequence[str]) -> list[Problem]:
    return [
        Problem(f"{where}: train", f"'{name}' has no value in any row", "some", "leave it out, or see why it is empty")
        for place, name in enumerate(features)
        if told and not told[f"there_{place}"]
    ]
