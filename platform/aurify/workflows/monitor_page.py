"""The page of a monitored model, kept beside its tables."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from aurify.models.registry import Version
from aurify.monitoring.alert import rank
from aurify.monitoring.monitor_page import Monitored, figures_of, monitor_page
from aurify.monitoring.open_alert import stamp
from aurify.monitoring.performance import Performance
from aurify.publish.target import Handle
from aurify.workflows.batch_drift import COLUMNS, stream

if TYPE_CHECKING:
    from aurify.workflows.lake import Lake

MOST_BATCHES = 60


def keep_page(
    lake: Lake, version: Version, home: str, performance: Performance | None, reactions: Sequence[str]
) -> str:
    """Write the page of a version and its figures; gives where the page lies."""
    told = Monitored(
        model=version.model,
        version=version.number,
        made_at=stamp(datetime.now(timezone.utc)),
        alerts=lake.alerts.open_alerts(version.model),
        performance=performance,
        reactions=reactions,
        drift=_newest(lake, home, version),
    )
    figures, place = figures_of(told), f"{home}/version_{version.number}"
    for name, content in figures.items():
        lake.storage.write(f"{place}/{name}.png", content)
    lake.storage.write(f"{place}/index.html", monitor_page(replace(told, figures=figures)).encode())
    return f"{place}/index.html"


def _newest(lake: Lake, home: str, version: Version) -> list[dict[str, Any]]:
    """What the newest batches looked like, the oldest first, in each the worst column first."""
    held = Handle.open(f"{home}/{COLUMNS}")
    if held is None:
        return []
    last = held.table.transaction_version(stream(version)) or 0
    own = lake.session.read.format("delta").load(f"{home}/{COLUMNS}")
    own = own.where(f"model_version = {version.number} AND batch > {last - MOST_BATCHES}")
    found = [row.asDict() for row in own.collect()]
    return sorted(found, key=lambda row: (row["batch"], -rank(row["severity"]), -row["surely"], row["column"]))
