"""Threads that take turns, each of which submits its own Spark jobs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from threading import Event, Lock
from typing import TYPE_CHECKING
from uuid import uuid4

if TYPE_CHECKING:
    from pyspark import InheritableThread
    from pyspark.sql import SparkSession

POOL = "spark.scheduler.pool"


class Sides:
    """So many threads. With the FAIR scheduler each has a pool of its own, unless the caller has one."""

    def __init__(self, spark: SparkSession, sides: int) -> None:
        self._context = spark.sparkContext
        self._sides = sides
        self._tag = f"aurify-search-{uuid4()}"
        self.is_over = Event()

    def work(self, turns: Sequence[int], one: Callable[[int], None]) -> None:
        """Call `one` for every turn until `is_over`; an error ends all, and their Spark jobs, and is raised."""
        from pyspark import InheritableThread

        left, lock = iter(turns), Lock()
        errors: list[BaseException] = []

        def side(number: int) -> None:
            try:
                self._mark_jobs(number)
                while not self.is_over.is_set():
                    with lock:
                        turn = next(left, None)
                    if turn is None:
                        return
                    one(turn)
            except BaseException as error:  # noqa: BLE001 - raised again where the threads were started
                errors.append(error)
                self.is_over.set()

        threads = [InheritableThread(target=side, args=(n,), name=f"search-{n}") for n in range(self._sides)]
        for thread in threads:
            thread.start()
        try:
            self._wait(threads, errors)
        except BaseException as error:  # noqa: BLE001 - an interrupt, raised again when all have ended
            errors.insert(0, error)
            self.is_over.set()
            self._wait(threads, errors)
        if errors:
            raise errors[0]

    def _wait(self, threads: Sequence[InheritableThread], errors: Sequence[BaseException]) -> None:
        for thread in threads:
            while thread.is_alive():
                thread.join(0.2)
                if errors:  # a job that starts meanwhile is cancelled as well
                    self._context.cancelJobsWithTag(self._tag)

    def _mark_jobs(self, number: int) -> None:
        self._context.addJobTag(self._tag)
        is_fair = self._context.getConf().get("spark.scheduler.mode", "FIFO") == "FAIR"
        if is_fair and self._context.getLocalProperty(POOL) is None:
            self._context.setLocalProperty(POOL, f"search-{number}")
