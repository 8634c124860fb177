"""Measures that are not of the rows alone: queries that a suite gives, and other tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from uuid import uuid4

from aurify.errors import ConfigurationError, did_you_mean
from aurify.quality.table_rules.measures import LISTED, Measure
from aurify.quality.table_rules.rows import Rows, Taken

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


def take_query_counts(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """How many rows each query gives: one job each."""
    for measure in measures:
        with asked(rows, measure) as answer:
            yield measure.name, answer.count()


def take_query_rows(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """Some of the rows that each query gives: one job each."""
    for measure in measures:
        with asked(rows, measure) as answer:
            yield measure.name, [row.asDict() for row in answer.limit(LISTED).collect()]


def take_other_row_counts(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """How many rows other tables have: one job each."""
    for measure in measures:
        name = str(measure.given[0])
        if name not in rows.others:
            found, hint = f"no table '{name}'", did_you_mean(name, rows.others)
            raise ConfigurationError.of("rules of the batch", found, "a table of the project", hint)
        yield measure.name, rows.others[name].count()


def take_time(rows: Rows, measures: Sequence[Measure]) -> Taken:
    """The time of the batch, where the caller has not told it: now."""
    yield from ((measure.name, datetime.now(timezone.utc)) for measure in measures)


@contextmanager
def asked(rows: Rows, measure: Measure) -> Iterator[DataFrame]:
    """The answer to the query, where `{batch}` stands for the rows that meet the condition."""
    frame, session = rows.frame, rows.frame.sparkSession
    if measure.condition is not None:
        frame = frame.where(measure.condition.column())
    view = f"batch_{uuid4().hex}"
    frame.createOrReplaceTempView(view)
    try:
        yield session.sql(str(measure.given[0]).format(batch=view))
    finally:
        session.catalog.dropTempView(view)
