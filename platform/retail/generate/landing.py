"""Writing the files: one Spark task a file, whole or not at all, with the time of delivery on it."""

from __future__ import annotations

import gzip
import os
import pickle
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from retail.generate.answers import Answer, Landed, Record, Totals, is_published, planted, stamp
from retail.generate.faults import HEADER
from retail.generate.lines import lines_of
from retail.generate.schedule import Delivery
from retail.generate.text import csv_bytes

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_FAST = 1
"""The level of compression: three times as fast as the usual one, a quarter larger."""


def land(spark: SparkSession, folder: Path, deliveries: Sequence[Delivery]) -> Record:
    """Write every delivery under its path, on all workers at once; they must see the folder as the driver does."""
    numbers = spark.sparkContext.parallelize(range(len(deliveries)), len(deliveries))
    return sum(numbers.map(_task(folder, deliveries)).collect(), Record())


def write_delivery(folder: Path, delivery: Delivery) -> Record:
    """Write one file; what it holds is counted on the way."""
    added, answers, written = Totals(), [], 0
    with _whole(folder / delivery.file, delivery.delivered_at) as raw, _text(raw, delivery.tills.gzip) as out:
        out.write(f"{','.join(HEADER)}\n".encode())
        for lines in lines_of(delivery):
            out.write(csv_bytes(lines, delivery.tills))
            answers += [Answer.of(delivery, written + place + 1, number) for place, number in planted(lines)]
            added += Totals.of(lines)
            written += len(lines)
    at, removed = stamp(delivery.delivered_at), _removed(delivery) if delivery.number > 1 else 0
    return Record((Landed(delivery.file, delivery.number, at, written, added, removed),), tuple(answers))


def _removed(delivery: Delivery) -> int:
    """How many lines the first delivery of a corrected file published that the second has no more."""
    first = lines_of(replace(delivery, version=1, number=1))
    return sum(int((lines.removed & is_published(lines)).sum()) for lines in first)


def write_file(path: Path, content: bytes, written_at: datetime) -> None:
    """Write a file that is no delivery of till lines."""
    with _whole(path, written_at) as out:
        out.write(content)


@contextmanager
def _whole(path: Path, written_at: datetime) -> Iterator[BinaryIO]:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as out:
            yield out
        os.utime(draft, (written_at.timestamp(),) * 2)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def _text(raw: BinaryIO, compressed: bool) -> Iterator[BinaryIO | gzip.GzipFile]:
    if not compressed:
        yield raw
        return
    with gzip.GzipFile("", "wb", _FAST, raw, mtime=0) as out:
        yield out


def _task(folder: Path, deliveries: Sequence[Delivery]) -> Callable[[int], Record]:
    """What a worker does for the number of a delivery.

    A worker does not know where the project lies, so the function brings the driver's search path, and its objects
    as bytes that it opens after.
    """
    search_path, kept = list(sys.path), pickle.dumps((folder, list(deliveries)))

    def write(number: int) -> Record:
        import pickle
        import sys

        sys.path.extend(p for p in search_path if p not in sys.path)
        from retail.generate.landing import write_delivery

        folder, deliveries = pickle.loads(kept)
        return write_delivery(folder, deliveries[number])

    return write
