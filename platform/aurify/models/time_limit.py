"""An end to the Spark jobs of a fit whose time is over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING
from uuid import uuid4

from aurify.errors import TrainingStopped

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def stopped(where: str, found: str, limit: timedelta | None, hint: str = "") -> TrainingStopped:
    """The error of a fit whose time was over."""
    return TrainingStopped.of(where, f"{found} after {limit}", "all within time_limit", hint)


@contextmanager
def ended_after(
    spark: SparkSession, limit: timedelta | None, where: str, hint: str, grace: float = 0.0
) -> Iterator[None]:
    """Cancel the Spark jobs of the block that go on `grace` seconds after `limit`: TrainingStopped of `where`.

    Spark kills the Python of a cancelled task, also one that waits for a worker which is gone.
    """
    if limit is None:
        yield
        return
    from pyspark import InheritableThread

    context, tag = spark.sparkContext, f"aurify-fit-{uuid4()}"
    ended, is_over = Event(), Event()

    def watch() -> None:
        wait = limit.total_seconds() + grace
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
            raise stopped(where, "its Spark job was cancelled", limit, hint) from error
        raise
    finally:
        ended.set()
        watcher.join()
        context.removeJobTag(tag)
