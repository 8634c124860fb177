"""`aurify plan`: what a refresh would do."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from aurify.cli.command import Answer, Invocation, project_command
from aurify.errors import ConfigurationError

if TYPE_CHECKING:
    from rich.console import Console

    from aurify.workflows.plan import Plan, TablePlan
    from aurify.workflows.plan_rows import RowsPlan


@project_command("plan", "aurify plan", "aurify plan silver.* +gold.daily_sales", "aurify plan --rows silver.pos_lines")
@click.argument("selection", nargs=-1)
@click.option("--full", is_flag=True, help="As if the tables were built again from all their input.")
@click.option("--rows", "rows_of", metavar="TABLE", help="Transform and assay the batch of one table, and count.")
@click.pass_obj
def plan(given: Invocation, selection: tuple[str, ...], full: bool, rows_of: str | None) -> Answer:
    """Tell what a refresh would do; nothing is written.

    SELECTION names tables: silver.*, +gold.daily_sales (with all it is made of), bronze.pos_lines+ (with all that
    is made of it); all tables if none is named. Without --rows no Spark is started.
    """
    from aurify.workflows.plan import plan as make_plan

    lake = given.lake()
    if rows_of is not None:
        from aurify.workflows.plan_rows import plan_rows

        if selection:
            raise click.UsageError("--rows looks at one table: give it without a selection")
        counted = plan_rows(lake, rows_of, full=full)
        return Answer(counted.as_dict(), lambda console: _show_rows(console, counted), counted.exit_code)
    made = make_plan(lake, selection, full=full)
    errors = [t.error for t in made.tables.values() if t.error is not None]
    errors += [ConfigurationError(f"{t.table}: the spec differs", t.drift) for t in made.tables.values() if t.drift]
    return Answer(made.as_dict(), lambda console: _show(console, made), made.exit_code, tuple(errors))


def _show(console: Console, made: Plan) -> None:
    from aurify.cli.balance import file_lines, rows_table

    names = ("table", "action", "batch", "files", "rows", "bytes", "committer", "suite", "reads", "notes")
    console.print(rows_table(names, (_row(table) for table in made.tables.values())))
    for table in made.tables.values():
        if table.left_out:
            console.print(file_lines(f"{table.table}: files that would be left out", table.left_out), soft_wrap=True)


def _row(table: TablePlan) -> dict[str, object]:
    reads = [f"{name} {versions}" for name, versions in table.inputs.items()]
    reads += [f"{name} pinned at version {version}" for name, version in table.pinned.items()]
    action = "refuses the spec" if table.drift else table.action
    return {**vars(table), "action": action, "reads": reads, "notes": [*table.changed, *table.notes]}


def _show_rows(console: Console, counted: RowsPlan) -> None:
    from aurify.cli.balance import rows_table

    if counted.batch is None:
        console.print(f"{counted.table}: nothing new{', ' + counted.because if counted.because else ''}")
        return
    title = f"{counted.table} {counted.batch}: {counted.read} read, {counted.assayed} assayed, nothing written"
    verdicts = ({"verdict": verdict, "rows": rows} for verdict, rows in counted.verdicts.items())
    console.print(rows_table(("verdict", "rows"), verdicts, title))
    console.print(rows_table(("rule", "on_fail", "failed"), counted.rules, "rules"))
