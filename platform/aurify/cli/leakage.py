"""`aurify leakage`: features that used what arrived later."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.leakage import LeakageReport


@project_command(
    "leakage",
    "aurify leakage gold.terminal_risk",
    "aurify leakage gold.risk --arrival reports=reported_at --moments 20",
)
@click.argument("view")
@click.option("--arrival", "arrivals", multiple=True, metavar="INPUT=COLUMN", help="When rows of an input were there.")
@click.option("--moments", type=click.IntRange(min=1), default=5, show_default=True, help="At how many times to look.")
@click.pass_obj
def leakage(given: Invocation, view: str, arrivals: tuple[str, ...], moments: int) -> Answer:
    """Show features that used what arrived after their row.

    Of a view, or of any table with a time: rows are computed again from what had arrived by their time, and compared
    with what stands in the table. An input's rows arrive at the time that its table declares, unless --arrival names
    another column. Exits 1 where one leaks.
    """
    from aurify.workflows.leakage import leakage as find

    columns = {}
    for pair in arrivals:
        name, equals, column = pair.partition("=")
        if not equals or not name or not column:
            raise click.UsageError(f"--arrival {pair}: expected INPUT=COLUMN")
        columns[name] = column
    report = find(given.lake(), view, columns, moments)
    return Answer(report.as_dict(), lambda console: _show(console, report), report.exit_code)


def _show(console: Console, report: LeakageReport) -> None:
    from rich.table import Table

    console.print(f"{report.table}: {report.rows:,} rows before {len(report.moments)} moments computed again")
    if report.unknown:
        console.print(f"{report.unknown:,} of them were not there by then: they exist by what came later")
    if not report.leaks:
        console.print("no feature used what came later")
        return
    shown = Table("feature", "rows", "for example", "stands there", "known by then")
    for leak in report.leaks:
        shown.add_row(leak.feature, f"{leak.rows:,}", leak.key, leak.stands, leak.known)
    console.print(shown)
