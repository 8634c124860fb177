"""An alert from its first occasion to its last, and when it is told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from aurify.config.alerts import AlertSettings
from aurify.monitoring.alert import SEVERITIES, Alert, rank


@dataclass(frozen=True)
class OpenAlert:
    """How grave an alert is told, how often it was seen, who looks after it; `told_at` is empty before the first."""

    alert: Alert
    since: str
    severity: str
    seen: int
    told_at: str
    notices: int
    escalated_at: str = ""
    acknowledged_by: str = ""
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> OpenAlert:
        """What `as_dict` gave."""
        return cls(**{**told, "alert": Alert(**told["alert"])})

    def told(self, now: datetime) -> OpenAlert:
        """The same after one more notice."""
        return replace(self, told_at=stamp(now), notices=self.notices + 1)


def weighed(
    known: OpenAlert | None, alert: Alert, now: datetime, settings: AlertSettings
) -> tuple[OpenAlert, str | None]:
    """An alert after it was seen once more, and why it is told now, if it is.

    It is told when it is new and when it grows graver; else, while nobody has acknowledged it, again after
    `repeat_after_hours`, and a degree graver after `escalate_after_hours`.
    """
    if known is None:
        return OpenAlert(alert, stamp(now), alert.severity, 1, "", 0), "new"
    if alert.occasion <= known.alert.occasion and alert.severity == known.alert.severity:
        return known, None
    found = replace(known, alert=alert, seen=known.seen + 1)
    if rank(alert.severity) > rank(known.severity):
        return replace(found, severity=alert.severity, acknowledged_by="", reason=""), "graver"
    if known.acknowledged_by:
        return found, None
    open_for, silent_for = now - _moment(known.escalated_at or known.since), now - _moment(known.told_at)
    if open_for >= timedelta(hours=settings.escalate_after_hours) and rank(found.severity) < len(SEVERITIES):
        graver = SEVERITIES[rank(found.severity)]
        reason = f"nobody has acknowledged it for {settings.escalate_after_hours:g} hours"
        return replace(found, severity=graver, escalated_at=stamp(now)), reason
    if silent_for >= timedelta(hours=settings.repeat_after_hours):
        return found, f"seen {found.seen} times"
    return found, None


def stamp(moment: datetime) -> str:
    """A time as it is kept."""
    return moment.isoformat(timespec="seconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
