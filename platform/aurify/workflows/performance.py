"""How the scored rows of a version turned out, by day and segment; kept beside what its batches looked like."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from aurify.config.names import quoted
from aurify.models.curve import At
from aurify.models.intervals import Interval, interval
from aurify.models.metrics import Metrics, by_segment
from aurify.models.registry import JUDGEMENT_FILE, Version
from aurify.monitoring.estimated import Calibration, estimated
from aurify.monitoring.performance import Day, Performance, window_of
from aurify.monitoring.reference import STEPS, Reference
from aurify.scoring.batch import ToScore
from aurify.scoring.table import VERSION, time_of
from aurify.workflows.labelled import LABEL, labelled_scores

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from aurify.workflows.lake import Lake

DAY = "_day"
DAYS, SEGMENTS = "days", "segments"
MOST_DAYS = 400
_NUMBERS = ("roc_auc", "average_precision", "ks", "precision", "recall", "f1", "recall_at_precision", "brier")
_METRICS = ", ".join(f"{name} double" for name in _NUMBERS)
_DAY_COLUMNS = (
    "model string, model_version int, day date, rows bigint, labelled bigint, positives bigint, is_learned boolean, "
    f"metric string, estimated double, {_METRICS}"
)
_SEGMENT_COLUMNS = (
    "model string, model_version int, first_day date, last_day date, column string, segment string, rows bigint, "
    f"positives bigint, {_METRICS}"
)


@dataclass(frozen=True)
class Test:
    """What was found on a version's test, and when it had learned."""

    sure: Interval
    calibration: Calibration | None
    learned_at: date

    @classmethod
    def of(cls, lake: Lake, version: Version, reference: Reference) -> Test:
        """As it is kept with the version's run."""
        told = json.loads(lake.registry.document(version, JUDGEMENT_FILE))["parts"]["test"]
        return cls(Interval(**told["sure"]), reference.calibration, reference.learned_at.date())


def performance(lake: Lake, asked: ToScore, version: Version, reference: Reference) -> Performance:
    """Join scores and labels, and tell the version's metric by day; about a dozen jobs, however many the days.

    ConfigurationError where the scores lack the keys of the labels.
    """
    spec, test = asked.spec, Test.of(lake, version, reference)
    rows = labelled_scores(lake, asked, f"monitor {spec.name}").where(f"{VERSION} = {version.number}")
    rows = with_day(rows.where("score IS NOT NULL"), asked).persist()
    try:
        days = _days(rows, spec.metric, test, _at(asked))
        return _judged(rows, asked, test, days)
    finally:
        rows.unpersist()


def _judged(rows: DataFrame, asked: ToScore, test: Test, days: tuple[Day, ...]) -> Performance:
    """The metric of the newest days whose labels have come, with its interval, and that of their segments."""
    spec, window = asked.spec, window_of(days, asked.spec.monitoring)
    if window is None:
        return Performance(spec.metric, test.sure, days, because="no day since it learned has its labels yet")
    own = [told for told in days if window[0] <= told.day <= window[1]]
    positives, labelled = sum(told.positives for told in own), sum(told.labelled for told in own)
    least = spec.monitoring.fewest_positives
    if positives < least or positives == labelled:
        because = f"{positives} positives of {labelled:,} labels from {window[0]} to {window[1]}, {least} are wanted"
        return Performance(spec.metric, test.sure, days, window=window, because=because)
    judged = rows.where(f"{LABEL} IS NOT NULL AND {DAY} BETWEEN '{window[0]}' AND '{window[1]}'")
    now = interval(judged, spec.metric, unit=unit_of(asked, rows), label=LABEL, level=test.sure.level, seed=spec.seed)
    segments = {
        name: tuple((told.segment, told.metrics) for told in by_segment(judged, name, LABEL, at=_at(asked)))
        for name in spec.segments
        if name in rows.columns
    }
    return Performance(spec.metric, test.sure, days, segments, window, now)


def _days(rows: DataFrame, metric: str, test: Test, at: At) -> tuple[Day, ...]:
    """Every day, with what its scores and its labels say."""
    told = _counted(rows, metric, test, at)
    labelled, positives = (sum(getattr(day, name) for day in told.values()) for name in ("labelled", "positives"))
    found: dict[date, Metrics] = {}
    if 0 < positives < labelled:
        known = rows.where(f"{LABEL} IS NOT NULL")
        found = {date.fromisoformat(str(one.segment)): one.metrics for one in by_segment(known, DAY, LABEL, at=at)}
    return tuple(
        Day(day.day, day.rows, day.labelled, day.positives, day.estimated, found.get(day.day), day.is_learned)
        for day in told.values()
    )


def _counted(rows: DataFrame, metric: str, test: Test, at: At) -> dict[date, Day]:
    """Rows, labels and the estimate of each day, from the scores in steps; one job."""
    from pyspark.sql import functions as F

    step = F.floor(F.col("score") * STEPS)
    counted = rows.groupBy(DAY, step.alias("step")).agg(
        F.count(F.lit(1)).alias("rows"),
        F.avg("score").alias("score"),
        F.count(LABEL).alias("labelled"),
        F.coalesce(F.sum(LABEL), F.lit(0.0)).alias("positives"),
    )
    found = {}
    for day, own in groupby(counted.orderBy(DAY, "step").collect(), key=lambda row: row[DAY]):
        told = [(row["score"], row["rows"], row["labelled"], row["positives"]) for row in own]
        scores, weights, labelled, positives = np.asarray(told, np.float64).T
        value = None
        if test.calibration is not None:
            value = estimated(metric, scores, weights, test.calibration.chances(scores), at)
        sums = (int(weights.sum()), int(labelled.sum()), int(positives.sum()))
        found[day] = Day(day, *sums, estimated=value, is_learned=day < test.learned_at)
    return found


def unit_of(asked: ToScore, rows: DataFrame) -> list[str]:
    """The columns whose rows are drawn together for an interval: those that the model names and the rows have."""
    return [name for name in asked.spec.unit if name in rows.columns] or list(asked.rows.keys)


def with_day(rows: DataFrame, asked: ToScore) -> DataFrame:
    """The rows of the newest days, with their day."""
    from pyspark.sql import functions as F

    time = time_of(asked.rows)
    assert time is not None
    day = F.to_date(F.col(quoted(time)).cast("timestamp"))
    newest = rows.agg(F.max(day)).collect()[0][0]
    since = F.lit(newest).cast("date") - F.lit(MOST_DAYS)
    return rows.withColumn(DAY, day).where(F.col(DAY) > since)


def _at(asked: ToScore) -> At:
    """The least score of a decision, where rows are flagged; else .5."""
    lowest = min(asked.scoring.decide.values(), default=None)
    return At() if lowest is None else At(threshold=lowest)


def keep_performance(lake: Lake, home: str, version: Version, told: Performance) -> None:
    """Put the newest figures of a version in the place of those before, days and segments in a table each."""
    same = {"model": version.model, "model_version": version.number}
    days = [
        {
            **same,
            **{name: getattr(day, name) for name in ("day", "rows", "labelled", "positives", "is_learned")},
            "metric": told.metric,
            "estimated": day.estimated,
            **_numbers(day.metrics),
        }
        for day in told.days
    ]
    _replace(lake, f"{home}/{DAYS}", version, days, _DAY_COLUMNS)
    if told.window is not None and told.segments:
        span = {"first_day": told.window[0], "last_day": told.window[1]}
        segments = [
            {**same, **span, "column": column, "segment": segment, **_counts(found), **_numbers(found)}
            for column, parts in told.segments.items()
            for segment, found in parts
        ]
        _replace(lake, f"{home}/{SEGMENTS}", version, segments, _SEGMENT_COLUMNS)


def _numbers(found: Metrics | None) -> dict[str, float | None]:
    return {name: None if found is None else getattr(found, name) for name in _NUMBERS}


def _counts(found: Metrics) -> dict[str, int]:
    return {"rows": found.rows, "positives": found.positives}


def _replace(lake: Lake, path: str, version: Version, rows: Sequence[Mapping[str, Any]], columns: str) -> None:
    frame = lake.session.createDataFrame(list(rows), columns)
    writer = frame.coalesce(1).write.format("delta").mode("overwrite")
    writer.option("replaceWhere", f"model_version = {version.number}").save(path)
