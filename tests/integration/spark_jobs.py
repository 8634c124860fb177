"""How many jobs Spark has run, whatever its listings have forgotten since."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pyspark.sql import SparkSession


@contextmanager
def jobs_of(spark: SparkSession) -> Iterator[list[int]]:
    """How many jobs Spark ran inside: the one number of the list, once it has ended."""
    scheduler = spark.sparkContext._jsc.sc().dagScheduler()
    counted: list[int] = []
    before = scheduler.numTotalJobs()
    yield counted
    counted.append(scheduler.numTotalJobs() - before)
