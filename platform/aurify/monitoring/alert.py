"""An alert, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

SEVERITIES = ("yellow", "orange", "red")


def rank(severity: str) -> int:
    """Higher where it is graver; 0 where there is none."""
    return SEVERITIES.index(severity) + 1 if severity else 0


@dataclass(frozen=True)
class Alert:
    """Something that a person should look at: of which model and column, how grave, why, and what to do next.

    `occasion` is what it was seen in, like a batch: the same alert of the same occasion counts once.
    """

    model: str
    column: str
    severity: str
    why: str
    next_step: str
    occasion: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """What tells it from other alerts, whatever the occasion."""
        return f"{self.model}/{self.column}"


@dataclass(frozen=True)
class Told:
    """An alert as it is told: how grave by now, and why now."""

    alert: Alert
    severity: str
    reason: str
    since: str

    @property
    def line(self) -> str:
        """One line for a person."""
        return f"[{self.severity}] {self.alert.column}, {self.reason}: {self.alert.why}; next: {self.alert.next_step}"


@dataclass(frozen=True)
class Notice:
    """What a sink is given: the alerts of a model that are to be told at one time, the gravest first.

    The same `id` is the same notice, should it come twice.
    """

    id: str
    model: str
    alerts: Sequence[Told]
    told_at: str

    @property
    def severity(self) -> str:
        """That of the gravest."""
        return max((told.severity for told in self.alerts), key=rank)

    @property
    def subject(self) -> str:
        """One line."""
        if len(self.alerts) == 1:
            return f"[{self.severity}] {self.model}: {self.alerts[0].alert.column}, {self.alerts[0].reason}"
        columns = ", ".join(told.alert.column for told in self.alerts)
        return f"[{self.severity}] {self.model}: {len(self.alerts)} alerts, {columns}"

    @property
    def text(self) -> str:
        """A few lines for a person."""
        lines = [line for told in self.alerts for line in (told.line, f"  since {told.since}")]
        return "\n".join([self.subject, "", *lines, "", f"notice {self.id}"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "severity": self.severity}

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Notice:
        """What `as_dict` gave."""
        alerts = [Told(**{**one, "alert": Alert(**one["alert"])}) for one in told["alerts"]]
        return cls(told["id"], told["model"], tuple(alerts), told["told_at"])
