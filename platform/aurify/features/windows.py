"""What a window feature is: an aggregate over the events of an entity in a stretch of time before a row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from aurify.errors import Problem, did_you_mean

# Aggregates that need no column, numbers, a yes or no, or anything that can be told apart.
COUNTED, OF_NUMBERS, OF_FLAGS, OF_ANYTHING = ("count",), ("sum", "mean", "std", "min", "max"), ("share",), ("distinct",)
AGGREGATES = (*COUNTED, *OF_NUMBERS, *OF_FLAGS, *OF_ANYTHING)
WHOLE_NUMBERS = ("count", "distinct")
LAG = "lag"
_MOMENT = timedelta(microseconds=1)
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
    and `sum` are 0, all others NULL; `std` is NULL over one, too. `by` names another entity than the view's, like the
    category whose mean is wanted.

    >>> Window("mean", timedelta(days=7), "amount").name, Window("share", timedelta(hours=36), "is_fraud",
    ...     delay=timedelta(days=7)).name, Window("mean", timedelta(days=30), "amount", by="category").name
    ('mean_amount_7d', 'share_is_fraud_36h_after_7d', 'mean_amount_30d_by_category')
    """

    aggregate: str
    over: timedelta
    column: str = ""
    delay: timedelta = timedelta(0)
    by: str | tuple[str, ...] = ()

    @property
    def reading(self) -> tuple[str, str]:
        """The column, and what of it is read: its numbers, its values, or whether it is there."""
        if self.aggregate in (*OF_NUMBERS, *OF_FLAGS):
            return self.column, "numbers"
        return self.column, "values" if self.aggregate in OF_ANYTHING else "presence"

    @property
    def name(self) -> str:
        """The feature's name: aggregate, column, length, delay, entity."""
        return _name(self.aggregate, self.column, self.over, self.delay, self.by)


@dataclass(frozen=True)
class Lag:
    """The number that stood in the `n`-th event before, of the events in (t - delay - over, t - delay]; NULL without.

    The row's own moment is never among them. Of several events of one moment the larger number is the newer one.

    >>> Lag("amount", timedelta(days=30)).name, Lag("amount", timedelta(days=30), n=2).name
    ('lag1_amount_30d', 'lag2_amount_30d')
    """

    column: str
    over: timedelta
    n: int = 1
    delay: timedelta = _MOMENT
    by: str | tuple[str, ...] = ()

    @property
    def aggregate(self) -> str:
        """`lag`, as a window has `sum`."""
        return LAG

    @property
    def reading(self) -> tuple[str, str]:
        """The column's numbers."""
        return self.column, "numbers"

    @property
    def name(self) -> str:
        """The feature's name: how many events back, column, length, delay, entity."""
        delay = timedelta(0) if self.delay == _MOMENT else self.delay
        return _name(f"{LAG}{self.n}", self.column, self.over, delay, self.by)


def keys_of(window: Window | Lag, entity: tuple[str, ...]) -> tuple[str, ...]:
    """The columns of the entity whose events a window looks at."""
    return (window.by,) if isinstance(window.by, str) else tuple(window.by) or entity


def is_known(window: Window | Lag) -> bool:
    """Whether its aggregate is one."""
    return isinstance(window, Lag) or window.aggregate in AGGREGATES


def window_problems(window: Window | Lag) -> list[Problem]:
    """What is wrong with a window whatever the events are: aggregate, column, lengths; by its name."""
    found = []
    if not is_known(window):
        found.append(
            (f"aggregate '{window.aggregate}'", ", ".join(AGGREGATES), did_you_mean(window.aggregate, AGGREGATES))
        )
    elif not window.column and window.aggregate not in COUNTED:
        found.append(("no column", f"the column whose {window.aggregate} is taken", ""))
    if window.over <= timedelta(0):
        found.append((f"over {window.over}", "a length of more than nothing", ""))
    if window.delay < timedelta(0):
        found.append((f"delay {window.delay}", "no look into the future", ""))
    if isinstance(window, Lag) and window.delay == timedelta(0):
        found.append(("no delay", "events before the row's own moment", "leave delay out"))
    if isinstance(window, Lag) and window.n < 1:
        found.append((f"n {window.n}", "1 for the event before, 2 for the one before that", ""))
    return [Problem("", *told_of, window.name) for told_of in found]


def told(length: timedelta) -> str:
    """A length in the largest unit that measures it.

    >>> told(timedelta(days=7)), told(timedelta(minutes=90)), told(timedelta(milliseconds=5))
    ('7d', '90min', '5000us')
    """
    for unit, one in _UNITS:
        if length % one == timedelta(0):
            return f"{length // one}{unit}"
    return f"{length // timedelta(microseconds=1)}us"


def _name(aggregate: str, column: str, over: timedelta, delay: timedelta, by: str | tuple[str, ...]) -> str:
    keys = (by,) if isinstance(by, str) else by
    late, of = ("after", told(delay)) if delay else (), ("by", *keys) if keys else ()
    return "_".join(part for part in (aggregate, column, told(over), *late, *of) if part)
