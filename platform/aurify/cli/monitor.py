"""`aurify monitor`: what scored batches look like beside the rows that a version learned from."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.monitor import MonitorReport

log = logging.getLogger("aurify")


@project_command("monitor", "aurify monitor card_fraud", "aurify monitor card_fraud --version 3")
@click.argument("model")
@click.option(
    "--version", default="champion", show_default=True, help="The version or alias whose batches are compared."
)
@click.pass_obj
def monitor(given: Invocation, model: str, version: str) -> Answer:
    """Look for drift, and how scores turned out.

    Each batch is compared once, column by column, with what the version learned from. A severity says how far a column
    moved, less what chance can do of so many rows and columns: yellow, orange or red. As labels come, the model's
    metric is told by day. Alerts of the champion are sent, and lead to what its file declares. A page tells it all.
    """
    from aurify.workflows.monitor import monitor as run_monitor

    report = run_monitor(given.lake(), model, version, listen=lambda said: log.info("%s: %s", model, said))
    return Answer(report.as_dict(), lambda console: _show(console, report))


def _show(console: Console, report: MonitorReport) -> None:
    from aurify.cli.balance import rows_table

    for batch in report.batches:
        console.print(
            f"{report.model} version {report.version} batch {batch.batch}: {batch.severity or 'as in training'}"
        )
        rows = [
            {
                "column": told.column,
                "severity": told.severity,
                "distance": f"{told.distance:.3f}",
                "psi": f"{told.psi:.3f}",
                "why": "; ".join(told.why),
            }
            for told in batch.columns
        ]
        console.print(rows_table(("column", "severity", "distance", "psi", "why"), rows))
    if not report.batches:
        console.print("no batch that was not compared: aurify score scores what is new")
    _show_performance(console, report)
    for line in (*report.notes, *report.reactions):
        console.print(line)
    for sink, sent in report.sent.items():
        for line in sent:
            console.print(f"{sink}: {line}")
    console.print(f"the page: {report.page}")


def _show_performance(console: Console, report: MonitorReport) -> None:
    found = report.performance
    if found is None:
        return
    said = found.why if found.now is not None else found.because
    console.print(f"{report.model} version {report.version}: {said}")
    newest = [day for day in found.days if day.estimated is not None][-1:]
    for day in newest:
        if day.value(found.metric) is None:
            console.print(f"  by its scores alone, {found.metric} of {day.day} should be about {day.estimated:.3g}")
