"""`aurify thresholds`: limits proposed from a table's own history."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.thresholds import Proposed


@project_command("thresholds", "aurify thresholds silver.pos_lines", "aurify thresholds silver.pos_lines --batches 90")
@click.argument("table")
@click.option("--batches", type=click.IntRange(min=1), default=30, show_default=True, help="The newest to learn from.")
@click.pass_obj
def thresholds(given: Invocation, table: str, batches: int) -> Answer:
    """Propose limits for the rules of a suite, from how they went.

    For rules that take rows out stop_above, for shares of a batch mostly, for measures min_value and max_value. Nothing
    is changed: copy into the suite what you agree with.
    """
    from aurify.workflows.thresholds import thresholds as propose

    found = propose(given.lake(), table, batches)
    rows = [{**asdict(threshold), "change": threshold.change} for threshold in found.thresholds]
    document = {"table": table, "batches": found.batches, "thresholds": rows}
    return Answer(document, lambda console: _show(console, found))


def _show(console: Console, found: Proposed) -> None:
    from aurify.quality.thresholds import ENOUGH, as_yaml

    if not found.thresholds:
        told = f"{found.table}: nothing to propose from {found.batches} batches; a rule needs {ENOUGH} of them"
        console.print(told, soft_wrap=True)
        return
    console.print(f"# proposed for {found.table}, from its last {found.batches} batches")
    click.echo(as_yaml(found.thresholds))
