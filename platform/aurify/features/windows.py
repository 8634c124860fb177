"""What a window feature is: an aggregate over the events of an entity in a stretch of time before a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

# Aggregates that need no column, numbers, a yes or no, or anything that can be told apart.
COUNTED, OF_NUMBERS, OF_FLAGS, OF_ANYTHING = ("count",), ("sum", "mean", "std", "min", "max"), ("share",), ("distinct",)
AGGREGATES = (*COUNTED, *OF_NUMBERS, *OF_FLAGS, *OF_ANYTHING)
WHOLE_NUMBERS = ("count", "distinct")
_UNITS = (
    ("d", timedelta(days=1)),
    ("h", timedelta(hours=1)),
    ("min", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
)


@dataclass(frozen=True)
class Window:
    """An aggregate over the events of an entity in (t - delay - over, t - delay], for each of its rows, at its time t.

    `count` counts events, or with a column those where it is there; `distinct` its distinct values; `share` is the
    part of the events with a known flag where it is true; `std` is the sample's. Over no event `count`, `distinct`
    and `sum` are 0, all others NULL; `std` is NULL over one, too.

    >>> Window("mean", timedelta(days=7), "amount").name, Window("share", timedelta(hours=36), "is_fraud",
    ...     delay=timedelta(days=7)).name
    ('mean_amount_7d', 'share_is_fraud_36h_after_7d')
    """

    aggregate: str
    over: timedelta
    column: str = ""
    delay: timedelta = timedelta(0)

    @property
    def reading(self) -> tuple[str, str]:
        """The column, and what of it is read: its numbers, its values, or whether it is there."""
        if self.aggregate in (*OF_NUMBERS, *OF_FLAGS):
            return self.column, "numbers"
        return self.column, "values" if self.aggregate in OF_ANYTHING else "presence"

    @property
    def name(self) -> str:
        """The feature's name: aggregate, column, length, delay."""
        parts = [self.aggregate, self.column, told(self.over)]
        return "_".join(part for part in parts if part) + (f"_after_{told(self.delay)}" if self.delay else "")


def told(length: timedelta) -> str:
    """A length in the largest unit that measures it.

    >>> told(timedelta(days=7)), told(timedelta(minutes=90)), told(timedelta(milliseconds=5))
    ('7d', '90min', '5000us')
    """
    for unit, one in _UNITS:
        if length % one == timedelta(0):
            return f"{length // one}{unit}"
    return f"{length // timedelta(microseconds=1)}us"
