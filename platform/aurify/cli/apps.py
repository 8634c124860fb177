"""`aurify apps`: what was submitted to the environment's cluster."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from aurify.deploy.application import Application


WHY = 120


@click.group("apps")
def apps() -> None:
    """See and end applications that were submitted."""


@project_command("list", "aurify apps list --env yarn")
@click.pass_obj
def list_(given: Invocation) -> Answer:
    """List what was submitted, the newest first."""
    from aurify.deploy.submission import TAG
    from aurify.workflows.backend import backend_of

    found = backend_of(given.lake()).applications().applications(TAG)
    return Answer({"applications": [app.as_dict() for app in found]}, lambda console: _show(console, found))


@project_command("status", "aurify apps status application_1700000000000_0001 --env yarn")
@click.argument("application")
@click.pass_obj
def status(given: Invocation, application: str) -> Answer:
    """Tell how an application stands; ends with its exit code once it has ended."""
    from aurify.workflows.backend import backend_of

    found = backend_of(given.lake()).applications().application(application)
    code = found.outcome.exit_code if found.outcome else 0
    return Answer(found.as_dict(), lambda console: _show(console, [found]), code)


@project_command("logs", "aurify apps logs application_1700000000000_0001 --env yarn")
@click.argument("application")
@click.option("--all", "everything", is_flag=True, help="Of executors too.")
@click.pass_obj
def logs(given: Invocation, application: str, everything: bool) -> Answer:
    """Print what the driver wrote; nodes of YARN gather it when the application has ended."""
    from aurify.workflows.backend import backend_of

    cluster = backend_of(given.lake()).applications()
    text = "\n".join(cluster.logs(application).values()) if everything else cluster.driver_log(application)
    told = text.rstrip() or f"{application}: no logs yet"
    return Answer({"application": application, "log": text}, lambda console: click.echo(told))


@project_command("kill", "aurify apps kill application_1700000000000_0001 --env yarn")
@click.argument("application")
@click.pass_obj
def kill(given: Invocation, application: str) -> Answer:
    """End an application; every table stays consistent, and the next refresh goes on from there."""
    from aurify.workflows.backend import backend_of

    cluster = backend_of(given.lake()).applications()
    cluster.application(application)
    cluster.kill(application)
    return Answer({"killed": application}, lambda console: console.print(f"{application}: told to end"))


def _show(console: Console, found: Sequence[Application]) -> None:
    from aurify.cli.balance import rows_table

    if not found:
        console.print("nothing was submitted that the cluster still knows: aurify submit -- refresh")
        return
    rows = [
        {
            "application": app.id,
            "name": app.name,
            "state": app.state,
            "exit code": app.outcome.exit_code if app.outcome else "",
            "started": datetime.fromtimestamp(app.started_ms // 1000, timezone.utc),
            "place": app.place,
            "why": (app.outcome.said if app.outcome else app.diagnostics)[:WHY],
        }
        for app in found
    ]
    console.print(rows_table(tuple(rows[0]), rows))


for command in (list_, status, logs, kill):
    apps.add_command(command)
