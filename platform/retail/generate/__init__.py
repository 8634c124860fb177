"""The files of a new-retail company, of any size, the same for the same seed, with answers.

Till lines like those of UCI Online Retail; card payments, and findings on them, like those of the Fraud Detection
Handbook.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pyspark.sql import SparkSession

from aurify.errors import ConfigurationError
from retail.generate.answers import Answer, Record
from retail.generate.bad_files import bad_files as files_that_are_bad
from retail.generate.landing import land, write_file
from retail.generate.payment_files import land_payments
from retail.generate.payments import Cards
from retail.generate.schedule import Delivery, Tills, landing

__all__ = ["GeneratedReport", "generate"]


@dataclass(frozen=True)
class GeneratedReport:
    """What one call wrote, and what the tables must hold after it was refreshed, as all calls before."""

    folder: str
    answers: str
    files: int
    lines: int
    faults: int
    payments: int
    frauds: dict[str, int]
    expected: dict[str, dict[str, int | str]]


def generate(
    spark: SparkSession,
    out: str,
    *,
    days: int = 3,
    rows_per_day: int = 2_000,
    seed: int = 42,
    start: date = date(2024, 1, 1),
    landed: int = 0,
    files_per_day: int = 1,
    faults: bool = True,
    disorder: bool = True,
    bad_files: bool = False,
    gzip: bool = True,
    payments_per_day: int | None = None,
    history: int = 0,
    dearer_from: int | None = None,
) -> GeneratedReport:
    """Write `out`/pos_lines, card_payments and fraud_reports, and the answers to their faults, `out`/answers/.

    What arrives on the days from `landed` up to `days` is written, as it lies there afterwards: so `days=3` lands
    three days at once, and `days=4, landed=3` the fourth. Names, bytes and modification times follow from the
    arguments. `disorder` stands for late, repeated and corrected lines; without it a day has exactly `rows_per_day`
    lines. `bad_files` adds, on the first day, one file of each kind that can't be read. Of card payments there are
    `payments_per_day`, or a quarter of the lines; they begin `history` days before `start`, and what they were found
    to be comes a week later. From the day `dearer_from` on, counted from 0, their amounts are half as large again:
    a drift for a monitor to find.
    """
    root, tills = _local(out), Tills(rows_per_day, seed, start, files_per_day, faults, disorder, gzip)
    deliveries = landing(tills, landed, days)
    earlier = Record.read(root / "answers").before(tills.day(landed + 1)) if landed else Record()
    written = land(spark, root / "pos_lines", deliveries)
    if bad_files and landed == 0:
        written += _write_bad_files(root / "pos_lines", tills)
    record = earlier + written
    record.write(root / "answers")
    cards = Cards(rows_per_day // 4 if payments_per_day is None else payments_per_day, seed, start, faults, dearer_from)
    first = -history
    paid = land_payments(root, cards, first, landed or first, days)
    lines = sum(delivery.lines for delivery in written.deliveries)
    return GeneratedReport(
        folder=str(root / "pos_lines"),
        answers=str(root / "answers"),
        files=len(written.deliveries),
        lines=lines,
        faults=len(written.answers),
        payments=paid.payments + len(paid.bad),
        frauds=paid.frauds,
        expected={**record.expected(), **paid.expected()},
    )


def _write_bad_files(folder: Path, tills: Tills) -> Record:
    at = Delivery(tills, 0).delivered_at
    answers = []
    for kind, (name, content) in files_that_are_bad(tills).items():
        write_file(folder / name, content, at)
        answers.append(Answer.on_file(name, kind, at))
    return Record(answers=tuple(answers))


def _local(out: str) -> Path:
    scheme, separator, path = out.partition("://")
    if separator and scheme != "file":
        hint = "generate into a folder, then copy it with its times: hdfs dfs -put -p"
        raise ConfigurationError.of("generate", out, "a folder that driver and workers see", hint)
    return Path(path if separator else out).absolute()
