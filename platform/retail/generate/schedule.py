"""Which files land when, and which till lines stand in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone

from aurify.errors import ConfigurationError, Problem

BLOCK = 48
"""Lines that are cut into four invoices; a file never ends within a block."""

INVOICES_A_BLOCK = 4
_ARRIVES = timedelta(days=1, hours=2)
_CORRECTION_ARRIVES = timedelta(days=2, hours=3)


@dataclass(frozen=True)
class Tills:
    """What is generated. Two equal ones give the same files, byte for byte.

    `disorder` is what real tills do: lines sold after the cut-off come with the next day's file (1 %), on some days
    lines of the day before are delivered again, and some files come a second time, corrected.
    """

    rows_per_day: int
    seed: int
    start: date
    files_per_day: int = 1
    faults: bool = True
    disorder: bool = True
    gzip: bool = True

    def __post_init__(self) -> None:
        least = {"rows_per_day": 1, "files_per_day": 1}
        problems = [
            Problem("generate", str(getattr(self, name)), f"a whole number, {low} or more", key=name)
            for name, low in least.items()
            if getattr(self, name) < low
        ]
        if problems:
            raise ConfigurationError("the generator's options", problems)

    def day(self, number: int) -> date:
        """The date of a day, counted from 0."""
        return self.start + timedelta(days=number)

    @property
    def invoices_per_day(self) -> int:
        """How many invoice numbers a day takes up."""
        return -(-self.rows_per_day // BLOCK) * INVOICES_A_BLOCK

    @property
    def in_time(self) -> int:
        """How many of a day's lines are sold before the cut-off; the others come a day late."""
        rows = self.rows_per_day
        if not self.disorder or rows < 2 * BLOCK:
            return rows
        return (rows - rows // 100) // BLOCK * BLOCK

    def lines_repeated(self, day: int) -> int:
        """How many lines of a day, its first ones, are delivered again with the next day's file."""
        repeats = self.disorder and day >= 0 and day % 3 == 1 and self.rows_per_day >= 2 * BLOCK
        return BLOCK * (1 + self.rows_per_day // 20_000) if repeats else 0

    def is_corrected(self, day: int) -> bool:
        """Whether the files of a day come a second time, with the next day's files."""
        return self.disorder and day % 3 == 0


@dataclass(frozen=True)
class Delivery:
    """One file as it lands: `version` 2 holds corrected lines, `number` counts what landed at its path."""

    tills: Tills
    day: int
    part: int = 0
    version: int = 1
    number: int = 1

    @property
    def file(self) -> str:
        """The path below the folder of till lines."""
        part = f"-{self.part + 1:03d}" if self.tills.files_per_day > 1 else ""
        return f"{self.sold_on.isoformat()}{part}.csv{'.gz' if self.tills.gzip else ''}"

    @property
    def sold_on(self) -> date:
        """The day whose lines the file holds."""
        return self.tills.day(self.day)

    @property
    def delivered_at(self) -> datetime:
        """When it lands, at night in UTC; it becomes the file's modification time."""
        night = datetime.combine(self.sold_on, datetime.min.time(), timezone.utc)
        return night + (_ARRIVES if self.version == 1 else _CORRECTION_ARRIVES)

    @property
    def late(self) -> int:
        """How many lines of the day before come late, in front of the day's own."""
        return self.tills.rows_per_day - self.tills.in_time if self._follows_a_day else 0

    @property
    def repeated(self) -> int:
        """How many lines of the day before come again, after the late ones."""
        return self.tills.lines_repeated(self.day - 1) if self._follows_a_day else 0

    @property
    def own(self) -> range:
        """Which lines of its day it holds; those of a removed invoice among them are gone in version 2."""
        blocks = -(-self.tills.in_time // BLOCK)
        first, end = (blocks * p // self.tills.files_per_day * BLOCK for p in (self.part, self.part + 1))
        return range(min(first, self.tills.in_time), min(end, self.tills.in_time))

    @property
    def most_lines(self) -> int:
        """How many lines it holds, before invoices are removed from a corrected file."""
        return self.late + self.repeated + len(self.own)

    @property
    def _follows_a_day(self) -> bool:
        return self.day > 0 and self.part == 0


def landing(tills: Tills, landed: int, days: int) -> list[Delivery]:
    """What lands on the days from `landed` up to `days`, as it lies there afterwards, in order of path."""
    _refuse_days(landed, days)
    return list(_landing(tills, landed, days))


def _landing(tills: Tills, landed: int, days: int) -> Iterator[Delivery]:
    for day in range(max(landed - 1, 0), days):
        corrected = tills.is_corrected(day) and day + 1 < days
        if corrected or day >= landed:
            version, number = 2 if corrected else 1, 2 if day < landed else 1
            for part in range(tills.files_per_day):
                yield Delivery(tills, day, part, version, number)


def _refuse_days(landed: int, days: int) -> None:
    if not 0 <= landed < days:
        hint = "`days` counts from the first day, those that landed before included"
        problem = Problem("generate", f"landed={landed}, days={days}", "0 <= landed < days", hint, "days")
        raise ConfigurationError("the generator's options", [problem])
