"""`aurify replay`: rows of quarantine through the gate again."""

from __future__ import annotations

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.cli.refresh import show_run


@project_command("replay", "aurify replay silver.pos_lines")
@click.argument("table")
@click.pass_obj
def replay(given: Invocation, table: str) -> Answer:
    """Take quarantined rows through the gate again.

    They are the rows that were repaired or accepted, and those whose suite has changed since. One that fails again is
    quarantined anew. After Ctrl-C or a crash, the next replay or refresh goes on where this one was.
    """
    from aurify.cli.progress import shown_steps
    from aurify.workflows.replay import replay as run_replay

    lake = given.lake()
    with shown_steps() as listen:
        report = run_replay(lake, table, listen=listen)
    return Answer(report.as_dict(), lambda console: show_run(console, report), report.exit_code, tuple(report.errors))
