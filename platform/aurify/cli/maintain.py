"""`aurify maintain`: compact and vacuum."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.maintain import Maintained

A_WEEK = 168


@project_command("maintain", "aurify maintain", "aurify maintain silver.* --retain-hours 720")
@click.argument("selection", nargs=-1)
@click.option(
    "--retain-hours",
    type=click.IntRange(min=0),
    default=A_WEEK,
    show_default=True,
    help="How long versions that nobody needs stay readable.",
)
@click.pass_obj
def maintain(given: Invocation, selection: tuple[str, ...], retain_hours: int) -> Answer:
    """Compact and vacuum tables.

    Old tombstones are forgotten; files that no version needs, and attempts that nobody published, are removed.
    A change that a table has yet to read is kept, however old; downstream nothing looks changed.
    """
    from aurify.cli.progress import shown_steps
    from aurify.workflows.maintain import MaintainReport
    from aurify.workflows.maintain import maintain as maintain_tables

    lake = given.lake()
    with shown_steps() as listen:
        done = maintain_tables(lake, selection, retain_hours=retain_hours, listen=listen)
    return Answer(MaintainReport(done).as_dict(), lambda console: _show(console, done))


def _show(console: Console, done: list[Maintained]) -> None:
    from aurify.cli.balance import rows_table

    names = ("table", "files_before", "files_after", "retained_hours", "held_back_by", "tombstones_forgotten", "swept")
    console.print(rows_table(names, ({**vars(table), "swept": len(table.swept)} for table in done)))
