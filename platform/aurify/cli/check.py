"""`aurify check`: a suite over data that is not published by it; and suites without any data."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.check import Checked
    from aurify.workflows.lake import Lake


@project_command(
    "check", "aurify check silver.pos_lines", "aurify check silver.pos_lines --file new.parquet", "aurify check --suite"
)
@click.argument("table", required=False)
@click.option("--file", "file", metavar="PATH", help="Rows to look at instead of the table's own.")
@click.option("--suite", "suite_only", is_flag=True, help="Only read the suites; neither data nor Java is needed.")
@click.pass_obj
def check(given: Invocation, table: str | None, file: str | None, suite_only: bool) -> Answer:
    """Run the suite of a table over its rows, or over a file.

    Nothing is published.

    The file is Parquet, CSV, or the folder of a Delta table, with the table's columns. Exit code 1 where a rule
    fails that does more than warn.
    """
    if suite_only and file is not None:
        raise click.UsageError("--suite reads no data: leave --file out")
    lake = given.lake()
    if suite_only:
        return _suites(lake, table)
    if table is None:
        raise click.UsageError("name a table, or say --suite")
    from aurify.workflows.check import check as run_check

    found = run_check(lake, table, file)
    return Answer(found.as_dict(), lambda console: _show(console, found), found.exit_code)


def _suites(lake: Lake, table: str | None) -> Answer:
    if table is not None:
        lake.spec(table)
    names = [table] if table is not None else list(lake.specs)
    rows = [{"table": name, "rules": len(lake.suites[name].rules), "file": lake.suites[name].file} for name in names]
    return Answer({"suites": rows}, lambda console: _show_suites(console, rows))


def _show_suites(console: Console, rows: list[dict[str, object]]) -> None:
    from aurify.cli.balance import rows_table

    console.print(rows_table(("table", "rules", "file"), rows, "suites that can be run"))


def _show(console: Console, found: Checked) -> None:
    from aurify.cli.balance import rows_table

    console.print(f"{found.source}: {found.rows} rows")
    told = [
        {**vars(r), "outcome": str(r.outcome), "failed": r.failed, "sample": list(map(str, r.sample))}
        for r in found.results
    ]
    if told:
        console.print(rows_table(("outcome", "failed", "on_fail", "id", "text", "sample"), told))
