"""What open alerts of a champion keep from being done, and ask for.

Nothing is noted down but the alerts: what they lead to follows from those that are open, of the version that is
champion, and that nobody has acknowledged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aurify.errors import DataError
from aurify.models.declare import ModelSpec
from aurify.monitoring.alert import rank

if TYPE_CHECKING:
    from aurify.monitoring.open_alert import OpenAlert
    from aurify.workflows.lake import Lake


def alerts_for(lake: Lake, spec: ModelSpec, champion: int, least: str | None) -> list[OpenAlert]:
    """The alerts of a champion that lead to something from this severity on, the gravest first."""
    if least is None:
        return []
    return [
        told
        for told in lake.alerts.open_alerts(spec.name)
        if rank(told.severity) >= rank(least)
        and not told.acknowledged_by
        and told.alert.facts.get("version") == champion
    ]


def refuse_halted(lake: Lake, spec: ModelSpec, champion: int) -> None:
    """DataError where an alert has stopped the champion's scoring."""
    for told in alerts_for(lake, spec, champion, spec.monitoring.stop):
        found = f"version {champion} is stopped, {told.alert.column} is {told.severity} since {told.since}"
        hint = f"aurify alerts acknowledge {told.alert.key} --reason ... lets it go on; so does another champion"
        raise DataError.of(f"score {spec.name}", f"{found}: {told.alert.why}", "no such alert", hint)
