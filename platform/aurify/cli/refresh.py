"""`aurify refresh`: bring tables up to date."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.report import BatchReport, RunReport, TableReport


@project_command("refresh", "aurify refresh", "aurify refresh +gold.daily_sales", "aurify refresh silver.x --full")
@click.argument("selection", nargs=-1)
@click.option("--full", is_flag=True, help="Build the tables again from all their input; readers keep the old rows.")
@click.pass_obj
def refresh(given: Invocation, selection: tuple[str, ...], full: bool) -> Answer:
    """Bring tables up to date, and account for every row.

    SELECTION names tables as for plan; all tables if none is named. A table that fails stops what depends on it and
    nothing else. After Ctrl-C or a crash, the next refresh goes on where this one was.
    """
    from aurify.cli.progress import shown_steps
    from aurify.workflows.refresh import refresh as run_refresh

    lake = given.lake()
    with shown_steps() as listen:
        report = run_refresh(lake, selection, full=full, listen=listen)
    return Answer(report.as_dict(), lambda console: show_run(console, report), report.exit_code, tuple(report.errors))


def show_run(console: Console, report: RunReport) -> None:
    """The balance of every batch, and what was left out."""
    from aurify.cli.balance import balance_table, file_lines

    for table in report.tables.values():
        for batch in table.batches:
            failed = {rule.id: rule.failed for rule in batch.rules if rule.failed}
            console.print(balance_table(_title(table, batch), batch.balance.as_dict(), failed))
        if not table.batches or table.outcome != "done":
            console.print(
                f"{table.table}: {table.outcome}{': ' + table.because if table.because else ''}", soft_wrap=True
            )
        if table.files:
            console.print(file_lines(f"{table.table}: files left out", table.files), soft_wrap=True)
            hint = f"until they are replaced, or: aurify files {table.table} reject PATH --reason 'TEXT'"
            console.print(hint, soft_wrap=True)
    batches = sum(len(table.batches) for table in report.tables.values())
    ending = "interrupted, every table is consistent" if report.interrupted else f"exit {report.exit_code}"
    console.print(f"run {report.run}: {batches} batches published, {ending}")


def _title(table: TableReport, batch: BatchReport) -> str:
    again = f" of generation {batch.generation}" if batch.generation > 1 else ""
    by = {"in place": "files named in place", "merge": "merged", "replace": "whole table", "empty": "no rows"}
    how = by.get(batch.committed, batch.committed)
    return (
        f"{table.table} batch {batch.number}{again}: {batch.state}, {how}, version {batch.version}, "
        f"{batch.seconds:.1f} s"
    )
