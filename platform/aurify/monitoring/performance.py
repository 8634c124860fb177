"""How a model does by day and segment, as labels come, and what can be said before they do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from typing import Any

from aurify.models.intervals import Interval
from aurify.models.metrics import Metrics
from aurify.monitoring.declare import Monitoring


@dataclass(frozen=True)
class Day:
    """The rows of a day: those that have their label, the positives among these, and the model's metric.

    `estimated` is what the metric should be by the scores alone. `is_learned`: before the version had learned.
    """

    day: date
    rows: int
    labelled: int
    positives: int
    estimated: float | None = None
    metrics: Metrics | None = None
    is_learned: bool = False

    def is_settled(self, share: float) -> bool:
        """Whether so large a share of its rows have their label."""
        return self.labelled >= share * self.rows

    def value(self, metric: str) -> float | None:
        """One of its metrics, where it has labels that define it."""
        found = None if self.metrics is None else getattr(self.metrics, metric, None)
        return float(found) if isinstance(found, int | float) else None


@dataclass(frozen=True)
class Performance:
    """What labels say of a version: its metric on the test, on the days of the window, and day by day.

    `lost` is the share of the test's metric that is surely gone: from the low end of its interval to the high end of
    the window's. `because` is why there is no window, if there is none.
    """

    metric: str
    test: Interval
    days: tuple[Day, ...]
    segments: Mapping[str, tuple[tuple[str | None, Metrics], ...]] = field(default_factory=dict)
    window: tuple[date, date] | None = None
    now: Interval | None = None
    because: str = ""

    @property
    def lost(self) -> float:
        """A share between 0 and 1."""
        if self.now is None or not self.test.estimate:
            return 0.0
        return max(self.test.low - self.now.high, 0.0) / abs(self.test.estimate)

    @property
    def why(self) -> str:
        """The loss as a sentence."""
        assert self.now is not None
        assert self.window is not None
        now, then = self.now, self.test
        return (
            f"{self.metric} from {self.window[0]} to {self.window[1]} is {now.estimate:.3g}, between {now.low:.3g} and "
            f"{now.high:.3g}; on its test it was {then.estimate:.3g}, between {then.low:.3g} and {then.high:.3g}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "lost": self.lost}


def window_of(days: Sequence[Day], declared: Monitoring) -> tuple[date, date] | None:
    """The newest days whose labels have come, as many as declared, first and last; None where no day is settled.

    A day of before the version had learned is none of them.

    >>> days = [Day(date(2024, 1, number), 10, 10 if number < 9 else 2, 1) for number in range(1, 11)]
    >>> [str(day) for day in window_of(days, Monitoring())]
    ['2024-01-02', '2024-01-08']
    """
    settled = [told.day for told in days if told.is_settled(declared.settled) and not told.is_learned]
    if not settled:
        return None
    first = max(settled) - declared.window + timedelta(days=1)
    return max(first, min(settled)), max(settled)
