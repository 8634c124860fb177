"""`aurify monitor`: what scored batches look like beside the rows that a version learned from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.monitor import MonitorReport


@project_command("monitor", "aurify monitor card_fraud", "aurify monitor card_fraud --version 3")
@click.argument("model")
@click.option(
    "--version", default="champion", show_default=True, help="The version or alias whose batches are compared."
)
@click.pass_obj
def monitor(given: Invocation, model: str, version: str) -> Answer:
    """Compare scored batches with what the version learned from.

    Each batch is compared once, column by column, its scores too. A severity says how far a column moved, less what
    chance can do of so many rows and columns: yellow, orange or red.
    """
    from aurify.workflows.monitor import monitor as run_monitor

    report = run_monitor(given.lake(), model, version)
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
    for sink, told in report.sent.items():
        for line in told:
            console.print(f"{sink}: {line}")
    if not report.batches:
        console.print("no batch that was not compared: aurify score scores what is new")
    console.print(f"kept in {report.table}")
