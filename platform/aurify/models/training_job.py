"""The Spark jobs of a fit: ended when their time is over, and why they failed."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING

from aurify.errors import TrainingStopped
from aurify.models import time_limit

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

CAUSES = (
    r"\b[A-Z][\w ]* call failed in LightGBM with error: .*$",
    r"^(?!org\.|java\.|py4j\.)[\w.]*(?:Error|Exception): .+$",
    r"Python worker exited unexpectedly.*$",
    r"Job (?:aborted|\d+ cancelled).*$",
    r"\S.*$",
)


def reason(text: str) -> str:
    """The cause in what Spark tells of a failed job: an error of LightGBM or of Python before a worker's end.

    >>> reason("Job aborted: Traceback (most recent call last):\\nlightgbm.basic.LightGBMError: bad value\\n\\tat org")
    'lightgbm.basic.LightGBMError: bad value'
    >>> reason("An error occurred\\n: org.apache.spark.SparkException: Python worker exited unexpectedly (crashed)\\n")
    'Python worker exited unexpectedly (crashed)'
    """
    for cause in CAUSES:
        found = re.search(cause, text, re.MULTILINE)
        if found:
            return found[0]
    return text


def stopped(found: str, limit: timedelta | None) -> TrainingStopped:
    """The error of a fit whose time was over."""
    hint = "give it more time, more workers, fewer rounds or fewer rows"
    return TrainingStopped.of("fit", f"{found} after {limit}", "all within time_limit", hint)


def ended_after(spark: SparkSession, limit: timedelta | None, grace: float = 0.0) -> AbstractContextManager[None]:
    """Cancel the Spark jobs of the block that go on when limit and `grace`, in seconds, are over: TrainingStopped."""
    over = None if limit is None else limit + timedelta(seconds=grace)
    return time_limit.ended_after(spark, over, partial(stopped, limit=limit))
