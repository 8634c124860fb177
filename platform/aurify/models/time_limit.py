"""An end to the Spark jobs of a fit whose time is over."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING
from uuid import uuid4

from aurify.errors import TrainingStopped

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@contextmanager
def ended_after(
    spark: SparkSession, limit: timedelta | None, stopped: Callable[[str], TrainingStopped]
) -> Iterator[None]:
    """Cancel the Spark jobs of the block that go on after `limit`; `stopped` makes the error of what was found.

    Spark kills the Python of a cancelled task, also one that waits for a worker which is gone.
    """
    if limit is None:
        yield
        return
    from pyspark import InheritableThread

    context, tag = spark.sparkContext, f"aurify-fit-{uuid4()}"
    ended, is_over = Event(), Event()

    def watch() -> None:
        wait = limit.total_seconds()
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
            raise stopped("its Spark job was cancelled") from error
        raise
    finally:
        ended.set()
        watcher.join()
        context.removeJobTag(tag)
