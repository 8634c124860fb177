"""The Spark jobs of a fit: ended when their time is over, and why they failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING
from uuid import uuid4

from aurify.errors import TrainingStopped

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


@contextmanager
def ended_after(spark: SparkSession, limit: timedelta | None, grace: float = 0.0) -> Iterator[None]:
    """Cancel the Spark jobs of the block that go on when limit and `grace`, in seconds, are over: TrainingStopped.

    Spark kills the Python of a cancelled task, also one that waits for a worker which is gone.
    """
    if limit is None:
        yield
        return
    from pyspark import InheritableThread

    context, tag = spark.sparkContext, f"aurify-fit-{uuid4()}"
    ended, is_over = Event(), Event()
    seconds = limit.total_seconds() + grace

    def watch() -> None:
        wait = seconds
        while not ended.wait(wait):
            is_over.set()
            context.cancelJobsWithTag(tag)
            wait = 1.0  # a job that starts meanwhile is cancelled as well

    watcher = InheritableThread(target=watch, daemon=True)
    context.addJobTag(tag)
    watcher.start()
    try:
        yield
    except Exception as error:
        if is_over.is_set():
            raise stopped("its Spark job was cancelled", limit) from error
        raise
    finally:
        ended.set()
        watcher.join()
        context.removeJobTag(tag)
