"""The split of labelled rows by time: what is learned from lies before what is judged by, with a gap for its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING

from aurify.config.names import quoted
from aurify.errors import Problem

if TYPE_CHECKING:
    from pyspark.sql import Column

PART = "part"
DAY = timedelta(days=1)
Span = tuple[datetime, datetime]


@dataclass(frozen=True)
class Dates:
    """The spans of the parts, each with its first moment and the first one after it; in the time of the rows."""

    train: Span
    validation: Span | None
    test: Span

    @property
    def whole(self) -> Span:
        """From the first row of training to the last of the test."""
        return self.train[0], self.test[1]

    @property
    def learned_at(self) -> datetime:
        """When the model is first used: a label that was known later is not learned from."""
        return (self.validation or self.test)[0]

    def part(self, time: str) -> Column:
        """The part of a row by its time: train, validation, test, or gap for all that lies between or before them."""
        from pyspark.sql import functions as F

        def moment(value: datetime) -> Column:
            return F.lit(value.isoformat()).cast("timestamp")  # in the session's zone, not in Python's

        at = F.col(quoted(time)).cast("timestamp")
        found = F.lit("gap")
        for name, span in {"train": self.train, "validation": self.validation, "test": self.test}.items():
            if span is not None:
                found = F.when((at >= moment(span[0])) & (at < moment(span[1])), name).otherwise(found)
        return found.alias(PART)

    @classmethod
    def of_dict(cls, told: Mapping[str, Sequence[str]]) -> Dates:
        """What `as_dict` gave."""
        moments = {name: [datetime.fromisoformat(moment) for moment in span] for name, span in told.items()}
        spans = {name: (first, until) for name, (first, until) in moments.items()}
        return cls(spans["train"], spans.get("validation"), spans["test"])

    def as_dict(self) -> dict[str, list[str]]:
        """For JSON: days or moments as ISO texts."""
        spans = {"train": self.train, "validation": self.validation, "test": self.test}
        return {name: [moment.isoformat() for moment in span] for name, span in spans.items() if span is not None}


@dataclass(frozen=True)
class ByTime:
    """Train, a gap, validation if there is any, a gap, test, one after the other; the test ends with the newest labels.

    The gap is how long it takes until labels are known: what is learned was known when its first use began. A search
    is judged by `folds` earlier splits, each of them a test earlier than the next.
    """

    train: timedelta
    test: timedelta
    gap: timedelta = timedelta(0)
    validation: timedelta | None = None
    folds: int = 1

    def dates(self, until: datetime) -> Dates:
        """The spans of a test that ends at this moment.

        >>> week = timedelta(days=7)
        >>> dates = ByTime(train=week, gap=week, test=week).dates(datetime(2018, 8, 15))
        >>> dates.as_dict()["train"], dates.as_dict()["test"]
        (['2018-07-25T00:00:00', '2018-08-01T00:00:00'], ['2018-08-08T00:00:00', '2018-08-15T00:00:00'])
        """
        test = until - self.test
        validation = None if self.validation is None else (test - self.gap - self.validation, test - self.gap)
        end = (test if validation is None else validation[0]) - self.gap
        return Dates((end - self.train, end), validation, (test, until))

    def earlier(self, dates: Dates) -> list[Dates]:
        """Splits before this one, the newest first, to choose parameters by: the answers of the first one's test are
        known where training begins to look at nothing any more, at the end of the rows to train on.
        """
        alone = ByTime(self.train, self.test, self.gap)
        return [alone.dates(dates.train[1] - place * self.test) for place in range(self.folds)]

    def newest_end(self, newest_time: datetime, newest_known: datetime | None) -> datetime:
        """When the newest test ends whose labels are all known: after the day of the newest row, or a gap before the
        day on which the newest label was known.
        """
        after = datetime.combine(newest_time, time()) + DAY
        if newest_known is None:
            return after
        return min(after, datetime.combine(newest_known, time()) - self.gap)

    def problems(self, where: str) -> list[Problem]:
        """Spans that are none."""
        lengths = {"train": self.train, "test": self.test, "validation": self.validation}
        told = [
            Problem(where, f"{length!r}", "a timedelta of more than nothing", key=f"split.{name}")
            for name, length in lengths.items()
            if not (name == "validation" and length is None)
            and not (isinstance(length, timedelta) and length > timedelta(0))
        ]
        if not (isinstance(self.gap, timedelta) and self.gap >= timedelta(0)):
            told.append(Problem(where, f"{self.gap!r}", "a timedelta, of nothing at least", key="split.gap"))
        if not (isinstance(self.folds, int) and self.folds >= 1):
            told.append(Problem(where, f"{self.folds!r}", "1 or more", key="split.folds"))
        return told
