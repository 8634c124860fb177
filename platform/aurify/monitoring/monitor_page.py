"""The page of a monitored model: what to do next, alerts, the model by day, drift by feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aurify.models import page
from aurify.monitoring.figures import days_figure, drift_figure
from aurify.monitoring.open_alert import OpenAlert
from aurify.monitoring.performance import Performance

LIMITS = """
A column is told where it moved by more than its limit and more than chance can do of so many rows and columns; each \
weekday is held against the same weekday of training.
What is estimated by scores alone takes the calibration of the test for granted: it sees rows become easier or harder, \
and can't see that what makes a positive has changed.
A metric by labels is of the rows whose labels have come; where the hard ones come last, it is too good until then.
Days of before its test say little: it has learned from some of them.
"""


@dataclass(frozen=True)
class Monitored:
    """What a page tells. `drift` has the rows of the table of columns, the newest batch last."""

    model: str
    version: int
    made_at: str
    alerts: Sequence[OpenAlert]
    performance: Performance | None
    reactions: Sequence[str]
    drift: Sequence[Mapping[str, Any]]
    figures: Mapping[str, bytes] = field(default_factory=dict)

    @property
    def batches(self) -> list[int]:
        """The batches, the oldest first."""
        return sorted({int(row["batch"]) for row in self.drift})


def figures_of(told: Monitored) -> dict[str, bytes]:
    """The figures by name."""
    found = {}
    if told.performance is not None and told.performance.days:
        found["model_by_day"] = days_figure(told.performance)
    if told.drift:
        by_column: dict[str, dict[int, str]] = {}
        for row in told.drift:
            by_column.setdefault(row["column"], {})[int(row["batch"])] = row["severity"]
        lines = {name: [own.get(batch, "") for batch in told.batches] for name, own in by_column.items()}
        found["drift_by_feature"] = drift_figure(lines, told.batches)
    return found


def monitor_page(told: Monitored) -> str:
    """The page as HTML that needs nothing else."""
    sections = {
        "What to do next": _next(told),
        "Alerts": _alerts(told.alerts),
        "The model by day": _days(told),
        "By segment": _segments(told.performance),
        "Drift by feature": _drift(told),
        "Known limits": page.items(LIMITS.strip().splitlines()),
    }
    return page.document("Monitor", f"{told.model}, version {told.version}", told.made_at, sections)


def _next(told: Monitored) -> str:
    steps = [
        f"{one.alert.key} ({one.severity}): {one.alert.next_step}" for one in told.alerts if not one.acknowledged_by
    ]
    found = [*told.reactions, *steps]
    return page.items(found) if found else page.none("Nothing: no alert is open that nobody looks after")


def _alerts(alerts: Sequence[OpenAlert]) -> str:
    head = ("alert", "severity", "since", "seen", "looked after by", "why")
    rows = [(a.alert.key, a.severity, a.since, a.seen, a.acknowledged_by or "nobody", a.alert.why) for a in alerts]
    return page.table(head, rows, [a.severity for a in alerts]) if rows else page.none("No alert is open")


def _figure(told: Monitored, name: str, title: str) -> str:
    return page.figure(title, told.figures[name]) if name in told.figures else ""


def _days(told: Monitored) -> str:
    found = told.performance
    if found is None or not found.days:
        return page.none("No scores can be joined with labels")
    said = found.why if found.now is not None else found.because
    head = ("day", "rows", "with their label", "positives", found.metric, "by scores alone", "")
    rows = [
        (
            str(d.day),
            d.rows,
            d.labelled,
            d.positives,
            d.value(found.metric),
            d.estimated,
            "before its test" if d.is_learned else "",
        )
        for d in reversed(found.days)
    ]
    return f"<p>{page.text(said)}.</p>{_figure(told, 'model_by_day', 'The model by day')}{page.table(head, rows)}"


def _segments(found: Performance | None) -> str:
    if found is None or not found.segments:
        return page.none("No segment has its labels yet, or the scores keep none: Scoring(keep=...)")
    head = ("segment", "rows", "positives", "average precision", "roc auc", "precision", "recall")
    parts = []
    for column, told in found.segments.items():
        rows = [
            (
                "NULL" if name is None else name,
                m.rows,
                m.positives,
                m.average_precision,
                m.roc_auc,
                m.precision,
                m.recall,
            )
            for name, m in told
        ]
        parts.append(f"<h3>{page.text(column)}</h3>{page.table(head, rows)}")
    return "".join(parts)


def _drift(told: Monitored) -> str:
    if not told.drift:
        return page.none("No batch was compared yet")
    newest = [row for row in told.drift if int(row["batch"]) == told.batches[-1]]
    head = ("column", "severity", "distance", "surely", "psi", "Jensen-Shannon", "missing", "new categories", "why")
    names = ("column", "severity", "distance", "surely", "psi", "jensen_shannon", "missing", "unseen")
    rows = [(*(row[name] for name in names), "; ".join(row["why"])) for row in newest]
    said = f"<h3>Batch {told.batches[-1]}, {int(newest[0]['rows']):,} rows</h3>"
    figure = _figure(told, "drift_by_feature", "Drift by feature")
    return f"{figure}{said}{page.table(head, rows, [row['severity'] for row in newest])}"
