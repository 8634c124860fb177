"""Monitor a model: its scored batches, how they turned out as labels come, the alerts, and what they lead to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timezone
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from aurify.errors import ConfigurationError
from aurify.models.registry import CHAMPION, Version
from aurify.monitoring.alert import Alert
from aurify.monitoring.drift import Drift, Limits, severity_of
from aurify.monitoring.open_alert import OpenAlert
from aurify.monitoring.performance import Performance
from aurify.monitoring.reference import SCORE, Reference
from aurify.publish.lease import Lease
from aurify.scoring.batch import ToScore
from aurify.workflows.batch_drift import BatchDrift, batch_drift, keep_drift, pending, reference_of
from aurify.workflows.halted import alerts_for
from aurify.workflows.monitor_page import keep_page
from aurify.workflows.performance import keep_performance, performance
from aurify.workflows.reactions import rolled_back
from aurify.workflows.score import to_score

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

Listener = Callable[[str], None]
FOLDER = "monitoring"
ENOUGH_ROWS = 1000


@dataclass(frozen=True)
class MonitorReport:
    """The batches that were not looked at before, what labels say, and what followed; `home` is where it is kept.

    `performance` is None where labels can't be joined with the scores, as `notes` tell.
    """

    model: str
    version: int
    home: str
    page: str
    batches: tuple[BatchDrift, ...]
    performance: Performance | None
    reactions: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    sent: dict[str, list[str]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0: an alert is no failure of the monitor."""
        return 0

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            **{name: getattr(self, name) for name in ("exit_code", "model", "version", "home", "page", "sent")},
            "batches": [batch.as_dict() for batch in self.batches],
            "performance": None if self.performance is None else self.performance.as_dict(),
            "reactions": list(self.reactions),
            "notes": list(self.notes),
        }


def monitor(lake: Lake, model: str, of: int | str = CHAMPION, listen: Listener = lambda said: None) -> MonitorReport:
    """Compare the scored batches of a version that were not compared yet, and say how its rows turned out.

    Alerts are of the champion alone. All is kept below `<warehouse>/monitoring/<model>`. Killed at any moment, the
    next run goes on, and tells nothing twice. ConfigurationError: no such model or version, no scoring, nothing scored.
    EnvironmentFailure where another process monitors the model.
    """
    asked = to_score(lake, model)
    version = lake.registry.version(model, of)
    home = f"{lake.settings.warehouse}/{FOLDER}/{lake.registry.name_of(model)}"
    beat = lake.settings.lease
    with Lease(lake.storage, home, uuid4().hex, beat.heartbeat_s, beat.void_after_s):
        watch = _Watch(lake, asked, version, home, listen)
        batches = watch.batches()
        told = watch.performance()
        reactions = watch.reactions(told)
        page = keep_page(lake, version, home, told, reactions)
        listen("page")
        sent = lake.alerts.deliver(_now())
    return MonitorReport(model, version.number, home, page, batches, told, tuple(reactions), tuple(watch.notes), sent)


@dataclass
class _Watch:
    """One look at a version."""

    lake: Lake
    asked: ToScore
    version: Version
    home: str
    listen: Listener
    notes: list[str] = field(default_factory=list)

    @property
    def is_champion(self) -> bool:
        """Whether its alerts count."""
        return CHAMPION in self.version.aliases

    @cached_property
    def reference(self) -> Reference:
        """What the version learned from; ConfigurationError where its training kept nothing."""
        return reference_of(self.lake, self.version)

    def batches(self) -> tuple[BatchDrift, ...]:
        """Compare what was not compared yet; each batch is kept in one commit, once."""
        numbers = pending(self.lake, self.asked, self.version, self.home)
        if not numbers:
            return ()
        found = []
        for number in numbers:
            told = batch_drift(self.lake, self.asked, self.version, self.reference, number)
            # before the batch counts as compared: after a kill it is seen again, and told once
            self._raise([self._of_drift(number, each) for each in told.columns if each.severity], told.columns)
            self.listen(f"batch {number} seen")
            keep_drift(self.lake, self.home, self.version, told)
            self.listen(f"batch {number} kept")
            found.append(told)
        return tuple(found)

    def performance(self) -> Performance | None:
        """What labels say by now; None where they can't be joined with the scores."""
        try:
            told = performance(self.lake, self.asked, self.version, self.reference)
        except ConfigurationError as error:
            self.notes.append(error.render())
            return None
        limits = self.lake.settings.alerts.limits_of(self.asked.spec.name, told.metric)
        severity = severity_of(told.lost, Limits.told(limits).loss)
        if severity:
            self._raise([self._of_loss(told, severity)], ())
        elif told.now is not None and self.is_champion:
            self.lake.alerts.seen([], [f"{self.asked.spec.name}/{told.metric}"], _now())
        self.listen("labels seen")
        keep_performance(self.lake, self.home, self.version, told)
        self.listen("labels kept")
        return told

    def reactions(self, told: Performance | None) -> list[str]:
        """Do what is declared, and say what was done or is asked for."""
        spec = self.asked.spec
        if not self.is_champion:
            return []
        found = [] if told is None else [rolled_back(self.lake, self.asked, self.version, told)]
        if alerts_for(self.lake, spec, self.version.number, spec.monitoring.retrain):
            found.append(f"a training is asked for: aurify retrain {spec.name} --if-needed")
        if alerts_for(self.lake, spec, self.version.number, spec.monitoring.stop):
            found.append(f"version {self.version.number} scores nothing more until its alert is acknowledged")
        return [text for text in found if text]

    def _raise(self, alerts: Sequence[Alert], columns: Sequence[Drift]) -> None:
        if self.is_champion:
            book, name = self.lake.alerts, self.asked.spec.name
            still_open = book.open_alerts(name)
            others = [t.alert.key for t in still_open if t.alert.facts.get("version") != self.version.number]
            seen = {alert.key for alert in alerts}
            over = [key for key in others if key not in seen]
            book.seen(alerts, [*over, *_calm(name, columns, still_open)], _now())

    def _of_drift(self, batch: int, drift: Drift) -> Alert:
        model = self.asked.spec.name
        step = f"look at what makes {drift.column}; if it is right, aurify train {model}"
        if drift.column == SCORE:
            step = f"look at the inputs that moved; where none did, aurify models show {model} {self.version.number}"
        facts = {"version": self.version.number, "batch": batch, "rows": drift.rows, "psi": drift.psi}
        return Alert(model, drift.column, drift.severity, "; ".join(drift.why), step, batch, facts)

    def _of_loss(self, told: Performance, severity: str) -> Alert:
        assert told.window is not None
        model = self.asked.spec.name
        step = f"aurify train {model}; or aurify models rollback {model}"
        facts = {"version": self.version.number, "lost": told.lost}
        return Alert(model, told.metric, severity, told.why, step, _ordinal(told.window[1]), facts)


def _calm(model: str, found: Sequence[Drift], alerts: Sequence[OpenAlert]) -> list[str]:
    """The alerts that a batch ends: their column has no severity, in rows as many as raised them, or in 1,000."""
    rows = {told.alert.key: int(told.alert.facts.get("rows", 0)) for told in alerts}
    keys = {f"{model}/{drift.column}": drift for drift in found if not drift.severity}
    return [key for key, drift in keys.items() if key in rows and drift.rows >= min(rows[key], ENOUGH_ROWS)]


def _ordinal(day: date) -> int:
    """A day as an occasion: what is known of it is told once."""
    return day.toordinal()


def _now() -> datetime:
    return datetime.now(timezone.utc)
