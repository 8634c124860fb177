"""`aurify alerts`: what is open, who looks after it, and what could not be told yet."""

from __future__ import annotations

from datetime import datetime, timezone
from getpass import getuser
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.console import Console

    from aurify.monitoring.open_alert import OpenAlert


@click.group("alerts")
def alerts() -> None:
    """See and acknowledge open alerts."""


@project_command("list", "aurify alerts list", "aurify alerts list --json")
@click.pass_obj
def list_(given: Invocation) -> Answer:
    """List the alerts that are open, the gravest first."""
    found = given.lake().alerts.open_alerts()
    return Answer({"alerts": [told.as_dict() for told in found]}, lambda console: _show(console, found))


def _show(console: Console, found: Sequence[OpenAlert]) -> None:
    from aurify.cli.balance import rows_table

    if not found:
        console.print("no alert is open")
        return
    rows = [
        {
            "alert": told.alert.key,
            "severity": told.severity,
            "since": told.since,
            "seen": told.seen,
            "looked after by": told.acknowledged_by,
            "why": told.alert.why,
            "next": told.alert.next_step,
        }
        for told in found
    ]
    console.print(rows_table(tuple(rows[0]), rows))


@project_command("acknowledge", "aurify alerts acknowledge card_fraud/amount --reason 'a sale until Sunday'")
@click.argument("alert")
@click.option("--reason", required=True, help="Why it need not be told again unless it grows graver.")
@click.pass_obj
def acknowledge(given: Invocation, alert: str, reason: str) -> Answer:
    """Say that you look after an alert; it is told again only if it grows graver."""
    found = given.lake().alerts.acknowledge(alert, getuser(), reason)
    return Answer(found.as_dict(), lambda console: console.print(f"{alert}: acknowledged by {found.acknowledged_by}"))


@project_command("send", "aurify alerts send")
@click.pass_obj
def send(given: Invocation) -> Answer:
    """Send the notices that a sink could not take before."""
    told = given.lake().alerts.deliver(datetime.now(timezone.utc))
    return Answer({"sent": told}, lambda console: _show_sent(console, told))


def _show_sent(console: Console, told: Mapping[str, Sequence[str]]) -> None:
    lines = [f"{sink}: {line}" for sink, found in told.items() for line in found]
    console.print("\n".join(lines) or "nothing waits to be sent")


for command in (list_, acknowledge, send):
    alerts.add_command(command)
