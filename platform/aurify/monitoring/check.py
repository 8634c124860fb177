"""Every mistake of what a model's file says of its monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from aurify.errors import Problem, did_you_mean
from aurify.monitoring.alert import SEVERITIES
from aurify.monitoring.declare import Monitoring

_DAY = timedelta(days=1)


def monitoring_problems(where: str, found: Monitoring, is_scored: bool) -> Iterator[Problem]:
    """All that is wrong with a declaration."""
    if not isinstance(found, Monitoring):
        yield Problem(where, repr(found), 'Monitoring(retrain="orange")', key="monitoring")
        return
    if found != Monitoring() and not is_scored:
        yield Problem(where, "no scoring", "what is scored, to be monitored", "declare scoring=...", "monitoring")
    for name in ("retrain", "roll_back", "stop"):
        severity = getattr(found, name)
        if severity is not None and severity not in SEVERITIES:
            hint = did_you_mean(str(severity), SEVERITIES)
            yield Problem(where, repr(severity), f"one of {', '.join(SEVERITIES)}", hint, f"monitoring.{name}")
    if not isinstance(found.window, timedelta) or found.window < _DAY or found.window % _DAY:
        yield Problem(where, repr(found.window), "a timedelta of whole days", key="monitoring.window")
    if not isinstance(found.settled, int | float) or not 0 < found.settled <= 1:
        yield Problem(where, repr(found.settled), "above 0, and 1 at most", key="monitoring.settled")
    if not isinstance(found.fewest_positives, int) or found.fewest_positives < 1:
        yield Problem(where, repr(found.fewest_positives), "1 or more", key="monitoring.fewest_positives")
