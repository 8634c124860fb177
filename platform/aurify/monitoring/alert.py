"""An alert, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping
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
class Notice:
    """What a sink is given: an alert, and why now. The same `id` is the same notice, should it come twice."""

    id: str
    alert: Alert
    severity: str
    reason: str
    since: str
    told_at: str

    @property
    def subject(self) -> str:
        """One line."""
        return f"[{self.severity}] {self.alert.model}: {self.alert.column}, {self.reason}"

    @property
    def text(self) -> str:
        """A few lines for a person."""
        lines = [self.alert.why, f"since {self.since}", f"next: {self.alert.next_step}"]
        return "\n".join([self.subject, "", *lines, "", f"notice {self.id}"])

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> Notice:
        """What `as_dict` gave."""
        return cls(**{**told, "alert": Alert(**told["alert"])})
